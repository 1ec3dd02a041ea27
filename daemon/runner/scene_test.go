package runner_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// scene is a small store with the journal that the product uses, for nights that say one thing.
type scene struct {
	t     *testing.T
	dir   string
	store *fake.Store
	facts policy.Facts
	seen  site.Inventory // what the box was told last of each device that was looked at
}

// play plays a scene in a bubble of its own, from a minute before its first window.
func play(t *testing.T, machines []fake.Device, patches []site.Patch, haunted func(*fake.Store), nights func(s *scene)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, dir: dir, store: fake.NewStore(fake.Options{Seed: 7, Skew: time.Millisecond})}
		s.facts = policy.Facts{
			Store:   site.Store{ID: "0142", Ring: site.RingFleet, Calendar: window.Calendar{Zone: time.UTC, Start: opensAt, End: endsAt, Reserve: reserve}},
			Catalog: site.Catalog{Version: 1}, Cached: map[string]bool{},
		}
		for _, m := range machines {
			m.Latency, m.VerifyTakes = 20*time.Millisecond, 20*time.Second
			s.facts.Store.Devices = append(s.facts.Store.Devices, s.store.Add(m))
		}
		for _, p := range patches {
			s.facts.Catalog.Patches = append(s.facts.Catalog.Patches, site.Approved{Patch: p, Release: &site.Release{Ring: site.RingFleet}})
			for _, a := range policy.Needed(p) {
				s.facts.Cached[a.SHA256] = true
			}
		}
		haunted(s.store)
		pass(time.Until(at(22, 59)))
		nights(s)
	})
}

// until runs the box until a moment and returns what its journal folds to, and all of its records.
func (s *scene) until(end time.Time) (run.State, []run.Record) {
	s.t.Helper()
	s.seen = box(s.t, s.dir, s.store, s.facts, end)
	j := openJournal(s.t, s.dir)
	var records []run.Record
	if err := j.Each(1, func(r run.Record) error { records = append(records, r); return nil }); err != nil {
		s.t.Error(err)
	}
	if err := j.Close(); err != nil {
		s.t.Error(err)
	}
	return run.Fold(run.State{}, records...), records
}

// job is how a job stands, with its reason.
func job(t *testing.T, s run.State, device, patch string, want site.State, code site.Code) run.Job {
	t.Helper()
	j, ok := s.Job(device, patch)
	got := site.Code("")
	if j.Reason != nil {
		got = j.Reason.Code
	}
	if !ok || j.State != want || got != code {
		t.Errorf("%s of %s is %q because %v, want %q because of %q", patch, device, j.State, j.Reason, want, code)
	}
	return j
}

func upgrade(id, name, from, to string) site.Patch {
	return site.Patch{
		ID: id, Install: site.Install{Kind: site.InstallDeb}, Artifacts: []site.Artifact{artifact(name + "_" + to + "_all.deb")},
		Applies: site.Applies{Package: name, Below: to}, Reboot: site.RebootNever,
		Rollback: site.Rollback{Class: site.RollbackDowngrade, Artifacts: []site.Artifact{artifact(name + "_" + from + "_all.deb")}},
		Duration: site.Durations{Install: minutes(4), Reboot: minutes(2), Verify: minutes(1), Rollback: minutes(3)}, Verify: []site.Verify{{Service: "pos"}},
	}
}

func machine(id string, packages ...string) fake.Device {
	d := fake.Device{ID: id, Class: site.LinuxServer, Packages: map[string]string{}, Services: []string{"pos"}}
	for _, p := range packages {
		name, version, _ := strings.Cut(p, "=")
		d.Packages[name] = version
	}
	return d
}

