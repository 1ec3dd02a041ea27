package hands

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Run sees every restart through until ctx ends, those of an earlier process first: under its
// name a device restarts once, however often it is told.
func (h *Hands) Run(ctx context.Context) error {
	defer h.workers.Wait()
	begun := map[string]bool{}
	for ctx.Err() == nil {
		changed := h.Ledger.Changed()
		for device, hand := range h.Ledger.State().Hands {
			if hand.What == run.RestartAsked && !begun[hand.Work] {
				begun[hand.Work] = true
				h.workers.Go(func() { h.seeThrough(ctx, device, hand) })
			}
		}
		pause.Until(ctx, changed, lookAgain)
	}
	return nil
}

// seeThrough orders a restart and waits until the device answers with another boot id, or its
// time is over. When ctx ends first, nothing is written: the next Run goes on.
func (h *Hands) seeThrough(ctx context.Context, id string, hand run.Hand) {
	log := h.Log.With("device", id, "actor", hand.Actor)
	end := run.Event{Kind: run.RestartEnded, Device: id, Work: hand.Work, Actor: hand.Actor, Outcome: run.Bad,
		Reason: site.Because(site.CodeNotBack, id+" was told to restart and did not come back in time")}
	device, known := h.Device(id)
	if !known {
		end.Reason = site.Because(site.CodeOtherDevice, id+" is not in the store file any more")
	}
	// The clock on the wall may jump: it ends nothing and prolongs nothing, but for the time that the box was away.
	deadline := time.Now().Add(min(bootLimit, time.Until(hand.Deadline)))
	for ordered := false; known && time.Now().Before(deadline); pause.For(ctx, lookPause) {
		if ctx.Err() != nil {
			return
		}
		seen, err := h.probe(ctx, device)
		if err == nil && seen.BootID != hand.BootID {
			end.Outcome, end.BootID, end.Reason = run.OK, seen.BootID, nil
			break
		}
		if err != nil {
			end.Reason = site.Because(site.CodeNotBack, id+" was told to restart and did not come back in time: "+collector.Why(device, err).Text)
			log.Debug("the device does not answer", "err", err)
		}
		if err == nil && !ordered {
			ordered = h.order(ctx, device, devices.WorkID(hand.Work)) == nil
		}
	}
	for ctx.Err() == nil {
		end.At = time.Now()
		end.Took = site.Duration(end.At.Sub(hand.Since))
		_, err := h.Ledger.Commit(func(run.State) []run.Event { return []run.Event{end} })
		if err == nil {
			log.Info(string(end.Kind), "outcome", end.Outcome)
			return
		}
		log.Error("cannot write down the end of a restart", "err", err)
		pause.For(ctx, retryWrite)
	}
}

func (h *Hands) probe(ctx context.Context, device site.Device) (site.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	return h.Devices.Probe(ctx, device)
}

func (h *Hands) order(ctx context.Context, device site.Device, id devices.WorkID) error {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	return h.Devices.Reboot(ctx, device, id)
}
