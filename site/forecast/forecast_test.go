package forecast_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// scene plans the night of a store in the language of site/plan/scenario.
func scene(t testing.TB, facts string) forecast.Scene {
	t.Helper()
	s, err := scenario.Read(facts)
	if err != nil {
		t.Fatal(err)
	}
	span, ok := s.Calendar.Contains(s.Facts.Now)
	if !ok {
		t.Fatalf("%v is in no window", s.Facts.Now)
	}
	made, report := plan.Make(s.Facts, span, s.Calendar.Reserve)
	return forecast.Scene{
		Store: s.Facts.Store, State: run.State{Holds: s.Facts.Holds}, Inventory: s.Facts.Inventory, Plan: made, Report: report, Begins: s.Facts.Now,
	}
}

// tills is a store of some tills of which one may be away, with some patches for each.
func tills(t testing.TB, devices, patches int, lanes string) forecast.Scene {
	var b strings.Builder
	fmt.Fprintf(&b, "group lanes %s\n", lanes)
	for i := range devices {
		fmt.Fprintf(&b, "device till-%d groups=lanes has=app:1.0\n", i+1)
	}
	for i := range patches {
		fmt.Fprintf(&b, "patch p-%d kind=script install=2m reboot=%s restart=3m verify=1m revert=4m\n", i+1, []string{"never", "may", "always"}[i%3])
	}
	s := scene(t, b.String())
	s.Store.Floor = map[string]int{"sell": devices - 1}
	for i := range s.Store.Devices {
		s.Store.Devices[i].Capabilities = []string{"sell"}
	}
	return s
}

func ends(n forecast.Night) string {
	var words []string
	for _, j := range n.Jobs {
		words = append(words, j.Device+"/"+j.Patch+"="+string(j.State))
	}
	return strings.Join(words, " ")
}

func TestNothingGoesWrong(t *testing.T) {
	s := scene(t, `
device srv-1 has=pos-app:1.0
device srv-2 has=pos-app:1.0
patch pos-app-1.1 package=pos-app below=1.1 install=10m reboot=always restart=5m verify=2m revert=10m
`)
	n := forecast.Rehearse(s, forecast.Odds{}, 1)
	if got := ends(n); got != "srv-1/pos-app-1.1=done srv-2/pos-app-1.1=done" || !n.Done || !n.Opens() {
		t.Errorf("%s, done %v, opens %v", got, n.Done, n.Opens())
	}
	// A transfer, an installation, a restart, a proof.
	if want := s.Begins.Add(17*time.Minute + 2*time.Second); !n.Ends.Equal(want) {
		t.Errorf("ended at %v, want %v", n.Ends, want)
	}
	if n.State.Night.Note != "2 done" || n.State.Night.Open() {
		t.Errorf("the night is %q", n.State.Night.Note)
	}
	if got := n.State.Observed["srv-2"].Packages["pos-app"]; got != "1.1" {
		t.Errorf("srv-2 has %s", got)
	}
	if s.Inventory["srv-2"].Packages["pos-app"] != "1.0" {
		t.Error("the inventory of the scene was changed")
	}
	c := forecast.Of(s, forecast.Odds{}, 1)
	if c.Nights != forecast.Nights || c.AllDone != 1 || c.Opens != 1 || len(c.Causes) != 0 || !c.EndsP50.Equal(n.Ends) || !c.EndsP95.Equal(n.Ends) {
		t.Errorf("chance %+v", c)
	}
}

func TestNothingPlanned(t *testing.T) {
	s := scene(t, "device srv-1\n")
	if c := forecast.Of(s, forecast.Usual(), 1); c != nil {
		t.Errorf("chance %+v of nothing", c)
	}
	if n := forecast.Rehearse(s, forecast.Usual(), 1); !n.Done || n.State.Night.Open() || !n.Ends.Equal(s.Begins) {
		t.Errorf("an empty night: %+v", n)
	}
}

