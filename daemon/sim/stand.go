package sim

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// stand lets a part of the box stand still as long as the whole box does. Each part goes on at a
// moment of its own, so that a seed gives one trace. A box that stands still again at once does
// so for all of its parts: one that went on alone would wait for the journal, which nobody ends.
func (w *world) stand(part string) {
	lag := time.Millisecond
	for i, letter := range []byte(part) {
		lag += time.Duration(int(letter)*(i+1)) * 37 * time.Microsecond
	}
	for {
		now := time.Now()
		i := slices.IndexFunc(w.scene.Faults, func(f Fault) bool { return f.Kind == boxStands && w.scene.on(f, now) })
		if i < 0 {
			return
		}
		w.feel(boxStands)
		f := w.scene.Faults[i]
		pass(w.scene.Opens.Add(f.At+f.For).Sub(now) + lag)
	}
}

// standing reports whether the box stands still, or has only just gone on.
func (w *world) standing() bool {
	now := time.Now()
	for _, f := range w.scene.Faults {
		if f.Kind == boxStands && (w.scene.on(f, now) || w.scene.on(f, now.Add(-time.Second))) {
			return true
		}
	}
	return false
}

// halting is a driver that stands still together with the box, before a call and before its answer is heard.
type halting struct {
	devices.Driver
	w *world
}

// Probe implements devices.Driver.
func (h halting) Probe(ctx context.Context, d site.Device) (site.Observation, error) {
	h.w.stand(d.ID)
	defer h.w.stand(d.ID)
	return h.Driver.Probe(ctx, d)
}

// Stage implements devices.Driver.
func (h halting) Stage(ctx context.Context, d site.Device, a site.Artifact, bytes io.ReaderAt) error {
	h.w.stand(d.ID)
	defer h.w.stand(d.ID)
	return h.Driver.Stage(ctx, d, a, bytes)
}

// Start implements devices.Driver.
func (h halting) Start(ctx context.Context, d site.Device, w devices.Work) error {
	h.w.stand(d.ID)
	defer h.w.stand(d.ID)
	return h.Driver.Start(ctx, d, w)
}

// Status implements devices.Driver.
func (h halting) Status(ctx context.Context, d site.Device, id devices.WorkID) (devices.Progress, error) {
	h.w.stand(d.ID)
	defer h.w.stand(d.ID)
	return h.Driver.Status(ctx, d, id)
}

// Reboot implements devices.Driver.
func (h halting) Reboot(ctx context.Context, d site.Device, id devices.WorkID) error {
	h.w.stand(d.ID)
	defer h.w.stand(d.ID)
	return h.Driver.Reboot(ctx, d, id)
}
