package fake_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
)

func TestRestarts(t *testing.T) {
	for _, c := range []struct {
		name    string
		boot    fake.Boot
		back    time.Duration // from the order to an answer; 0 = never
		boots   int
		version string
		healthy bool
	}{
		{"as it should", fake.Boot{}, 3*time.Minute + 2*time.Second, 1, "2.0", true},
		{"ignored", fake.Boot{Ignored: true}, 0, 0, "2.0", true},
		{"dead", fake.Boot{Dead: true}, 0, 0, "2.0", false},
		{"slow", fake.Boot{Takes: 40 * time.Minute}, 40*time.Minute + 2*time.Second, 1, "2.0", true},
		{"takes the patch back", fake.Boot{Reverts: true}, 3*time.Minute + 2*time.Second, 1, "1.0", true},
		{"services do not come up", fake.Boot{StopsServices: true}, 3*time.Minute + 2*time.Second, 1, "2.0", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, base(), func(t *testing.T, r *rig) {
				p := posApp("p", site.InstallDeb)
				r.Script("srv-1", "p", fake.Script{Boot: c.boot})
				r.stage(p)
				r.wants(devices.Install, p, done, 0)
				ordered := time.Now()
				back := r.restart(2 * time.Hour)
				truth := r.truth()
				if back != (c.back > 0) || truth.Boots != c.boots || truth.Packages["pos-app"] != c.version || truth.Healthy() != c.healthy {
					t.Errorf("back %v, truth %+v", back, truth)
				}
				for _, e := range r.Log() {
					if e.What == fake.Up && e.At.Sub(ordered) != c.back {
						t.Errorf("up %s after the order, want %s", e.At.Sub(ordered), c.back)
					}
				}
			})
		})
	}
}

func TestDeadBootUntilThePowerIsCut(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.Script("srv-1", "", fake.Script{Boot: fake.Boot{Times: 1, Dead: true}})
		if r.restart(time.Hour) {
			t.Error("it came back")
		}
		r.PowerCycle("srv-1")
		r.pass(3 * time.Minute)
		if truth := r.truth(); !truth.Up || truth.Boots != 1 {
			t.Errorf("after a power cycle: %+v", truth)
		}
	})
}

func TestScriptOfAPatchTellsOfTheNextBootOnly(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.Script("srv-1", "p", fake.Script{Boot: fake.Boot{StopsServices: true}})
		r.stage(p)
		r.wants(devices.Install, p, done, 0)
		r.restart(time.Hour)
		r.wants(devices.Verify, p, done, 1)
		r.restart(time.Hour)
		r.wants(devices.Verify, p, done, 0)
	})
}

func TestSelfRevertKeepsTheRecord(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.Script("srv-1", "p", fake.Script{Boot: fake.Boot{Reverts: true}})
		r.stage(p)
		r.wants(devices.Install, p, done, 0)
		r.wants(devices.Verify, p, done, 0)
		r.restart(time.Hour)
		if truth := r.truth(); truth.Recorded["p"] == "" || truth.Applied["p"] != "" || truth.Packages["pos-app"] != "1.0" {
			t.Errorf("%+v", truth)
		}
	})
}

func TestPowerCutWhileWorkRuns(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.stage(p)
		now := time.Now()
		r.Trouble("srv-1", fake.Trouble{Kind: fake.PowerOff, From: now.Add(time.Minute), To: now.Add(time.Hour)})
		id := r.begins(devices.Install, p)
		got := r.ends(id)
		if got.Phase != interrupted || time.Since(now) < time.Hour+3*time.Minute {
			t.Errorf("%s after %s", got.Phase, time.Since(now))
		}
		if err := r.Start(t.Context(), r.device, devices.Work{ID: id, Kind: devices.Install, Patch: p, Owner: "box"}); err != nil {
			t.Error(err)
		}
		if truth := r.truth(); truth.CountWork(id) != 1 || truth.Boots != 1 {
			t.Errorf("ran %d times, %d boots", truth.CountWork(id), truth.Boots)
		}
	})
}

