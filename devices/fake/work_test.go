package fake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

const (
	done        = devices.PhaseDone
	timedOut    = devices.PhaseTimedOut
	interrupted = devices.PhaseInterrupted
	lost        = devices.PhaseLost
)

// end is how one piece of work is expected to end.
type end struct {
	phase devices.Phase
	exit  int
}

// Every way in which an install and what follows can go, and what is really on the device then.
func TestOutcomes(t *testing.T) {
	ok, failed := end{done, 0}, end{done, 1}
	for _, c := range []struct {
		name                           string
		script                         fake.Script
		install, verify, revert, prove end
		version                        string // of pos-app after the install; "" = broken
		finally                        string // after the revert
	}{
		{name: "as promised", install: ok, verify: ok, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "exits 3 and changes nothing", script: fake.Script{Install: fake.Outcome{Exit: 3, Leaves: fake.Unchanged}},
			install: end{done, 3}, verify: failed, revert: ok, prove: ok, version: "1.0", finally: "1.0"},
		{name: "exits 3 and is installed", script: fake.Script{Install: fake.Outcome{Exit: 3}},
			install: end{done, 3}, verify: ok, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "exits 0 and nothing changed", script: fake.Script{Install: fake.Outcome{Leaves: fake.Unchanged}},
			install: ok, verify: failed, revert: ok, prove: ok, version: "1.0", finally: "1.0"},
		{name: "leaves it broken", script: fake.Script{Install: fake.Outcome{Exit: 1, Leaves: fake.Broken}},
			install: failed, verify: failed, revert: ok, prove: ok, version: "", finally: "1.0"},
		{name: "hangs", script: fake.Script{Install: fake.Outcome{Hangs: true}},
			install: end{timedOut, 0}, verify: failed, revert: ok, prove: ok, version: "1.0", finally: "1.0"},
		{name: "hangs half-way", script: fake.Script{Install: fake.Outcome{Hangs: true, Midway: fake.Broken}},
			install: end{timedOut, 0}, verify: failed, revert: ok, prove: ok, version: "", finally: "1.0"},
		{name: "takes longer than allowed and is on", script: fake.Script{Install: fake.Outcome{Takes: 2 * time.Hour, Midway: fake.Changed}},
			install: end{timedOut, 0}, verify: ok, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "process is lost", script: fake.Script{Install: fake.Outcome{Lost: true}},
			install: end{lost, 0}, verify: ok, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "restarts in the middle", script: fake.Script{Install: fake.Outcome{Resets: time.Minute}},
			install: end{interrupted, 0}, verify: failed, revert: ok, prove: ok, version: "1.0", finally: "1.0"},
		{name: "restarts in the middle, half-way", script: fake.Script{Install: fake.Outcome{Resets: time.Minute, Midway: fake.Broken}},
			install: end{interrupted, 0}, verify: failed, revert: ok, prove: ok, version: "", finally: "1.0"},
		{name: "restarts as its last act", script: fake.Script{Install: fake.Outcome{Resets: 3 * time.Minute, Midway: fake.Changed}},
			install: end{interrupted, 0}, verify: ok, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "would restart after its end", script: fake.Script{Install: fake.Outcome{Resets: time.Hour}},
			install: ok, verify: ok, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "services down until it is taken back", script: fake.Script{Install: fake.Outcome{StopsServices: true}},
			install: ok, verify: failed, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "services die before the verification ends", script: fake.Script{Install: fake.Outcome{StopsAfter: 30 * time.Second}},
			install: ok, verify: failed, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "the verification itself is wrong", script: fake.Script{Verify: fake.Outcome{Exit: 9}},
			install: ok, verify: end{done, 9}, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "the verification hangs", script: fake.Script{Verify: fake.Outcome{Hangs: true}},
			install: ok, verify: end{timedOut, 0}, revert: ok, prove: ok, version: "2.0", finally: "1.0"},
		{name: "revert fails", script: fake.Script{Revert: fake.Outcome{Exit: 1, Leaves: fake.Unchanged}},
			install: ok, verify: ok, revert: failed, prove: failed, version: "2.0", finally: "2.0"},
		{name: "revert does nothing and says 0", script: fake.Script{Revert: fake.Outcome{Leaves: fake.Unchanged}},
			install: ok, verify: ok, revert: ok, prove: failed, version: "2.0", finally: "2.0"},
		{name: "revert leaves it broken", script: fake.Script{Revert: fake.Outcome{Leaves: fake.Broken}},
			install: ok, verify: ok, revert: ok, prove: failed, version: "2.0", finally: ""},
		{name: "revert stops the services", script: fake.Script{Revert: fake.Outcome{StopsServices: true}},
			install: ok, verify: ok, revert: ok, prove: failed, version: "2.0", finally: "1.0"},
		{name: "revert is cut off", script: fake.Script{Revert: fake.Outcome{Hangs: true, Midway: fake.Broken}},
			install: ok, verify: ok, revert: end{timedOut, 0}, prove: failed, version: "2.0", finally: ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, base(), func(t *testing.T, r *rig) {
				p := posApp("pos-app-2.0", site.InstallDeb)
				r.Script(r.device.ID, p.ID, c.script)
				r.stage(p)
				r.wants(devices.Install, p, c.install.phase, c.install.exit)
				r.holds("after the install", c.version)
				r.wants(devices.Verify, p, c.verify.phase, c.verify.exit)
				if _, recorded := r.truth().Recorded[p.ID]; recorded != (c.verify == ok) {
					t.Errorf("recorded: %v after a verification that ended %v", recorded, c.verify)
				}
				r.wants(devices.Revert, p, c.revert.phase, c.revert.exit)
				r.holds("after the revert", c.finally)
				r.wants(devices.Prove, p, c.prove.phase, c.prove.exit)
				if r.truth().Overlap != 1 {
					t.Errorf("%d bodies ran at once", r.truth().Overlap)
				}
			})
		})
	}
}

