package runner_test

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// counted is a driver that knows how many of its calls have not returned.
type counted struct {
	devices.Driver
	calls *atomic.Int32
}

// Probe implements devices.Driver.
func (c *counted) Probe(ctx context.Context, d site.Device) (site.Observation, error) {
	defer c.calls.Add(-1)
	c.calls.Add(1)
	return c.Driver.Probe(ctx, d)
}

// Stage implements devices.Driver.
func (c *counted) Stage(ctx context.Context, d site.Device, a site.Artifact, bytes io.ReaderAt) error {
	defer c.calls.Add(-1)
	c.calls.Add(1)
	return c.Driver.Stage(ctx, d, a, bytes)
}

// Start implements devices.Driver.
func (c *counted) Start(ctx context.Context, d site.Device, w devices.Work) error {
	defer c.calls.Add(-1)
	c.calls.Add(1)
	return c.Driver.Start(ctx, d, w)
}

// Status implements devices.Driver.
func (c *counted) Status(ctx context.Context, d site.Device, id devices.WorkID) (devices.Progress, error) {
	defer c.calls.Add(-1)
	c.calls.Add(1)
	return c.Driver.Status(ctx, d, id)
}

// Reboot implements devices.Driver.
func (c *counted) Reboot(ctx context.Context, d site.Device, id devices.WorkID) error {
	defer c.calls.Add(-1)
	c.calls.Add(1)
	return c.Driver.Reboot(ctx, d, id)
}
