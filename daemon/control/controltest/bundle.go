package controltest

import (
	"context"
	"errors"
	"io"

	"github.com/nightfill/nightfill/daemon/bundle"
	"github.com/nightfill/nightfill/site/run"
)

// Bundle implements control.Bundler: a word of the status and of the devices is there, the plan is broken.
func (b *Box) Bundle(ctx context.Context, ask bundle.Ask, w io.Writer) (bundle.Manifest, error) {
	if err := b.failing(); err != nil {
		return bundle.Manifest{}, err
	}
	if err := b.add(run.Event{Kind: run.LookAsked, Device: ask.Device, Actor: ask.Actor, Text: "bundle", Why: ask.Reason}); err != nil {
		return bundle.Manifest{}, err
	}
	f := b.View(ctx)
	part := func(name string, v any, err error) bundle.Part {
		return bundle.Part{Name: name, Make: func(_ context.Context, w io.Writer) error { return errors.Join(err, bundle.WriteJSON(w, v)) }}
	}
	return bundle.Write(ctx, w, bundle.Bundle{
		Manifest: bundle.Manifest{MadeAt: f.Now, MadeBy: ask.Actor, Reason: ask.Reason, Org: f.Store.Org, Store: f.Store.ID, Device: ask.Device, Version: f.Version, LeftOut: []string{"keys"}},
		Parts: []bundle.Part{
			part("status.json", map[string]string{"store": f.Store.ID}, nil), part("devices.json", len(f.Store.Devices), nil),
			part("plan.json", nil, errors.New("no window in sight")),
		},
	})
}
