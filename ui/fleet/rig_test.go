package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/reports"
)

// world is headquarters without a broker and a database: a board, a history and a register in memory.
type world struct {
	mu      sync.Mutex
	board   *board.Board
	changed chan struct{}
	now     time.Time
	line    page.Line
	role    string

	hinted  []string // asked to look
	unheard int      // of those that are asked, so many are not, for want of a broker
	held    map[string]string
	noKey   bool

	events []board.Event
	notes  map[string]board.Note
	deeds  []board.Deed
	days   map[board.Kind]map[string][]board.Day // by store, the oldest first
}

// EachDays implements Days.
func (w *world) EachDays(_ context.Context, q board.DayQuery, do func(store string, days []board.Day) error) error {
	for _, store := range q.Stores {
		var some []board.Day
		for _, d := range w.days[q.Kind][store] {
			if q.From <= d.Date && d.Date <= q.To {
				some = append(some, d)
			}
		}
		if err := do(store, some); err != nil {
			return err
		}
	}
	return nil
}

// Firsts implements Firsts: of the first store headquarters was told lately.
func (w *world) Firsts(_ context.Context, stores []string) (map[string]map[string]time.Time, error) {
	found := map[string]map[string]time.Time{}
	for _, id := range stores {
		first := map[string]time.Time{}
		if s := w.board.Stores[id]; s != nil {
			for _, d := range s.Devices {
				if first[d.ID] = morning().AddDate(0, -6, 0); id == "0001" {
					first[d.ID] = morning().AddDate(0, 0, -3)
				}
			}
		}
		found[id] = first
	}
	return found, nil
}

// keepDay puts a fact of a store under its date.
func (w *world) keepDay(kind board.Kind, store, date string, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	w.keepFact(store, date, board.Fact{Kind: kind, Name: date, Body: raw})
}

func (w *world) keepFact(store, date string, f board.Fact) {
	if w.days == nil {
		w.days = map[board.Kind]map[string][]board.Day{}
	}
	if w.days[f.Kind] == nil {
		w.days[f.Kind] = map[string][]board.Day{}
	}
	w.days[f.Kind][store] = append(w.days[f.Kind][store], board.Day{Date: date, Fact: f})
}

// morning is when most stores have ended their night, and some have not opened yet.
func morning() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC) }

// chain is the shops of most tests: with a bad patch, silent stores and lost events.
func chain(stores int) boardtest.Chain {
	return boardtest.Chain{Seed: 7, Stores: stores, Devices: 18, Bad: map[string]float64{"pos-app-4.2.1/ncr-7606": 0.08}, Silent: 0.03}
}

func newWorld(c boardtest.Chain, now time.Time) *world {
	return &world{board: c.Board(now), changed: make(chan struct{}), now: now, line: page.Line{Connected: true}, role: page.Manager, notes: map[string]board.Note{}}
}

func (w *world) View(read func(*board.Board)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	read(w.board)
}

