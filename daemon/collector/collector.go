// Package collector looks at devices, many at a time, and makes an inventory of what
// it saw. It changes nothing on them and decides nothing.
package collector

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/site"
)

// Prober looks at one device.
type Prober interface {
	Probe(ctx context.Context, d site.Device) (site.Observation, error)
}

const (
	atOnce  = 32               // devices looked at together
	tries   = 2                // looks before a device counts as not answering,
	more    = 4                // or so many when they failed at once, as where a scanner holds all of its logins
	soonIs  = 8 * time.Second  // what counts as at once, all of them together
	perLook = 12 * time.Second // for one look
	between = time.Second      // two looks, half as much or half as much again
)

// Look observes the devices that may be logged in to. Every one of them is in the
// inventory: one that could not be looked at, with the reason.
func Look(ctx context.Context, prober Prober, devices []site.Device, log *slog.Logger) site.Inventory {
	results := make([]site.Observation, len(devices))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, d := range devices {
		if !d.Patchable() || d.HostKey == "" {
			continue
		}
		group.Go(func() error {
			results[i] = look(ctx, prober, d, log)
			return nil
		})
	}
	_ = group.Wait() // the looks report in results, never as an error
	inventory := site.Inventory{}
	for _, o := range results {
		if o.Device != "" {
			inventory[o.Device] = o
		}
	}
	return inventory
}

func look(ctx context.Context, prober Prober, d site.Device, log *slog.Logger) site.Observation {
	var err error
	began := time.Now()
	for n := 1; ; n++ {
		var o site.Observation
		if o, err = once(ctx, prober, d); err == nil {
			return o
		}
		log.Debug("cannot look at a device", "device", d.ID, "err", err)
		var reason *site.Reason
		soon := n < more && time.Since(began) < soonIs
		if errors.As(err, &reason) || n >= tries && !soon || !pause.For(ctx, apart(d.ID, n)) {
			break
		}
	}
	return site.Observation{Device: d.ID, At: time.Now(), Error: Why(d, err)}
}

// apart is how long to wait before a device is looked at once more: not as long for one device as for another, and the
// same whenever a night is done again.
func apart(device string, n int) time.Duration {
	sum := fnv.New32a()
	_, _ = sum.Write(append([]byte(device), byte(n)))
	return between/2 + time.Duration(sum.Sum32())*time.Nanosecond%between
}

func once(ctx context.Context, prober Prober, d site.Device) (site.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, perLook)
	defer cancel()
	at := time.Now()
	o, err := prober.Probe(ctx, d)
	o.Device, o.At = d.ID, at
	return o, err
}

// Why turns the error of a device into the reason that the rules and the pages speak.
func Why(d site.Device, err error) *site.Reason {
	var reason *site.Reason
	if errors.As(err, &reason) {
		return reason
	}
	return site.Because(site.CodeNoAnswer, d.ID+" does not answer: "+err.Error())
}