// A tablet that is off its dock when its turn comes is patched as soon as it is back on it; one whose
// battery stays low is left alone for that reason, as it was.
func TestUndockedIsWaitedFor(t *testing.T) {
	docked := true
	var machines []fake.Device
	for _, id := range []string{"tab-1", "tab-2", "tab-3"} {
		m := machine(id, "pos=1.0")
		m.Power = &site.Power{OnMains: true, Battery: 80, Docked: &docked}
		machines = append(machines, m)
	}
	gated := upgrade("pos-2", "pos", "1.0", "2.0")
	play(t, machines, []site.Patch{gated}, func(s *fake.Store) {
		s.Trouble("tab-1", fake.Trouble{Kind: fake.Undocked, To: at(23, 30)})
		s.Trouble("tab-2", fake.Trouble{Kind: fake.OnBattery, Battery: 12})
	}, func(s *scene) {
		state, _ := s.until(at(23, 29))
		job(t, state, "tab-1", "pos-2", site.Waiting, site.CodeNotDocked)
		job(t, state, "tab-3", "pos-2", site.Done, "")
		if n := s.store.Truth("tab-1").Count(devices.Install, "pos-2"); n != 0 {
			t.Errorf("it was installed %d times in somebody's hand", n)
		}
		state, _ = s.until(at(2, 0))
		done := job(t, state, "tab-1", "pos-2", site.Done, "")
		if began := done.Ends[run.Gate].At; began.Before(at(23, 30)) || began.After(at(23, 32)) {
			t.Errorf("its power was last asked for at %s", began)
		}
		left := job(t, state, "tab-2", "pos-2", site.Skipped, site.CodeBatteryLow)
		if got := left.Reason.String(); got != "tab-2 runs on its battery, which has 12 %; 30 % are needed [battery_low battery=12 docked=true on_mains=false]" {
			t.Errorf("it is skipped because %s", got)
		}
		if needs := 8 * time.Minute; left.Since.Before(at(0, 50).Add(-needs)) {
			t.Errorf("it was given up at %s, before the last safe start", left.Since)
		}
		if n := s.store.Truth("tab-2").Count(devices.Install, "pos-2") + left.Installs; n != 0 || state.Night.Open() {
			t.Errorf("the night is open: %v; installed %d times", state.Night.Open(), n)
		}
	})
}

// A gate that stays closed is why its patch is not done, with what the gate said.
func TestClosedGateIsTheFact(t *testing.T) {
	gated := upgrade("pos-2", "pos", "1.0", "2.0")
	gated.Gates = []site.Gate{{Command: []string{"test", "!", "-e", "/run/pos/eod.lock"}, Wait: true}}
	play(t, []fake.Device{machine("till-1", "pos=1.0")}, []site.Patch{gated}, func(s *fake.Store) {
		s.Trouble("till-1", fake.Trouble{Kind: fake.GateClosed})
	}, func(s *scene) {
		state, _ := s.until(at(2, 0))
		j := job(t, state, "till-1", "pos-2", site.Skipped, site.CodeGateClosed)
		if j.Reason.Facts["gate"] != "test ! -e /run/pos/eod.lock" || j.Reason.Facts["output"] != "the gate is closed: test ! -e /run/pos/eod.lock" {
			t.Errorf("it is skipped because %s", j.Reason)
		}
		if j.Attempts[run.Gate] < 90 || j.Since.Before(at(0, 42)) {
			t.Errorf("the gate was asked %d times and given up at %s", j.Attempts[run.Gate], j.Since)
		}
	})
}

// A device that undoes the patch when it restarts is said to have done so; the patch is proven off.
func TestSelfRevertIsNamed(t *testing.T) {
	patch := upgrade("pos-2", "pos", "1.0", "2.0")
	patch.Reboot = site.RebootAlways
	play(t, []fake.Device{machine("till-1", "pos=1.0"), machine("till-2", "pos=1.0")}, []site.Patch{patch}, func(s *fake.Store) {
		s.Script("till-1", "pos-2", fake.Script{Boot: fake.Boot{Reverts: true, Times: 1}})
		s.Script("till-2", "pos-2", fake.Script{Install: fake.Outcome{Leaves: fake.Unchanged}})
	}, func(s *scene) {
		state, _ := s.until(at(2, 0))
		j := job(t, state, "till-1", "pos-2", site.RolledBack, site.CodeSelfReverted)
		if got := j.Reason.String(); got != "till-1 took pos-2 back by itself when it restarted: pos is at 1.0 again [self_reverted after=2.0 before=1.0 package=pos]" {
			t.Errorf("it is taken back because %s", got)
		}
		if j.Ends[run.Prove].Outcome != run.OK || s.store.Truth("till-1").Packages["pos"] != "1.0" {
			t.Errorf("it is not proven off: %+v", j.Ends[run.Prove])
		}
		job(t, state, "till-2", "pos-2", site.RolledBack, site.CodeVerifyFailed) // it was never on
	})
}

// Somebody else answers at the device's address while a step runs on it: nothing is told to the
// stranger, and the job ends as not answering, for that reason. When the device itself is back in
// time, the step is taken up where it is.
func TestAnotherIdentityInTheNight(t *testing.T) {
	patch := upgrade("pos-2", "pos", "1.0", "2.0")
	play(t, []fake.Device{machine("till-1", "pos=1.0"), machine("till-2", "pos=1.0")}, []site.Patch{patch}, func(s *fake.Store) {
		s.Trouble("till-1", fake.Trouble{Kind: fake.OtherKey, From: at(23, 2)})
		s.Trouble("till-2", fake.Trouble{Kind: fake.OtherKey, From: at(23, 2), To: at(23, 40)})
	}, func(s *scene) {
		state, _ := s.until(at(23, 30))
		for _, id := range []string{"till-1", "till-2"} {
			if j := job(t, state, id, "pos-2", site.NoAnswer, site.CodeIdentity); j.LastState != site.Installing || j.Settled {
				t.Errorf("before it fell silent %s was %s, settled %v", id, j.LastState, j.Settled)
			}
		}
		logins := s.store.Truth("till-1").Logins
		state, _ = s.until(at(2, 0))
		j := job(t, state, "till-1", "pos-2", site.NoAnswer, site.CodeIdentity)
		if !j.Settled || j.Intent != nil || state.Night.Open() {
			t.Errorf("the night ends with %+v", j)
		}
		if got := s.store.Truth("till-1").Logins; got != logins {
			t.Errorf("the login was offered %d times to a stranger", got-logins)
		}
		job(t, state, "till-2", "pos-2", site.Done, "")
	})
}

