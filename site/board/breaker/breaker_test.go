package breaker_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/policy"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func catalog() []site.Approved {
	return []site.Approved{{Patch: site.Patch{ID: "p-1", Artifacts: []site.Artifact{{SHA256: "aa"}}}, Release: &site.Release{Ring: site.RingFleet}}}
}

// fleet makes stores of a ring that tried p-1 on two devices each, of which the first ones broke one.
func fleet(b *board.Board, ring site.Ring, stores, broken int, state site.State) {
	for i := range stores {
		s := b.Store(fmt.Sprintf("%s-%d", ring, i))
		s.Info.Ring = ring
		for k := range 2 {
			j := s.Device(fmt.Sprintf("till-%d", k)).Job("p-1")
			j.State, j.Started, j.Verified = site.Done, board.At(noon().Add(-time.Hour)), board.At(noon())
			if k == 0 && i < broken {
				j.State, j.Verified, j.Failed, j.FailedCode = state, 0, board.At(noon().Add(time.Duration(-i)*time.Minute)), site.CodeVerifyFailed
				j.Signature = []string{"verify · tills", "verify · db"}[one(i > 2)]
			}
		}
	}
}

// quarantine has the first stores of a ring put p-1 into quarantine.
func quarantine(b *board.Board, ring site.Ring, stores int) {
	for i := range stores {
		b.Stores[fmt.Sprintf("%s-%d", ring, i)].Quarantines["p-1"] = site.Quarantine{Patch: "p-1", Since: noon()}
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func propose(b *board.Board, change func(*breaker.Options)) []breaker.Proposal {
	o := breaker.Options{Catalog: catalog(), Policy: breaker.DefaultPolicy(), Now: noon()}
	if change != nil {
		change(&o)
	}
	return breaker.Propose(b, o)
}

func TestPropose(t *testing.T) {
	for _, c := range []struct {
		name    string
		arrange func(*board.Board)
		change  func(*breaker.Options)
		want    string // "": nothing is proposed
	}{
		{"all good", func(b *board.Board) { fleet(b, site.RingFleet, 50, 0, "") }, nil, ""},
		{"too many", func(b *board.Board) { fleet(b, site.RingFleet, 40, 9, site.RolledBack) }, nil,
			"p-1 broke 9 of 40 stores of ring fleet that tried it (22.5 %; the limit is 5 %, and 3 at least), 9 of 80 devices, 6 with: verify · db"},
		{"just the share", func(b *board.Board) { fleet(b, site.RingFleet, 60, 3, site.RolledBack) }, nil, ""},
		{"the usual misfortune", func(b *board.Board) { fleet(b, site.RingFleet, 40, 3, site.Failed) }, nil, ""},
		{"more than the share", func(b *board.Board) { fleet(b, site.RingFleet, 59, 8, site.Failed) }, func(o *breaker.Options) { o.Policy[site.RingFleet] = breaker.Limit{Stores: 3, Percent: 5} },
			"p-1 broke 8 of 59 stores of ring fleet that tried it (13.6 %; the limit is 5 %, and 3 at least), 8 of 118 devices, 5 with: verify · db"},
		{"more than the share, by luck", func(b *board.Board) { fleet(b, site.RingFleet, 59, 3, site.Failed) }, func(o *breaker.Options) { o.Policy[site.RingFleet] = breaker.Limit{Stores: 3, Percent: 5} }, ""},
		{"two tills of a small pilot ring", func(b *board.Board) { fleet(b, site.RingPilot, 23, 2, site.Failed) }, func(o *breaker.Options) { o.Policy[site.RingPilot] = breaker.Limit{Stores: 2, Percent: 5, Devices: 4} }, ""},
		{"too few stores", func(b *board.Board) { fleet(b, site.RingFleet, 2, 2, site.RollbackFailed) }, nil, ""},
		{"both of the lab", func(b *board.Board) { fleet(b, site.RingLab, 2, 2, site.RollbackFailed) }, nil,
			"p-1 broke 2 of 2 stores of ring lab that tried it (100.0 %; the limit is 25 %, and 1 at least), 2 of 4 devices, 2 with: verify · tills"},
		{"one device of the lab is luck", func(b *board.Board) { fleet(b, site.RingLab, 1, 1, site.RollbackFailed) }, nil, ""},
		{"rings are apart", func(b *board.Board) {
			fleet(b, site.RingFleet, 100, 2, site.Failed)
			fleet(b, site.RingPilot, 50, 2, site.Failed)
		}, nil, ""},
		{"the widest ring is named", func(b *board.Board) {
			fleet(b, site.RingFleet, 4, 4, site.Failed)
			fleet(b, site.RingPilot, 4, 4, site.Failed)
		}, nil, "of ring fleet"},
		{"quarantined", func(b *board.Board) {
			fleet(b, site.RingPilot, 6, 0, "")
			quarantine(b, site.RingPilot, 3)
		}, nil, "p-1 broke 3 of 6 stores of ring pilot"},
		{"a share of the canaries", func(b *board.Board) {
			fleet(b, site.RingFleet, 200, 0, "")
			quarantine(b, site.RingFleet, 11)
		}, nil, "p-1 broke 11 of 200 stores of ring fleet that tried it (5.5 %; the limit is 5 %, and 3 at least), 0 of 400 devices"},
		{"the usual misfortune of canaries", func(b *board.Board) {
			fleet(b, site.RingFleet, 200, 11, site.Failed)
			quarantine(b, site.RingFleet, 4)
		}, nil, ""},
		{"it waits for another night", func(b *board.Board) {
			fleet(b, site.RingPilot, 4, 3, site.Queued)
		}, nil, "p-1 broke 3 of 4 stores"},
		{"it went well since", func(b *board.Board) {
			fleet(b, site.RingPilot, 4, 2, site.Done)
			for _, s := range b.Stores {
				s.Devices["till-0"].Find("p-1").Verified = board.At(noon().Add(time.Minute))
			}
		}, nil, ""},
		{"wanted off by people", func(b *board.Board) {
			fleet(b, site.RingPilot, 4, 4, site.RolledBack)
			for _, s := range b.Stores {
				s.Devices["till-0"].Find("p-1").FailedCode = site.CodeTakenBack
			}
		}, nil, ""},
		{"withdrawn already", func(b *board.Board) { fleet(b, site.RingFleet, 4, 4, site.Failed) }, func(o *breaker.Options) { o.Catalog[0].Withdrawn = &site.Withdrawal{} }, ""},
		{"held already", func(b *board.Board) { fleet(b, site.RingFleet, 4, 4, site.Failed) }, func(o *breaker.Options) { o.Catalog[0].Held = &site.PatchHold{} }, ""},
		{"before people let it go again", func(b *board.Board) { fleet(b, site.RingFleet, 4, 4, site.Failed) },
			func(o *breaker.Options) { o.Lifted = map[string]time.Time{"p-1": noon()} }, ""},
		{"again since people let it go", func(b *board.Board) { fleet(b, site.RingFleet, 4, 4, site.Failed) },
			func(o *breaker.Options) { o.Lifted = map[string]time.Time{"p-1": noon().Add(-2 * time.Hour)} }, "p-1 broke 4 of 4"},
		{"switched off", func(b *board.Board) { fleet(b, site.RingFleet, 4, 4, site.Failed) }, func(o *breaker.Options) { o.Policy = nil }, ""},
		{"no catalog", func(b *board.Board) {
			fleet(b, site.RingFleet, 4, 4, site.Failed)
			b.Patches["p-1"] = catalog()[0].Patch
		}, func(o *breaker.Options) { o.Catalog = nil }, "p-1 broke 4 of 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := board.NewBoard("acme")
			c.arrange(b)
			var text []string
			for _, p := range propose(b, c.change) {
				text = append(text, p.String())
			}
			got := strings.Join(text, "; ")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("proposed %q, want %q", got, c.want)
			}
		})
	}
}

