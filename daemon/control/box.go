package control

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/cache"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/window"
)

// Teller tells of what takes longer than a view, without touching a device.
type Teller interface {
	// Cache returns what the store has of its catalog and of the artifacts that it needs.
	Cache(ctx context.Context) (cache.Cache, error)
	// Why answers for one patch on a device, or for every one when patch is "".
	Why(ctx context.Context, device, patch string) ([]view.Answer, error)
}

// Past tells of nights out of the journal.
type Past interface {
	// NightAt folds a night from the journal; the zero date is the newest. Nil = there is no such night.
	NightAt(ctx context.Context, date window.Date) (*view.Night, error)
	// Replay asks the rules about a night again; the zero date is the newest. Nil = there is no such night.
	Replay(ctx context.Context, date window.Date) (*played.Replay, error)
}

// Supplier brings the signed catalog into the store.
type Supplier interface {
	// Refresh fetches the catalog now and reports whether it is a new generation.
	Refresh(ctx context.Context) (site.Catalog, bool, error)
	// Import takes a catalog and its artifacts from a directory, as from a USB stick.
	Import(ctx context.Context, dir string) (site.Catalog, error)
}

// Forecaster plans ahead. It looks at the devices now; nothing on them is changed.
type Forecaster interface {
	// Forecast plans the window that is open at the moment at or the next one after it; zero = now.
	Forecast(ctx context.Context, at time.Time) (forecast.Scene, error)
}

// Looker looks at one device now; nothing on it is changed.
type Looker interface {
	// Diagnose looks at one device.
	Diagnose(ctx context.Context, device string) (view.Diagnosis, error)
	// DiagnoseBy carries out one check of a device, with what it needs.
	DiagnoseBy(ctx context.Context, device, check string) (view.Diagnosis, error)
}

// Keys are the host keys of the devices.
type Keys interface {
	// HostKey asks the device for the key that it offers, without logging in.
	HostKey(ctx context.Context, device string) (key, fingerprint string, err error)
	// Enrol pins a host key for a device. The reason may be "".
	Enrol(ctx context.Context, device, key, reason, actor string) error
}

// Checker carries out readiness checks.
type Checker interface {
	// CheckNow carries out every readiness check and judges the results; nothing on the devices is changed.
	CheckNow(ctx context.Context) (ready.Report, []site.CheckResult, error)
}
