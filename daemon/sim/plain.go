package sim

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// forks is how many devices a plain script works on at once.
const forks = 5

// patience is how long a plain script waits for one command.
const patience = time.Hour

var errOver = errors.New("the window is over")

// Plain plays the same scene with what many stores have instead: a script that installs
// everything in order, on a few devices at once, until the window ends. It knows no canary,
// no reserve, no verification and no way back. It reports whether the store had its floor of
// healthy devices an hour after the window.
func Plain(t *testing.T, scene Scene) (is bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := fake.NewStore(fake.Options{Seed: scene.Seed, Skew: time.Millisecond})
		facts := scene.furnish(store, func(string) {})
		for n, night := range scene.Nights {
			pass(time.Until(night.opens))
			scene.script(t.Context(), store, facts.Store.Devices, n)
			pass(time.Until(night.closes.Add(time.Hour)))
		}
		is = works(scene, store)
	})
	return is
}

// script is one night of the plain script.
func (s *Scene) script(ctx context.Context, store *fake.Store, all []site.Device, night int) {
	window := s.Nights[night]
	ctx, cancel := context.WithDeadline(ctx, s.outage(window))
	defer cancel()
	var group errgroup.Group
	group.SetLimit(forks)
	for _, d := range all {
		group.Go(func() error {
			for _, p := range s.Patches {
				if s.arrives[p.ID] > night {
					continue
				}
				if err := install(ctx, store, window.closes, d, p); err != nil {
					return nil // a plain script goes on with the next device
				}
			}
			return nil
		})
	}
	_ = group.Wait() // nobody looks at its errors
}

// outage is when the script is ended: when the box loses its power, or the window ends.
func (s *Scene) outage(window span) time.Time {
	end := window.closes
	for _, f := range s.Faults {
		if at := s.Opens.Add(f.At); (f.Kind == boxDies || f.Kind == powerCut) && at.After(window.opens) && at.Before(end) {
			end = at
		}
	}
	return end
}

// install puts one patch on one device the way a script does.
func install(ctx context.Context, store *fake.Store, closes time.Time, d site.Device, p site.Patch) error {
	if !time.Now().Before(closes) {
		return errOver
	}
	seen, err := store.Probe(ctx, d)
	if err != nil {
		return err
	}
	if !policy.Targets(p, d).Eligible() || !policy.Applies(p, seen).Eligible() {
		return nil
	}
	for _, a := range p.Artifacts {
		if err := store.Stage(ctx, d, a, fake.Weightless{}); err != nil {
			return err
		}
	}
	id := devices.WorkID(fmt.Sprintf("plain-%d-%s", closes.Day(), p.ID))
	if err := store.Start(ctx, d, devices.Work{ID: id, Kind: devices.Install, Patch: p, Owner: "script"}); err != nil {
		return err
	}
	for begun := time.Now(); ; {
		progress, err := store.Status(ctx, d, id)
		if err == nil && progress.Phase.Ended() {
			break
		}
		if ctx.Err() != nil || time.Since(begun) > patience {
			return errors.Join(err, errOver)
		}
		if err != nil {
			pass(10 * time.Second)
		}
	}
	if after, err := store.Probe(ctx, d); err != nil || !after.RebootPending {
		return err
	}
	return restart(ctx, store, d, id+"-reboot")
}

// restart orders a restart and waits until the device answers again.
func restart(ctx context.Context, store *fake.Store, d site.Device, id devices.WorkID) error {
	if err := store.Reboot(ctx, d, id); err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < patience; {
		pass(10 * time.Second)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := store.Probe(ctx, d); err == nil {
			return nil
		}
	}
	return errOver
}
