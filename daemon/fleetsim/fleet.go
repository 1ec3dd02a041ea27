// Package fleetsim is a fleet of simulated stores, for demonstrations and for loads. Each store has its
// own journal, which is in memory, and nights that the real planner plans and the real rules play with
// drawn devices (site/forecast); it reports them over the real uplink to a real broker. So
// headquarters cannot tell it from a fleet of boxes.
//
// The same options give the same stores and the same nights.
package fleetsim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/daemon/mqttline"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/uplink"
)

// Options say which fleet is simulated.
type Options struct {
	Org     string
	Stores  int
	Devices int           // of each store
	Nights  int           // how many nights are over already when the fleet begins
	Live    time.Duration // how long tonight's window is, which opens now; 0 = no night is under way
	Absent  int           // of 1000 stores, how many are never heard
	Silent  int           // of 1000 stores, how many have no line tonight
	Seed    uint64
	// Luck is how much of the usual misfortune there is, 1 = as published figures have it; 0 = 1.
	Luck float64
	// Bad are patches that break a share of a model besides, by "patch/model"; nil = two of them do.
	Bad map[string]float64
	Now time.Time // when it begins; past nights lie before it
	// Catalog is what the stores have read at a moment, which is never one to come; many goroutines ask.
	// nil: one that nobody signed.
	Catalog func(at time.Time) site.Catalog
	Run     string // tells the streams of this run from those of others

	Broker       string // mqtt://host:port
	CA           string
	Username     string
	PasswordFile string
	Rate         float64 // events a second of each store, as uplink.Options has it; negative = as quick as they go
	Log          *slog.Logger
}

// Fleet is a fleet that runs once.
type Fleet struct {
	opts  Options
	shops []*shop
	links []*uplink.Uplink // nil: the store is never heard
	spans []window.Span
	done  atomic.Int64
}

// New makes the stores. Nothing runs yet.
func New(o Options) (*Fleet, error) {
	if o.Stores < 1 || o.Stores > 100_000 || o.Devices < 1 || o.Devices > 1000 {
		return nil, fmt.Errorf("cannot simulate %d stores with %d devices: 1 to 100000 stores with 1 to 1000 devices each", o.Stores, o.Devices)
	}
	if o.Live != 0 && o.Live < 2*time.Minute {
		return nil, fmt.Errorf("cannot play a night of %s: 2m or longer, or 0 for none", o.Live)
	}
	f := &Fleet{opts: o}
	for n := range o.Stores {
		opens := time.Time{}
		if o.Live > 0 {
			opens = o.Now.Add(wave(n, o.Live)).Truncate(time.Minute)
		}
		s, err := newShop(o, n, opens)
		if err != nil {
			return nil, err
		}
		span, ok := s.store.Calendar.On(window.DateOf(o.Now.Add(wave(n, o.Live)).In(s.store.Calendar.Zone)))
		if !ok {
			return nil, fmt.Errorf("store %s has no night on %s", s.store.ID, o.Now.Format(time.DateOnly))
		}
		link, err := f.uplink(s)
		if err != nil {
			return nil, err
		}
		f.shops, f.links, f.spans = append(f.shops, s), append(f.links, link), append(f.spans, span)
	}
	return f, nil
}

// wave is how long after the beginning the window of a store opens: some have finished by then, most
// are under way, and some begin when one looks.
func wave(n int, live time.Duration) time.Duration {
	switch {
	case live == 0:
		return 0
	case n%10 < 5:
		return -live / 2
	case n%10 < 9:
		return -live / 8
	}
	return live / 4
}

// uplink connects a store, unless it is one that is never heard.
func (f *Fleet) uplink(s *shop) (*uplink.Uplink, error) {
	if f.share(s.n, f.opts.Absent) || f.opts.Broker == "" {
		return nil, nil
	}
	line, err := mqttline.New(mqttline.Options{URL: f.opts.Broker, CA: f.opts.CA, Username: f.opts.Username, PasswordFile: f.opts.PasswordFile})
	if err != nil {
		return nil, err
	}
	return uplink.New(uplink.Options{
		Broker: line, Org: f.opts.Org, Store: s.store.ID, ClientID: "sim-" + f.opts.Org + "-" + s.store.ID, Version: "nightfilld simulated",
		Journal: s.journal, Snapshots: s.snapshot, Hint: func(string) {}, Log: f.opts.Log, Rate: f.opts.Rate, Jitter: -1,
	})
}

// share draws the stores that something happens to: so many of a thousand, always the same ones.
func (f *Fleet) share(n, of1000 int) bool { return (n*7919+503)%1000 < of1000 }

// Expected is the list of stores that headquarters should hear from.
func (o Options) Expected() []board.Expected {
	list := make([]board.Expected, 0, o.Stores)
	for n := range o.Stores {
		list = append(list, expected(n))
	}
	return list
}

// Run plays until every store has lived through its nights and ctx ends. A store without a line tonight
// plays its night all the same; its line falls when the night opens.
func (f *Fleet) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for n, s := range f.shops {
		line, cut := context.WithCancel(ctx)
		g.Go(func() error {
			defer cut()
			var wg sync.WaitGroup
			if link := f.links[n]; link != nil {
				wg.Go(func() { _ = link.Run(line) }) // it ends with its context only
			}
			defer wg.Wait()
			if f.opts.Live > 0 && f.share(n, f.opts.Silent) {
				stop := time.AfterFunc(time.Until(f.spans[n].Open), cut)
				defer stop.Stop()
			}
			err := s.play(ctx, f.spans[n])
			f.done.Add(1)
			if err == nil {
				<-ctx.Done()
			}
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// Progress is how far the fleet is.
type Progress struct {
	Stores    int    `json:"stores"`
	Connected int    `json:"connected"`
	Played    int    `json:"played"`  // stores whose nights are over
	Events    uint64 `json:"events"`  // written by the stores that are heard
	Stored    uint64 `json:"stored"`  // of them, by headquarters
	Waiting   uint64 `json:"waiting"` // the others
}

// Progress returns how far the fleet is now.
func (f *Fleet) Progress() Progress {
	p := Progress{Stores: len(f.shops), Played: int(f.done.Load())}
	for n, s := range f.shops {
		if f.links[n] == nil {
			continue
		}
		if f.links[n].Status().Connected {
			p.Connected++
		}
		waiting := s.journal.waiting()
		p.Events += s.journal.Durable()
		p.Waiting += waiting
		p.Stored += s.journal.Durable() - waiting
	}
	return p
}

// streamOf names the journal of a store: another one in each run, the same one for the same run.
func streamOf(o Options, n int) string {
	var id ulid.ULID
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d/%d", o.Run, o.Org, o.Seed, n))
	copy(id[6:], sum[:])
	_ = id.SetTime(ulid.Timestamp(o.Now.AddDate(0, 0, -o.Nights-1)))
	return id.String()
}
