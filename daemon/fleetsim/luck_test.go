package fleetsim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/window"
)

// told is a fact that a store told at a moment.
type told struct {
	at    time.Time
	store string
	fact  board.Fact
}

// nightly is a fleet whose nights were played, told to a board as if every message came at once.
type nightly struct {
	*testing.T
	shops []*shop
	ends  map[string]time.Time // when a store had judged itself
	story []told
	board *board.Board
}

// evening is after the nights of every zone have ended.
func evening() time.Time { return time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC) }

// played lives through nights of a fleet.
func played(t *testing.T, o Options) *nightly {
	t.Helper()
	o.Org, o.Now, o.Run = "acme", evening(), "luck"
	n := &nightly{T: t, board: board.NewBoard("acme"), ends: map[string]time.Time{}}
	for i := range o.Stores {
		s, err := newShop(o, i, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		n.shops = append(n.shops, s)
		for _, d := range view.Devices(s.facts(o.Now)) {
			n.apply(s, board.Fact{Kind: board.KindDevice, Name: d.Device}, d)
		}
		span, ok := s.store.Calendar.On(window.DateOf(o.Now.In(s.store.Calendar.Zone)))
		if !ok {
			t.Fatalf("store %s has no night", s.store.ID)
		}
		if err := s.play(t.Context(), span); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.journal.records {
			n.ends[s.store.ID] = r.Event.At
			for _, f := range board.Project(r.Event, board.Mark{Stream: 1, Seq: r.Seq}, r.Event.At) {
				n.story = append(n.story, told{r.Event.At, s.store.ID, f})
			}
		}
		s.journal.records = nil
	}
	slices.SortStableFunc(n.story, func(x, y told) int { return x.at.Compare(y.at) })
	return n
}

func (n *nightly) apply(s *shop, f board.Fact, body any) {
	n.Helper()
	raw, err := json.Marshal(body)
	f.Body = raw
	if err != nil || !n.board.Apply(s.store.ID, f, evening()) {
		n.Fatalf("store %s: %s cannot be told: %v", s.store.ID, f.Kind, err)
	}
}

// advance tells the board what happened until a moment. Moments only go on.
func (n *nightly) advance(now time.Time) {
	for len(n.story) > 0 && !n.story[0].at.After(now) {
		n.board.Apply(n.story[0].store, n.story[0].fact, n.story[0].at)
		n.story = n.story[1:]
	}
}

// known tells the board what every store keeps at the broker at a moment.
func (n *nightly) known(now time.Time) {
	n.Helper()
	for _, s := range n.shops {
		n.apply(s, board.Fact{Kind: board.KindInfo}, view.Info(s.facts(now)))
		at := n.board.Store(s.store.ID)
		at.Contact = board.Contact{State: "online", At: now, Heard: now}
		if now.Before(n.ends[s.store.ID]) {
			at.Ready = board.ReadyNow{Verdict: site.Working, AsOf: now, MaxAge: 900}
			continue
		}
		n.apply(s, board.Fact{Kind: board.KindReady}, s.ready.Document())
		at.Ready.AsOf = now
	}
}

func zoneOf(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return z
}

// every calls do at moments of the night, from the first window's opening to the last one's end.
func every(step time.Duration, do func(now time.Time) (goOn bool)) {
	for now := evening().Truncate(24 * time.Hour).Add(4 * time.Hour); !now.After(evening().Truncate(24 * time.Hour).Add(15 * time.Hour)); now = now.Add(step) {
		if !do(now) {
			return
		}
	}
}

// large reports whether the figures are wanted at full size.
func large(t *testing.T) bool {
	if testing.Short() {
		t.Skip("it plays many nights; make bench-hq runs it at full size")
	}
	return os.Getenv("NIGHTFILL_BENCH_HQ") != ""
}

// baseline is the luck with which about one job in 250 breaks.
const baseline = 0.16

// TestLuckIsNotFlagged plays nights in which only luck decides: no patch is flagged, and the breaker stops
// none, at no moment of any night.
func TestLuckIsNotFlagged(t *testing.T) {
	nights, stores := 2, 40
	if large(t) {
		nights, stores = 30, 80
	}
	flagged, stopped, broke, ended := map[string]string{}, map[string]string{}, 0, 0
	for seed := range nights {
		n := played(t, Options{Stores: stores, Devices: 18, Nights: 1, Seed: uint64(100 + seed), Luck: baseline, Bad: map[string]float64{}})
		n.known(evening())
		every(15*time.Minute, func(now time.Time) bool {
			n.advance(now)
			for _, p := range overview.Look(n.board, overview.Options{Now: now, Zone: zoneOf}).Patches {
				if p.Flag != nil {
					flagged[fmt.Sprint(seed, p.ID)] = p.Flag.Text
				}
			}
			for _, p := range breaker.Propose(n.board, breaker.Options{Policy: breaker.DefaultPolicy(), Now: now}) {
				stopped[fmt.Sprint(seed, p.Patch)] = p.String()
			}
			return true
		})
		for _, p := range overview.Look(n.board, overview.Options{Now: evening()}).Patches {
			broke, ended = broke+p.Broke, ended+p.Ended
		}
	}
	t.Logf("FIGURE H6 %d patches flagged and %d stopped by luck alone in %d nights of %d stores with 18 devices, seen every quarter of an hour, in which %s of the jobs broke; none is wanted",
		len(flagged), len(stopped), nights, stores, overview.Percent(float64(broke)/float64(ended)))
	for key, text := range flagged {
		t.Errorf("flagged in night %s: %s", key, text)
	}
	for key, text := range stopped {
		t.Errorf("stopped in night %s: %s", key, text)
	}
}

// TestBadPatchIsFlagged has one patch break a device of twenty on one model, besides luck, and wants it
// flagged with its model and cause after few failures or soon.
func TestBadPatchIsFlagged(t *testing.T) {
	const model, failures, soon = "hp-rp5810", 10, 15 * time.Minute
	pos := products()[1]
	patch := pos.pkg + "-" + pos.after
	nights, stores := 1, 200
	if large(t) {
		nights, stores = 10, 240
	}
	most, longest := 0, time.Duration(0)
	for seed := range nights {
		n := played(t, Options{Stores: stores, Devices: 18, Nights: 1, Seed: uint64(300 + seed), Luck: baseline, Bad: map[string]float64{patch + "/" + model: 0.05}})
		n.known(evening())
		var first time.Time
		done := false
		every(5*time.Minute, func(now time.Time) bool {
			n.advance(now)
			for _, p := range overview.Look(n.board, overview.Options{Now: now, Zone: zoneOf}).Patches {
				if p.ID == patch && p.Broke > 0 && first.IsZero() {
					first = now
				}
				if p.Flag == nil {
					continue
				}
				if p.ID != patch || p.Flag.Model != model && p.Flag.Model != "" || p.Flag.Code != string(site.CodeVerifyFailed) || !strings.Contains(p.Flag.Signature, pos.pkg) {
					t.Errorf("night %d: %s %+v", seed, p.ID, p.Flag)
				}
				if p.Flag.Broke > failures && now.Sub(first) > soon {
					t.Errorf("night %d: flagged after %d failures and %s", seed, p.Flag.Broke, now.Sub(first))
				}
				done, most, longest = true, max(most, p.Flag.Broke), max(longest, now.Sub(first))
			}
			return !done
		})
		if !done {
			p, _ := overview.Look(n.board, overview.Options{Now: evening(), Zone: zoneOf}).Patch(patch)
			t.Errorf("night %d: not flagged, and %d of %d broke, where %s is usual", seed, p.Broke, p.Ended, overview.Percent(p.Usual))
		}
	}
	t.Logf("FIGURE H6 a patch that breaks 5 %% of one model is flagged with its cause after at most %d failures, or %s after the first, in %d nights of %d stores with 18 devices; %d failures or %s are wanted",
		most, longest, nights, stores, failures, soon)
}

// TestNormalNightIsQuiet counts what a night in which only luck decides asks of people, by cause.
func TestNormalNightIsQuiet(t *testing.T) {
	stores, devices := 60, 12
	if large(t) {
		stores, devices = 2000, 36
	}
	n := played(t, Options{Stores: stores, Devices: devices, Nights: 1, Seed: 7, Luck: baseline, Bad: map[string]float64{}})
	seen, kinds, hours, worst := map[string]bool{}, map[overview.Kind]int{}, 0, 0
	every(time.Hour, func(now time.Time) bool {
		n.advance(now)
		n.known(now)
		fresh := 0
		for _, g := range overview.Look(n.board, overview.Options{Now: now, Zone: zoneOf}).Groups {
			if !seen[g.ID] {
				seen[g.ID] = true
				kinds[g.Kind]++
				fresh++
			}
		}
		hours, worst = hours+1, max(worst, fresh)
		return true
	})
	var words []string
	for k, count := range kinds {
		words = append(words, fmt.Sprintf("%d %s", count, k.Word()))
	}
	slices.SortFunc(words, cmp.Compare[string])
	rate := float64(len(seen)) / float64(hours)
	t.Logf("FIGURE H10 %.1f things an hour need someone in a normal night of %d stores with %d devices, by cause (%s), %d in the worst hour; 6 are wanted", rate, stores, devices, strings.Join(words, ", "), worst)
	if rate > 6 {
		t.Errorf("%.1f an hour: %v", rate, slices.Sorted(maps.Keys(seen)))
	}
}
