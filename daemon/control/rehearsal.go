package control

import (
	"github.com/nightfill/nightfill/daemon/control/misfortune"
	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site/forecast"
)

// maxFaults is how many faults a rehearsal may have.
const maxFaults = 100

func (s *Server) rehearse(r *socket.Request) (any, error) {
	var ask wire.RehearsalAsked
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	if len(ask.Faults) > maxFaults {
		return nil, wire.Bad("", "a rehearsal has at most %d faults, and these are %d", maxFaults, len(ask.Faults))
	}
	scene, err := s.foreseen(r, ask.At)
	if err != nil {
		return nil, err
	}
	f := s.Box.View(r.Ctx)
	var faults []forecast.Fault
	for _, text := range ask.Faults {
		fault, err := misfortune.Read(scene, text, zoneOf(f))
		if err != nil {
			return nil, err
		}
		faults = append(faults, fault)
	}
	return played.RehearsalOf(scene, ask.Seed, faults, ask.Faults, f.Now), nil
}

// chanceSeed is the luck of the nights behind a Chance: always the same, so that the figures change
// when the plan does and not from one look to the next.
const chanceSeed = 1
