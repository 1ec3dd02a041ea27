package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
)

// TestLabNight is a night as a store has it: good patches of every kind, one that restarts its
// host, and two bad ones that are taken back. What the programs say is compared with what the
// hosts have.
func TestLabNight(t *testing.T) {
	s := openStore(t, 5)
	for n := 1; n <= 5; n++ {
		s.install(n, "pos-app", "lab-agent", "payment-gw", "lab-printer")
	}
	s.write("patches/layout.json", "{\"week\": 47}\n")
	s.write("patches/count.sh", "#!/bin/sh\necho ran >>/var/lib/lab-runs\necho counted\n")
	s.write("patches/uncount.sh", "#!/bin/sh\nrm -f /var/lib/lab-runs\n")
	s.debPatch("pos-app", "1.1.0", "severity: critical")
	s.patch("layout-47", "install: {kind: file, path: /etc/pos-layout.json, mode: \"0640\"}", "artifacts: [layout.json]", "rollback: {class: none}")
	s.patch("count", "install: {kind: script}", "artifacts: [count.sh]", "rollback: {class: script, artifacts: [uncount.sh]}",
		"verify: [{command: [test, -s, /var/lib/lab-runs]}]")
	s.debPatch("lab-agent", "8.0.0", "reboot: always", "severity: high")
	bad := s.debPatch("payment-gw", "9.1.0", "devices: [srv-4]")
	dead := s.debPatch("lab-printer", "9.2.0", "devices: [srv-5]")
	for n := 1; n <= 5; n++ {
		address, _ := s.host(n)
		s.checks = append(s.checks, fmt.Sprintf("{id: POS-%d, device: srv-%d, kind: service, name: pos-app, capability: sell}", n, n),
			fmt.Sprintf("{id: WEB-%d, device: srv-%d, kind: http, url: \"http://%s:7001/\", capability: sell}", n, n, strings.TrimSuffix(address, ":22")))
	}
	s.publish()
	s.serve()
	far := subscribe(t, s.brokerPort)
	s.file()
	s.run()
	night := s.overnight(patient)

	if got, want := night.Summary, "20 done, 2 rolled back"; got != want {
		t.Errorf("the night says %q, want %q", got, want)
	}
	for n, id := range s.ids {
		s.wantGood(t, night, n+1, id)
	}
	s.wantTakenBack(t, night, "srv-4", bad, "payment-gw", run.Install, "payment-gw: cannot migrate the database")
	s.wantTakenBack(t, night, "srv-5", dead, "lab-printer", run.Verify, "lab-printer")
	s.wantSurfaces(t, night, far)
	if code := s.box.stop(); code != 0 {
		t.Errorf("nightfilld ended with %d when it was told to end", code)
	}
	s.wantRetained(t, far)
}

// wantGood compares the report of the good patches of a host with the host.
func (s *store) wantGood(t *testing.T, night view.Night, n int, id string) {
	t.Helper()
	for patch, steps := range map[string][]run.Step{
		"pos-app-1.1.0":   {run.Stage, run.Install, run.Verify},
		"layout-47":       {run.Stage, run.Install, run.Verify},
		"count":           {run.Stage, run.Install, run.Verify},
		"lab-agent-8.0.0": {run.Stage, run.Install, run.Reboot, run.Verify},
	} {
		j := job(t, night, id, patch)
		if j.State != site.Done {
			t.Errorf("%s on %s is %s, not done: %v", patch, id, j.State, j.Reason)
		}
		var got []run.Step
		for _, step := range j.Steps {
			got = append(got, step.Step)
			if step.Outcome != run.OK || step.Attempt != 1 || step.Took <= 0 || step.Work == "" {
				t.Errorf("%s of %s on %s: %+v", step.Step, patch, id, step)
			}
			if step.Step == run.Install && (step.ExitCode == nil || *step.ExitCode != 0) {
				t.Errorf("the installation of %s on %s has no exit code 0: %+v", patch, id, step)
			}
		}
		if !slices.Equal(got, steps) {
			t.Errorf("%s on %s went through %v, want %v", patch, id, got, steps)
		}
	}
	if j := job(t, night, id, "pos-app-1.1.0"); j.Before != "1.0.0" || j.After != "1.1.0" {
		t.Errorf("pos-app on %s went from %q to %q, says the night", id, j.Before, j.After)
	}
	for name, version := range map[string]string{"pos-app": "1.1.0", "lab-agent": "8.0.0"} {
		if got := s.version(n, name); got != version+" install ok installed" {
			t.Errorf("%s has %s %q", id, name, got)
		}
		if got := s.upgrades(n, name, version); got != 1 {
			t.Errorf("%s %s was unpacked %d times on %s", name, version, got, id)
		}
		if said := s.on(n, "systemctl is-active "+name); said != "active" {
			t.Errorf("%s on %s: %s", name, id, said)
		}
	}
	if got := s.on(n, "cat /var/lib/lab-runs; cat /etc/pos-layout.json; stat -c %a /etc/pos-layout.json"); got != "ran\n{\"week\": 47}\n640" {
		t.Errorf("%s has of the script and the file: %q", id, got)
	}
	if got := s.boots(n); got != 2 {
		t.Errorf("%s was booted %d times, want its first and one restart", id, got)
	}
}