func TestNothingFits(t *testing.T) {
	s := tills(t, 3, 2, "min_up=2")
	s.Begins = s.Plan.Cutoff.Add(-5 * time.Minute)
	c := forecast.Of(s, forecast.Odds{}, 1)
	if c.AllDone != 0 || c.Opens != 1 || !c.EndsP95.Equal(s.Begins) {
		t.Errorf("chance %+v", c)
	}
	for _, j := range c.Jobs {
		if j.Done != 0 || j.NoRoom != 1 {
			t.Errorf("job %+v", j)
		}
	}
}

func TestFaults(t *testing.T) {
	facts := `
group lanes min_up=1 canary
device srv-1 groups=lanes has=app:1.0
device srv-2 groups=lanes has=app:1.0
patch app-1.1 package=app below=1.1 install=10m reboot=always restart=5m verify=2m revert=10m gate=wait
`
	at := func(clock string) time.Time {
		t.Helper()
		moment, err := scenario.At(clock)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for _, c := range []struct {
		fault forecast.Fault
		want  string
		opens bool
		ends  string // of the work; "" = not asked
	}{
		{forecast.Fault{Device: "srv-1", Patch: "app-1.1", Kind: forecast.Fails}, "srv-1=rolled_back:install_failed srv-2=skipped:canary_failed", true, "23:29:04"},
		{forecast.Fault{Device: "srv-2", Patch: forecast.Every, Kind: forecast.Breaks}, "srv-1=done srv-2=rolled_back:verify_failed", true, "23:51:06"},
		{forecast.Fault{Device: "srv-2", Patch: "app-1.1", Kind: forecast.RollbackFails}, "srv-1=done srv-2=rollback_failed:rollback_failed", false, ""},
		{forecast.Fault{Device: "srv-1", Patch: "app-1.1", Kind: forecast.Interrupted}, "srv-1=done srv-2=done", true, "23:41:06"},
		{forecast.Fault{Device: "srv-1", Patch: "app-1.1", Kind: forecast.Slow}, "srv-1=done srv-2=done", true, "23:41:36"},
		{forecast.Fault{Device: "srv-1", Patch: "app-1.1", Kind: forecast.NotBack}, "srv-1=no_answer:no_answer srv-2=skipped:waiting", false, ""},
		{forecast.Fault{Device: forecast.Every, Patch: "app-1.1", Kind: forecast.GateShut}, "srv-1=skipped:gate_closed srv-2=skipped:gate_closed", true, ""},
		{forecast.Fault{Device: "srv-1", Patch: "app-1.1", Kind: forecast.Silent}, "srv-1=no_answer:no_answer srv-2=skipped:waiting", false, ""},
		{forecast.Fault{Device: "srv-1", Patch: forecast.Every, Kind: forecast.Silent}, "srv-1=no_answer:no_answer srv-2=skipped:group_floor", false, ""},
		{forecast.Fault{Device: "srv-2", Patch: forecast.Every, Kind: forecast.Silent, At: at("23:20")}, "srv-1=done srv-2=no_answer:no_answer", false, ""},
		{forecast.Fault{Kind: forecast.PowerCut, At: at("23:05")}, "srv-1=done srv-2=done", true, ""},
		{forecast.Fault{Kind: forecast.PowerCut, At: at("23:05"), For: 5 * time.Hour}, "srv-1=done srv-2=skipped:waiting", true, ""},
		{forecast.Fault{Kind: forecast.PowerCut, At: at("23:00"), For: time.Hour}, "srv-1=done srv-2=done", true, "00:34:06"},
	} {
		s := scene(t, facts)
		s.Store.Floor = map[string]int{"sell": 2}
		for i := range s.Store.Devices {
			s.Store.Devices[i].Capabilities = []string{"sell"}
		}
		n := forecast.Rehearse(s, forecast.Odds{}, 1, c.fault)
		var words []string
		for _, j := range n.Jobs {
			word := j.Device + "=" + string(j.State)
			if j.Reason != nil {
				word += ":" + string(j.Reason.Code)
			}
			words = append(words, word)
		}
		got := strings.Join(words, " ")
		if got != c.want || n.Opens() != c.opens || c.ends != "" && !n.Ends.Equal(at(c.ends)) {
			t.Errorf("%+v: %s, opens %v, ended %s, want %s, %v, %s", c.fault, got, n.Opens(), n.Ends.Format("15:04:05"), c.want, c.opens, c.ends)
		}
	}
}

// TestFloors tells who is missing after a night, and why before it.
func TestFloors(t *testing.T) {
	s := tills(t, 4, 1, "max_down=1")
	s.Store.Devices[3].Capabilities = nil
	s.Report = append(s.Report, plan.LeftOut{Device: "till-1", State: site.NoAnswer})
	s.State.Dirty = map[string]*site.Reason{"till-2": site.Because(site.CodeRollbackFailed, "earlier")}
	n := forecast.Rehearse(s, forecast.Odds{}, 1)
	want := []forecast.Floor{{Capability: "sell", Needs: 3, Has: 1, Missing: []string{"till-1", "till-2"}}}
	if !reflect.DeepEqual(n.Floors, want) || n.Opens() {
		t.Errorf("floors %+v, opens %v", n.Floors, n.Opens())
	}
	if s.Store.Floor = nil; !forecast.Rehearse(s, forecast.Odds{}, 1).Opens() {
		t.Error("a store that names no floor has none to miss")
	}
}

func TestSameSeedSameNight(t *testing.T) {
	s := tills(t, 4, 3, "min_up=2 canary")
	a, b := forecast.Rehearse(s, forecast.Usual(), 7), forecast.Rehearse(s, forecast.Usual(), 7)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gave two nights")
	}
	if other := forecast.Rehearse(s, forecast.Usual(), 8); reflect.DeepEqual(a.Records, other.Records) {
		t.Error("two seeds gave the same night")
	}
	if a, b := forecast.Of(s, forecast.Usual(), 7), forecast.Of(s, forecast.Usual(), 7); !reflect.DeepEqual(a, b) {
		t.Error("the same seed gave two chances")
	}
}