// chain are patches that are found one after another: each brings the package that the next one is for.
func chain() []site.Patch {
	first, second, third := upgrade("pos-2", "pos", "1.0", "2.0"), upgrade("client-2", "client", "1.0", "2.0"), upgrade("plugin-2", "plugin", "1.0", "2.0")
	first.Artifacts = append(first.Artifacts, artifact("client_1.0_all.deb"))
	second.Artifacts = append(second.Artifacts, artifact("plugin_1.0_all.deb"))
	second.Reboot = site.RebootAlways
	return []site.Patch{first, second, third}
}

// Installing goes on as long as something is applicable: each look finds what the one before brought.
func TestPassesUntilNothingIsLeft(t *testing.T) {
	play(t, []fake.Device{machine("srv-1", "pos=1.0"), machine("srv-2", "pos=2.0")}, chain(), func(*fake.Store) {}, func(s *scene) {
		state, records := s.until(at(2, 0))
		for _, patch := range []string{"pos-2", "client-2", "plugin-2"} {
			job(t, state, "srv-1", patch, site.Done, "")
		}
		truth := s.store.Truth("srv-1")
		if truth.Packages["plugin"] != "2.0" || truth.Boots != 1 || state.Night.Open() {
			t.Errorf("the night is open: %v; on the device are %v after %d restarts", state.Night.Open(), truth.Packages, truth.Boots)
		}
		if n := count(records, run.NightExtended); state.Night.Passes != 3 || n != 2 {
			t.Errorf("%d passes, %d times extended", state.Night.Passes, n)
		}
		if jobs := state.Night.JobsOf("srv-2"); len(jobs) != 0 {
			t.Errorf("srv-2 needs nothing and got %v", jobs)
		}
	})
}

// What does not fit any more is found again in the next night, and done there.
func TestPassesGoOnInTheNextNight(t *testing.T) {
	patches := chain()
	patches[0].Gates = []site.Gate{{Command: []string{"true"}, Wait: true}}
	play(t, []fake.Device{machine("srv-1", "pos=1.0")}, patches, func(s *fake.Store) {
		s.Trouble("srv-1", fake.Trouble{Kind: fake.GateClosed, To: at(0, 38)})
	}, func(s *scene) {
		state, first := s.until(at(3, 0))
		job(t, state, "srv-1", "pos-2", site.Done, "")
		if state.Night.Total() != 1 || state.Night.Open() || state.Night.Passes != 1 || s.store.Truth("srv-1").Packages["client"] != "1.0" {
			t.Errorf("the first night has %d jobs in %d passes, open: %v", state.Night.Total(), state.Night.Passes, state.Night.Open())
		}
		state, all := s.until(at(3, 0).AddDate(0, 0, 1))
		for _, patch := range []string{"client-2", "plugin-2"} {
			job(t, state, "srv-1", patch, site.Done, "")
		}
		if _, again := state.Job("srv-1", "pos-2"); again || state.Night.Passes != 2 || state.Night.Open() {
			t.Errorf("the second night has %d jobs in %d passes, open: %v", state.Night.Total(), state.Night.Passes, state.Night.Open())
		}
		if count(all, run.NightOpened) != 2 || count(all, run.NightClosed) < 2 || len(all) <= len(first) {
			t.Errorf("%d nights were opened and %d closed", count(all, run.NightOpened), count(all, run.NightClosed))
		}
		before := run.Fold(run.State{}, first...)
		if got := run.Fold(before, all[len(first):]...); !reflect.DeepEqual(got.Night.JobsOf("srv-1"), state.Night.JobsOf("srv-1")) || got.Night.Passes != 2 {
			t.Error("the journal of both nights folds to something else in two parts")
		}
		if truth := s.store.Truth("srv-1"); truth.Packages["plugin"] != "2.0" || truth.Count(devices.Install, "pos-2") != 1 {
			t.Errorf("on the device are %v", truth.Packages)
		}
	})
}

func count(records []run.Record, kind run.Kind) int {
	n := 0
	for _, r := range records {
		if r.Event.Kind == kind {
			n++
		}
	}
	return n
}
