package overview

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/boardtest"
)

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		hits, of  int
		low, high float64
	}{{0, 0, 0, 1}, {0, 10, 0, 0.2775}, {9, 120, 0.0400, 0.1364}, {10, 10, 0.7225, 1}} {
		if r := Wilson(c.hits, c.of); math.Abs(r.Low-c.low) > 0.0001 || math.Abs(r.High-c.high) > 0.0001 {
			t.Errorf("%d of %d: %+v, want %.4f to %.4f", c.hits, c.of, r, c.low, c.high)
		}
	}
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{0: "0 %", 0.00001: "< 0.01 %", 0.004: "0.4 %", 0.0045: "0.45 %", 0.075: "7.5 %", 0.5: "50 %"} {
		if got := Percent(share); got != want {
			t.Errorf("%g is written %q, want %q", share, got, want)
		}
	}
}

// nights are how many simulated nights the rule of the flag is held to.
func nights(t *testing.T) int {
	if testing.Short() {
		return 2
	}
	return 30
}

// On nights that go as usual no patch is flagged, at no moment; nor where one store has a trouble of its own.
func TestNoiseIsNotFlagged(t *testing.T) {
	looks := 0
	for n := range nights(t) {
		c := boardtest.Chain{Seed: uint64(1000 + n), Stores: 200, Devices: 18, Patches: 5}
		for minutes := 60; minutes <= 600; minutes += 60 {
			now := at(4).Add(time.Duration(minutes) * time.Minute)
			b := c.Board(now)
			trouble(b)
			looks++
			for _, p := range Look(b, Options{Now: now}).Patches {
				if p.Flag != nil {
					t.Errorf("night %d, minute %d: %s", n, minutes, p.Flag.Text)
				}
			}
		}
	}
	t.Logf("%d looks at %d nights", looks, nights(t))
}

// trouble breaks everything in two stores that has ended.
func trouble(b *board.Board) {
	for _, s := range b.Sorted()[:2] {
		for _, d := range s.Devices {
			for _, j := range d.Jobs {
				if j.State == site.Done {
					j.State, j.Code = site.RolledBack, site.CodeTimedOut
				}
			}
		}
	}
}

// A patch that breaks one device of twenty on one model is flagged within ten failures or a quarter of
// an hour after the first, with the right cause and the right model, in every night.
func TestBadPatchIsFlagged(t *testing.T) {
	most := 0
	for n := range nights(t) {
		c := boardtest.Chain{Seed: uint64(2000 + n), Stores: 2400, Devices: 2, Patches: 1, Bad: map[string]float64{"pos-app-4.2.1/ncr-7606": 0.05}}
		failures, first := 0, time.Time{}
		for now := at(4); ; now = now.Add(2 * time.Minute) {
			if now.After(at(12)) {
				t.Fatalf("night %d: it was never flagged", n)
			}
			p, _ := Look(c.Board(now), Options{Now: now}).Patch("pos-app-4.2.1")
			if p.Broke > 0 && first.IsZero() {
				first = now
			}
			if p.Flag == nil {
				failures = p.Broke
				continue
			}
			if failures > 10 && now.Sub(first) > 15*time.Minute {
				t.Errorf("night %d: flagged after %d failures and %v", n, failures, now.Sub(first))
			}
			if p.Flag.Model != "ncr-7606" && p.Flag.Model != "" || p.Flag.Code != "verify_failed" || !strings.Contains(p.Flag.Signature, "service pos-app did not start") {
				t.Errorf("night %d: %+v", n, p.Flag)
			}
			most = max(most, failures)
			break
		}
	}
	t.Logf("at most %d failures were known two minutes before a flag, in %d nights", most, nights(t))
}

// The other patches on the same machines are not thought worse because one is bad.
func TestBadPatchMakesNothingUsual(t *testing.T) {
	c := boardtest.Chain{Seed: 5, Stores: 150, Devices: 18, Bad: map[string]float64{"pos-app-4.2.1": 0.2}}
	v := Look(c.Board(at(9)), Options{Now: at(9)})
	bad, _ := v.Patch("pos-app-4.2.1")
	if want := "Pause patch pos-app-4.2.1: "; bad.Flag == nil || !strings.HasPrefix(bad.Flag.Text, want) || v.Patches[0].ID != bad.ID {
		t.Errorf("the bad one: %+v, the first is %s", bad.Flag, v.Patches[0].ID)
	}
	if other, _ := v.Patch("openssl-3.5.4"); other.Flag != nil || other.Usual > 0.006 {
		t.Errorf("another on the same machines: usual %v, flag %+v", other.Usual, other.Flag)
	}
}

// Where every patch breaks one device of twelve, none is worse than usual; one that breaks half is.
func TestAllBreakAlike(t *testing.T) {
	c := boardtest.Chain{Seed: 5, Stores: 200, Devices: 18, Patches: 5, Fails: 0.08}
	for _, p := range Look(c.Board(at(9)), Options{Now: at(9)}).Patches {
		if p.Flag != nil && p.ID != "win-cu-2026-11" { // alone on its machines: nothing tells what is usual there
			t.Errorf("all break alike: %s", p.Flag.Text)
		}
	}
	c.Bad = map[string]float64{"openssl-3.5.4": 0.5}
	if p, _ := Look(c.Board(at(9)), Options{Now: at(9)}).Patch("openssl-3.5.4"); p.Flag == nil {
		t.Error("half of the devices break, and nothing is said")
	}
}

