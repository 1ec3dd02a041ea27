package collector_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/site"
)

// prober is a Prober made of a function.
type prober func(ctx context.Context, d site.Device) (site.Observation, error)

// Probe implements collector.Prober.
func (p prober) Probe(ctx context.Context, d site.Device) (site.Observation, error) { return p(ctx, d) }

func server(id string) site.Device {
	return site.Device{ID: id, Class: site.LinuxServer, HostKey: "key of " + id}
}

func take(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// What a look finds, and how often it is tried.
func TestLook(t *testing.T) {
	seen := site.Observation{Device: "somebody else", System: "Debian", BootID: "b1"}
	slow := errors.New("it took 6 s")
	refused := fmt.Errorf("cannot look at srv-1: %w", site.Because(site.CodeAuth, "srv-1 refuses the login"))
	for _, c := range []struct {
		name   string
		device site.Device
		errs   []error // one a look; then it goes well
		looks  int
		want   string // the text of the error; "-" = not in the inventory
		code   site.Code
	}{
		{"answers", server("srv-1"), nil, 1, "", ""},
		{"answers the second time", server("srv-1"), []error{errors.New("connection reset")}, 2, "", ""},
		// Row 49 of the fault catalogue: a scanner holds every login that the device has, and then lets go, or does not.
		{"is crowded", server("srv-1"), []error{errors.New("EOF"), errors.New("EOF")}, 3, "", ""},
		{"stays crowded", server("srv-1"), []error{errors.New("EOF"), errors.New("EOF"), errors.New("EOF"), errors.New("no route"), errors.New("never asked")}, 4,
			"srv-1 does not answer: no route", site.CodeNoAnswer},
		{"is slow to refuse", server("srv-1"), []error{slow, slow, slow}, 2, "srv-1 does not answer: it took 6 s", site.CodeNoAnswer},
		{"says why it refuses", server("srv-1"), []error{refused, nil}, 1, "srv-1 refuses the login", site.CodeAuth},
		{"is only watched", site.Device{ID: "srv-1", Class: site.Observe, HostKey: "k"}, nil, 0, "-", ""},
		{"is not enrolled", site.Device{ID: "srv-1", Class: site.LinuxServer}, nil, 0, "-", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				looks, begin := 0, time.Now()
				p := prober(func(context.Context, site.Device) (site.Observation, error) {
					if looks < len(c.errs) && errors.Is(c.errs[looks], slow) {
						take(5 * time.Second)
					}
					take(time.Second)
					if looks++; looks <= len(c.errs) && c.errs[looks-1] != nil {
						return site.Observation{}, c.errs[looks-1]
					}
					return seen, nil
				})
				inventory := collector.Look(t.Context(), p, []site.Device{c.device}, slog.New(slog.DiscardHandler))
				if looks != c.looks {
					t.Errorf("looked %d times, want %d", looks, c.looks)
				}
				o, found := inventory["srv-1"]
				if found != (c.want != "-") || !found {
					if found || c.want != "-" {
						t.Errorf("in the inventory: %v", found)
					}
					return
				}
				if o.Device != "srv-1" || o.At.IsZero() {
					t.Errorf("observed %+v", o)
				}
				if c.want == "" {
					if o.Error != nil || o.BootID != "b1" || o.At.Sub(begin) < time.Duration(looks-1)*3*time.Second/2 || o.At.Sub(begin) > time.Duration(looks-1)*5*time.Second/2 {
						t.Errorf("observed %+v at %s after %d looks since %s", o, o.At, looks, begin)
					}
				} else if o.Error == nil || o.Error.Text != c.want || o.Error.Code != c.code || o.BootID != "" {
					t.Errorf("observed %+v, want %q", o, c.want)
				}
			})
		})
	}
}

// A look at many devices is bounded in how many it asks at once and in how long it waits for each.
func TestLookAtMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var devices []site.Device
		for i := range 100 {
			devices = append(devices, server(fmt.Sprintf("srv-%d", i)))
		}
		var now, most atomic.Int32
		begin := time.Now()
		p := prober(func(ctx context.Context, d site.Device) (site.Observation, error) {
			for n := now.Add(1); ; {
				if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			defer now.Add(-1)
			if d.ID == "srv-7" { // hangs for as long as it may
				<-ctx.Done()
				return site.Observation{}, ctx.Err()
			}
			take(time.Second)
			return site.Observation{BootID: d.ID}, nil
		})
		inventory := collector.Look(t.Context(), p, devices, slog.New(slog.DiscardHandler))
		if most.Load() < 8 || most.Load() > 32 || now.Load() != 0 {
			t.Errorf("%d looks at once, %d left over", most.Load(), now.Load())
		}
		if took := time.Since(begin); took > 45*time.Second {
			t.Errorf("it took %s", took)
		}
		if len(inventory) != 100 || inventory["srv-99"].BootID != "srv-99" {
			t.Errorf("%d devices in the inventory", len(inventory))
		}
		if e := inventory["srv-7"].Error; e == nil || e.Code != site.CodeNoAnswer || e.Text != "srv-7 does not answer: context deadline exceeded" {
			t.Errorf("the one that hangs: %v", e)
		}
	})
}

// A look that is called off ends at once and tries nothing again.
func TestLookCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin, looks := time.Now(), 0
		p := prober(func(ctx context.Context, _ site.Device) (site.Observation, error) {
			looks++
			<-ctx.Done()
			return site.Observation{}, ctx.Err()
		})
		inventory := collector.Look(ctx, p, []site.Device{server("srv-1")}, slog.New(slog.DiscardHandler))
		if took := time.Since(begin); took != 3*time.Second || looks != 1 || inventory["srv-1"].Error == nil {
			t.Errorf("it took %s and %d looks: %+v", took, looks, inventory)
		}
	})
}