// wantTakenBack wants that a patch failed at a step, and that the host has what it had before.
func (s *store) wantTakenBack(t *testing.T, night view.Night, id, patch, name string, failed run.Step, why string) {
	t.Helper()
	j := job(t, night, id, patch)
	if j.State != site.RolledBack || j.Reason == nil || !strings.Contains(j.Reason.Text, why) {
		t.Errorf("%s on %s is %s because %v, want rolled_back because of %q", patch, id, j.State, j.Reason, why)
	}
	if j.Before != "1.0.0" || j.After != "1.0.0" {
		t.Errorf("%s on %s went from %q to %q, want back to 1.0.0", patch, id, j.Before, j.After)
	}
	steps := map[run.Step]view.Step{}
	for _, step := range j.Steps {
		steps[step.Step] = step
	}
	if step := steps[failed]; step.Outcome != run.Bad || step.ExitCode == nil || *step.ExitCode == 0 || !strings.Contains(step.Output, why) {
		t.Errorf("the evidence of %s of %s on %s: %+v", failed, patch, id, step)
	}
	for _, step := range []run.Step{run.Revert, run.Prove} {
		if steps[step].Outcome != run.OK {
			t.Errorf("%s of %s on %s: %+v", step, patch, id, steps[step])
		}
	}
	if got := s.version(s.n(id), name); got != "1.0.0 install ok installed" {
		t.Errorf("%s has %s %q", id, name, got)
	}
	if said := s.on(s.n(id), "systemctl is-active "+name); said != "active" {
		t.Errorf("%s on %s after the rollback: %s", name, id, said)
	}
	answers := decode[wire.Answers](t, s.mustAsk("why", id, patch)).Answers
	if len(answers) != 1 || answers[0].State != site.RolledBack || answers[0].Reason == nil || answers[0].Reason.Text != j.Reason.Text {
		t.Errorf("nightfill why %s %s answers %+v", id, patch, answers)
	}
}

// wantSurfaces wants that every surface answers, and that all say the same.
func (s *store) wantSurfaces(t *testing.T, night view.Night, far *hq) {
	t.Helper()
	status := decode[view.Status](t, s.mustAsk("status"))
	if status.Store != "0142" || status.Night == nil || status.Night.Summary != night.Summary || status.Devices.Total != len(s.ids) {
		t.Errorf("nightfill status says %+v", status)
	}
	devices := decode[wire.Devices](t, s.mustAsk("devices")).Devices
	want := map[string]site.State{"srv-1": site.Done, "srv-2": site.Done, "srv-3": site.Done, "srv-4": site.RolledBack, "srv-5": site.RolledBack}
	for _, d := range devices {
		if d.State != want[d.Device] || d.InProgress {
			t.Errorf("nightfill devices says %s is %s, want %s", d.Device, d.State, want[d.Device])
		}
	}
	if len(devices) != len(want) {
		t.Errorf("nightfill devices has %d devices", len(devices))
	}
	if _, code, err := s.ask("journal", "verify"); err != nil || code != 0 {
		t.Errorf("nightfill journal verify ended with %d: %v", code, err)
	}
	checked := decode[wire.Checked](t, s.mustAsk("check"))
	if checked.Ready.Ready != 1 || len(checked.Results) != len(s.checks) {
		t.Errorf("nightfill check says %+v", checked.Ready)
	}
	body, header, err := get(s.readyPort, "/")
	if err != nil || header.Get("X-Ready") != "ready" || !strings.Contains(body, "READY") {
		t.Errorf("the READY page: %v, X-Ready %q", err, header.Get("X-Ready"))
	}
	text, _, err := get(s.readyPort, "/ready.json")
	if err != nil {
		t.Fatal(err)
	}
	if page := decode[ready.Document](t, []byte(text)); page.Verdict != checked.Ready.Verdict || page.Ready != 1 {
		t.Errorf("/ready.json says %s, nightfill check %s", page.Verdict, checked.Ready.Verdict)
	}
	metrics, _, err := get(s.metricsPort, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"nightfill_window_open 1\n", "nightfill_mqtt_connected 1\n", `nightfill_device_patch_state{device="srv-4",state="rolled_back"} 1`, `nightfill_check_ok{check="POS-1"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	s.wantEverything(t, far)
}

// wantEverything waits until headquarters has heard all that the journal has.
func (s *store) wantEverything(t *testing.T, far *hq) (repeats int) {
	t.Helper()
	var last uint64
	until(t, patient, "headquarters has every event", func() (bool, string) {
		last = decode[view.Status](t, s.mustAsk("status")).Journal.Last
		heard, _ := far.last()
		return heard >= last, fmt.Sprintf("%d of %d", heard, last)
	})
	heard, _ := far.last()
	return far.verify(heard)
}

// wantRetained wants the topics that a dashboard finds when it comes later.
func (s *store) wantRetained(t *testing.T, far *hq) {
	t.Helper()
	until(t, quick, "the state topic says that the store left on purpose", func() (bool, string) {
		return strings.Contains(far.topic("state"), `"disconnected"`), far.topic("state")
	})
	late := subscribe(t, s.brokerPort)
	names := []string{"state", "info", "ready", "night", "num"}
	for _, id := range s.ids {
		names = append(names, "d/"+id)
	}
	for _, name := range names {
		until(t, quick, "topic "+name+" is retained", func() (bool, string) { return json.Valid([]byte(late.topic(name))), late.topic(name) })
	}
	night := decode[view.Night](t, []byte(late.topic("night")))
	if night.Summary != "20 done, 2 rolled back" || night.Open {
		t.Errorf("topic night says %s", late.topic("night"))
	}
	if d := decode[view.Device](t, []byte(late.topic("d/srv-4"))); d.State != site.RolledBack {
		t.Errorf("topic d/srv-4 says %s", late.topic("d/srv-4"))
	}
}
