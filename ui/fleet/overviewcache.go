package fleet

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/board/register"
)

const (
	overviewEvery = time.Second      // an overview is at least so old before the next one is made
	overviewLimit = 10 * time.Second // an overview is made again after this even when the board is the same: time passes too
	noteLimit     = 10 * time.Second // after which what others said is read again
	noteWait      = 2 * time.Second  // for the register to answer
)

// overviewCache makes overviews: one for all who ask within a second.
type overviewCache struct {
	o     Options
	turn  chan struct{} // one is made at a time; it may wait for the register
	zones zones

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

func newOverviewCache(o Options) *overviewCache {
	return &overviewCache{o: o, turn: make(chan struct{}, 1), zones: zones{load: o.Zone}}
}

// get returns the overview of now, at most a second old.
func (c *overviewCache) get(ctx context.Context) (*overview.Overview, error) {
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
func (c *overviewCache) fresh() *overview.Overview {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := c.o.Now().Sub(c.at)
	if c.newest == nil || age >= overviewLimit || age < 0 {
		return nil
	}
	if age >= overviewEvery {
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
func (c *overviewCache) make(changes int) *overview.Overview {
	now, line := c.o.Now(), c.o.Line()
	var approved site.Catalog
	if c.o.Comply != nil {
		judged := c.o.Comply()
		approved.Patches, approved.Issued = judged.Catalog, judged.Issued
	}
	c.mu.Lock()
	o := overview.Options{Now: now, Zone: c.zones.find, Kept: c.notes, Tiers: c.o.Tiers}
	o.More = append(overview.OfExceptions(c.entries, now), overview.OfDecisions(c.decided, approved, now)...)
	c.mu.Unlock()
	if !line.Connected {
		o.Heard = line.Since
	}
	changed := c.o.Source.Changed()
	var v *overview.Overview
	c.o.Source.View(func(b *board.Board) { v = overview.Look(b, o) })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes == changes {
		c.newest, c.at, c.changed = v, now, changed
	}
	return v
}

// readNotes reads what people said, when it may have changed. Where the register does not answer, what
// was known stays.
func (c *overviewCache) readNotes(ctx context.Context) {
	c.mu.Lock()
	due := c.o.Register != nil && (c.noted.IsZero() || c.o.Now().Sub(c.noted) >= noteLimit)
	changes := c.changes
	c.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteWait)
	defer cancel()
	notes, err := c.o.Register.Notes(ctx, overview.NoteKind)
	if err != nil {
		c.o.Log.Error("cannot read what people said about items", "err", err)
		return
	}
	exceptions, err := c.o.Register.Notes(ctx, register.NoteKind)
	if err != nil {
		c.o.Log.Error("cannot read the register of exceptions", "err", err)
		return
	}
	proposals, err := c.o.Register.Notes(ctx, breaker.NoteKind)
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

// note returns what is kept about an item and the version of its note.
func (c *overviewCache) note(id string) (overview.Attention, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.notes[id], c.version[id]
}

// stale has the notes read again by the next overview.
func (c *overviewCache) stale() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noted, c.newest = time.Time{}, nil
	c.changes++
}

// zones remembers the time zones that were found: there are few, and they are asked for often.
type zones struct {
	known sync.Map
	load  func(name string) *time.Location // nil: those of this machine
}

// find returns a zone by its name; nil where there is none.
func (z *zones) find(name string) *time.Location {
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