// In a normal night there are few things to do for a person: at most six new ones an hour, grouped.
func TestNormalNightIsQuiet(t *testing.T) {
	c := boardtest.Chain{Seed: 11, Stores: 2000}
	if testing.Short() {
		c.Stores = 120
	}
	seen := map[string]bool{}
	hours := 0
	for now := at(4); !now.After(at(14)); now = now.Add(time.Hour) {
		for _, g := range Look(c.Board(now), Options{Now: now}).Groups {
			seen[g.ID] = true
		}
		hours++
	}
	if rate := float64(len(seen)) / float64(hours); rate > 6 {
		t.Errorf("%.1f things an hour: %v", rate, seen)
	} else {
		t.Logf("%.1f things an hour", rate)
	}
}

func TestGroups(t *testing.T) {
	b := board.NewBoard("acme")
	for i := range 3 {
		s := b.Store(fmt.Sprint(i + 1))
		s.Contact = board.Contact{State: "online", Heard: at(7)}
		job(s, site.RolledBack, at(5+i/2), func(j *board.Job) { j.FailedCode, j.Signature = site.CodeVerifyFailed, "verify · verify_failed" })
	}
	b.Patches["p-1"] = site.Patch{ID: "p-1", Owner: "tills"}
	look := func(kept map[string]Attention) *Overview { return Look(b, Options{Now: at(7), Kept: kept}) }

	v := look(nil)
	if len(v.Groups) != 1 || v.Groups[0].Title != "3 stores, same cause: p-1: verify · verify_failed" || v.Groups[0].Items != 3 || v.Groups[0].Owner != "tills" {
		t.Fatalf("groups: %+v", v.Groups)
	}
	id := "rolled_back/1/till-1/p-1"
	if next := v.Items[0].Next; v.Items[0].ID != id || !next.Equal(at(5).Add(24*time.Hour)) {
		t.Errorf("the first item is %s, told next at %v", v.Items[0].ID, next)
	}

	ack, err := Attention{}.Say(VerbAck, Said{By: "kim", At: at(6)})
	if err != nil {
		t.Fatal(err)
	}
	if v = look(map[string]Attention{id: ack}); v.Groups[0].Acked != 1 || v.Items[0].Owner != "kim" || !v.Items[0].Next.IsZero() {
		t.Errorf("taken on: %+v, %+v", v.Groups[0], v.Items[0])
	}
	// The same thing came again since: nobody has seen that.
	ack.Acked.At = at(4)
	if v = look(map[string]Attention{id: ack}); v.Items[0].Acked != nil {
		t.Errorf("taken on before it came again: %+v", v.Items[0])
	}
	shelf, err := Attention{}.Say(VerbShelve, Said{By: "kim", At: at(6), Until: at(8), Note: "parts"})
	if err != nil {
		t.Fatal(err)
	}
	if v = look(map[string]Attention{id: shelf}); v.Groups[0].Items != 2 || len(v.Shelved) != 1 || v.Shelved[0].Items != 1 {
		t.Errorf("shelved: %+v, %+v", v.Groups, v.Shelved)
	}
	if v = Look(b, Options{Now: at(8), Kept: map[string]Attention{id: shelf}}); v.Groups[0].Items != 3 || len(v.Shelved) != 0 {
		t.Errorf("after its time: %+v, %+v", v.Groups, v.Shelved)
	}
}

func TestEscalation(t *testing.T) {
	for _, c := range []struct {
		urgency Urgency
		after   time.Duration
		tier    int
		next    time.Duration // after Since; 0 = never
	}{
		{Now, 0, 0, 15 * time.Minute}, {Now, 15 * time.Minute, 1, time.Hour}, {Now, 2 * time.Hour, 2, 3 * time.Hour}, {Now, 9 * time.Hour, 3, 0},
		{Today, 0, 0, 24 * time.Hour}, {Today, 25 * time.Hour, 1, 0},
	} {
		i := Item{Urgency: c.urgency, Since: at(1)}
		i.escalate(Options{Now: at(1).Add(c.after)})
		want := time.Time{}
		if c.next > 0 {
			want = at(1).Add(c.next)
		}
		if i.Tier != c.tier || !i.Next.Equal(want) {
			t.Errorf("%s after %v: tier %d, next %v; want %d, %v", c.urgency, c.after, i.Tier, i.Next, c.tier, want)
		}
	}
}

func TestSearch(t *testing.T) {
	c := boardtest.Chain{Seed: 1, Stores: 50, Bad: map[string]float64{"pos-app-4.2.1": 0.3}}
	b := c.Board(at(9))
	v := Look(b, Options{Now: at(9)})
	for query, want := range map[string]string{
		"0042": "store 0042", "CVE-2026-1234": "cve CVE-2026-1234", "pos-app-4.2.1": "patch pos-app-4.2.1", "pos-app did not start": "signature verify · verify_failed · service pos-app did not start within # s",
		"0042 till-1": "device till-1", "hh-03": "device hh-03",
	} {
		hits, total := v.Search(b, query, 0, 5)
		if total == 0 || len(hits) == 0 {
			t.Errorf("%q finds nothing", query)
		} else if got := hits[0].Kind + " " + hits[0].ID; got != want {
			t.Errorf("%q finds %q first, want %q", query, got, want)
		}
	}
	for query, want := range map[string]int{"": 0, "   ": 0, "zzz": 0, "till-1": 50, "1": 0} {
		if _, total := v.Search(b, query, 0, 5); total != want {
			t.Errorf("%q finds %d, want %d", query, total, want)
		}
	}
	if hits, total := v.Search(b, "hh", 10_000, 5); len(hits) != 0 || total == 0 {
		t.Errorf("past the end: %d of %d", len(hits), total)
	}
}
