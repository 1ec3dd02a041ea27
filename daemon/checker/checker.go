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
	perDevice       = 2 // checks at once on one device
	bodyLimit       = 64 << 10
	cutShort        = "not looked at: the round was cut short"
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
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	TLS      *tls.Config // for https checks; nil = the box's own trusted roots
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

// Round carries out every check of the store once and returns the results in the order of the
// store file. All of them are dated now, because a round is as old as its start. Two rounds never
// overlap: the second waits. What the end of ctx leaves undone is unknown.
func (c *Checker) Round(ctx context.Context, now time.Time) []site.CheckResult {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
	}
	checks := c.opts.Store.Checks
	results := make([]site.CheckResult, len(checks))
	all := make(chan struct{}, c.opts.Parallel)
	device := map[string]chan struct{}{}
	for _, check := range checks {
		if device[check.Device] == nil {
			device[check.Device] = make(chan struct{}, perDevice)
		}
	}
	var wg sync.WaitGroup
	for i, check := range checks {
		slots := []chan struct{}{all}
		if check.Device != "" {
			slots = []chan struct{}{device[check.Device], all} // who waits for a device holds up nobody else
		}
		wg.Go(func() { results[i] = c.one(ctx, now, check, slots) })
	}
	wg.Wait()
	return results
}

// one waits for its turn and then looks.
func (c *Checker) one(ctx context.Context, now time.Time, check site.Check, slots []chan struct{}) site.CheckResult {
	r := site.CheckResult{Check: check.ID, Device: check.Device, Outcome: site.Unknown, Seen: cutShort, At: now}
	for _, slot := range slots {
		select {
		case slot <- struct{}{}:
			defer func() { <-slot }()
		case <-ctx.Done():
			return r
		}
	}
	if ctx.Err() != nil {
		return r
	}
	limit := check.Timeout.Std()
	if limit <= 0 {
		limit = defaultTimeout
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begun := time.Now()
	outcome, seen := c.look(within, check, limit)
	r.Took = site.Duration(max(0, time.Since(begun)))
	if ctx.Err() == nil || outcome == site.Pass {
		r.Outcome, r.Seen = outcome, seen
	}
	return r
}

// look makes one look. Whatever goes wrong in it makes the outcome unknown.
func (c *Checker) look(ctx context.Context, check site.Check, limit time.Duration) (outcome site.CheckOutcome, seen string) {
	defer func() {
		if p := recover(); p != nil {
			outcome, seen = site.Unknown, fmt.Sprintf("the check itself broke: %v", p)
			c.opts.Log.Error("a readiness check broke", "check", check.ID, "device", check.Device, "panic", p)
		}
	}()
	switch check.Kind {
	case site.CheckTCP:
		return c.tcp(ctx, check, limit)
	case site.CheckHTTP:
		return c.http(ctx, check, limit)
	case site.CheckService, site.CheckCommand, site.CheckDisk, site.CheckClock:
		return c.device(ctx, check)
	}
	return site.Unknown, fmt.Sprintf("this box does not know the check kind %q", check.Kind)
}

// device puts the question to the device itself.
func (c *Checker) device(ctx context.Context, check site.Check) (site.CheckOutcome, string) {
	d, ok := c.opts.Store.Device(check.Device)
	if !ok {
		return site.Unknown, fmt.Sprintf("the store file has no device %q", check.Device)
	}
	outcome, seen, err := c.opts.Devices.Check(ctx, d, check)
	if err != nil {
		return site.Unknown, fmt.Sprintf("%s could not be asked: %v", d.ID, err)
	}
	switch outcome {
	case site.Pass, site.Warn, site.Fail, site.NotApplicable, site.Unknown:
		return outcome, seen
	}
	return site.Unknown, fmt.Sprintf("the device driver answered %q, which is no outcome: %s", outcome, seen)
}
