package runner_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/runner"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Every kind of trouble at once: each job ends as it has to, and every trouble was felt.
func TestReferenceNight(t *testing.T) {
	night(t, haunt, nil, func(w *world) {
		w.whole()
		w.compare(wanted())
		felt := fmt.Sprint(w.devices.Fired())
		for _, trouble := range []string{
			"boot dead", "boot ignored", "gate_closed", "install broken", "install exit", "install resets", "install stops services",
			"install unchanged", "no_answer", "revert exit", "revert unchanged",
		} {
			if !strings.Contains(felt, trouble) {
				t.Errorf("the night has no %s: %s", trouble, felt)
			}
		}
		for _, of := range []string{"till-4 " + string(run.DeviceSilent), "till-4 " + string(run.DeviceAnswered), "till-1 " + string(run.StepClaimed)} {
			if !w.told(of) {
				t.Errorf("the journal has no %s", of)
			}
		}
		if w.beats == 0 || w.beats > 2500 {
			t.Errorf("the loop turned %d times in the night", w.beats)
		}
	})
}

// A box that is away for half a day finds its night over: what was begun is brought to an
// end, and nothing else is begun.
func TestHalfADayAway(t *testing.T) {
	for _, when := range []time.Time{at(23, 2), at(23, 5), at(23, 17), at(23, 26), at(23, 30), at(23, 45)} {
		t.Run(when.Format("15:04"), func(t *testing.T) {
			night(t, haunt, nil, func(w *world) {
				w.boot()
				w.until(when)
				w.halt()
				begun := map[string]bool{}
				for j := range w.oracle.state.Night.Jobs() {
					begun[key(j.Device, j.Patch)] = j.Begun()
				}
				pass(12 * time.Hour)
				w.boot()
				w.until(time.Now().Add(2 * time.Hour))
				w.halt()
				for j := range w.oracle.state.Night.Jobs() {
					if j.Begun() && !begun[key(j.Device, j.Patch)] {
						t.Errorf("%s was begun on %s after the night", j.Patch, j.Device)
					}
				}
			})
		})
	}
}

// While the journal cannot be written nothing new is begun. What runs goes on, and the night
// is finished afterwards.
func TestJournalIsFull(t *testing.T) {
	for _, from := range []time.Time{at(23, 1), at(23, 9), at(23, 22), at(23, 36)} {
		t.Run(from.Format("15:04"), func(t *testing.T) {
			night(t, haunt, nil, func(w *world) {
				to := from.Add(10 * time.Minute)
				full := func() bool { return !time.Now().Before(from) && time.Now().Before(to) }
				w.journal.fate = func(int) fate {
					if full() {
						return refused
					}
					return kept
				}
				announced := w.devices.Hook
				w.devices.Hook = func(c fake.Call) error {
					if full() && time.Now().After(from.Add(time.Minute)) && c.When == fake.Before {
						t.Errorf("%s while the journal is full", c)
					}
					return announced(c)
				}
				w.whole()
				w.compare(wanted())
				if w.journal.appends > 5000 {
					t.Errorf("%d attempts to write in one night", w.journal.appends)
				}
			})
		})
	}
}

// A clean stop ends at once, whatever is under way, and the devices go on by themselves.
func TestStopAndStart(t *testing.T) {
	night(t, haunt, nil, func(w *world) {
		w.boot()
		for when := at(23, 1); when.Before(at(0, 10)); when = when.Add(97 * time.Second) {
			w.until(when)
			if took := w.halt(); took > time.Second {
				t.Errorf("at %s the box took %s to stop", when, took)
			}
			pass(5 * time.Second)
			w.boot()
		}
		w.rest()
		w.compare(wanted())
	})
}

