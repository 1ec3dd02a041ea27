package run_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/run"
)

const oneTill = "device till-1 model=old\npatch app kind=script install=4m verify=1m revert=5m reboot=always restart=3m"

// upTo plays the job of a till until a step of it is under way.
func (n *night) upTo(step run.Step, outcomes map[run.Step]run.Outcome) run.Event {
	for range 100 {
		n.decide()
		for _, j := range run.Recover(n.s) {
			if j.Intent.Step == step {
				return *j.Intent
			}
			outcome := outcomes[j.Intent.Step]
			if outcome == "" {
				outcome = run.OK
			}
			n.end(j.Device, outcome, nil)
		}
	}
	n.t.Fatalf("%s is never begun", step)
	return run.Event{}
}

// TestWhatTeaches ends one step in each way, and looks at what was learned from it.
func TestWhatTeaches(t *testing.T) {
	broken := map[run.Step]run.Outcome{run.Verify: run.Bad}
	for _, c := range []struct {
		name    string
		step    run.Step
		before  map[run.Step]run.Outcome
		outcome run.Outcome
		took    time.Duration // on the device, or by the box
		after   time.Duration // the journal's, between the step's beginning and its end
		want    string
	}{
		{"an installation", run.Install, nil, run.OK, 6 * time.Minute, 6 * time.Minute, "install 6m0s"},
		{"the box was away meanwhile: the device knows", run.Install, nil, run.OK, 6 * time.Minute, time.Hour, "install 6m0s"},
		{"nobody knows how long", run.Install, nil, run.OK, 0, time.Minute, ""},
		{"it failed", run.Install, nil, run.Bad, 6 * time.Minute, 6 * time.Minute, ""},
		{"it was ended at its limit", run.Install, nil, run.TimedOut, 510 * time.Second, 510 * time.Second, ""},
		{"it was interrupted", run.Install, nil, run.Interrupted, 6 * time.Minute, 6 * time.Minute, ""},
		{"it was refused", run.Install, nil, run.Refused, time.Second, time.Second, ""},
		{"a restart", run.Reboot, nil, run.OK, 2 * time.Minute, 2*time.Minute + 2*time.Second, "reboot 2m0s"},
		{"a restart of which the box saw the end", run.Reboot, nil, run.OK, 10 * time.Second, 2 * time.Minute, ""},
		{"a clock that was put back meanwhile", run.Reboot, nil, run.OK, 2 * time.Minute, -time.Minute, ""},
		{"a person had to come", run.Reboot, nil, run.OK, time.Hour, time.Hour, ""},
		{"it never came back", run.Reboot, nil, run.Bad, 7 * time.Minute, 7 * time.Minute, ""},
		{"verification is not learned", run.Verify, nil, run.OK, 30 * time.Second, 30 * time.Second, ""},
		{"a rollback", run.Revert, broken, run.OK, 8 * time.Minute, 8 * time.Minute, "rollback 8m0s"},
		{"a rollback that failed", run.Revert, broken, run.Bad, 8 * time.Minute, 8 * time.Minute, ""},
		{"the restart after it", run.Reboot2, broken, run.OK, 4 * time.Minute, 4 * time.Minute, "reboot 4m0s"},
		{"its proof", run.Prove, broken, run.OK, 4 * time.Minute, 4 * time.Minute, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNight(t, oneTill)
			intent := n.upTo(c.step, c.before)
			known := learned(n.s)
			n.now = n.now.Add(c.after)
			n.add(run.Event{
				Kind: run.StepEnded, Device: intent.Device, Patch: intent.Patch, Step: intent.Step, Attempt: intent.Attempt,
				Work: intent.Work, Outcome: c.outcome, Took: site.Duration(c.took),
			})
			if got := strings.TrimPrefix(learned(n.s), known); got != c.want {
				t.Errorf("learned %q, want %q", got, c.want)
			}
		})
	}
}

// learned writes what is known of app on the model old.
func learned(s run.State) string {
	var parts []string
	for _, part := range []estimate.Part{estimate.Install, estimate.Reboot, estimate.Rollback} {
		for _, took := range s.Learned["old"].Patches["app"][part].Took {
			parts = append(parts, fmt.Sprint(part, " ", took))
		}
	}
	return strings.Join(parts, ", ")
}

// TestLearnedLasts: what was learned comes back from a checkpoint, and goes with its patch.
func TestLearnedLasts(t *testing.T) {
	n := newNight(t, oneTill)
	n.play(nil)
	if got := learned(n.s); got != "install 1m0s, reboot 1m0s" {
		t.Fatalf("learned %q", got)
	}
	text, err := json.Marshal(n.s)
	if err != nil {
		t.Fatal(err)
	}
	var back run.State
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back.Learned, n.s.Learned) {
		t.Errorf("%v: came back as %v, is %v", err, back.Learned, n.s.Learned)
	}
	before := n.s
	n.add(run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Version: 8, Patches: []string{"app", "other"}}})
	if learned(n.s) == "" {
		t.Error("a catalog that has the patch made the store forget it")
	}
	n.add(run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Version: 9, Patches: []string{"other"}}})
	if learned(n.s) != "" || len(n.s.Learned["old"].Reboot.Took) != 1 {
		t.Errorf("without the patch %v is left", n.s.Learned)
	}
	if learned(before) == "" {
		t.Error("an older state has changed")
	}
}

// TestPlanOfEarlierVersion: a plan without models is decided by the patch file, and teaches nothing.
func TestPlanOfEarlierVersion(t *testing.T) {
	n := newNight(t, oneTill)
	old := n.s.Night.Plan
	old.Members = nil
	n.add(run.Event{Kind: run.NightOpened, Night: old.Night, Plan: &old})
	n.play(nil)
	if job, _ := n.s.Job("till-1", "app"); job.State != site.Done || len(n.s.Learned) != 0 {
		t.Errorf("%s, learned %v", job.State, n.s.Learned)
	}
}

// TestAllowed: a step is never given less than the patch file says, however quick it was so far.
func TestAllowed(t *testing.T) {
	n := newNight(t, oneTill)
	p, _ := n.s.Night.Plan.Patch("app")
	for range 10 {
		n.s.Learned = n.s.Learned.Learn("old", "app", estimate.Install, time.Second).Learn("old", "app", estimate.Rollback, 9*time.Minute)
	}
	allowed := n.s.Allowed("till-1", p)
	for step, want := range map[run.Step]time.Duration{run.Install: 4 * time.Minute, run.Reboot: 3 * time.Minute, run.Verify: time.Minute, run.Revert: 9 * time.Minute} {
		if got := run.Least(allowed, step); got != want {
			t.Errorf("%s may take %s, want %s", step, got, want)
		}
	}
	if e := n.s.Estimate("till-1", p); e.Install.Std() != 2*time.Minute || e.From != "learned (n=10)" {
		t.Errorf("it is expected to take %s from %s", e.Install, e.From)
	}
}
