package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// TestLabCutDevice has hosts fall silent in the middle of an installation: one by its link, one
// frozen, one by its power for a while and one for good; and one that is not the host whose key
// is pinned. All that can be done is done, once; the rest is named.
func TestLabCutDevice(t *testing.T) {
	s := openStore(t, 6)
	for n := 1; n <= 6; n++ {
		s.install(n, "pos-app")
	}
	// The installation takes long enough to be met in the middle, and says when it is there.
	for name, target := range map[string]string{"slow": "devices: [srv-1, srv-2, srv-4, srv-5, srv-6]", "brief": "devices: [srv-3]"} {
		s.write("patches/"+name+".sh", "#!/bin/sh\necho began >>/var/lib/lab-runs\nsleep 6\necho ended >>/var/lib/lab-runs\n")
		s.write("patches/un"+name+".sh", "#!/bin/sh\necho taken back >>/var/lib/lab-runs\n")
		limit := map[string]string{"slow": "25s", "brief": "8s"}[name]
		s.patch(name, "install: {kind: script}", target, "artifacts: ["+name+".sh]", "severity: critical",
			"rollback: {class: script, artifacts: [un"+name+".sh]}", "duration: {install: "+limit+", reboot: 20s, verify: 5s, rollback: 10s}",
			"verify: [{command: [grep, -q, ended, /var/lib/lab-runs]}]")
	}
	s.debPatch("pos-app", "1.1.0", "severity: low")
	s.publish()
	s.serve()
	s.file()
	// Host 4 is another machine under the old address; host 5 is off for good.
	s.on(4, "rm /etc/ssh/ssh_host_*; ssh-keygen -q -A; echo LogLevel DEBUG1 >/etc/ssh/sshd_config.d/debug.conf; : >/var/log/sshd.log; /etc/init.d/ssh restart")
	s.must("poweroff", "5")
	s.run()
	for _, n := range []int{1, 2, 3} {
		until(t, time.Minute, "the installation is under way", func() (bool, string) {
			out, _ := s.do("exec", fmt.Sprint(n), "cat", "/var/lib/lab-runs")
			return strings.Contains(out, "began"), out
		})
		s.must(map[int]string{1: "cut", 2: "freeze", 3: "poweroff"}[n], fmt.Sprint(n))
	}
	silent := time.Now()
	until(t, patient, "the healthy host is done, whatever the others do", func() (bool, string) {
		night, ok := s.night()
		return ok && job(t, night, "srv-6", "pos-app-1.1.0").State == site.Done, underWay(night)
	})
	pause(time.Until(silent.Add(40 * time.Second)))
	s.must("heal", "1")
	s.must("thaw", "2")
	until(t, patient, "the host without power is named", func() (bool, string) {
		night, _ := s.night()
		j := job(t, night, "srv-3", "brief")
		return j.State == site.NoAnswer && j.Reason != nil, fmt.Sprint(j.State, j.Reason)
	})
	s.wantNamed(t, "srv-3")
	until(t, patient, "the hosts that are back are done", func() (bool, string) {
		night, _ := s.night()
		open := slices.DeleteFunc(slices.Clone(night.Jobs), func(j view.Job) bool { return j.Device == "srv-3" || j.State == site.Done })
		return len(open) == 0, underWay(night)
	})
	for _, n := range []int{1, 2, 6} {
		if got := s.on(n, "cat /var/lib/lab-runs"); got != "began\nended" {
			t.Errorf("the script ran on srv-%d: %q", n, got)
		}
		if got, again := s.version(n, "pos-app"), s.upgrades(n, "pos-app", "1.1.0"); got != "1.1.0 install ok installed" || again != 1 {
			t.Errorf("srv-%d has pos-app %q, unpacked %d times", n, got, again)
		}
		if got := s.boots(n); got != 1 {
			t.Errorf("srv-%d was booted %d times, nobody asked for it", n, got)
		}
	}
	s.wantUntouched(t)

	s.must("poweron", "3")
	night := s.overnight(patient)
	if j := job(t, night, "srv-3", "brief"); j.State != site.Done {
		t.Errorf("after the power came back brief on srv-3 is %s: %v", j.State, j.Reason)
	}
	if got := s.on(3, "cat /var/lib/lab-runs"); got != "began\nbegan\nended" {
		t.Errorf("the interrupted script of srv-3 was to be run once more: %q", got)
	}
	if got := s.version(3, "pos-app"); got != "1.1.0 install ok installed" {
		t.Errorf("srv-3 has pos-app %q", got)
	}
	if _, code, err := s.ask("journal", "verify"); err != nil || code != 0 {
		t.Errorf("nightfill journal verify ended with %d: %v", code, err)
	}
}

// wantNamed wants that a device which does not answer is named where people look.
func (s *store) wantNamed(t *testing.T, id string) {
	t.Helper()
	devices := decode[wire.Devices](t, s.mustAsk("devices")).Devices
	i := slices.IndexFunc(devices, func(d view.Device) bool { return d.Device == id })
	if d := devices[i]; d.State != site.NoAnswer || d.LastState != site.Installing || d.Reason == nil {
		t.Errorf("nightfill devices says of %s: %+v", id, d)
	}
	if status := decode[view.Status](t, s.mustAsk("status")); !strings.Contains(strings.Join(status.Problems, "\n"), id) {
		t.Errorf("nightfill status does not name %s: %q", id, status.Problems)
	}
}

// wantUntouched wants that the host with another key got no credential and that the host that
// is off is named, each with its reason.
func (s *store) wantUntouched(t *testing.T) {
	t.Helper()
	night, _ := s.night()
	for id, code := range map[string]site.Code{"srv-4": site.CodeIdentity, "srv-5": site.CodeNoAnswer} {
		i := slices.IndexFunc(night.Left, func(l plan.LeftOut) bool { return l.Device == id && l.Patch == "" })
		if i < 0 || night.Left[i].Reason == nil || night.Left[i].Reason.Code != code {
			t.Errorf("%s was to be left out because of %s: %v", id, code, night.Left)
		}
	}
	log := s.on(4, "cat /var/log/sshd.log")
	if !strings.Contains(log, "preauth") {
		t.Errorf("sshd of srv-4 saw no connection, so this test shows nothing: %q", log)
	}
	for _, word := range []string{"Accepted", "Failed", "userauth", "Postponed"} {
		if strings.Contains(log, word) {
			t.Errorf("srv-4 was offered a credential:\n%s", log)
		}
	}
	if got := s.on(4, "ls -d /var/lib/nightfill /var/lib/lab-runs 2>/dev/null | wc -l"); got != "0" {
		t.Errorf("srv-4 was touched")
	}
}