// A person holds a device and headquarters takes a patch back in the middle of the night:
// what is begun is finished, the rest is not begun.
func TestHoldAndWithdraw(t *testing.T) {
	night(t, haunt, nil, func(w *world) {
		w.boot()
		w.until(at(23, 16)) // the first of the lanes installs os-7
		w.add(run.Event{Kind: run.HoldSet, Hold: &site.Hold{Device: "till-1", Until: at(6, 0), Reason: "late customers", Actor: "ann"}})
		w.add(run.Event{Kind: run.HoldSet, Hold: &site.Hold{Device: "till-2", Until: at(6, 0), Reason: "late customers", Actor: "ann"}})
		w.add(run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Version: 2, Withdrawn: map[string]string{"pos-2": "it kills tills"}}})
		w.rest()
		want := wanted()
		maps.Copy(want, map[string]site.State{
			"till-1 pos-2": site.Held, "till-1 bad-9": site.Held, // os-7 was begun and is finished
			"till-2 os-7": site.Held, "till-2 pos-2": site.Held, "till-2 bad-9": site.Held,
			"till-3 pos-2": site.Skipped, "till-3 bad-9": site.Done, // the canary now, and it works there
			"till-4 pos-2": site.Skipped, "till-4 bad-9": site.Done,
		})
		w.compare(want)
	})
}

// A box that ceases to trust its clock finishes what it has begun and begins nothing; when it
// trusts it again the night goes on.
func TestClockUnsure(t *testing.T) {
	night(t, haunt, nil, func(w *world) {
		w.boot()
		w.until(at(23, 16))
		w.add(run.Event{Kind: run.ClockChanged, Reason: site.Because(site.CodeClockUnsure, "the clock jumped")})
		w.until(at(23, 35))
		if j := w.job("till-1", "os-7"); j.State != site.Done {
			t.Errorf("what was begun is %s", j.State)
		}
		if j := w.job("till-2", "os-7"); j.State != site.Staged {
			t.Errorf("what was not begun is %s", j.State)
		}
		w.add(run.Event{Kind: run.ClockChanged})
		w.rest()
		w.compare(wanted())
	})
}

// A device that stays silent beyond the night is let go: its worker ends, though the box runs on.
func TestLetGo(t *testing.T) {
	night(t, haunt, nil, func(w *world) {
		w.boot()
		w.until(at(1, 45))
		before := w.devices.Truth("kiosk-1").Connections
		asked := 0
		w.devices.PowerCycle("kiosk-1")
		w.until(at(3, 0))
		asked = w.devices.Truth("kiosk-1").Connections - before
		w.halt()
		if asked != 0 {
			t.Errorf("a device that was let go is asked %d times more", asked)
		}
		w.compare(wanted())
	})
}

// A device that is cut off before its first transfer gets its patches as soon as it answers, and one that
// stays away is named as such.
func TestSilentBeforeTheTransfer(t *testing.T) {
	night(t, func(s *fake.Store) {
		s.Trouble("kiosk-1", fake.Trouble{Kind: fake.NoAnswer, From: at(23, 0).Add(21 * time.Millisecond), To: at(23, 40)})
		s.Trouble("kiosk-2", fake.Trouble{Kind: fake.NoAnswer, From: at(23, 0).Add(21 * time.Millisecond)})
		s.DamageStage("till-1", "", 2)
	}, nil, func(w *world) {
		w.whole()
		for job, want := range map[string]site.State{
			"kiosk-1 os-7": site.Done, "kiosk-1 conf-3": site.Done, "kiosk-2 os-7": site.NoAnswer, "kiosk-2 conf-3": site.NoAnswer, "till-1 os-7": site.Done,
		} {
			if got := w.ends()[job]; got != want {
				t.Errorf("%s is %q, want %q", job, got, want)
			}
		}
		for _, patch := range []string{"os-7", "conf-3"} {
			if r := w.job("kiosk-2", patch).Reason; r.Code != site.CodeNoAnswer || !strings.HasPrefix(r.Text, "kiosk-2 does not answer: ") {
				t.Errorf("%s is not done because %s", patch, r)
			}
		}
	})
}

// What a device has done and then forgotten is not done again: it is looked at.
func TestForgottenWork(t *testing.T) {
	night(t, func(s *fake.Store) {
		for _, m := range machines() {
			s.Trouble(m.id, fake.Trouble{Kind: fake.ClaimsLost, From: at(23, 6)})
		}
	}, nil, func(w *world) {
		w.boot()
		w.until(at(23, 2))
		w.halt()
		pass(5 * time.Minute)
		w.boot()
		w.rest()
		for job, state := range w.ends() {
			if state != site.Done {
				t.Errorf("%s is %s", job, state)
			}
		}
		if !slices.ContainsFunc(slices.Collect(w.oracle.state.Night.Jobs()), func(j run.Job) bool { return j.Ends[run.Install].Outcome == run.Interrupted }) {
			t.Error("nothing was forgotten")
		}
	})
}

