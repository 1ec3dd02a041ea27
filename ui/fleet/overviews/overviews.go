package overviews

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/board/register"
)

const (
	Every         = time.Second      // an overview is at least so old before the next one is made
	overviewLimit = 10 * time.Second // an overview is made again after this even when the board is the same: time passes too
	noteLimit     = 10 * time.Second // after which what others said is read again
	noteWait      = 2 * time.Second  // for the register to answer
)

// Board shows what stores told.
type Board interface {
	// View calls read while nobody changes the board. read must be short and keep no part of it.
	View(read func(*board.Board))
	// Changed returns a channel that is closed when the board has changed.
	Changed() <-chan struct{}
}

// Notes are what headquarters itself keeps.
type Notes interface {
	Notes(ctx context.Context, kind string) ([]board.Note, error)
}

// Options is what overviews are made of. Board, Line, Now and Log must be set.
type Options struct {
	Board Board
	Notes Notes // nil: nothing is kept
	// Approved is the catalog as headquarters knows it; nil: it knows none.
	Approved func() site.Catalog
	// Tiers say when somebody higher is told of an item that nobody took on; nil: the usual times.
	Tiers func(overview.Item) []time.Duration
	Line  func() (connected bool, since time.Time) // how headquarters hears
	Zone  func(name string) *time.Location         // nil: the zones of this machine
	Now   func() time.Time
	Log   *slog.Logger
}

// Cache makes overviews: one for all who ask within a second.
type Cache struct {
	o     Options
	turn  chan struct{} // one is made at a time; it may wait for the register
	zones Zones

	mu      sync.Mutex // held for memory only
	newest  *overview.Overview
	at      time.Time
	changed <-chan struct{}
	notes   map[string]overview.Attention
	version map[string]int64 // of each note
	entries []register.Entry // of the register of exceptions
	decided []breaker.Decision
	noted   time.Time
	changes int // how often stale was called
}

// New makes one. It starts nothing.
func New(o Options) *Cache {
	return &Cache{o: o, turn: make(chan struct{}, 1), zones: Zones{load: o.Zone}}
}

// Get returns the overview of now, at most a second old.
func (c *Cache) Get(ctx context.Context) (*overview.Overview, error) {
	if v := c.fresh(); v != nil {
		return v, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if v := c.fresh(); v != nil {
		return v, nil
	}
	c.mu.Lock()
	changes := c.changes
	c.mu.Unlock()
	c.readNotes(context.WithoutCancel(ctx)) // it is for all who ask, and one of them may go
	return c.make(changes), nil
}

// fresh returns the newest overview while it is good enough.
func (c *Cache) fresh() *overview.Overview {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := c.o.Now().Sub(c.at)
	if c.newest == nil || age >= overviewLimit || age < 0 {
		return nil
	}
	if age >= Every {
		select {
		case <-c.changed:
			return nil
		default:
		}
	}
	return c.newest
}

// make computes the overview while the board stands still. It is not kept when somebody said something after so many changes:
// whoever asks next, such as the one who said it, wants to see that.
func (c *Cache) make(changes int) *overview.Overview {
	now := c.o.Now()
	connected, since := c.o.Line()
	var approved site.Catalog
	if c.o.Approved != nil {
		approved = c.o.Approved()
	}
	c.mu.Lock()
	o := overview.Options{Now: now, Zone: c.zones.Find, Kept: c.notes, Tiers: c.o.Tiers}
	o.More = append(overview.OfExceptions(c.entries, now), overview.OfDecisions(c.decided, approved, now)...)
	c.mu.Unlock()
	if !connected {
		o.Heard = since
	}
	changed := c.o.Board.Changed()
	var v *overview.Overview
	c.o.Board.View(func(b *board.Board) { v = overview.Look(b, o) })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes == changes {
		c.newest, c.at, c.changed = v, now, changed
	}
	return v
}

// readNotes reads what people said, when it may have changed. Where the register does not answer, what
// was known stays.
func (c *Cache) readNotes(ctx context.Context) {
	c.mu.Lock()
	due := c.o.Notes != nil && (c.noted.IsZero() || c.o.Now().Sub(c.noted) >= noteLimit)
	changes := c.changes
	c.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteWait)
	defer cancel()
	notes, err := c.o.Notes.Notes(ctx, overview.NoteKind)
	if err != nil {
		c.o.Log.Error("cannot read what people said about items", "err", err)
		return
	}
	exceptions, err := c.o.Notes.Notes(ctx, register.NoteKind)
	if err != nil {
		c.o.Log.Error("cannot read the register of exceptions", "err", err)
		return
	}
	proposals, err := c.o.Notes.Notes(ctx, breaker.NoteKind)
	if err != nil {
		c.o.Log.Error("cannot read what the breaker proposed", "err", err)
		return
	}
	entries, err := register.Read(exceptions)
	if err != nil {
		c.o.Log.Error("an exception of the register is passed over", "err", err)
	}
	attention, version := map[string]overview.Attention{}, map[string]int64{}
	for _, n := range notes {
		version[n.ID] = n.Version
		var a overview.Attention
		if n.Body != nil && json.Unmarshal(n.Body, &a) == nil {
			attention[n.ID] = a
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes, c.version, c.entries, c.decided = attention, version, entries, breaker.Read(proposals)
	if c.changes == changes {
		c.noted = c.o.Now()
	}
}

// Zone returns a zone by its name; nil where there is none.
func (c *Cache) Zone(name string) *time.Location { return c.zones.Find(name) }

// Decision is the newest one about a patch.
func (c *Cache) Decision(patch string) (breaker.Decision, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.decided { // the newest first
		if d.Patch == patch {
			return d, true
		}
	}
	return breaker.Decision{}, false
}

// Note returns what is kept about an item and the version of its note.
func (c *Cache) Note(id string) (overview.Attention, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.notes[id], c.version[id]
}

// Stale has the notes read again by the next overview.
func (c *Cache) Stale() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noted, c.newest = time.Time{}, nil
	c.changes++
}

// Zones remembers the time zones that were found: there are few, and they are asked for often.
type Zones struct {
	known sync.Map
	load  func(name string) *time.Location // nil: those of this machine
}

// Find returns a zone by its name; nil where there is none.
func (z *Zones) Find(name string) *time.Location {
	if found, ok := z.known.Load(name); ok {
		return found.(*time.Location)
	}
	var loc *time.Location // a store may name what nobody here knows
	if z.load != nil {
		loc = z.load(name)
	} else if found, err := time.LoadLocation(name); err == nil {
		loc = found
	}
	z.known.Store(name, loc)
	return loc
}
