package escalate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// register keeps notes as the database of headquarters does.
type register struct {
	mu    sync.Mutex
	notes map[string]board.Note
}

func (r *register) Notes(_ context.Context, kind string) ([]board.Note, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []board.Note
	for _, n := range r.notes {
		if n.Kind == kind && n.Body != nil {
			list = append(list, n)
		}
	}
	return list, nil
}

func (r *register) Keep(_ context.Context, n board.Note) (board.Note, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.notes[n.ID]
	if was.Version != n.Version && (was.Body != nil || n.Version != 0) {
		return board.Note{}, errors.New("somebody else changed it")
	}
	n.Version = was.Version + 1
	r.notes[n.ID] = n
	return n, nil
}

// inbox is somebody who is told. It refuses as often as it is told to.
type inbox struct {
	mu      sync.Mutex
	refuse  int
	hang    bool
	heard   []string
	ids     []string
	arrived []time.Time
}

func (b *inbox) Send(ctx context.Context, m Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids = append(b.ids, m.ID)
	if b.refuse > 0 {
		b.refuse--
		return errors.New("busy")
	}
	if b.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	b.heard = append(b.heard, m.Text)
	b.arrived = append(b.arrived, time.Now())
	return nil
}

// night is headquarters with items that a test changes.
type night struct {
	*testing.T
	notes *register
	items map[string]Item
	mu    sync.Mutex
	began time.Time
}

func newNight(t *testing.T) *night {
	return &night{T: t, notes: &register{notes: map[string]board.Note{}}, items: map[string]Item{}, began: time.Now()}
}

func (n *night) put(store, cause string, change func(*Item)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := Item{ID: cause + "/" + store, Group: "failed/" + cause, Kind: "failed", Urgent: true, Store: store, Patch: "p-1", Cause: cause, Text: "p-1 failed", Since: time.Now()}
	if change != nil {
		change(&i)
	}
	n.items[i.ID] = i
}

func (n *night) drop(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.items, id)
}

// start runs an Escalator and returns what ends it.
func (n *night) start(tiers ...Tier) (stop func()) {
	e := New(Options{
		Org: "acme", Address: "https://hq", Tiers: tiers, Notes: n.notes,
		Items: func(context.Context, time.Time) ([]Item, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			return slices.Collect(maps.Values(n.items)), nil
		},
	})
	ctx, cancel := context.WithCancel(n.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			n.Error(err)
		}
	}
}

func (n *night) pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

// heard is what came, with the minutes since the begin of the night.
func (n *night) heard(b *inbox) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for i, text := range b.heard {
		all = append(all, fmt.Sprintf("%d: %s", int(b.arrived[i].Sub(n.began).Minutes()), text))
	}
	return strings.Join(all, "\n")
}

func (n *night) want(b *inbox, want ...string) {
	n.Helper()
	if got := n.heard(b); got != strings.Join(want, "\n") {
		n.Errorf("heard\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, first, second, calm := newNight(t), &inbox{}, &inbox{}, &inbox{}
		stop := n.start(Tier{To: "first", Sender: first}, Tier{After: 30 * time.Minute, To: "second", Sender: second}, Tier{After: time.Minute, To: "calm", For: []string{"not_ready"}, Sender: calm})
		defer stop()
		n.put("1", "broken", nil)
		n.pass(20 * time.Minute)
		n.put("2", "cold", func(i *Item) { i.Urgent = false })
		n.pass(20 * time.Minute)
		n.want(first, "0: Store 1: p-1 failed", "20: Store 2: p-1 failed")
		n.want(second, "30: Store 1: p-1 failed")
		n.want(calm)
	})
}

func TestACauseIsToldOnceHoweverManyStoresItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{}
		stop := n.start(Tier{To: "pager", Sender: b})
		defer stop()
		for i := range 60 { // a store every two minutes
			n.put(fmt.Sprint(i), "broken", nil)
			n.pass(2 * time.Minute)
		}
		n.pass(6 * time.Hour)
		n.want(b, "0: Store 0: p-1 failed", "15: 7 stores, same cause: p-1: broken.", "45: 15 stores, same cause: p-1: broken.", "105: 30 stores, same cause: p-1: broken.", "225: 7 stores, same cause: p-1: broken.")
	})
}

func TestManyCausesAreOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{}
		for i := range 300 {
			n.put(fmt.Sprint(i), fmt.Sprintf("cause %d", i%30), nil)
		}
		stop := n.start(Tier{To: "pager", Sender: b})
		defer stop()
		n.pass(5 * time.Minute)
		n.want(b, "0: 10 stores, same cause: p-1: cause 0. And 29 causes more.")
	})
}

func TestATierSpeaksEveryTwoMinutesAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{}
		stop := n.start(Tier{To: "pager", Sender: b})
		defer stop()
		for i := range 40 {
			n.put("1", fmt.Sprintf("cause %d", i), nil)
			n.pass(15 * time.Second)
		}
		if len(b.heard) > 6 {
			t.Errorf("%d messages in ten minutes:\n%s", len(b.heard), n.heard(b))
		}
	})
}

func TestWhatIsTakenOnIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{}
		tier := Tier{After: 10 * time.Minute, Repeat: time.Hour, To: "pager", Sender: b}
		stop := n.start(tier)
		defer stop()
		n.put("1", "broken", nil)
		n.put("2", "cold", func(i *Item) { i.Taken = true })
		n.pass(3 * time.Hour)
		n.want(b, "10: Store 1: p-1 failed", "70: Store 1: p-1 failed", "130: Store 1: p-1 failed")
		n.put("1", "broken", func(i *Item) { i.Taken = true })
		n.pass(10 * time.Hour)
		n.want(b, "10: Store 1: p-1 failed", "70: Store 1: p-1 failed", "130: Store 1: p-1 failed")
	})
}

func TestItIsOverAndComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{}
		stop := n.start(Tier{To: "pager", Sender: b})
		defer stop()
		n.put("1", "broken", nil)
		n.pass(time.Minute)
		n.drop("broken/1")
		n.pass(time.Hour)
		n.put("1", "broken", nil)
		n.pass(time.Hour)
		n.want(b, "0: Store 1: p-1 failed", "61: Store 1: p-1 failed")
		n.drop("broken/1")
		n.pass(25 * time.Hour)
		if list, _ := n.notes.Notes(t.Context(), NoteKind); len(list) != 0 {
			t.Errorf("kept for ever: %s", list[0].Body)
		}
	})
}

// A cause that was forgotten is told of when it comes again.
func TestItComesAgainAfterDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{}
		stop := n.start(Tier{To: "pager", Sender: b})
		defer stop()
		n.put("1", "broken", nil)
		n.pass(10 * time.Minute)
		n.drop("broken/1")
		n.pass(2 * 24 * time.Hour)
		if kept, _ := n.notes.Notes(t.Context(), NoteKind); len(kept) != 0 {
			t.Errorf("it is not forgotten: %v", kept)
		}
		n.put("1", "broken", nil)
		n.pass(10 * time.Minute)
		n.want(b, "0: Store 1: p-1 failed", "2890: Store 1: p-1 failed")
	})
}

func TestAReceiverThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b, other := newNight(t), &inbox{refuse: 3}, &inbox{}
		stop := n.start(Tier{To: "pager", Sender: b}, Tier{To: "other", Sender: other})
		defer stop()
		n.put("1", "broken", nil)
		n.pass(30 * time.Minute)
		n.want(b, "2: Store 1: p-1 failed")
		n.want(other, "0: Store 1: p-1 failed") // nobody waits for the other
		if len(b.ids) != 4 || len(slices.Compact(b.ids)) != 1 {
			t.Errorf("ids %v: four tries of one message", b.ids)
		}
	})
}

// What nobody took is told again, ever more rarely: a pager that is away for an hour swallows nothing.
func TestAReceiverThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{refuse: len(pauses()) + 1}
		stop := n.start(Tier{To: "pager", Sender: b})
		defer stop()
		n.put("1", "broken", nil)
		n.pass(45 * time.Minute)
		list, _ := n.notes.Notes(t.Context(), NoteKind)
		if len(b.ids) != len(pauses())+1 || len(list) != 1 || !strings.Contains(string(list[0].Body), `"failed":"busy"`) {
			t.Errorf("%d tries, kept %s", len(b.ids), list[0].Body)
		}
		n.want(b)
		n.pass(24 * time.Hour)
		n.want(b, "58: Store 1: p-1 failed")
	})
}

// A program that is told to stop at the moment at which somebody was told does not tell it again at its next start.
func TestToldAtTheVeryEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{}
		n.put("1", "broken", nil)
		var stop func()
		asked := make(chan struct{})
		slow := sender(func(ctx context.Context, m Message) error {
			close(asked)
			<-ctx.Done() // the other side had it
			return b.Send(context.WithoutCancel(ctx), m)
		})
		stop = n.start(Tier{To: "pager", Sender: slow})
		<-asked
		stop()
		stop = n.start(Tier{To: "pager", Sender: b})
		n.pass(time.Hour)
		stop()
		n.want(b, "0: Store 1: p-1 failed")
	})
}

// sender is a Sender of one function.
type sender func(ctx context.Context, m Message) error