// TestFaultChangesNothingElse holds every draw to its own name.
func TestFaultChangesNothingElse(t *testing.T) {
	s := scene(t, "device a\ndevice b\npatch x kind=script\npatch y kind=script\n")
	about := func(n forecast.Night, device string) (ends []string) {
		for _, r := range n.Records {
			if e := r.Event; e.Device == device && e.Kind == run.StepEnded {
				ends = append(ends, fmt.Sprint(e.At, e.Patch, e.Step, e.Attempt, e.Outcome, e.Took))
			}
		}
		return ends
	}
	odds := forecast.Usual()
	odds.InstallFails = 0.3
	for seed := range uint64(20) {
		calm := forecast.Rehearse(s, odds, seed)
		rough := forecast.Rehearse(s, odds, seed, forecast.Fault{Device: "a", Patch: "x", Kind: forecast.RollbackFails})
		if !reflect.DeepEqual(about(calm, "b"), about(rough, "b")) {
			t.Fatalf("seed %d: what happens to b depends on a fault of a", seed)
		}
	}
}

// TestNights plays nights with much trouble in stores of all kinds and looks at every moment of them.
func TestNights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		devices, patches := rapid.IntRange(1, 6).Draw(t, "devices"), rapid.IntRange(1, 4).Draw(t, "patches")
		up := rapid.IntRange(0, devices-1).Draw(t, "min_up")
		var b strings.Builder
		fmt.Fprintf(&b, "store 0142 mode=%s\n", rapid.SampledFrom([]string{"one-by-one", "bundle"}).Draw(t, "mode"))
		fmt.Fprintf(&b, "group lanes min_up=%d%s\n", up, rapid.SampledFrom([]string{"", " canary"}).Draw(t, "canary"))
		for i := range devices {
			fmt.Fprintf(&b, "device till-%d groups=lanes has=app:1.0\n", i+1)
		}
		for i := range patches {
			fmt.Fprintf(&b, "patch p-%d kind=script install=%dm reboot=%s revert=%dm rollback=%s gate=%s\n", i+1,
				rapid.IntRange(1, 90).Draw(t, "install"), rapid.SampledFrom([]string{"never", "may", "always"}).Draw(t, "reboot"), rapid.IntRange(1, 60).Draw(t, "revert"),
				rapid.SampledFrom([]string{"script", "none"}).Draw(t, "rollback"), rapid.SampledFrom([]string{"", "wait", "now"}).Draw(t, "gate"))
		}
		made, err := scenario.Read(b.String())
		if err != nil {
			t.Fatal(err)
		}
		span, _ := made.Calendar.Contains(made.Facts.Now)
		planned, report := plan.Make(made.Facts, span, made.Calendar.Reserve)
		s := forecast.Scene{Store: made.Facts.Store, Inventory: made.Facts.Inventory, Plan: planned, Report: report, Begins: made.Facts.Now}
		check(t, s, forecast.Rehearse(s, grim(), rapid.Uint64().Draw(t, "seed")), up)
	})
}

