package run_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/run"
)

// large is the night of a large store until a third of its jobs are settled.
func large(b *testing.B) (run.State, time.Time) {
	b.Helper()
	scene, err := scenario.Read(scenario.Large(200, 40))
	if err != nil {
		b.Fatal(err)
	}
	now := scene.Facts.Now
	span, _, _ := run.Due(run.State{}, scene.Calendar, now)
	made, report := plan.Make(scene.Facts, span, scene.Calendar.Reserve)
	s := run.Foresee(run.State{}, run.Event{Kind: run.NightOpened, At: now, Plan: &made, Report: report})
	for device, o := range scene.Facts.Inventory {
		s = run.Foresee(s, run.Event{Kind: run.DeviceObserved, At: now, Device: device, Observed: &o})
	}
	for {
		for events, _ := run.Next(s, now); len(events) > 0; events, _ = run.Next(s, now) {
			s = run.Foresee(s, events...)
		}
		switch {
		case !s.Night.Open():
			b.Fatalf("the night is over: %s", run.Summary(s.Night))
		case s.Night.Settled() > s.Night.Total()/3:
			return s, now
		}
		now = now.Add(20 * time.Second)
		for i, j := range run.Recover(s) {
			if i%3 != 0 { // steps last differently
				s = run.Foresee(s, ended(j, now))
			}
		}
	}
}

func ended(j run.Job, now time.Time) run.Event {
	return run.Event{Kind: run.StepEnded, At: now, Device: j.Device, Patch: j.Patch, Step: j.Intent.Step, Attempt: j.Intent.Attempt,
		Work: j.Intent.Work, Outcome: run.OK, Took: site.Duration(now.Sub(j.Intent.At)), Observed: &site.Observation{Device: j.Device, At: now, BootID: "boot-2"}}
}

// BenchmarkNext200x40 is one decision in the middle of the night of a large store, with all
// that the box computes for it from the end of a step to the new state: under 1 ms.
func BenchmarkNext200x40(b *testing.B) {
	s, now := large(b)
	underWay := run.Recover(s)
	if len(underWay) < 20 {
		b.Fatalf("%d steps are under way", len(underWay))
	}
	i, decided := 0, 0
	for b.Loop() {
		e := ended(underWay[i%len(underWay)], now)
		next, _ := run.Next(run.Foresee(s, e), now)
		events := append([]run.Event{e}, next...)
		var records []run.Record
		for _, e := range run.Stamped(s, events) {
			records = append(records, run.Record{Seq: s.Seq + 1, Event: e})
		}
		after := run.Fold(s, records...)
		decided += len(next)
		if job, _ := after.Job(e.Device, e.Patch); job.Intent != nil && job.Intent.Work == e.Work {
			b.Fatal("the step has not ended")
		}
		i++
	}
	b.ReportMetric(float64(s.Night.Total()-s.Night.Settled()), "jobs-ahead")
	b.ReportMetric(float64(decided)/float64(i), "decisions/op")
}
