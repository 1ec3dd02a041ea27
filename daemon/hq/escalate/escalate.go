package escalate

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/site/board"
)

// NoteKind is the kind of the notes in which is kept who was told of what.
const NoteKind = "told"

// Item is one thing that needs someone.
type Item struct {
	ID        string    `json:"id"`
	Group     string    `json:"-"` // what has the same cause has the same
	Kind      string    `json:"-"`
	Urgent    bool      `json:"-"` // it cannot wait until working hours
	Store     string    `json:"store"`
	StoreName string    `json:"store_name,omitempty"`
	Device    string    `json:"device,omitempty"`
	Patch     string    `json:"patch,omitempty"`
	Cause     string    `json:"-"`
	Text      string    `json:"text"`
	Since     time.Time `json:"since,omitzero"`
	Taken     bool      `json:"-"` // somebody took it on, or shelved it
}

// Tier tells by one way of the items that are due.
type Tier struct {
	After  time.Duration // since an item began
	Urgent bool          // only of what cannot wait
	For    []string      // kinds; empty = all
	Repeat time.Duration // once more after so long; 0 = never
	To     string        // names the way: "webhook pager", "mail ops@example.com"
	Sender Sender
}

// name tells the tier from the others in notes: it does not change with its place in the file.
func (t Tier) name() string { return fmt.Sprintf("%s after %s", t.To, t.After) }

func (t Tier) isFor(i Item) bool {
	return (i.Urgent || !t.Urgent) && (len(t.For) == 0 || slices.Contains(t.For, i.Kind))
}

// Sender carries a message to people.
type Sender interface {
	// Send returns when the other side has the message. It is called again when it fails; the message has
	// the same ID then.
	Send(ctx context.Context, m Message) error
}

// Notes is where headquarters keeps what it must not forget.
type Notes interface {
	Notes(ctx context.Context, kind string) ([]board.Note, error)
	// Keep refuses a note of which somebody else wrote a newer version.
	Keep(ctx context.Context, n board.Note) (board.Note, error)
}

// Options are what an Escalator works with.
type Options struct {
	Org     string
	Address string // of headquarters for browsers; "" = links name no host
	Tiers   []Tier
	Notes   Notes
	// Items returns what needs someone now.
	Items func(ctx context.Context, now time.Time) ([]Item, error)
	// Leader reports whether this program, of several on one database, tells people; nil = it is alone.
	Leader func() bool
	// Told is called after each message, with why it was not sent.
	Told func(to string, m Message, err error)
	Log  *slog.Logger
}

// The pace of messages.
const (
	lookEvery = 30 * time.Second
	between   = 2 * time.Minute  // two messages of one tier
	more      = 15 * time.Minute // until more of the same cause is told; doubles each time
	mostMore  = 4 * time.Hour
	remember  = 24 * time.Hour // a cause that is over
	sendLimit = 30 * time.Second
	// writeLimit is for the notes of how a message ended.
	writeLimit = 5 * time.Second
)

// pauses are between the tries of a message; after the last one it has failed, and what it tells is due again.
func pauses() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute}
}

// Escalator tells people.
type Escalator struct {
	Options
	sends sync.WaitGroup

	mu   sync.Mutex // guards what follows; held for memory only
	busy map[string]bool
}

// New makes an Escalator. It starts nothing.
func New(o Options) *Escalator {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Leader == nil {
		o.Leader = func() bool { return true }
	}
	if o.Told == nil {
		o.Told = func(string, Message, error) {}
	}
	return &Escalator{Options: o, busy: map[string]bool{}}
}

