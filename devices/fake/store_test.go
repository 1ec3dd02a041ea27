package fake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
)

var errCrash = errors.New("the box crashed")

// A crash before an effect leaves nothing, a crash after it leaves all of it; what the call returns is the crash.
func TestHookCrashesTheBox(t *testing.T) {
	p := posApp("p", site.InstallDeb)
	w := devices.Work{ID: "w", Kind: devices.Install, Patch: p, Timeout: time.Hour, Owner: "box"}
	for _, op := range []struct {
		op     fake.Op
		call   func(ctx context.Context, r *rig) error
		effect func(truth fake.Truth) bool
		text   string
	}{
		{fake.OpStage, func(ctx context.Context, r *rig) error { return r.Stage(ctx, r.device, big, fake.Weightless{}) },
			func(truth fake.Truth) bool { return len(truth.Staged) == 1 }, "stage b1 on srv-1"},
		{fake.OpStart, func(ctx context.Context, r *rig) error { return r.Start(ctx, r.device, w) },
			func(truth fake.Truth) bool { return truth.CountWork("w") == 1 }, "start w on srv-1"},
		{fake.OpReboot, func(ctx context.Context, r *rig) error { return r.Reboot(ctx, r.device, "boot") },
			func(truth fake.Truth) bool { return truth.Boots == 1 }, "reboot boot on srv-1"},
	} {
		for _, when := range []fake.When{fake.Before, fake.After} {
			bubble(t, base(), func(t *testing.T, r *rig) {
				var calls []fake.Call
				r.Hook = func(c fake.Call) error {
					r.Truth(c.Device) // the store can be used in the hook
					if calls = append(calls, c); c.When == when {
						return errCrash
					}
					return nil
				}
				if err := op.call(t.Context(), r); err != errCrash {
					t.Errorf("%s %s: %v, want the crash itself", when, op.op, err)
				}
				r.pass(time.Hour)
				if got := op.effect(r.truth()); got != (when == fake.After) {
					t.Errorf("crash %s %s: effect is %v", when, op.op, got)
				}
				last := calls[len(calls)-1]
				if last.N != len(calls) || last.Op != op.op || last.String() != string(when)+" "+op.text {
					t.Errorf("the last call is %+v: %s", last, last)
				}
				r.Hook = nil
				if err := op.call(t.Context(), r); err != nil {
					t.Errorf("%s again: %v", op.op, err)
				}
				if r.pass(time.Hour); !op.effect(r.truth()) {
					t.Errorf("%s again after a crash %s it: it did not happen exactly once", op.op, when)
				}
			})
		}
	}
}

func TestHookAfterOnlyWhenItHappened(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.Cut("srv-1")
		r.Hook = func(c fake.Call) error {
			if c.When == fake.After {
				t.Errorf("%s, though nothing happened", c)
			}
			return nil
		}
		if err := r.Reboot(t.Context(), r.device, "boot"); err == nil {
			t.Error("Reboot over a cut link returned nil")
		}
	})
}

// trace is a busy night of six devices, each driven by its own goroutine.
func trace(t *testing.T, seed uint64) (lines []string) {
	synctest.Test(t, func(t *testing.T) {
		s := fake.NewStore(fake.Options{Seed: seed, Skew: time.Millisecond})
		var all sync.WaitGroup
		for n := range 6 {
			d := base()
			d.ID, d.Latency = fmt.Sprintf("hh-%d", n), 10*time.Millisecond
			device := s.Add(d)
			s.Script(d.ID, "p", fake.Script{Install: fake.Outcome{Times: 1, Resets: time.Duration(n) * time.Minute, Midway: fake.Broken, StopsAfter: time.Hour}})
			s.Trouble(d.ID, fake.Trouble{Kind: fake.Flapping, Up: 3 * time.Minute, Down: time.Minute})
			all.Go(func() { drive(t, s, device) })
		}
		all.Wait()
		for _, e := range s.Log() {
			lines = append(lines, e.String())
		}
		for _, f := range s.Fired() {
			lines = append(lines, f.String())
		}
	})
	return lines
}

func drive(t *testing.T, s *fake.Store, d site.Device) {
	p := posApp("p", site.InstallDeb)
	for _, a := range []site.Artifact{p.Artifacts[0], p.Rollback.Artifacts[0]} {
		for s.Stage(t.Context(), d, a, fake.Weightless{}) != nil {
			continue
		}
	}
	for n, kind := range []devices.Kind{devices.Install, devices.Install, devices.Verify, devices.Revert, devices.Prove} {
		w := devices.Work{ID: devices.WorkID(fmt.Sprintf("%s-%d", d.ID, n)), Kind: kind, Patch: p, Timeout: time.Hour, Owner: "box"}
		for s.Start(t.Context(), d, w) != nil {
			continue
		}
		for {
			if got, err := s.Status(t.Context(), d, w.ID); err == nil && got.Phase.Ended() {
				break
			}
		}
	}
}

