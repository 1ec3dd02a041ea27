package checker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/site"
)

const (
	cutShort = "not looked at: the round was cut short"
	napFirst = time.Second // before the first further try; each one more waits a second longer
)

// Round carries out every check of the store once and returns the results in the order of the
// store file. What others need goes first; what needs a check that failed or is unknown is not looked at
// and is unknown. All results are dated now, because a round is as old as its start. Two rounds never
// overlap: the second waits. What the end of ctx or of the round's limit leaves undone is unknown.
func (c *Checker) Round(ctx context.Context, now time.Time) []site.CheckResult {
	return c.carryOut(ctx, now, c.opts.Store.Checks)
}

// One carries out the check with this id, and before it what it needs, by the rules of Round and never while a
// round goes on. It returns the results of all that it carried out, that of the check itself last; none for an id that no
// check has.
func (c *Checker) One(ctx context.Context, now time.Time, id string) []site.CheckResult {
	all, parents := c.opts.Store.Checks, c.opts.Store.Parents()
	wanted := map[string]bool{id: true}
	for todo := []string{id}; len(todo) > 0; todo = todo[1:] {
		for _, parent := range parents[todo[0]] {
			if !wanted[parent] {
				wanted[parent] = true
				todo = append(todo, parent)
			}
		}
	}
	var checks []site.Check
	for _, check := range all {
		if wanted[check.ID] && check.ID != id {
			checks = append(checks, check)
		}
	}
	at := slices.IndexFunc(all, func(check site.Check) bool { return check.ID == id })
	if at < 0 {
		return nil
	}
	return c.carryOut(ctx, now, append(checks, all[at]))
}

// carryOut makes a round of some checks, with all that these need among them.
func (c *Checker) carryOut(ctx context.Context, now time.Time, checks []site.Check) []site.CheckResult {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Limit)
	defer cancel()
	r := &round{
		Checker: c, now: now, parents: c.opts.Store.Parents(),
		all: make(chan struct{}, c.opts.Parallel), device: map[string]chan struct{}{},
		results: make([]site.CheckResult, len(checks)), place: map[string]int{}, done: make([]chan struct{}, len(checks)),
	}
	for i, check := range checks {
		r.place[check.ID], r.done[i] = i, make(chan struct{})
		if r.device[check.Device] == nil {
			r.device[check.Device] = make(chan struct{}, perDevice)
		}
	}
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() {
			defer close(r.done[i])
			r.results[i] = r.one(ctx, check)
		})
	}
	wg.Wait()
	return r.results
}

// round is what the checks of one round share.
type round struct {
	*Checker
	now     time.Time
	parents map[string][]string
	all     chan struct{}            // places of the round
	device  map[string]chan struct{} // places on each device
	results []site.CheckResult       // a result may be read when its check is done
	place   map[string]int
	done    []chan struct{}
}

// one waits for what the check needs and for its turn, and then looks, as often as it may.
func (r *round) one(ctx context.Context, check site.Check) site.CheckResult {
	result := site.CheckResult{Check: check.ID, Device: check.Device, Outcome: site.Unknown, Seen: cutShort, At: r.now}
	for _, id := range r.parents[check.ID] {
		parent := r.place[id]
		select {
		case <-r.done[parent]:
		case <-ctx.Done():
			return result
		}
		if o := r.results[parent].Outcome; o == site.Fail || o == site.Unknown {
			result.Seen = fmt.Sprintf("not looked at: it needs %s, which is %s", id, told(o))
			return result
		}
	}
	begun := time.Now()
	for try := 0; ; try++ {
		outcome, seen, looked := r.try(ctx, check)
		if !looked {
			return result
		}
		result.Outcome, result.Seen, result.Took = outcome, seen, site.Duration(max(0, time.Since(begun)))
		if try > 0 {
			result.Seen = fmt.Sprintf("%s (try %d of %d)", seen, try+1, check.Retries+1)
		}
		if outcome != site.Fail && outcome != site.Unknown || try >= check.Retries {
			return result
		}
		if !pause.For(ctx, napFirst+time.Duration(try)*time.Second) {
			return result
		}
	}
}

func told(o site.CheckOutcome) string {
	if o == site.Fail {
		return "failing"
	}
	return string(o)
}

// try takes its places and looks once; false: the round ended before there was an answer. Who
// waits for a device holds up nobody else, and nothing is held between two tries.
func (r *round) try(ctx context.Context, check site.Check) (outcome site.CheckOutcome, seen string, looked bool) {
	slots := []chan struct{}{r.all}
	if check.Device != "" {
		slots = []chan struct{}{r.device[check.Device], r.all}
	}
	for _, slot := range slots {
		select {
		case slot <- struct{}{}:
			defer func() { <-slot }()
		case <-ctx.Done():
			return "", "", false
		}
	}
	if ctx.Err() != nil {
		return "", "", false
	}
	limit := check.Timeout.Std()
	if limit <= 0 {
		limit = defaultTimeout
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	outcome, seen = r.look(within, check, limit)
	return outcome, seen, ctx.Err() == nil || outcome == site.Pass
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
	case site.CheckCert:
		return c.cert(ctx, check, limit)
	case site.CheckDNS:
		return c.dns(ctx, check, limit)
	case site.CheckGateway:
		return c.gateway(ctx, check, limit)
	case site.CheckPrinter:
		return c.printer(ctx, check, limit)
	case site.CheckAgent:
		return agent(check)
	}
	if check.Kind.AsksDevice() {
		return c.device(ctx, check, limit)
	}
	return site.Unknown, fmt.Sprintf("this box does not know the check kind %q", check.Kind)
}

// agent tells when the agent of a handheld was last heard. This box listens to no agents: it has
// heard none, and that says nothing of the handheld.
func agent(check site.Check) (site.CheckOutcome, string) {
	return site.Unknown, fmt.Sprintf("this box has not heard the agent of %s, wanted within %s", check.Device, check.Max)
}
