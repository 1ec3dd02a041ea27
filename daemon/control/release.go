package control

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Holder keeps devices from work, and lets them go.
type Holder interface {
	Hold(ctx context.Context, hold site.Hold) error
	// Release lets go what is kept from work under a name, as run.Release finds it. The reason may be "".
	Release(ctx context.Context, name, reason, actor string) error
}

// release lets go a device, the whole store or a quarantined patch. The name may be given as
// device, too, which is how it was asked for before a patch could be named.
func (s *Server) release(r *socket.Request) (any, error) {
	var ask struct {
		Name   string `json:"name"`
		Device string `json:"device"`
		Reason string `json:"reason"`
	}
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	if err := short(ask.Reason); err != nil {
		return nil, err
	}
	if ask.Name == "" {
		ask.Name = ask.Device
	}
	f := s.Box.View(r.Ctx)
	e, kept := run.Release(f.State, ask.Name, r.Actor, f.Now)
	if !kept {
		return nil, nothingToRelease(f, ask.Name)
	}
	done := wire.Released{Device: e.Device, Patch: e.Patch, Actor: r.Actor, Dirty: f.State.Dirty[e.Device]}
	if hold, ok := f.State.Holds[e.Device]; ok {
		done.Held = &hold
	}
	if q, ok := f.State.Quarantine[e.Patch]; ok {
		done.Quarantine = &q
	}
	if err := s.Box.Release(r.Ctx, ask.Name, strings.TrimSpace(ask.Reason), r.Actor); err != nil {
		return nil, err
	}
	s.Log.Info("a hold was released", "device", e.Device, "patch", e.Patch, "actor", r.Actor)
	return done, nil
}

// nothingToRelease says why a name lets nothing go, and under which names something is kept.
func nothingToRelease(f view.Facts, name string) error {
	e := &wire.Error{Status: http.StatusConflict, Code: wire.CodeNothing, Message: "nothing holds " + name}
	_, all := f.State.Holds[site.AllDevices]
	switch _, device := f.Store.Device(name); {
	case f.State.Catalog.StoreHeld != nil && (device || name == site.AllDevices):
		e.Message = "headquarters holds the store: " + f.State.Catalog.StoreHeld.Reason
		e.WhatToDo = "only people there lift that; call them"
	case name == site.AllDevices:
		e.Message = "there is no hold of the whole store"
	case device && all:
		e.WhatToDo = "the whole store is held; release it with: nightfill release all"
	case !device:
		e.Status, e.Code = http.StatusNotFound, wire.CodeNoDevice
		e.Message, e.WhatToDo = fmt.Sprintf("%q is neither a device nor a quarantined patch", name), kept(f.State)
	}
	return e
}

// kept names what may be released.
func kept(s run.State) string {
	held := slices.Collect(maps.Keys(s.Holds))
	for device := range s.Dirty {
		if !slices.Contains(held, device) {
			held = append(held, device)
		}
	}
	var parts []string
	for _, of := range []struct {
		what  string
		names []string
	}{{"held", held}, {"quarantined", slices.Collect(maps.Keys(s.Quarantine))}} {
		if len(of.names) > 0 {
			slices.Sort(of.names)
			parts = append(parts, of.what+": "+strings.Join(of.names, " "))
		}
	}
	if len(parts) == 0 {
		return "nothing is held or quarantined"
	}
	return strings.Join(parts, "; ")
}
