package devices

import (
	"context"
	"io"

	"github.com/nightfill/nightfill/site"
)

// Set chooses the driver of a device by its class. It is a Driver itself. The map is
// the wiring: a class without a driver is refused with CodeUnsupported.
type Set map[site.Class]Driver

var _ Driver = Set(nil)

func (s Set) driver(d site.Device) (Driver, error) {
	if driver, ok := s[d.Class]; ok {
		return driver, nil
	}
	return nil, Failure(site.CodeUnsupported, "this box has no way to reach %s: its class is %s", d.ID, d.Class)
}

// Probe implements Driver.
func (s Set) Probe(ctx context.Context, d site.Device) (site.Observation, error) {
	driver, err := s.driver(d)
	if err != nil {
		return site.Observation{}, err
	}
	return driver.Probe(ctx, d)
}

// Stage implements Driver.
func (s Set) Stage(ctx context.Context, d site.Device, a site.Artifact, bytes io.ReaderAt) error {
	driver, err := s.driver(d)
	if err != nil {
		return err
	}
	return driver.Stage(ctx, d, a, bytes)
}

// Start implements Driver.
func (s Set) Start(ctx context.Context, d site.Device, w Work) error {
	driver, err := s.driver(d)
	if err != nil {
		return err
	}
	return driver.Start(ctx, d, w)
}

// Status implements Driver.
func (s Set) Status(ctx context.Context, d site.Device, id WorkID) (Progress, error) {
	driver, err := s.driver(d)
	if err != nil {
		return Progress{}, err
	}
	return driver.Status(ctx, d, id)
}

// Reboot implements Driver.
func (s Set) Reboot(ctx context.Context, d site.Device, id WorkID) error {
	driver, err := s.driver(d)
	if err != nil {
		return err
	}
	return driver.Reboot(ctx, d, id)
}

// Check implements Driver.
func (s Set) Check(ctx context.Context, d site.Device, c site.Check) (site.CheckOutcome, string, error) {
	driver, err := s.driver(d)
	if err != nil {
		return site.Unknown, "", err
	}
	return driver.Check(ctx, d, c)
}
