package ready_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// box is a box as it goes through a day: true is the time that passes, wall the one that its clock shows.
type box struct {
	true, offset time.Duration            // since the day began; what the clock is wrong by
	started      time.Duration            // true time of this start
	taken        map[string]time.Duration // true time at which each result was taken
	in           ready.Input
}

func (b *box) wall() time.Time { return now.Add(b.true + b.offset) }

func (b *box) restart() {
	b.started, b.in.Started, b.in.Ages = b.true, b.wall(), map[string]time.Duration{}
}

// round looks at some of the checks: a stalled or cut round leaves the others as they were.
func (b *box) round(looked int) {
	for i, c := range b.in.Store.Checks {
		if looked&(1<<i) != 0 {
			b.in.Results[c.ID] = site.CheckResult{Check: c.ID, Device: c.Device, Outcome: site.Pass, At: b.wall()}
			b.taken[c.ID] = b.true
			b.in.Ages[c.ID] = 0
		}
	}
}

func (b *box) judge() ready.Report {
	b.in.Now = b.wall()
	for id := range b.in.Ages {
		b.in.Ages[id] = b.true - b.taken[id]
	}
	return ready.Judge(b.in)
}

// TestNeverAStaleGreen lets time pass, clocks jump, rounds stall and the daemon start again, with
// the results of earlier starts still there: a green page rests on looks of this start that are young enough.
func TestNeverAStaleGreen(t *testing.T) {
	greens := 0
	rapid.Check(t, func(t *rapid.T) {
		b := &box{taken: map[string]time.Duration{}, in: ready.Input{Store: shop(), Results: map[string]site.CheckResult{}}}
		b.restart()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2, 3:
				b.true += time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute
			case 4:
				b.offset += time.Duration(rapid.IntRange(-90, 90).Draw(t, "jump")) * time.Minute
			case 5:
				b.restart()
			case 6:
				b.round(rapid.IntRange(0, 63).Draw(t, "looked"))
			default:
				b.round(63)
			}
			r := b.judge()
			for _, l := range r.Looked {
				if at, taken := b.taken[l.Check]; l.Good && (!taken || at < b.started || b.true-at > ready.DefaultMaxAge) {
					t.Fatalf("at %v %s counts as good: it was looked at %v, this start was at %v", b.true, l.Check, at, b.started)
				}
			}
			if !green(r.Verdict) {
				continue
			}
			greens++
			if len(r.Looked) != len(b.in.Store.Checks) {
				t.Fatalf("%d of %d checks are told of", len(r.Looked), len(b.in.Store.Checks))
			}
			for _, c := range b.in.Store.Checks {
				at, taken := b.taken[c.ID]
				if c.Capability == "" && !c.Optional && (!taken || at < b.started || b.true-at > ready.DefaultMaxAge) {
					t.Fatalf("%s at %v with a clock that is %v off: %s was looked at %v, this start was at %v", r.Verdict, b.true, b.offset, c.ID, at, b.started)
				}
			}
			if sell := r.Capabilities[0]; sell.Working < sell.Floor {
				t.Fatalf("%s with %+v", r.Verdict, sell)
			}
			young := 0
			for _, c := range b.in.Store.Checks[:4] {
				if at, taken := b.taken[c.ID]; taken && at >= b.started && b.true-at <= ready.DefaultMaxAge {
					young++
				}
			}
			if young < 2 {
				t.Fatalf("%s although only %d tills were looked at lately", r.Verdict, young)
			}
		}
	})
	if greens == 0 {
		t.Error("nothing was ever green: the property proved nothing")
	}
}