// holds compares the true version of pos-app and what a look at the device finds.
func (r *rig) holds(when, version string) {
	r.t.Helper()
	truth := r.truth()
	if got := truth.Packages["pos-app"]; got != version || slices.Contains(truth.Broken, "pos-app") != (version == "") {
		r.t.Errorf("%s pos-app is at %q with %v broken, want %q", when, got, truth.Broken, version)
	}
	if truth.Packages["libc"] != "2" {
		r.t.Errorf("%s libc is at %q", when, truth.Packages["libc"])
	}
	seen, err := r.Probe(r.t.Context(), r.device)
	if err != nil || seen.Packages["pos-app"] != truth.Packages["pos-app"] || !slices.Equal(seen.Broken, truth.Broken) {
		r.t.Errorf("%s a look finds %+v, %v", when, seen, err)
	}
}

func TestOutcomeOfTheFirstRunsOnly(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.Script("", p.ID, fake.Script{Install: fake.Outcome{Times: 2, Exit: 1, Leaves: fake.Broken}})
		r.stage(p)
		for _, exit := range []int{1, 1, 0} {
			r.wants(devices.Install, p, done, exit)
		}
		r.wants(devices.Verify, p, done, 0)
		r.wants(devices.Revert, p, done, 0)
		r.holds("after broken attempts and a revert", "1.0")
		if n := r.truth().Count(devices.Install, p.ID); n != 3 {
			t.Errorf("%d installs ran, want 3", n)
		}
	})
}

func TestNarrowestScriptWins(t *testing.T) {
	exits := func(n int) fake.Script { return fake.Script{Install: fake.Outcome{Exit: n}} }
	bubble(t, base(), func(t *testing.T, r *rig) {
		p, q := posApp("p", site.InstallScript), posApp("q", site.InstallScript)
		r.stage(p)
		r.stage(q)
		r.Script("srv-1", "", exits(1))
		r.wants(devices.Install, p, done, 1)
		r.Script("", "p", exits(2))
		r.wants(devices.Install, p, done, 2)
		r.Script("srv-1", "p", exits(3))
		r.wants(devices.Install, p, done, 3)
		r.wants(devices.Install, q, done, 1)
	})
}

func TestScriptPatchIsRecordedAndTakenBack(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("settings", site.InstallFile)
		r.stage(p)
		r.wants(devices.Verify, p, done, 1)
		r.wants(devices.Install, p, done, 0)
		if got, want := r.truth().Applied[p.ID], policy.Digest(p); got != want || len(r.truth().Recorded) != 0 {
			t.Errorf("applied %q, want %q; recorded %v before it was verified", got, want, r.truth().Recorded)
		}
		r.wants(devices.Prove, p, done, 1)
		r.wants(devices.Verify, p, done, 0)
		if got := r.truth().Recorded[p.ID]; got != policy.Digest(p) {
			t.Errorf("recorded %q", got)
		}
		r.wants(devices.Revert, p, done, 0)
		r.wants(devices.Prove, p, done, 0)
	})
}

