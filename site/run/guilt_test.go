package run_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
)

// guilty is a night in which a patch broke the first device of a group, and was not begun on srv-3.
func guilty(t *testing.T) *night {
	t.Helper()
	n := newNight(t, "group lanes canary\ndevice srv-1 groups=lanes\ndevice srv-2 groups=lanes\ndevice srv-3\npatch app kind=script gate=wait\n")
	n.play(scenario.Pairs([]string{"srv-1/verify=failed", "srv-3/gate=failed"}))
	if q := n.s.Quarantine["app"]; q.Reason == nil || q.Reason.Code != site.CodeQuarantined || n.s.Night.Open() {
		t.Fatalf("quarantine is %+v, night %+v", n.s.Quarantine, n.s.Night)
	}
	return n
}

func TestQuarantineFacts(t *testing.T) {
	n := guilty(t)
	q := n.s.Quarantine["app"]
	p, _ := n.s.Night.Plan.Patch("app")
	if q.Patch != "app" || q.Digest != policy.Digest(p) || !q.Since.Equal(n.now) {
		t.Errorf("quarantine is %+v", q)
	}
	want := "quarantined in this store: it broke srv-1, where it had to prove itself: verification ended with exit code 1" +
		" [quarantined devices=srv-1 first=verification ended with exit code 1 first_code=verify_failed nights=2026-11-21]"
	if got := q.Reason.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestRelease lets go by name: a device before a patch, and nothing that is not kept.
func TestRelease(t *testing.T) {
	n := guilty(t)
	n.add(run.Event{Kind: run.HoldSet, Hold: &site.Hold{Device: "srv-2", Until: n.now.AddDate(0, 0, 1)}})
	for _, tt := range []struct{ name, device, patch string }{{"srv-2", "srv-2", ""}, {"app", "", "app"}, {"srv-1", "", ""}, {"all", "", ""}, {"", "", ""}} {
		e, kept := run.Release(n.s, tt.name, "ann", n.now)
		if kept != (tt.device+tt.patch != "") || e.Device != tt.device || e.Patch != tt.patch || kept && (e.Actor != "ann" || e.Kind != run.HoldReleased) {
			t.Errorf("Release(%q) = %+v, %v", tt.name, e, kept)
		}
	}
	n.add(run.Event{Kind: run.HoldSet, Hold: &site.Hold{Device: "app", Until: n.now.AddDate(0, 0, 1)}})
	if e, _ := run.Release(n.s, "app", "ann", n.now); e.Device != "app" || e.Patch != "" {
		t.Errorf("with a device of the same name it lets go %+v", e)
	}
}

// TestReleasedTonight: a patch that a person lets go inside the window is begun where quarantine
// kept it from being begun, and nowhere else again; what it was guilty of is forgotten.
func TestReleasedTonight(t *testing.T) {
	n := guilty(t)
	before := n.scene.Facts
	before.Now, before.Quarantine = n.now, n.s.Quarantine
	if more := again(n, before); len(more.Lanes) != 0 {
		t.Fatalf("in quarantine it is planned again: %+v", more.Lanes)
	}
	if reason := run.MayRetry(n.s, "srv-1", "app", n.now); reason == nil || reason.Code != site.CodeQuarantined {
		t.Errorf("in quarantine a person may not try it again because of %v", reason)
	}
	e, _ := run.Release(n.s, "app", "ann", n.now)
	n.add(e)
	if reason := run.MayRetry(n.s, "srv-1", "app", n.now); reason != nil {
		t.Errorf("released, a person may not try it again because of %v", reason)
	}
	if len(n.s.Quarantine)+len(n.s.Failures) != 0 {
		t.Errorf("not forgotten: %+v %+v", n.s.Quarantine, n.s.Failures)
	}
	before.Quarantine = nil
	more := again(n, before)
	if len(more.Lanes) != 1 || more.Lanes[0].Device != "srv-3" {
		t.Fatalf("planned again is %+v", more.Lanes)
	}
	n.add(run.Event{Kind: run.NightExtended, Night: more.Night, Plan: &more})
	n.play(scenario.Pairs([]string{"srv-3/verify=failed"}))
	if j, _ := n.s.Job("srv-3", "app"); j.State != site.RolledBack || len(n.s.Quarantine) != 0 {
		t.Errorf("after one failure on srv-3 the job is %+v, quarantine %+v", j, n.s.Quarantine)
	}
}

func again(n *night, facts policy.Facts) plan.Plan {
	span, _ := n.scene.Calendar.Contains(n.now)
	made, _ := plan.Make(facts, span, n.scene.Calendar.Reserve)
	return run.Extension(n.s, made)
}

// TestLapsed: a quarantine ends by itself when the patch has other bytes or was withdrawn for good.
func TestLapsed(t *testing.T) {
	n := guilty(t)
	p, _ := n.s.Night.Plan.Patch("app")
	mended := p
	mended.Artifacts = []site.Artifact{{Name: "app", SHA256: strings.Repeat("9", 64), Size: 1}}
	for _, tt := range []struct {
		name string
		of   []site.Approved
		want string
	}{
		{"the same", []site.Approved{{Patch: p}}, ""},
		{"not in the catalog", nil, ""},
		{"other bytes", []site.Approved{{Patch: mended}}, "it has other bytes now"},
		{"withdrawn", []site.Approved{{Patch: p, Withdrawn: &site.Withdrawal{Reason: "it kills tills"}}}, "withdrawn by headquarters: it kills tills"},
	} {
		events := run.Lapsed(n.s, tt.of, n.now)
		switch {
		case tt.want == "" && len(events) == 0:
		case len(events) != 1 || events[0].Text != tt.want || events[0].Patch != "app" || events[0].Actor != "" || events[0].Reason == nil:
			t.Errorf("%s: got %+v, want %q", tt.name, events, tt.want)
		case len(run.Foresee(n.s, events...).Quarantine) != 0:
			t.Errorf("%s: it is in quarantine still", tt.name)
		}
	}
}

// TestGuiltSurvives: what is written of a state is read back with failures and quarantine, and a
// state of the version before, which has neither, is read as innocent.
func TestGuiltSurvives(t *testing.T) {
	n := guilty(t)
	data, err := json.Marshal(n.s)
	if err != nil {
		t.Fatal(err)
	}
	var s run.State
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	if asText(t, s.Quarantine) != asText(t, n.s.Quarantine) || asText(t, s.Failures) != asText(t, n.s.Failures) || len(s.Failures) != 1 {
		t.Errorf("read back are %+v and %+v", s.Quarantine, s.Failures)
	}
	if refolded := run.Fold(run.State{}, n.records...); asText(t, refolded.Quarantine) != asText(t, n.s.Quarantine) {
		t.Errorf("folded again it is %+v", refolded.Quarantine)
	}
}

// innocent checks that a patch that is begun has not broken two devices already, and is not in quarantine.
func (n *story) innocent(e run.Event) {
	if q, is := n.s.Quarantine[e.Patch]; is {
		n.t.Fatalf("%s is begun on %s in quarantine: %s", e.Patch, e.Device, q.Reason)
	}
	var broke []string
	for j := range n.s.Night.Jobs() {
		taken := j.State == site.RolledBack || j.State == site.RollbackFailed
		if j.Patch != e.Patch || j.Bundle != 0 || !j.Settled || !taken || j.Reason == nil {
			continue
		}
		switch j.Reason.Code {
		case site.CodeInstallFailed, site.CodeVerifyFailed, site.CodeTimedOut, site.CodeRollbackFailed:
			broke = append(broke, j.Device)
		}
	}
	if len(broke) > 1 {
		n.t.Fatalf("%s is begun on %s and broke %v", e.Patch, e.Device, broke)
	}
}
