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
	lookEvery = time.Second      // an overview is at least so old before the next one is made
	lookLimit = 10 * time.Second // an overview is made again after this even when the board is the same: time passes too
	noteLimit = 10 * time.Second // after which what others said is read again
	noteWait  = 2 * time.Second  // for the register to answer
)

// looks makes overviews: one for all who ask within a second.
type looks struct {
	o     Options
	turn  chan struct{} // one look at a time; it may wait for the register
	zones zones

	mu      sync.Mutex // held for memory only
	newest  *overview.Overview
	at      time.Time
	changed <-chan struct{}
	kept    map[string]overview.Attention
	version map[string]int64 // of the notes
	entries []register.Entry // of the register of exceptions
	decided []breaker.Decision
	noted   time.Time
	told    int // how often stale was called
}

func newLooks(o Options) *looks {
	return &looks{o: o, turn: make(chan struct{}, 1), zones: zones{load: o.Zone}}
}

// get returns the overview of now, at most a second old.
func (l *looks) get(ctx context.Context) (*overview.Overview, error) {
	if v := l.fresh(); v != nil {
		return v, nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if v := l.fresh(); v != nil {
		return v, nil
	}
	l.mu.Lock()
	told := l.told
	l.mu.Unlock()
	l.readNotes(context.WithoutCancel(ctx)) // it is for all who ask, and one of them may go
	return l.make(told), nil
}

// fresh returns the newest overview while it is good enough.
func (l *looks) fresh() *overview.Overview {
	l.mu.Lock()
	defer l.mu.Unlock()
	age := l.o.Now().Sub(l.at)
	if l.newest == nil || age >= lookLimit || age < 0 {
		return nil
	}
	if age >= lookEvery {
		select {
		case <-l.changed:
			return nil
		default:
		}
	}
	return l.newest
}

// make computes the overview while the board stands still. It is not kept when somebody said something since told:
// whoever asks next, such as the one who said it, wants to see that.
func (l *looks) make(told int) *overview.Overview {
	now, line := l.o.Now(), l.o.Line()
	var approved site.Catalog
	if l.o.Comply != nil {
		judged := l.o.Comply()
		approved.Patches, approved.Issued = judged.Catalog, judged.Issued
	}
	l.mu.Lock()
	o := overview.Options{Now: now, Zone: l.zones.find, Kept: l.kept, Tiers: l.o.Tiers}
	o.More = append(overview.OfExceptions(l.entries, now), overview.OfDecisions(l.decided, approved, now)...)
	l.mu.Unlock()
	if !line.Connected {
		o.Heard = line.Since
	}
	changed := l.o.Source.Changed()
	var v *overview.Overview
	l.o.Source.View(func(b *board.Board) { v = overview.Look(b, o) })
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told == told {
		l.newest, l.at, l.changed = v, now, changed
	}
	return v
}

// readNotes reads what people said, when it may have changed. Where the register does not answer, what
// was known stays.
func (l *looks) readNotes(ctx context.Context) {
	l.mu.Lock()
	due := l.o.Register != nil && (l.noted.IsZero() || l.o.Now().Sub(l.noted) >= noteLimit)
	told := l.told
	l.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteWait)
	defer cancel()
	notes, err := l.o.Register.Notes(ctx, overview.NoteKind)
	if err != nil {
		l.o.Log.Error("cannot read what people said about items", "err", err)
		return
	}
	exceptions, err := l.o.Register.Notes(ctx, register.NoteKind)
	if err != nil {
		l.o.Log.Error("cannot read the register of exceptions", "err", err)
		return
	}
	proposals, err := l.o.Register.Notes(ctx, breaker.NoteKind)
	if err != nil {
		l.o.Log.Error("cannot read what the breaker proposed", "err", err)
		return
	}
	entries, err := register.Read(exceptions)
	if err != nil {
		l.o.Log.Error("an exception of the register is passed over", "err", err)
	}
	kept, version := map[string]overview.Attention{}, map[string]int64{}
	for _, n := range notes {
		version[n.ID] = n.Version
		var a overview.Attention
		if n.Body != nil && json.Unmarshal(n.Body, &a) == nil {
			kept[n.ID] = a
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.version, l.entries, l.decided = kept, version, entries, breaker.Read(proposals)
	if l.told == told {
		l.noted = l.o.Now()
	}
}

// said returns what is kept about an item and the version of its note.
func (l *looks) said(id string) (overview.Attention, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept[id], l.version[id]
}

// stale has the notes read again by the next look.
func (l *looks) stale() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noted, l.newest = time.Time{}, nil
	l.told++
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