func TestWorkThatLacksSomething(t *testing.T) {
	noWayBack := posApp("p", site.InstallDeb)
	noWayBack.Rollback = site.Rollback{Class: site.RollbackNone}
	for _, c := range []struct {
		name   string
		patch  site.Patch
		kind   devices.Kind
		exit   int
		output string
	}{
		{"artifact", posApp("p", site.InstallDeb), devices.Install, 66, "p.bin is not staged: nothing was changed\n"},
		{"artifact of the rollback", posApp("p", site.InstallDeb), devices.Revert, 66, "p-back.bin is not staged: nothing was changed\n"},
		{"way back", noWayBack, devices.Revert, 1, "p has no way back: nothing was changed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, base(), func(t *testing.T, r *rig) {
				got := r.does(c.kind, c.patch)
				if got.ExitCode != c.exit || got.Output != c.output {
					t.Errorf("exit code %d, output %q", got.ExitCode, got.Output)
				}
				r.holds("afterwards", "1.0")
			})
		})
	}
}

func TestWhatAiledBeforeIsNotHeldAgainstARevert(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		bad, p := posApp("bad", site.InstallScript), posApp("p", site.InstallDeb)
		r.Script("", "bad", fake.Script{Install: fake.Outcome{StopsServices: true}})
		r.stage(bad)
		r.stage(p)
		r.wants(devices.Install, bad, done, 0)
		r.wants(devices.Install, p, done, 0)
		r.wants(devices.Verify, p, done, 1)
		r.wants(devices.Revert, p, done, 0)
		r.wants(devices.Prove, p, done, 0)
	})
}

func TestPackageBrokenBeforeTheNight(t *testing.T) {
	d := base()
	d.Broken = []string{"pos-app"}
	bubble(t, d, func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.stage(p)
		r.holds("at first", "")
		r.wants(devices.Install, p, done, 0)
		r.holds("after an install that repairs it", "2.0")
		r.wants(devices.Revert, p, done, 0)
		r.holds("after the revert", "")
		r.wants(devices.Prove, p, done, 0)
	})
}

func TestWorkIDsAreSafeFileNames(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.Hook = func(c fake.Call) error { return errCrash }
		for _, id := range []devices.WorkID{"", "../x", "A", "a b", "a/b", ".x"} {
			want := fmt.Sprintf("cannot start %s on srv-1: %q is not a work id: lower-case letters, digits, dot and hyphen only", id, id)
			if err := r.Start(t.Context(), r.device, devices.Work{ID: id, Kind: devices.Gate}); err == nil || err.Error() != want {
				t.Errorf("%v\nwant %s", err, want)
			}
			if err := r.Reboot(t.Context(), r.device, id); err == nil || err == errCrash {
				t.Errorf("Reboot %q: %v", id, err)
			}
		}
	})
}

func TestDurations(t *testing.T) {
	says := site.Durations{Install: site.Duration(7 * time.Minute), Verify: site.Duration(2 * time.Minute), Soak: site.Duration(3 * time.Minute), Rollback: site.Duration(8 * time.Minute)}
	bare := base()
	bare.InstallTakes, bare.VerifyTakes, bare.RevertTakes = 0, 0, 0
	for _, c := range []struct {
		name   string
		device fake.Device
		says   site.Durations
		want   map[devices.Kind]time.Duration
	}{
		{"of the device", base(), says, map[devices.Kind]time.Duration{devices.Gate: time.Second, devices.Install: 4 * time.Minute, devices.Verify: time.Minute, devices.Revert: 5 * time.Minute, devices.Prove: time.Minute}},
		{"of the patch", bare, says, map[devices.Kind]time.Duration{devices.Install: 7 * time.Minute, devices.Verify: 3 * time.Minute, devices.Revert: 8 * time.Minute, devices.Prove: 3 * time.Minute}},
		{"of nobody", bare, site.Durations{}, map[devices.Kind]time.Duration{devices.Install: time.Minute, devices.Verify: 10 * time.Second, devices.Revert: time.Minute}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, c.device, func(t *testing.T, r *rig) {
				p := posApp("p", site.InstallDeb)
				p.Duration = c.says
				r.stage(p)
				for _, kind := range []devices.Kind{devices.Gate, devices.Install, devices.Verify, devices.Revert, devices.Prove} {
					want, ok := c.want[kind]
					var got devices.Progress
					real := took(func() { got = r.does(kind, p) })
					if ok && (got.Took != want || real != want) {
						t.Errorf("%s took %s, in truth %s, want %s", kind, got.Took, real, want)
					}
				}
			})
		})
	}
}