// Run looks at what needs someone until ctx ends.
func (e *Escalator) Run(ctx context.Context) error {
	defer e.sends.Wait()
	if len(e.Tiers) == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := e.look(ctx, time.Now()); err != nil && ctx.Err() == nil {
			e.Log.Error("cannot look at what needs someone", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look writes down what is due and sends it, and takes up what an earlier process did not end.
func (e *Escalator) look(ctx context.Context, now time.Time) error {
	if !e.Leader() {
		return nil
	}
	items, err := e.Items(ctx, now)
	if err != nil {
		return err
	}
	notes, err := e.read(ctx)
	if err != nil {
		return err
	}
	groups := map[string][]Item{}
	for _, i := range items {
		groups[i.Group] = append(groups[i.Group], i)
	}
	for _, t := range e.Tiers {
		if !e.take(t.name()) {
			continue // its last message is still on its way
		}
		m, parts := e.prepare(ctx, t, groups, notes, now)
		if len(parts) == 0 {
			e.release(t.name())
			continue
		}
		e.sends.Go(func() {
			defer e.release(t.name())
			e.send(ctx, t, m, parts)
		})
	}
	return e.forget(ctx, groups, notes, now)
}

func (e *Escalator) take(tier string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy[tier] {
		return false
	}
	e.busy[tier] = true
	return true
}

func (e *Escalator) release(tier string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.busy, tier)
}

// read returns what is kept, by group.
func (e *Escalator) read(ctx context.Context) (map[string]*memory, error) {
	list, err := e.Notes.Notes(ctx, NoteKind)
	if err != nil {
		return nil, err
	}
	all := map[string]*memory{}
	for _, n := range list {
		m := &memory{note: n}
		if err := json.Unmarshal(n.Body, m); err != nil {
			e.Log.Error("what was told of a cause cannot be read and is told anew", "group", n.ID, "err", err)
		}
		all[n.ID] = m
	}
	return all, nil
}

// prepare gathers the message of a tier and writes down that it is sent. parts are the groups in it.
func (e *Escalator) prepare(ctx context.Context, t Tier, groups map[string][]Item, notes map[string]*memory, now time.Time) (Message, []string) {
	id, due := next(t, groups, notes, now)
	resumed := id != ""
	if !resumed {
		id = rand.Text()
	}
	var parts []string
	for _, g := range slices.Sorted(maps.Keys(due)) {
		if resumed || e.intend(ctx, t, g, id, due[g], groups[g], notes, now) {
			parts = append(parts, g)
		}
	}
	return e.message(t, id, now, parts, due, groups), parts
}

// intend writes down that items of a group are told by a message. False = another program did.
func (e *Escalator) intend(ctx context.Context, t Tier, group, id string, ids []string, items []Item, notes map[string]*memory, now time.Time) bool {
	m := notes[group]
	if m == nil {
		m = &memory{note: board.Note{Kind: NoteKind, ID: group}}
		notes[group] = m
	}
	m.intend(t, id, ids, items, now)
	return e.keep(ctx, m, now)
}

func (e *Escalator) keep(ctx context.Context, m *memory, now time.Time) bool {
	body, err := json.Marshal(m)
	if err != nil {
		panic("internal error: what was told cannot be written as JSON: " + err.Error())
	}
	n := m.note
	n.Body, n.By, n.At = body, "nightfill-hq", now
	if m.empty() {
		n.Body = nil
	}
	kept, err := e.Notes.Keep(ctx, n)
	if err != nil {
		e.Log.Warn("what is told was not written down and is looked at again", "group", n.ID, "err", err)
		return false
	}
	m.note = kept
	return true
}

// send tries until the message is taken or the tries are used up, and writes down how it ended. When
// ctx ends before that nothing is written: the next process goes on.
func (e *Escalator) send(ctx context.Context, t Tier, m Message, parts []string) {
	var err error
	for try := 0; ; try++ {
		if m.Items() == 0 {
			err = nil
			break // all of it is over, or taken on
		}
		limited, cancel := context.WithTimeout(ctx, sendLimit)
		err = t.Sender.Send(limited, m)
		cancel()
		if err != nil && ctx.Err() != nil {
			return
		}
		if err == nil || try == len(pauses()) {
			break
		}
		e.Log.Warn("somebody was not told and is told again", "to", t.To, "try", try+1, "err", err)
		if !pause.For(ctx, pauses()[try]) {
			return
		}
		m = e.still(ctx, m)
	}
	if m.Items() > 0 {
		e.Told(t.To, m, err)
	}
	if err != nil {
		e.Log.Error("somebody was not told", "to", t.To, "err", err)
	}
	e.ended(ctx, t, m.ID, parts, err)
}

// ended writes down how a message ended, also where the program ends at that moment.
func (e *Escalator) ended(ctx context.Context, t Tier, id string, parts []string, why error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
	defer cancel()
	for range 3 { // another tier may write the same note at this moment
		notes, err := e.read(ctx)
		if err != nil {
			e.Log.Error("cannot write down who was told", "to", t.To, "err", err)
			return
		}
		parts = slices.DeleteFunc(parts, func(g string) bool {
			m := notes[g]
			return m == nil || !m.end(t, id, why, time.Now()) || e.keep(ctx, m, time.Now())
		})
		if len(parts) == 0 {
			return
		}
	}
}

// still drops from a message what is over or taken on by now.
func (e *Escalator) still(ctx context.Context, m Message) Message {
	items, err := e.Options.Items(ctx, time.Now())
	if err != nil {
		return m
	}
	open := map[string]bool{}
	for _, i := range items {
		open[i.ID] = !i.Taken
	}
	return m.only(func(i Item) bool { return open[i.ID] })
}

// forget drops what is kept of items that are over.
func (e *Escalator) forget(ctx context.Context, groups map[string][]Item, notes map[string]*memory, now time.Time) error {
	for _, g := range slices.SortedFunc(maps.Keys(notes), cmp.Compare) {
		if m := notes[g]; m.forget(groups[g], now) {
			e.keep(ctx, m, now)
		}
	}
	return ctx.Err()
}
