package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/books"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/sync/fleet/wire"
)

// Fleet is headquarters' side of the MQTT connection, and the board that comes of it.
type Fleet struct {
	opt  Options
	root string // topic prefix of the stores
	hq   string // topic prefix of headquarters
	db   *database.DB
	log  *slog.Logger

	inbox   chan wire.Arrival // never closed: a client may still hand over a message when nobody listens any more
	quiet   chan struct{}     // closes when nobody listens any more
	batches chan []feed.Message
	storing sync.Mutex      // what is stored is shown in the order in which it was
	over    bool            // nothing is shown any more; guarded by storing
	shows   chan feed.Taken // to be shown on the board
	seen    *books.Seen
	gaps    *books.Gaps
	roll    *books.Roll
	stored  atomic.Uint64 // events
	lag     atomic.Int64  // of the newest batch that is stored

	mu       sync.RWMutex // of the board and what belongs to it
	board    *board.Board
	expected map[string]board.Expected
	versions map[string]int64
	changed  chan struct{}

	state  sync.Mutex // of the rest
	link   *link
	status Status
	rate   meter
	odd    map[string]bool // stores of which a message could not be read, and topics of which one was too large
}

// Open checks the options and loads the board from the database. It opens nothing on the network.
// The error names everything that is wrong with the options.
func Open(ctx context.Context, o Options) (*Fleet, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	org := "nightfill/v1/" + o.Org + "/"
	if o.ClientID == "" {
		random := make([]byte, 4)
		_, _ = rand.Read(random) // never fails
		o.ClientID = "nightfill-hq-" + o.Org + "-" + hex.EncodeToString(random)
	}
	f := &Fleet{
		opt: o, root: org + "s/", hq: org + "hq/", db: o.DB, log: o.Log,
		inbox: make(chan wire.Arrival, o.Queue), quiet: make(chan struct{}), batches: make(chan []feed.Message), shows: make(chan feed.Taken, 1),
		seen: books.NewSeen(o.SeenEvery), gaps: books.NewGaps(o.GapWait, o.GapMax, o.GiveUp), roll: books.NewRoll(),
		board: board.NewBoard(o.Org), versions: map[string]int64{}, changed: make(chan struct{}), odd: map[string]bool{},
	}
	f.status.Since = time.Now()
	if err := f.load(ctx); err != nil {
		return nil, fmt.Errorf("cannot load the board: %w", err)
	}
	f.Expect(o.Expected)
	return f, nil
}

// Run listens until ctx ends; no fault of the network, the broker or the database ends it before.
// What was queued is stored before it returns, within StopWait. The database must stay open until
// Run has returned. Run may be called once.
func (f *Fleet) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var workers errgroup.Group
	workers.Go(func() error { f.decodeAll(work); return nil })
	workers.Go(func() error { f.storeAll(work); return nil })
	workers.Go(func() error { f.showAll(); return nil })

	var links errgroup.Group
	if f.db.Shared() {
		links.Go(func() error { f.listen(ctx, role{events: true}); return nil })
		links.Go(func() error { f.lead(ctx); return nil })
		links.Go(func() error { f.poll(ctx); return nil })
	} else {
		links.Go(func() error { f.listen(ctx, role{events: true, lead: true}); return nil })
	}
	_ = links.Wait()
	close(f.quiet)
	timer := time.AfterFunc(f.opt.StopWait, stop)
	defer timer.Stop()
	return workers.Wait()
}

// View calls read with the board, which does not change until read returns. Nothing that read keeps
// may point into the board.
func (f *Fleet) View(read func(b *board.Board)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	read(f.board)
}

// ForgetBefore takes off the board what was over before a moment and nobody is asked for any more.
func (f *Fleet) ForgetBefore(before time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.board.Forget(before)
}

// Changed returns a channel that closes when the board changed.
func (f *Fleet) Changed() <-chan struct{} {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.changed
}

// Expect replaces the list of the stores that headquarters should hear from. A store that is not in
// it stays on the board while it was heard and, where there is a list, was not removed at the broker.
func (f *Fleet) Expect(list []board.Expected) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expected = map[string]board.Expected{}
	for _, e := range list {
		f.expected[e.ID] = e
		f.board.Store(e.ID)
	}
	for id, s := range f.board.Stores {
		s.Expected = nil
		if e, ok := f.expected[id]; ok {
			s.Expected = &e
			continue
		}
		heard := s.Stream() != nil || !s.Contact.At.IsZero() || s.Info.Name != "" || !s.ReadyTold.IsZero() || len(s.Devices) > 0
		removed := s.Contact.State == "" && !s.Contact.At.IsZero()
		if !heard || removed && len(list) > 0 {
			delete(f.board.Stores, id)
		}
	}
	f.notify()
}

// notify tells those who wait that the board changed. mu must be held.
func (f *Fleet) notify() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// current returns the connection of the moment; nil: there is none.
func (f *Fleet) current() *link {
	f.state.Lock()
	defer f.state.Unlock()
	return f.link
}