func TestStatusWaits(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.stage(p)
		id := r.begins(devices.Install, p)
		ask := func(limit time.Duration) (phase devices.Phase, d time.Duration) {
			ctx := within(t, limit)
			d = took(func() {
				progress, err := r.Status(ctx, r.device, id)
				if err != nil {
					t.Error(err)
				}
				phase = progress.Phase
			})
			return phase, d
		}
		if phase, d := ask(time.Hour); phase != devices.PhaseRunning || d != devices.StatusWait {
			t.Errorf("%s after %s, want running after %s", phase, d, devices.StatusWait)
		}
		if phase, d := ask(4 * time.Second); phase != devices.PhaseRunning || d != 2*time.Second {
			t.Errorf("%s after %s, want running after half of the context's time", phase, d)
		}
		r.pass(4*time.Minute - 20*time.Second)
		if phase, d := ask(time.Hour); phase != done || d != 3*time.Second {
			t.Errorf("%s after %s, want done as soon as it ended", phase, d)
		}
	})
}

func TestOutputIsCutToItsEnd(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.Script("", "", fake.Script{Gate: fake.Outcome{Output: strings.Repeat("x", 9000) + "end"}})
		if got := r.does(devices.Gate, p).Output; len(got) != 4096 || !strings.HasSuffix(got, "end") {
			t.Errorf("%d bytes of output", len(got))
		}
	})
}

func TestGateUntilATimeAndForEver(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		p.Gates = []site.Gate{{Command: []string{"test", "!", "-e", "/run/eod"}}}
		r.Trouble("srv-1", fake.Trouble{Kind: fake.GateClosed, Patch: "p", To: r.after(10 * time.Second)})
		r.Trouble("srv-1", fake.Trouble{Kind: fake.GateClosed, Patch: "never"})
		got := r.does(devices.Gate, p)
		if got.ExitCode != 1 || got.Output != "the gate is closed: test ! -e /run/eod\n" {
			t.Errorf("closed gate: %d, %q", got.ExitCode, got.Output)
		}
		r.pass(9 * time.Second)
		r.wants(devices.Gate, p, done, 0)
		r.pass(24 * time.Hour)
		r.wants(devices.Gate, posApp("never", site.InstallDeb), done, 1)
	})
}

func TestServicesThatDieLater(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.Script("", p.ID, fake.Script{Install: fake.Outcome{StopsAfter: 10 * time.Minute}})
		r.stage(p)
		r.wants(devices.Install, p, done, 0)
		r.wants(devices.Verify, p, done, 0)
		r.pass(9*time.Minute - time.Nanosecond)
		if !r.truth().Healthy() {
			t.Error("the service died too soon")
		}
		r.pass(time.Nanosecond)
		truth := r.truth()
		if truth.Healthy() || truth.Services["pos"] || !truth.Services["db"] {
			t.Errorf("services are %v, want only pos dead", truth.Services)
		}
		r.wants(devices.Verify, p, done, 1)
		if !r.restart(time.Hour) || !r.truth().Healthy() {
			t.Error("a restart brings the service up")
		}
		r.pass(10 * time.Minute)
		if r.truth().Healthy() {
			t.Error("it dies again after a restart")
		}
		r.wants(devices.Revert, p, done, 0)
		r.pass(time.Hour)
		if !r.truth().Healthy() {
			t.Error("it lives on when the patch is off")
		}
	})
}

func TestRestartIsWanted(t *testing.T) {
	for _, c := range []struct {
		reboot site.Reboot
		wants  bool
		want   bool
	}{
		{site.RebootNever, true, false}, {site.RebootMay, false, false}, {site.RebootMay, true, true}, {site.RebootAlways, false, true},
	} {
		bubble(t, base(), func(t *testing.T, r *rig) {
			p := posApp("p", site.InstallDeb)
			p.Reboot = c.reboot
			r.Script("", "", fake.Script{Install: fake.Outcome{WantsReboot: c.wants}})
			r.stage(p)
			r.wants(devices.Install, p, done, 0)
			if seen, _ := r.Probe(t.Context(), r.device); seen.RebootPending != c.want {
				t.Errorf("%s, told %v: pending is %v", c.reboot, c.wants, seen.RebootPending)
			}
			r.restart(time.Hour)
			if r.truth().RebootPending {
				t.Errorf("%s, told %v: still pending after a restart", c.reboot, c.wants)
			}
		})
	}
}
