package compliance

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/register"
)

const (
	reportLimit = 10 * time.Second // a report is counted again after this
	reportsMost = 20               // different ones: that of 2,000 stores is half a megabyte
)

// reportCache keeps the newest report of each filter for a moment: counting every device takes its time.
type reportCache struct {
	turn chan struct{} // one is counted at a time

	mu     sync.Mutex // held for memory only
	newest map[comply.Filter]comply.Report
}

func newReportCache() *reportCache {
	return &reportCache{turn: make(chan struct{}, 1), newest: map[comply.Filter]comply.Report{}}
}

// find returns a report that is not too old.
func (c *reportCache) find(f comply.Filter, now time.Time) (comply.Report, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.newest[f]
	age := now.Sub(r.At)
	return r, ok && age >= 0 && age < reportLimit
}

func (c *reportCache) put(f comply.Filter, r comply.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.newest, func(_ comply.Filter, old comply.Report) bool { return r.At.Sub(old.At) >= reportLimit })
	if len(c.newest) >= reportsMost {
		clear(c.newest)
	}
	c.newest[f] = r
}

// Count returns a report of a filter, counted now or a moment ago.
func (s *Pages) Count(ctx context.Context, f comply.Filter) (comply.Report, error) {
	c := s.cache
	if r, ok := c.find(f, s.Now()); ok {
		return r, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return comply.Report{}, ctx.Err()
	}
	if r, ok := c.find(f, s.Now()); ok {
		return r, nil
	}
	o, err := s.Judged(ctx, s.Now())
	if err != nil {
		return comply.Report{}, err
	}
	var r comply.Report
	s.Source.View(func(b *board.Board) { r = comply.Look(b, o).Report(f) })
	c.put(f, r)
	return r, nil
}

// Judged is by what compliance is judged at a time.
func (s *Pages) Judged(ctx context.Context, now time.Time) (comply.Options, error) {
	o := comply.Options{Policy: comply.DefaultPolicy()}
	if s.Comply != nil {
		o = s.Comply()
	}
	entries, _, err := s.Entries(ctx)
	if err != nil {
		return o, err
	}
	o.Exceptions, o.Now = append(slices.Clone(o.Exceptions), register.Holding(entries, now)...), now
	return o, nil
}
