package run_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/run"
)

// Whichever patches of a bundle are guilty, and wherever they stand, they are found and everything
// else is done on every device, as long as there is time.
func TestBundleFindsTheGuilty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var facts strings.Builder
		facts.WriteString("store 0142 mode=bundle\ngroup lanes canary\ndevice till-1 groups=lanes\ndevice till-2 groups=lanes\n")
		guilty := map[string]bool{}
		count := rapid.IntRange(2, 9).Draw(r, "patches")
		for i := range count {
			id := fmt.Sprintf("p%d", i)
			guilty[id] = rapid.IntRange(0, 3).Draw(r, "guilty") == 0
			fmt.Fprintf(&facts, "patch %s kind=script install=1m verify=30s revert=1m restart=1m reboot=%s\n", id,
				rapid.SampledFrom([]string{"never", "always"}).Draw(r, "reboot"))
		}
		n := newNight(t, facts.String())
		n.until(func(j run.Job) run.Outcome {
			for id := range guilty {
				bad, _ := n.s.Job(j.Device, id)
				if guilty[id] && j.Intent.Step == run.Verify && bad.Begun() && bad.State != site.RolledBack {
					return run.Bad
				}
			}
			return run.OK
		})
		for j := range n.s.Night.Jobs() {
			want := site.Done
			switch {
			case guilty[j.Patch] && j.Device == "till-1":
				want = site.RolledBack
			case guilty[j.Patch]:
				want = site.Skipped
			}
			if j.State != want || want == site.RolledBack && (!j.Alone && count > 1 && j.Suspect != nil || j.Reason.Code != site.CodeVerifyFailed) {
				r.Fatalf("%s of %s ends %s (%s), alone %t, and is guilty: %t\n%s", j.Patch, j.Device, j.State, j.Reason, j.Alone, guilty[j.Patch], n.out.String())
			}
		}
	})
}

// until lets every step end as told, half a minute after it began, until the night is closed.
func (n *night) until(outcome func(run.Job) run.Outcome) {
	n.decide()
	for range 2000 {
		open := run.Recover(n.s)
		switch {
		case !n.s.Night.Open():
			return
		case len(open) == 0:
			n.now = n.wake
		default:
			n.now = n.now.Add(30 * time.Second)
		}
		for _, j := range open {
			n.end(j.Device, outcome(j), scenario.Options{})
		}
		n.decide()
	}
	n.t.Fatal("the night never ends")
}