// grim is trouble all over.
func grim() forecast.Odds {
	o := forecast.Usual()
	o.InstallFails, o.Interrupted, o.Breaks, o.BreaksAll = 0.1, 0.1, 0.1, 0.1
	o.NotBack, o.RollbackFails, o.Unreachable, o.GateLate, o.GateStuck, o.PowerCut = 0.2, 0.3, 0.1, 0.3, 0.1, 0.3
	return o
}

// check looks at every moment of a night, with a count of its own of who is away.
func check(t *rapid.T, s forecast.Scene, n forecast.Night, up int) {
	if n.State.Night.Open() {
		t.Fatal("the night was never closed")
	}
	for _, j := range n.Jobs {
		if !j.Settled {
			t.Fatalf("%s on %s is not settled: %s", j.Patch, j.Device, j.State)
		}
		if late := j.At.After(s.Plan.Cutoff); j.Done != (j.State == site.Done && !late) {
			t.Fatalf("%s on %s is %s at %v, and counts as done: %v", j.Patch, j.Device, j.State, j.At, j.Done)
		}
	}
	away, last := map[string]map[string]bool{}, time.Time{} // by device, what was put on and is not proven or taken back
	for _, r := range n.Records {
		e := r.Event
		if e.At.Before(last) {
			t.Fatalf("%s at %v comes after %v", e.Kind, e.At, last)
		}
		last = e.At
		switch {
		case e.Kind == run.StepStarted && e.Step == run.Install:
			if away[e.Device] == nil {
				away[e.Device] = map[string]bool{}
			}
			away[e.Device][e.Patch] = true
		case e.To == site.Done || e.To == site.RolledBack:
			if delete(away[e.Device], e.Patch); len(away[e.Device]) == 0 {
				delete(away, e.Device)
			}
		}
		if e.Kind == run.StepStarted && e.Step == run.Install && len(s.Plan.Members)-len(away) < up {
			t.Fatalf("at %v only %d of %d are at work, and the floor is %d", e.At, len(s.Plan.Members)-len(away), len(s.Plan.Members), up)
		}
	}
	if got := run.Fold(run.State{Observed: map[string]site.Observation{}}, n.Records...).Night; !reflect.DeepEqual(slices.Collect(got.Jobs()), slices.Collect(n.State.Night.Jobs())) {
		t.Fatal("the records do not tell the night")
	}
}

func TestChanceFallsWithTheWindow(t *testing.T) {
	before := 2.0
	var seen []float64
	for _, left := range []time.Duration{2 * time.Hour, 70 * time.Minute, 50 * time.Minute, 20 * time.Minute} {
		s := tills(t, 4, 2, "min_up=3")
		s.Begins = s.Plan.Cutoff.Add(-left)
		c := forecast.Of(s, forecast.Usual(), 1)
		if c.AllDone > before {
			t.Errorf("with %v left the chance is %v, more than %v with more time", left, c.AllDone, before)
		}
		before = c.AllDone
		seen = append(seen, c.AllDone)
	}
	if seen[0] < 0.5 || seen[len(seen)-1] != 0 || len(slices.Compact(seen)) < 3 {
		t.Errorf("chances %v", seen)
	}
}