// TestNeverTwice: the same patch in the same generation is proposed once; a new generation is another.
func TestNeverTwice(t *testing.T) {
	b := board.NewBoard("acme")
	fleet(b, site.RingFleet, 4, 4, site.Failed)
	made := propose(b, nil)
	digest := policy.Digest(catalog()[0].Patch)
	if len(made) != 1 || made[0].Key != "p-1@"+digest[:12] || made[0].Digest != digest || !made[0].First.Equal(noon().Add(-3*time.Minute)) {
		t.Fatalf("proposed %+v", made)
	}
	known := map[string]bool{made[0].Key: true}
	if again := propose(b, func(o *breaker.Options) { o.Known = known }); len(again) != 0 {
		t.Errorf("proposed again: %+v", again)
	}
	for name, change := range map[string]func(*breaker.Options){
		"lifted":      func(o *breaker.Options) { o.Lifted = map[string]time.Time{"p-1": noon().Add(-2 * time.Hour)} },
		"other bytes": func(o *breaker.Options) { o.Catalog[0].Patch.Artifacts[0].SHA256 = "bb" },
	} {
		if got := propose(b, func(o *breaker.Options) { o.Known = known; change(o) }); len(got) != 1 || known[got[0].Key] {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestNoise: in 30 nights of a fleet in which one device in 250 breaks, nothing is proposed; a patch
// that breaks one store in twelve is proposed before it tried a tenth of the fleet.
func TestNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(57, 1))
	night := func(share float64, stores int) []breaker.Proposal {
		b := board.NewBoard("acme")
		for i := range stores {
			s := b.Store(fmt.Sprint(i))
			s.Info.Ring = site.RingFleet
			for k := range 3 {
				j := s.Device(fmt.Sprint(k)).Job("p-1")
				j.State, j.Started = site.Done, board.At(noon())
				if r.Float64() < share {
					j.State, j.Failed = site.RolledBack, board.At(noon())
				}
			}
		}
		return propose(b, nil)
	}
	for n := range 30 {
		if got := night(0.004, 500); len(got) != 0 {
			t.Errorf("night %d: %s", n, got[0])
		}
	}
	if got := night(1.0/12, 200); len(got) != 1 {
		t.Errorf("not proposed: %v", got)
	}
}
