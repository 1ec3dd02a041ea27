// Package checker looks at the store: it carries out the readiness checks of the
// store file, in rounds, and hands each round's results to its owner. It judges
// nothing (see site/ready), keeps no history and changes nothing on a device. A
// look that could not be made is unknown, never a pass.
package checker

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
)

const (
	defaultTimeout  = 10 * time.Second
	defaultInterval = 5 * time.Minute
	defaultParallel = 16
	defaultLimit    = 150 * time.Second // who asks for a round waits for its end
	perDevice       = 2                 // checks at once on one device
	bodyLimit       = 64 << 10
)

// Devices asks a device one read-only question; devices.Set is one.
type Devices interface {
	Check(ctx context.Context, d site.Device, c site.Check) (site.CheckOutcome, string, error)
}

// Options is what a Checker needs. Store, Devices, Log and Sink must be set; the rest has defaults.
type Options struct {
	Store    site.Store
	Devices  Devices
	Log      *slog.Logger
	Sink     func(ctx context.Context, results []site.CheckResult) // called after each round, never twice at once
	Interval time.Duration                                         // between rounds; 0 = 5 minutes
	Schedule func(now time.Time) time.Time                         // the next fixed time after now for a round; zero = none; nil = none ever
	Parallel int                                                   // checks at once; 0 = 16
	Limit    time.Duration                                         // of a whole round; 0 = 2.5 minutes
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	TLS      *tls.Config // for https checks; nil = the box's own trusted roots
	Proc     string      // where the kernel tells of its network; "" = /proc
	Ping     Ping        // asks for an echo; nil = an unprivileged ICMP socket of the kernel
}

// Checker carries out checks. Its methods may be called at the same time.
type Checker struct {
	opts   Options
	client *http.Client
	kick   chan struct{}
	turn   chan struct{} // one place: who holds it makes a round

	mu   sync.Mutex
	next time.Time
}

// New makes a Checker. It looks at nothing until Round or Run is called.
func New(o Options) *Checker {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	if o.Parallel <= 0 {
		o.Parallel = defaultParallel
	}
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	if o.Ping == nil {
		o.Ping = echo
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return &Checker{opts: o, client: newClient(o), kick: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
}

// Kick asks for a round as soon as the present one, if any, is over. Many kicks make one round.
func (c *Checker) Kick() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Next is when the next round is due; zero while none is planned.
func (c *Checker) Next() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// Run makes a round at once and then at every interval, at the times of the schedule and when
// kicked, until ctx ends; it then returns nil. Rounds never overlap. A round that the end of ctx cut short
// is not handed to Sink.
func (c *Checker) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		results := c.Round(ctx, time.Now())
		if ctx.Err() != nil {
			break
		}
		c.opts.Sink(ctx, results)
		c.sleep(ctx)
	}
	return nil
}

// sleep returns when the next round is due, when one is asked for, or when ctx ends.
func (c *Checker) sleep(ctx context.Context) {
	now := time.Now()
	next := c.due(now)
	c.mu.Lock()
	c.next = next
	c.mu.Unlock()
	timer := time.NewTimer(next.Sub(now))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-c.kick:
	case <-timer.C:
	}
}

func (c *Checker) due(now time.Time) time.Time {
	next := now.Add(c.opts.Interval)
	if c.opts.Schedule != nil {
		if fixed := c.opts.Schedule(now); fixed.After(now) && fixed.Before(next) {
			return fixed
		}
	}
	return next
}

// device puts the question to the device itself.
func (c *Checker) device(ctx context.Context, check site.Check, limit time.Duration) (site.CheckOutcome, string) {
	d, ok := c.opts.Store.Device(check.Device)
	if !ok {
		return site.Unknown, fmt.Sprintf("the store file has no device %q", check.Device)
	}
	outcome, seen, err := c.opts.Devices.Check(ctx, d, check)
	if err != nil {
		return site.Unknown, fmt.Sprintf("%s could not be asked: %v", d.ID, err)
	}
	if ctx.Err() != nil && outcome != site.Pass {
		return site.Unknown, fmt.Sprintf("%s gave no answer within %s", d.ID, limit)
	}
	switch outcome {
	case site.Pass, site.Warn, site.Fail, site.NotApplicable, site.Unknown:
		return outcome, seen
	}
	return site.Unknown, fmt.Sprintf("the device driver answered %q, which is no outcome: %s", outcome, seen)
}