// TestCauses finds the device that spoils the nights.
func TestCauses(t *testing.T) {
	s := tills(t, 3, 2, "canary")
	odds := forecast.Usual()
	odds.Breaks = 0.5
	c := forecast.Of(s, odds, 1)
	if len(c.Causes) == 0 || c.Causes[0].Device != "till-1" || c.Causes[0].Patch != "p-1" || c.Causes[0].Share < 0.4 {
		t.Errorf("causes %+v", c.Causes)
	}
	if len(c.Causes) > 3 || c.AllDone > 0.1 || c.EndsP95.Before(c.EndsP50) {
		t.Errorf("chance %+v", c)
	}
}

// TestDrawnAsPublished counts what the usual odds lead to.
func TestDrawnAsPublished(t *testing.T) {
	s := scene(t, "device a\npatch x kind=script install=100m reboot=never verify=1m revert=10m\n")
	back, over := 0, 0
	const nights = 2500
	for seed := range uint64(nights) {
		n := forecast.Rehearse(s, forecast.Usual(), seed)
		job, _ := n.State.Job("a", "x")
		e, ended := job.Ends[run.Install]
		if ended && e.Outcome == run.OK && e.Took.Std() > 100*time.Minute {
			over++
		}
		if n.Jobs[0].State == site.RolledBack || n.Jobs[0].State == site.RollbackFailed {
			back++
		}
	}
	// 1.5 % of the installers fail, 1.2 % break, half of the few interrupted fail for good.
	if share := float64(back) / nights; share < 0.02 || share > 0.04 {
		t.Errorf("%.3f of the nights ended in a rollback", share)
	}
	if share := float64(over) / nights; share < 0.04 || share > 0.06 {
		t.Errorf("%.3f of the installations took longer than the estimate", share)
	}
}

// TestLearned has installations take what they took before in this store.
func TestLearned(t *testing.T) {
	s := scene(t, "device a\npatch x kind=script install=10m reboot=always restart=5m verify=1m revert=10m\n")
	odds := forecast.Odds{Median: 0.6}
	took := func(seed uint64, step run.Step) time.Duration {
		job, _ := forecast.Rehearse(s, odds, seed).State.Job("a", "x")
		return job.Ends[step].Took.Std()
	}
	if took(1, run.Install) == took(2, run.Install) {
		t.Error("two seeds, one length")
	}
	for range estimate.Enough {
		s.State.Learned = s.State.Learned.Learn(s.Plan.Members[0].Model, "x", estimate.Install, 7*time.Minute)
		s.State.Learned = s.State.Learned.Learn(s.Plan.Members[0].Model, "other", estimate.Reboot, 2*time.Minute)
	}
	for seed := range uint64(5) {
		if took(seed, run.Install) != 7*time.Minute || took(seed, run.Reboot) != 2*time.Minute {
			t.Errorf("the installation took %v, the restart %v", took(seed, run.Install), took(seed, run.Reboot))
		}
	}
}

func TestLargePlansPlayFewerNights(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	c := forecast.Of(tills(t, 200, 5, "max_down=25%"), forecast.Usual(), 1)
	if c.Nights >= forecast.Nights || c.Nights < 5 {
		t.Errorf("%d nights were played", c.Nights)
	}
}

func TestDaemonsOwnNightDoesNotCount(t *testing.T) {
	s := tills(t, 2, 1, "min_up=1")
	s.State.Night = &run.Night{Plan: plan.Plan{Night: window.Date{Year: 2026, Month: 1, Day: 1}}}
	s.State.Seq = 41
	n := forecast.Rehearse(s, forecast.Odds{}, 1)
	if n.Records[0].Seq != 42 || n.State.Night.Plan.Night != s.Plan.Night || s.State.Night.Plan.Night == s.Plan.Night {
		t.Errorf("first record %d, night %s", n.Records[0].Seq, n.State.Night.Plan.Night)
	}
}

func BenchmarkChance12x5(b *testing.B) { chance(b, 12, 5) }

func BenchmarkChance200x5(b *testing.B) { chance(b, 200, 5) }

func chance(b *testing.B, devices, patches int) {
	s := tills(b, devices, patches, "max_down=25%")
	nights := 0
	for b.Loop() {
		nights = forecast.Of(s, forecast.Usual(), 1).Nights
	}
	b.ReportMetric(float64(nights), "nights")
}
