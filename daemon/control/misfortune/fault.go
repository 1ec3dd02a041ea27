// Package misfortune reads what is to go wrong in a rehearsal, as people write it, and refuses what cannot happen in
// that night.
package misfortune

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/suggest"
)

// Help describes how a fault is written.
const Help = `  DEVICE PATCH fails            the installer fails
  DEVICE PATCH breaks           it is installed, and then the device does not work
  DEVICE PATCH interrupted      the device restarts under the installer; repeated, it works
  DEVICE PATCH slow             installation, restart and rollback take half as long again as expected
  DEVICE PATCH not-back         the device is not back from its restart this night
  DEVICE PATCH rollback-fails   it breaks the device, and the rollback cannot be proven
  DEVICE PATCH gate-shut        its gate stays closed
  DEVICE PATCH silent           the device falls silent while the patch is installed
  DEVICE * silent [01:30]       the device does not answer, all night or from that time on
  box power-cut 01:30 [20m]     the box, and only the box, is without power`

// Read reads a fault as Misfortunes describes it. It must be able to happen in the night.
func Read(scene forecast.Scene, text string, zone *time.Location) (forecast.Fault, error) {
	words := strings.Fields(text)
	if len(words) >= 2 && words[0] == "box" && words[1] == string(forecast.PowerCut) {
		return powerCut(scene, text, words[2:], zone)
	}
	if len(words) < 3 || len(words) > 4 {
		return forecast.Fault{}, wire.Bad(`write it like "till-1 pos-app-4.2.1 breaks", "till-2 * silent 01:30" or "box power-cut 01:30"`, "the fault %q is not understood", text)
	}
	f := forecast.Fault{Device: words[0], Patch: words[1], Kind: forecast.Kind(words[2])}
	if !slices.Contains(forecast.Kinds(), f.Kind) {
		var known []string
		for _, k := range forecast.Kinds() {
			known = append(known, string(k))
		}
		return f, wire.Bad(suggest.Known(words[2], known), "no fault is called %q", words[2])
	}
	if err := planned(scene, f); err != nil {
		return f, err
	}
	if len(words) == 4 {
		if f.Kind != forecast.Silent {
			return f, wire.Bad("", "the fault %q has no time: it happens when its step comes", f.Kind)
		}
		at, err := inWindow(scene, words[3], zone)
		f.At = at
		return f, err
	}
	return f, nil
}

func powerCut(scene forecast.Scene, text string, words []string, zone *time.Location) (f forecast.Fault, err error) {
	f.Kind = forecast.PowerCut
	if len(words) < 1 || len(words) > 2 {
		return f, wire.Bad(`write it like "box power-cut 01:30" or "box power-cut 01:30 20m"`, "the fault %q is not understood", text)
	}
	if f.At, err = inWindow(scene, words[0], zone); err != nil || len(words) == 1 {
		return f, err
	}
	if f.For, err = time.ParseDuration(words[1]); err != nil || f.For < time.Second {
		return f, wire.Bad("write it like 20m or 1h30m", "%q is not a length of time", words[1])
	}
	return f, nil
}

// inWindow reads a time of day of the window.
func inWindow(scene forecast.Scene, text string, zone *time.Location) (time.Time, error) {
	at, err := wire.Moment(text, scene.Plan.Opens.Add(-time.Nanosecond), zone)
	if err != nil {
		return at, wire.Bad("write it like 01:30 (store time)", "%q is not a time of the night", text)
	}
	at = at.Round(time.Second)
	if at.Before(scene.Plan.Opens) || !at.Before(scene.Plan.Closes) {
		return at, wire.Bad("", "%s is not in the window, which goes from %s to %s", text, scene.Plan.Opens.In(zone).Format("15:04"), scene.Plan.Closes.In(zone).Format("15:04"))
	}
	return at, nil
}

// planned refuses a fault of a device or a patch that nobody knows or that has nothing to fear tonight.
func planned(scene forecast.Scene, f forecast.Fault) error {
	var devices, patches []string
	happens := false
	for _, d := range scene.Store.Devices {
		devices = append(devices, d.ID)
	}
	for _, lane := range scene.Plan.Lanes {
		if f.Device != forecast.Every && f.Device != lane.Device {
			continue
		}
		for _, j := range lane.Jobs {
			if !slices.Contains(patches, j.Patch) {
				patches = append(patches, j.Patch)
			}
			p, _ := scene.Plan.Patch(j.Patch)
			happens = happens || (f.Patch == forecast.Every || f.Patch == j.Patch) && can(f.Kind, p)
		}
	}
	switch {
	case f.Device != forecast.Every && !slices.Contains(devices, f.Device):
		return &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoDevice, Message: fmt.Sprintf("there is no device %q", f.Device), WhatToDo: suggest.Known(f.Device, devices)}
	case len(patches) == 0 && f.Device == forecast.Every:
		return wire.Bad("see: nightfill plan", "nothing is planned for that night, so that nothing can go wrong")
	case len(patches) == 0:
		return wire.Bad("see: nightfill plan", "nothing is planned for %s in that night", f.Device)
	case f.Patch != forecast.Every && !slices.Contains(patches, f.Patch):
		where := "any device"
		if f.Device != forecast.Every {
			where = f.Device
		}
		return &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoPatch, Message: fmt.Sprintf("no patch %q is planned for %s", f.Patch, where), WhatToDo: suggest.Known(f.Patch, patches)}
	case !happens:
		return wire.Bad("", "%q cannot happen: %s", f.Kind, never(f.Kind))
	}
	return nil
}

// can reports whether a patch gives a fault the occasion to happen.
func can(kind forecast.Kind, p site.Patch) bool {
	switch kind {
	case forecast.NotBack:
		return p.Reboot != site.RebootNever
	case forecast.GateShut:
		return len(p.Gates) > 0
	case forecast.RollbackFails:
		return p.Rollback.Class != site.RollbackNone
	}
	return true
}

// never says what a patch lacks for a fault to happen.
func never(kind forecast.Kind) string {
	switch kind {
	case forecast.NotBack:
		return "the patch restarts nothing"
	case forecast.GateShut:
		return "the patch has no gate"
	}
	return "the patch has no rollback"
}
