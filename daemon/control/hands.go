package control

import (
	"context"
	"net/http"
	"strings"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// PatchHandler carries out what a person asks of a patch on a device. An order that is refused is a *site.Reason.
type PatchHandler interface {
	// Retry lets a settled patch be tried once more tonight, or every one that can be, and returns which.
	Retry(ask hands.Ask) ([]string, error)
	// RollBack takes a patch that the newest night put on off again.
	RollBack(ask hands.Ask) error
}

// DeviceHandler carries out what a person asks of a device as a whole. An order that is refused is a *site.Reason.
type DeviceHandler interface {
	// Restart begins to restart a device.
	Restart(ctx context.Context, ask hands.Ask) (run.Hand, error)
	// TakeOver makes a device work for this box, which works for another one.
	TakeOver(ctx context.Context, ask hands.Ask) error
}

// asked reads what is asked of which device, and why.
func (s *Server) asked(r *socket.Request) (hands.Ask, error) {
	var ask wire.HandAsked
	if err := r.Read(&ask); err != nil {
		return hands.Ask{}, err
	}
	if err := known(s.Box.View(r.Ctx), ask.Device); err != nil {
		return hands.Ask{}, err
	}
	a := hands.Ask{Device: ask.Device, Patch: ask.Patch, Reason: strings.TrimSpace(ask.Reason), Actor: r.Actor, Rev: ask.Rev}
	switch {
	case a.Reason == "":
		return a, wire.Bad("say why, for the next person who asks", "the reason is missing")
	case len(a.Reason) > maxReason:
		return a, wire.Bad("", "the reason has %d bytes and may have %d", len(a.Reason), maxReason)
	}
	return a, nil
}

func (s *Server) retry(r *socket.Request) (any, error) {
	ask, err := s.asked(r)
	if err != nil {
		return nil, err
	}
	patches, err := s.Box.Retry(ask)
	if err != nil {
		return nil, err
	}
	s.Log.Info("patches are tried once more", "device", ask.Device, "patches", patches, "actor", ask.Actor, "reason", ask.Reason)
	return wire.Handed{Device: ask.Device, Patches: patches, Actor: ask.Actor, Reason: ask.Reason}, nil
}

func (s *Server) rollback(r *socket.Request) (any, error) {
	ask, err := s.asked(r)
	if err != nil {
		return nil, err
	}
	if ask.Patch == "" {
		return nil, wire.Bad("say which patch", "the patch is missing")
	}
	if err := s.Box.RollBack(ask); err != nil {
		return nil, err
	}
	s.Log.Info("a patch is taken back", "device", ask.Device, "patch", ask.Patch, "actor", ask.Actor, "reason", ask.Reason)
	return wire.Handed{Device: ask.Device, Patches: []string{ask.Patch}, Actor: ask.Actor, Reason: ask.Reason}, nil
}

func (s *Server) restart(r *socket.Request) (any, error) {
	ask, err := s.asked(r)
	if err != nil {
		return nil, err
	}
	if d, _ := s.Box.View(r.Ctx).Store.Device(ask.Device); !d.Patchable() {
		return nil, &wire.Error{Status: http.StatusConflict, Code: string(site.CodeObserveOnly), Message: ask.Device + " is only observed: it is never restarted from here"}
	}
	hand, err := s.Box.Restart(r.Ctx, ask)
	if err != nil {
		return nil, err
	}
	s.Log.Info("a device is restarted", "device", ask.Device, "actor", ask.Actor, "reason", ask.Reason)
	return wire.Handed{Device: ask.Device, Actor: ask.Actor, Reason: ask.Reason, Until: hand.Deadline}, nil
}

func (s *Server) takeOver(r *socket.Request) (any, error) {
	ask, err := s.asked(r)
	if err != nil {
		return nil, err
	}
	if d, _ := s.Box.View(r.Ctx).Store.Device(ask.Device); d.Class != site.LinuxServer {
		return nil, &wire.Error{Status: http.StatusConflict, Code: string(site.CodeUnsupported), Message: ask.Device + " works for no box: its class is " + string(d.Class)}
	}
	if err := s.Box.TakeOver(r.Ctx, ask); err != nil {
		return nil, err
	}
	s.Log.Info("a device works for this box from now on", "device", ask.Device, "actor", ask.Actor, "reason", ask.Reason)
	return wire.Handed{Device: ask.Device, Actor: ask.Actor, Reason: ask.Reason}, nil
}
