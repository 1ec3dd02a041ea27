package main_test

import (
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// TestLabBundle puts four patches on three hosts in bundles. One of them installs well, and its
// service does not come up: the first host finds out which, with real packages and real restarts,
// and the others get the rest with one restart each.
func TestLabBundle(t *testing.T) {
	s := openStore(t, 3)
	for n := 1; n <= 3; n++ {
		s.install(n, "pos-app", "lab-agent", "lab-printer")
	}
	s.rules, s.group = "mode: bundle\ngroups: {lanes: {canary: true, max_down: 1}}\n", "lanes"
	s.write("patches/count.sh", "#!/bin/sh\necho ran >>/var/lib/lab-runs\n")
	s.write("patches/uncount.sh", "#!/bin/sh\nrm -f /var/lib/lab-runs\n")
	s.debPatch("pos-app", "1.1.0", "", "severity: critical")
	s.debPatch("lab-agent", "8.0.0", "", "severity: high", "reboot: always")
	s.patch("count", "severity: medium", "install: {kind: script}", "artifacts: [count.sh]", "rollback: {class: script, artifacts: [uncount.sh]}",
		"verify: [{command: [test, -s, /var/lib/lab-runs]}]")
	guilty := s.debPatch("lab-printer", "9.2.0", "", "severity: low")
	s.publish()
	s.serve()
	far := subscribe(t, s.brokerPort)
	s.file()
	s.run()
	night := s.overnight(2 * patient)

	if got, want := night.Summary, "9 done, 1 rolled back, 2 skipped"; got != want {
		t.Errorf("the night says %q, want %q", got, want)
	}
	if j := job(t, night, "srv-1", guilty); j.State != site.RolledBack || j.Reason == nil || j.Reason.Code != site.CodeVerifyFailed {
		t.Errorf("%s on srv-1 is %s because %v", guilty, j.State, j.Reason)
	}
	for n, id := range s.ids {
		for name, version := range map[string]string{"pos-app": "1.1.0", "lab-agent": "8.0.0", "lab-printer": "1.0.0"} {
			if got := s.version(n+1, name); got != version+" install ok installed" {
				t.Errorf("%s has %s %q", id, name, got)
			}
			if said := s.on(n+1, "systemctl is-active "+name); said != "active" {
				t.Errorf("%s on %s: %s", name, id, said)
			}
		}
		if got := s.on(n+1, "cat /var/lib/lab-runs"); got != "ran" {
			t.Errorf("the script left on %s: %q", id, got)
		}
		if id == "srv-1" {
			continue
		}
		if got := s.boots(n + 1); got != 2 {
			t.Errorf("%s was booted %d times, want its first and one restart for all patches", id, got)
		}
		if j := job(t, night, id, guilty); j.State != site.Skipped || s.upgrades(n+1, "lab-printer", "9.2.0") != 0 {
			t.Errorf("%s on %s is %s, and was unpacked %d times", guilty, id, j.State, s.upgrades(n+1, "lab-printer", "9.2.0"))
		}
	}
	s.wantQuarantine(t, guilty, far)
	s.wantHands(t)
}

// wantHands takes a patch off a host and restarts another, as a technician does in the morning.
func (s *store) wantHands(t *testing.T) {
	t.Helper()
	s.mustAsk("rollback", "srv-2", "count", "--reason", "it counts twice")
	if out, code, err := s.ask("restart", "srv-3", "--reason", "its printer hangs"); err == nil || code != 1 {
		t.Errorf("a restart of srv-3 was let through while srv-2 is away: %d, %v, %s", code, err, out)
	}
	night := s.overnight(patient)
	if j := job(t, night, "srv-2", "count"); j.State != site.RolledBack || j.Reason == nil || j.Reason.Code != site.CodeTakenBack {
		t.Errorf("count on srv-2 is %s because of %v", j.State, j.Reason)
	}
	s.mustAsk("restart", "srv-3", "--reason", "its printer hangs")
	until(t, patient, "srv-3 is back", func() (bool, string) {
		out := string(s.mustAsk("devices"))
		return !strings.Contains(out, `"by_hand"`), out
	})
	if got := s.on(2, "ls /var/lib/lab-runs 2>/dev/null; true"); got != "" {
		t.Errorf("srv-2 still has %q", got)
	}
	if got := s.boots(3); got != 3 {
		t.Errorf("srv-3 was booted %d times, want one more than after the night", got)
	}
}

// wantQuarantine wants that the store and headquarters know which patch is guilty, and that the
// bundle was halved on the way to it.
func (s *store) wantQuarantine(t *testing.T, guilty string, far *hq) {
	t.Helper()
	status := decode[view.Status](t, s.mustAsk("status"))
	if len(status.Quarantine) != 1 || status.Quarantine[0].Patch != guilty {
		t.Errorf("in quarantine are %+v", status.Quarantine)
	}
	s.wantEverything(t, far)
	until(t, quick, "the alert of the quarantine names the patch", func() (bool, string) {
		text := far.topic("alert/patch_quarantined")
		return strings.Contains(text, guilty), text
	})
	journal := string(s.mustAsk("journal", "--since", "1", "--limit", "10000"))
	if got := strings.Count(journal, `"`+string(run.BundleSplit)+`"`); got == 0 {
		t.Errorf("no bundle was halved")
	}
}