// A device that fell silent before the box was started again is noticed when it answers.
func TestSilenceOutlastsTheBox(t *testing.T) {
	night(t, func(s *fake.Store) {
		s.Trouble("kiosk-2", fake.Trouble{Kind: fake.NoAnswer, From: at(23, 1), To: at(23, 20)})
	}, nil, func(w *world) {
		w.boot()
		w.until(at(23, 12))
		if j := w.job("kiosk-2", "os-7"); j.State != site.NoAnswer {
			t.Errorf("a silent device is %s", j.State)
		}
		w.halt()
		pass(time.Minute)
		w.boot()
		w.rest()
		if !w.told("kiosk-2 "+string(run.DeviceAnswered)) || w.job("kiosk-2", "os-7").State != site.Done {
			t.Errorf("it ends as %s", w.job("kiosk-2", "os-7").State)
		}
	})
}

// The same seed and the same crash give the same night, to the nanosecond.
func TestSameNightTwice(t *testing.T) {
	times := 5
	if testing.Short() || raceEnabled {
		times = 2
	}
	for _, plan := range []crashes{nil, {{append: 40, pause: 5 * time.Minute}}, {{append: 41, keep: true}}, {{call: 77, pause: 90 * time.Second}}} {
		t.Run(fmt.Sprint(plan), func(t *testing.T) {
			first := ""
			for range times {
				night(t, haunt, plan, func(w *world) {
					w.whole()
					trace := w.trace()
					if first == "" {
						first = trace
					}
					if trace != first {
						t.Errorf("two nights differ: %s", difference(first, trace))
					}
				})
			}
		})
	}
}

// difference is the first line in which two traces differ.
func difference(a, b string) string {
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(left), len(right)) {
		if left[i] != right[i] {
			return fmt.Sprintf("line %d\n%s\n%s", i, left[i], right[i])
		}
	}
	return "one is longer"
}

// The night on the journal that the product uses, with a clean restart in the middle.
func TestRealJournal(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := fake.NewStore(fake.Options{Seed: 42, Skew: time.Millisecond})
		facts := furnish(store)
		haunt(store)
		pass(time.Until(at(22, 59)))
		for _, end := range []time.Time{at(23, 27), at(1, 45)} {
			box(t, dir, store, facts, end)
		}
		j := openJournal(t, dir)
		l, err := ledger.Open(j)
		if err != nil {
			t.Fatal(err)
		}
		for job := range l.State().Night.Jobs() {
			if want := wanted()[key(job.Device, job.Patch)]; job.State != want {
				t.Errorf("%s %s is %s, want %s", job.Device, job.Patch, job.State, want)
			}
		}
		for _, id := range store.Devices() {
			for _, ran := range store.Truth(id).Runs {
				if n := store.Truth(id).CountWork(ran.Work); n != 1 || ran.Kind == devices.Install && ran.Owner != "box" {
					t.Errorf("%s ran %d times on %s", ran.Work, n, id)
				}
			}
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

func openJournal(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// box runs a box on the journal in dir until a moment, and returns what it told of devices that it looked at.
func box(t *testing.T, dir string, store *fake.Store, facts policy.Facts, end time.Time) site.Inventory {
	t.Helper()
	j := openJournal(t, dir)
	l, err := ledger.Open(j)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	seen := site.Inventory{}
	r := runner.New(runner.Options{
		Seen:   func(looked site.Inventory) { maps.Copy(seen, looked) },
		Ledger: l, Devices: store, Artifacts: weightless{}, Facts: func(context.Context) policy.Facts { return facts },
		Calendar: func() window.Calendar { return facts.Store.Calendar }, Device: facts.Store.Device, Owner: "box", Log: slog.New(slog.DiscardHandler),
	})
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	return seen
}