func TestPowerCutForEverAndDuringABoot(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.Trouble("srv-1", fake.Trouble{Kind: fake.PowerOff, From: r.after(time.Minute), To: r.after(2 * time.Minute)})
		r.Trouble("srv-1", fake.Trouble{Kind: fake.PowerOff, From: r.after(4 * time.Minute)})
		r.pass(24 * time.Hour)
		if truth := r.truth(); truth.Up || truth.Boots != 0 {
			t.Errorf("up %v after %d boots", truth.Up, truth.Boots)
		}
	})
}

func TestTwoOrdersOneRestart(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		for _, id := range []devices.WorkID{"one", "two", "one"} {
			if err := r.Reboot(t.Context(), r.device, id); err != nil {
				t.Fatal(err)
			}
		}
		r.pass(time.Hour)
		for _, id := range []devices.WorkID{"one", "two"} {
			if p, err := r.Status(t.Context(), r.device, id); err != nil || p.Phase != done {
				t.Errorf("%s: %+v, %v", id, p, err)
			}
		}
		if r.truth().Boots != 1 {
			t.Errorf("%d boots", r.truth().Boots)
		}
	})
}

func TestTwoOrdersUseOneScriptedBoot(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.Script("srv-1", "", fake.Script{Boot: fake.Boot{Times: 2, Dead: true}})
		for _, id := range []devices.WorkID{"one", "two"} {
			if err := r.Reboot(t.Context(), r.device, id); err != nil {
				t.Fatal(err)
			}
		}
		for _, up := range []bool{false, false, true} {
			if r.pass(time.Hour); r.truth().Up != up {
				t.Errorf("up is %v, want %v", r.truth().Up, up)
			}
			r.PowerCycle("srv-1")
		}
	})
}

func TestPowerCutThatIsOver(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.pass(time.Hour)
		r.Trouble("srv-1", fake.Trouble{Kind: fake.PowerOff, From: r.after(time.Minute), To: r.after(2 * time.Minute)})
		r.pass(time.Hour)
		log := r.Log()
		if len(log) != 2 || !log[0].At.Equal(r.after(time.Hour)) || !log[1].At.Equal(r.after(time.Hour+3*time.Minute)) {
			t.Errorf("%v, want down at once and up after a start", log)
		}
	})
}

func TestServicesDieAfterTheBootAndNotBefore(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.Script("", "p", fake.Script{Install: fake.Outcome{Resets: time.Minute, Midway: fake.Changed, StopsAfter: 4 * time.Minute}})
		r.stage(p)
		r.wants(devices.Install, p, interrupted, 0)
		boot := time.Now().Add(-r.uptime())
		for _, c := range []struct {
			after   time.Duration
			healthy bool
		}{{3*time.Minute + 59*time.Second, true}, {4 * time.Minute, false}} {
			if r.pass(time.Until(boot.Add(c.after))); r.truth().Healthy() != c.healthy {
				t.Errorf("%s after the boot: healthy is %v", c.after, r.truth().Healthy())
			}
		}
	})
}

func (r *rig) uptime() time.Duration {
	o, err := r.Probe(r.t.Context(), r.device)
	if err != nil {
		r.t.Fatal(err)
	}
	return o.Uptime.Std()
}

func TestRestartIsRefusedWhileWorkRuns(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.stage(p)
		id := r.begins(devices.Install, p)
		err := r.Reboot(t.Context(), r.device, "boot")
		wantCode(t, err, site.CodeBusy)
		if want := "cannot restart srv-1: srv-1 is being worked on by box: nothing was begun"; err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
		if got := r.ends(id); got.Phase != done {
			t.Errorf("the work is %s", got.Phase)
		}
		if err := r.Reboot(t.Context(), r.device, "boot"); err != nil {
			t.Error(err)
		}
		if r.pass(time.Hour); r.truth().Boots != 1 {
			t.Errorf("%d boots", r.truth().Boots)
		}
	})
}

func TestBootIDs(t *testing.T) {
	shape, seen := regexp.MustCompile(`^[0-9a-f-]{36}$`), map[string]bool{}
	for range 2 {
		bubble(t, base(), func(t *testing.T, r *rig) {
			for range 3 {
				id := r.truth().BootID
				if !shape.MatchString(id) {
					t.Errorf("boot id %q", id)
				}
				seen[id] = true
				r.restart(time.Hour)
			}
		})
	}
	if len(seen) != 3 {
		t.Errorf("two stores of one seed had %d different boot ids, want the same 3", len(seen))
	}
}