func (w *world) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// become replaces the board.
func (w *world) become(b *board.Board, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.board, w.now = b, now
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time go on.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Events(_ context.Context, q board.Query) ([]board.Event, error) {
	var found []board.Event
	for _, e := range w.events {
		v := e.Event()
		if e.Store == q.Store && (q.Device == "" || v.Device == q.Device) && (q.Patch == "" || v.Patch == q.Patch) && (q.After.Seq == 0 || e.Seq > q.After.Seq) &&
			(q.From.IsZero() || !v.At.Before(q.From)) && (q.To.IsZero() || v.At.Before(q.To)) {
			found = append(found, e)
		}
	}
	if q.Newest {
		slices.Reverse(found)
	}
	return found[:min(len(found), max(q.Limit, 1))], nil
}

func (w *world) Facts(_ context.Context, store string, kinds ...board.Kind) ([]board.Fact, error) {
	all := []board.Fact{
		{Kind: board.KindPackages, Name: "till-1", Body: json.RawMessage(`{"openssl":"3.5.4","pos-app":"4.2.1"}`)},
		{Kind: board.KindNight, Name: "2026-09-01", Body: json.RawMessage(`{"night":"2026-09-01","summary":"35 done","total":35,"settled":35}`)},
		{Kind: board.KindNightOpened, Name: "2026-09-01", Body: json.RawMessage(`{}`)},
	}
	for _, days := range w.days {
		for _, d := range days[store] {
			all = append(all, d.Fact)
		}
	}
	return slices.DeleteFunc(all, func(f board.Fact) bool { return !slices.Contains(kinds, f.Kind) }), nil
}

// EachEvent gives all events of a store after a mark.
func (w *world) EachEvent(_ context.Context, q board.Query, do func(board.Event) error) error {
	for _, e := range w.events {
		if e.Store != q.Store || !(board.Mark{Stream: e.No, Seq: e.Seq}).After(q.After) {
			continue
		}
		if err := do(e); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Notes(_ context.Context, kind string) ([]board.Note, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []board.Note
	for _, n := range w.notes {
		if n.Kind == kind && n.Body != nil {
			list = append(list, n)
		}
	}
	return list, nil
}

func (w *world) Keep(_ context.Context, n board.Note) (board.Note, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.notes[n.ID]
	if was.Version != n.Version && (was.Body != nil || n.Version != 0) {
		return n, board.ErrConflict
	}
	n.Version = was.Version + 1
	w.notes[n.ID] = n
	return n, nil
}

func (w *world) Record(_ context.Context, d board.Deed) (board.Deed, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d.Seq = int64(len(w.deeds) + 1)
	w.deeds = append(w.deeds, d)
	return d, nil
}

func (w *world) NewestDeeds(_ context.Context, before int64, limit int) ([]board.Deed, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []board.Deed
	for _, d := range slices.Backward(w.deeds) {
		if (before <= 0 || d.Seq < before) && len(found) < limit {
			found = append(found, d)
		}
	}
	return found, nil
}

func (w *world) Look(_ context.Context, stores []string) (int, error) {
	n := max(0, len(stores)-w.unheard)
	w.hinted = append(w.hinted, stores[:n]...)
	if w.unheard > 0 {
		return n, errors.New("there is no connection to the broker: try again in a moment")
	}
	return n, nil
}

func (w *world) CanHold() bool { return !w.noKey }

func (w *world) HoldStores(_ context.Context, stores []string, reason, by string, now time.Time) error {
	if reason == "the disk is full" {
		return errors.New("cannot publish: no space left on device")
	}
	w.held = map[string]string{}
	for _, s := range stores {
		w.held[s] = reason + " (" + by + ")"
	}
	return nil
}

func (w *world) Stop(_ context.Context, patch, reason, by string, now time.Time) (string, error) {
	if reason == "it is held already" {
		return "", errors.New(patch + " is held already")
	}
	d := breaker.Decision{Proposal: breaker.Proposal{Patch: patch, At: now, Key: patch + "@1"}, How: breaker.Held, Text: patch + ", by " + by + ": " + reason}
	if w.noKey || reason == "the disk is full" {
		d.How = breaker.Drafted
	}
	body, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	if _, err := w.Keep(context.Background(), board.Note{Kind: breaker.NoteKind, ID: d.Key, Body: body, Version: w.notes[d.Key].Version}); err != nil {
		return "", err
	}
	if reason == "the disk is full" {
		return d.How, errors.New("cannot hold " + patch + " at once: no space left on device")
	}
	return d.How, nil
}

func (w *world) options() Options {
	return Options{
		Hinter: w, Holds: w, Stopper: w,
		Source: w, History: w, Register: w, Now: w.time, Version: "nightfill-hq 1.0.0", Log: slog.Default(),
		Actor: func(*http.Request) (string, string) { return "kim", w.role },
		Line:  func() page.Line { return w.line },
		Shift: func(_ context.Context, store, date string) ([]reports.Shift, error) {
			return []reports.Shift{
				{Device: "till-1", Class: "linux-server", Patch: "pos-app-4.2.1", State: site.RolledBack, Code: "verify_failed", Reason: "=its service did not start", Attempts: 1, Took: 9 * time.Minute},
				{Device: "till-2", Class: "linux-server", Patch: "pos-app-4.2.1", State: site.Done, Verified: morning().Add(-6 * time.Hour)},
				{Device: "pinpad-1", Class: "observe", State: site.NotDue, Code: "observe_only", Reason: "it is never touched"},
			}, nil
		},
		Night: func(_ context.Context, store, date string) ([]byte, error) {
			if date != "2026-11-21" {
				return nil, nil
			}
			return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 60"><rect x="10" y="10" width="200" height="12" fill="#2a6fc4"/><text x="10" y="50">` + store + `</text></svg>`), nil
		},
	}
}

// tell puts a short history of a store beside the board, with one event missing.
func (w *world) tell(store string) {
	at := morning().Add(-4 * time.Hour)
	for i, k := range []run.Kind{run.NightOpened, run.StepStarted, run.StepEnded, run.StepEnded, run.NightClosed} {
		seq := uint64(100 + i)
		if i >= 3 {
			seq += 2
		}
		e := run.Event{Kind: k, At: at.Add(time.Duration(i) * time.Minute)}
		if k == run.StepStarted || k == run.StepEnded {
			e.Device, e.Patch, e.Step = "till-1", "pos-app-4.2.1", run.Install
		}
		w.events = append(w.events, boardtest.Event(store, seq, e))
	}
}

// get asks for an address and returns the status and the body.
func get(t *testing.T, h http.Handler, address string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", address, nil))
	return rec.Code, rec.Body.String()
}

// want asks for an address and wants these parts in the answer.
func want(t *testing.T, h http.Handler, address string, parts ...string) string {
	t.Helper()
	status, body := get(t, h, address)
	if status != http.StatusOK {
		t.Errorf("GET %s: %d\n%.600s", address, status, body)
	}
	for _, p := range parts {
		if !strings.Contains(body, p) {
			t.Errorf("GET %s: no %q in\n%.3000s", address, p, body)
		}
	}
	return body
}