func TestOneSeedGivesOneTrace(t *testing.T) {
	want := trace(t, 1)
	if len(want) < 60 {
		t.Fatalf("the trace has %d lines only", len(want))
	}
	for range 20 {
		if got := trace(t, 1); !slices.Equal(got, want) {
			t.Fatalf("two traces of one seed differ:\n%q\n%q", got, want)
		}
	}
	if slices.Equal(trace(t, 2), want) {
		t.Error("another seed gives the same trace")
	}
}

// What happens at one instant on two devices happens in the order in which they were
// added, and with a skew it does not happen at one instant.
func TestTies(t *testing.T) {
	for _, skew := range []time.Duration{0, time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := fake.NewStore(fake.Options{Seed: 3, Skew: skew})
			first, second := s.Add(fake.Device{ID: "z", Class: site.LinuxServer}), s.Add(fake.Device{ID: "a", Class: site.LinuxServer})
			for _, d := range []site.Device{second, first} {
				if err := s.Start(t.Context(), d, devices.Work{ID: "w", Kind: devices.Gate}); err != nil {
					t.Fatal(err)
				}
			}
			<-time.NewTimer(time.Minute).C
			log := s.Log()
			ends := log[len(log)-2:]
			apart := ends[1].At.Sub(ends[0].At)
			if skew == 0 && (apart != 0 || ends[0].Device != "z") || skew > 0 && (apart == 0 || apart > 3*skew) {
				t.Errorf("skew %s: %v", skew, ends)
			}
			for _, e := range ends {
				if took := e.At.Sub(log[0].At); e.What != fake.WorkEnded || took < time.Second || took > time.Second+3*skew {
					t.Errorf("skew %s: %s after %s", skew, e, took)
				}
			}
		})
	}
}

func TestDevicesKeepTheirOrder(t *testing.T) {
	s := fake.NewStore(fake.Options{})
	for _, id := range []string{"z", "a", "m"} {
		s.Add(fake.Device{ID: id})
	}
	if got := s.Devices(); !slices.Equal(got, []string{"z", "a", "m"}) {
		t.Errorf("%v", got)
	}
}

func TestMistakesOfATestPanic(t *testing.T) {
	s := fake.NewStore(fake.Options{})
	s.Add(fake.Device{ID: "a"})
	for want, mistake := range map[string]func(){
		"fake: the device a is added twice": func() { s.Add(fake.Device{ID: "a"}) },
		"fake: there is no device b":        func() { s.Truth("b") },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			mistake()
		}()
	}
}

// Whatever is done to a device and whatever befalls it, the truth holds together.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		script := fake.Script{Install: anyOutcome.Draw(rt, "install"), Revert: anyOutcome.Draw(rt, "revert"), Boot: anyBoot.Draw(rt, "boot")}
		moves := rapid.SliceOfN(anyMove, 1, 30).Draw(rt, "moves")
		if err := play(t, seed, script, moves); err != nil {
			rt.Fatal(err)
		}
	})
}

// play makes the moves in a bubble and looks at the device after each.
func play(t *testing.T, seed uint64, script fake.Script, moves []move) (err error) {
	synctest.Test(t, func(t *testing.T) {
		s := fake.NewStore(fake.Options{Seed: seed, Skew: time.Millisecond})
		d := s.Add(base())
		s.Script("", "p", script)
		for _, m := range moves {
			m.make(t.Context(), s, d)
			if err = consistent(s.Truth(d.ID), s.Log()); err != nil {
				return
			}
		}
	})
	return err
}

// move is one thing that is done, or that befalls the device.
type move struct {
	What     int
	Work     string
	Kind     devices.Kind
	Trouble  fake.TroubleKind
	From, To time.Duration
}

