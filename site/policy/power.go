package policy

import (
	"fmt"
	"strconv"

	"github.com/nightfill/nightfill/site"
)

// LowBattery is the charge, in percent, below which nothing is begun on a device that runs on its battery.
const LowBattery = 30

// Powered says why a device, as observed, has not the power for a patch now; nil when it has. It is
// something to wait for, not a failure: a device is put back on its dock, and a battery is charged.
// A device without a battery is always powered, and so is one on mains whatever its charge.
func Powered(d site.Device, o site.Observation) *site.Reason {
	p := o.Power
	if p == nil {
		return nil
	}
	facts := []string{"on_mains", strconv.FormatBool(p.OnMains), "battery", strconv.Itoa(p.Battery)}
	if p.Docked != nil {
		facts = append(facts, "docked", strconv.FormatBool(*p.Docked))
	}
	undocked := p.Docked != nil && !*p.Docked
	switch {
	case !p.OnMains && p.Battery < LowBattery:
		return site.Because(site.CodeBatteryLow, fmt.Sprintf("%s runs on its battery, which has %d %%; %d %% are needed", d.ID, p.Battery, LowBattery), facts...)
	case undocked:
		return site.Because(site.CodeNotDocked, d.ID+" is not on its dock", facts...)
	case d.Class == site.Handheld && !p.OnMains:
		return site.Because(site.CodeNotDocked, d.ID+" runs on its battery: it is not on its dock, or the dock has no power", facts...)
	}
	return nil
}