func (s sender) Send(ctx context.Context, m Message) error { return s(ctx, m) }

// A message that is tried again counts the stores that it does not list.
func TestAMessageKeepsItsCounts(t *testing.T) {
	var items []Item
	for i := range 60 {
		items = append(items, Item{ID: fmt.Sprintf("%03d", i), Store: fmt.Sprint(100 + i), Cause: "broken", Text: "It broke."})
	}
	m := Message{Groups: []Group{groupOf(items)}}
	m = m.only(func(Item) bool { return true })
	if g := m.Groups[0]; g.Stores != 60 || g.More != 10 || m.Text != "60 stores, same cause: broken." {
		t.Errorf("%d stores, %d more: %s", g.Stores, g.More, m.Text)
	}
	m = m.only(func(i Item) bool { return i.ID != "000" })
	if g := m.Groups[0]; g.Stores != 59 || len(g.Items) != 49 || g.More != 10 {
		t.Errorf("one is over: %d stores, %d listed, %d more", g.Stores, len(g.Items), g.More)
	}
}

func TestTriesEndWhenItIsTakenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{refuse: 2}
		stop := n.start(Tier{To: "pager", Sender: b})
		defer stop()
		n.put("1", "broken", nil)
		n.pass(20 * time.Second)
		n.put("1", "broken", func(i *Item) { i.Taken = true })
		n.pass(5 * time.Hour)
		n.want(b)
	})
}

func TestACrashInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNight(t), &inbox{hang: true}
		n.put("1", "broken", nil)
		n.put("2", "broken", nil)
		stop := n.start(Tier{To: "pager", Sender: b})
		n.pass(10 * time.Second)
		stop() // the message may have arrived
		b.hang = false
		stop = n.start(Tier{To: "pager", Sender: b})
		n.pass(10 * time.Second)
		stop()
		stop = n.start(Tier{To: "pager", Sender: b})
		n.pass(24 * time.Hour)
		stop()
		n.want(b, "0: 2 stores, same cause: p-1: broken.")
		if len(b.ids) != 2 || b.ids[0] != b.ids[1] {
			t.Errorf("ids %v: the same message twice", b.ids)
		}
	})
}

func TestMessage(t *testing.T) {
	since := time.Date(2026, 11, 22, 3, 4, 0, 0, time.UTC)
	var items []Item
	for i := range 60 {
		items = append(items, Item{ID: fmt.Sprintf("%03d", i), Kind: "failed", Store: fmt.Sprint(100 + i), StoreName: "East", Patch: "p-1", Cause: "verify · broken", Text: "p-1 failed on till-1.", Since: since.Add(time.Duration(i) * time.Minute)})
	}
	m := Message{Org: "acme", Link: "https://hq/attention", Groups: []Group{groupOf(items), groupOf([]Item{{ID: "x", Kind: "not_ready", Urgent: true, Store: "7", Text: "The store cannot open.", Since: since}})}}
	m.finish()
	if want := "Store 7: The store cannot open. And 1 cause more."; m.Text != want {
		t.Errorf("text %q, want %q", m.Text, want)
	}
	letter := m.Letter("https://hq")
	for _, part := range []string{
		"Store 7: The store cannot open.\n  2026-11-22 03:04 UTC  store 7: The store cannot open.\n    https://hq/stores/7\n",
		"60 stores, same cause: p-1: verify · broken.\n  2026-11-22 03:04 UTC  store 100 East: p-1 failed on till-1.\n", "  and 10 more\n",
		"Nobody has taken this on. Acknowledge it and nobody is told of it any more: https://hq/attention\n",
	} {
		if !strings.Contains(letter, part) {
			t.Errorf("the letter lacks %q:\n%s", part, letter)
		}
	}
	if m.Items() != 61 {
		t.Errorf("%d items", m.Items())
	}
}

// TestMessageOfHeadquarters: what is of no store names none, and leads to none.
func TestMessageOfHeadquarters(t *testing.T) {
	since := time.Date(2026, 11, 22, 3, 4, 0, 0, time.UTC)
	m := Message{Org: "acme", Link: "https://hq/attention", Groups: []Group{groupOf([]Item{{ID: "proposal/p-1", Kind: "proposal", Text: "Sign the withdrawal, or drop it: p-1.", Since: since}})}}
	m.finish()
	if m.Text != "Sign the withdrawal, or drop it: p-1." || m.Groups[0].Stores != 0 {
		t.Errorf("message is %+v", m)
	}
	if letter := m.Letter("https://hq"); !strings.Contains(letter, "  2026-11-22 03:04 UTC  headquarters: Sign the withdrawal, or drop it: p-1.\n\n") {
		t.Errorf("the letter is\n%s", letter)
	}
}