var (
	anyLeaves  = rapid.SampledFrom([]fake.Leaves{"", fake.Changed, fake.Unchanged, fake.Broken})
	anyLength  = rapid.Map(rapid.IntRange(0, 300), func(n int) time.Duration { return time.Duration(n) * time.Second })
	anyOutcome = rapid.Custom(func(t *rapid.T) fake.Outcome {
		return fake.Outcome{
			Times: rapid.IntRange(0, 2).Draw(t, "times"), Exit: rapid.IntRange(0, 1).Draw(t, "exit"), Leaves: anyLeaves.Draw(t, "leaves"),
			Midway: anyLeaves.Draw(t, "midway"), Hangs: rapid.Bool().Draw(t, "hangs"), Resets: anyLength.Draw(t, "resets"),
			Lost: rapid.Bool().Draw(t, "lost"), StopsServices: rapid.Bool().Draw(t, "stops"), StopsAfter: anyLength.Draw(t, "dies"),
		}
	})
	anyBoot = rapid.Custom(func(t *rapid.T) fake.Boot {
		return fake.Boot{
			Times: rapid.IntRange(0, 2).Draw(t, "times"), Ignored: rapid.Bool().Draw(t, "ignored"), Dead: rapid.Bool().Draw(t, "dead"),
			Takes: anyLength.Draw(t, "takes"), Reverts: rapid.Bool().Draw(t, "reverts"), StopsServices: rapid.Bool().Draw(t, "stops"),
		}
	})
	anyMove = rapid.Custom(func(t *rapid.T) move {
		return move{
			What: rapid.IntRange(0, 7).Draw(t, "what"), Work: fmt.Sprintf("w%d", rapid.IntRange(0, 8).Draw(t, "work")),
			Kind:    rapid.SampledFrom([]devices.Kind{devices.Install, devices.Verify, devices.Revert}).Draw(t, "kind"),
			Trouble: anyTrouble.Draw(t, "trouble"), From: anyLength.Draw(t, "from"), To: anyLength.Draw(t, "to"),
		}
	})
	anyTrouble = rapid.SampledFrom([]fake.TroubleKind{fake.NoAnswer, fake.Flapping, fake.PowerOff, fake.OtherKey, fake.LoginRefused, fake.DiskFull, fake.Slow})
)

// make does it. Errors of the calls are part of the game.
func (m move) make(ctx context.Context, s *fake.Store, d site.Device) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p := posApp("p", site.InstallDeb)
	p.Reboot = site.RebootAlways
	switch m.What {
	case 0:
		_ = s.Stage(ctx, d, p.Artifacts[0], fake.Weightless{})
	case 1:
		_ = s.Stage(ctx, d, p.Rollback.Artifacts[0], fake.Weightless{})
	case 2, 3:
		_ = s.Start(ctx, d, devices.Work{ID: devices.WorkID(m.Work), Kind: m.Kind, Patch: p, Timeout: 6 * time.Minute, Owner: "box"})
	case 4:
		_ = s.Reboot(ctx, d, devices.WorkID("boot-"+m.Work))
	case 5:
		_, _ = s.Status(ctx, d, devices.WorkID(m.Work))
	case 6:
		now := time.Now()
		s.Trouble(d.ID, fake.Trouble{Kind: m.Trouble, From: now.Add(m.From), To: now.Add(m.To), Up: time.Minute, Down: time.Minute, Delay: time.Second})
	case 7:
		<-time.NewTimer(m.To).C
	}
}

// consistent says where the truth and the log contradict themselves or each other.
func consistent(truth fake.Truth, log []fake.Entry) error {
	count := map[fake.What]int{}
	for n, e := range log {
		if n > 0 && e.At.Before(log[n-1].At) {
			return fmt.Errorf("the log goes back in time:\n%s\n%s", log[n-1], e)
		}
		count[e.What]++
	}
	running := 0
	for _, ran := range truth.Runs {
		if truth.CountWork(ran.Work) != 1 {
			return fmt.Errorf("%s ran %d times", ran.Work, truth.CountWork(ran.Work))
		}
		if ran.Phase == devices.PhaseRunning {
			running++
		}
	}
	_, installed := truth.Packages["pos-app"]
	switch {
	case count[fake.WorkBegan] != len(truth.Runs) || count[fake.WorkEnded] != len(truth.Runs)-running || count[fake.Up] != truth.Boots:
		return fmt.Errorf("log and truth differ: %v against %+v", count, truth)
	case count[fake.Down]-count[fake.Up] != map[bool]int{true: 0, false: 1}[truth.Up]:
		return fmt.Errorf("%d times down and %d times up, and up is %v", count[fake.Down], count[fake.Up], truth.Up)
	case running > 0 && !truth.Up:
		return errors.New("work runs on a device that is down")
	case installed == slices.Contains(truth.Broken, "pos-app"):
		return fmt.Errorf("pos-app is at %q and broken: %v", truth.Packages["pos-app"], truth.Broken)
	case truth.Packages["pos-app"] == "2.0" && truth.Applied["p"] == "":
		return fmt.Errorf("pos-app is at 2.0 and applied is %v", truth.Applied)
	}
	return nil
}
