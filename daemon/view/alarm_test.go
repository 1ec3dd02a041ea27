package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// watch is a store that is looked at again and again, with what is written down of it.
type watch struct {
	Facts
	t *testing.T
}

// look writes down what is due and returns it in short.
func (w *watch) look(after time.Duration, change func(*Facts)) string {
	w.t.Helper()
	w.Now = w.Now.Add(after)
	change(&w.Facts)
	events := Escalate(w.Facts)
	w.State = run.Foresee(w.State, events...)
	if again := Escalate(w.Facts); len(again) > 0 {
		w.t.Errorf("the same look again tells %+v", again)
	}
	var said []string
	for _, e := range events {
		said = append(said, strings.TrimSpace(fmt.Sprint(strings.TrimPrefix(string(e.Kind), "alarm."), " ", e.Alarm.Code, " ", e.Alarm.To)))
	}
	return strings.Join(said, ", ")
}

func TestEscalate(t *testing.T) {
	w := &watch{t: t, Facts: Facts{
		Now: time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC),
		Store: site.Store{ID: "0142", Org: "acme", Calendar: window.Calendar{Zone: time.UTC}, Escalation: []site.Escalation{
			{To: "Night desk"}, {To: "Area manager", After: site.Duration(30 * time.Minute), For: []site.Cause{site.CauseNotReady}, Webhook: "http://10.0.0.5/hook"},
		}},
	}}
	red := func(findings ...ready.Finding) func(*Facts) {
		return func(f *Facts) { f.Report = ready.Report{Verdict: site.NotReady, Fix: findings} }
	}
	verdict := func(v site.Verdict, notes ...ready.Finding) func(*Facts) {
		return func(f *Facts) { f.Report = ready.Report{Verdict: v, Notes: notes} }
	}
	risk := ready.Finding{Code: ready.CodeRisk, What: "The store may not be ready at 08:00"}
	till, card := ready.Finding{Code: "POS-1", Device: "till-1", What: "till-1 does not answer"}, ready.Finding{Code: "CARD-1", What: "No cards"}
	for i, step := range []struct {
		after  time.Duration
		change func(*Facts)
		want   string
	}{
		{0, verdict(site.Ready), ""},
		{0, verdict(site.Working, risk), "raised OPEN-1, told OPEN-1 Night desk"},
		{29 * time.Minute, verdict(site.Working, risk), ""},
		{time.Minute, verdict(site.Working, risk), "told OPEN-1 Area manager"},
		{time.Minute, verdict(site.CannotTell), ""}, // nothing known does not end it
		{time.Minute, red(till, till), "cleared OPEN-1, raised POS-1, told POS-1 Night desk"},
		{time.Minute, red(till, card), "raised CARD-1, told CARD-1 Night desk"},
		{time.Minute, func(f *Facts) {
			f.State = run.Foresee(f.State, run.Event{Kind: run.AlarmAcked, At: f.Now, Actor: "ann", Text: "x", Alarm: &run.AlarmNote{Code: "CARD-1"}})
		}, ""},
		{time.Hour, red(till, card), "told POS-1 Area manager"},
		{time.Minute, verdict(site.Working), ""},
		{time.Minute, red(ready.Finding{Code: "CARD-1", What: "No cards at all"}), "cleared POS-1, raised CARD-1, told CARD-1 Night desk"},
		{time.Minute, func(f *Facts) {
			f.State.Dirty = map[string]*site.Reason{"till-2": site.Because(site.CodeRollbackFailed, "not proven")}
		}, "raised DIRTY-till-2, told DIRTY-till-2 Night desk"},
		{time.Hour, verdict(site.ReadyNotes), "cleared CARD-1"},
	} {
		if got := w.look(step.after, step.change); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	alert, _ := json.Marshal(Alerts(w.Facts)["DIRTY-till-2"])
	for _, want := range []string{`"cause":"rollback_failed"`, `"told":[{"to":"Night desk"`, `"blocks_trading":false`, `"text":"not proven"`} {
		if !strings.Contains(string(alert), want) {
			t.Errorf("the alert lacks %s: %s", want, alert)
		}
	}
}

func TestSilentDevice(t *testing.T) {
	opens := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	p := &plan.Plan{Opens: opens, Lanes: []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "a"}, {Patch: "b"}}}}}
	w := &watch{t: t, Facts: Facts{Now: opens, Store: site.Store{Calendar: window.Calendar{Zone: time.UTC}}}}
	w.State = run.Foresee(w.State, run.Event{Kind: run.NightOpened, At: opens, Plan: p},
		run.Event{Kind: run.DeviceSilent, At: opens, Device: "till-1", Patch: "a", Reason: site.Because(site.CodeNoAnswer, "till-1 does not answer")})
	if got := w.look(time.Minute, func(*Facts) {}); got != "raised SILENT-till-1" {
		t.Errorf("silent: %q", got)
	}
	answered := func(f *Facts) {
		f.State = run.Foresee(f.State, run.Event{Kind: run.DeviceAnswered, At: f.Now, Device: "till-1", Patch: "a"})
	}
	if got := w.look(time.Minute, answered); got != "cleared SILENT-till-1" {
		t.Errorf("it answers: %q", got)
	}
}

func TestWhenItIsARisk(t *testing.T) {
	on := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC) }
	f := Facts{Store: site.Store{Calendar: window.Calendar{
		Zone: time.UTC, Start: 23 * 60, End: 5 * 60, Reserve: 45 * time.Minute, Opening: map[time.Weekday]window.Clock{time.Monday: 8 * 60},
	}}}
	n := &plan.Plan{Opens: on(22, 23, 0), Closes: on(23, 5, 0), Cutoff: on(23, 4, 15)}
	f.State = run.Foresee(run.State{}, run.Event{Kind: run.NightOpened, At: n.Opens, Plan: n})
	for _, tt := range []struct{ now, want time.Time }{
		{on(22, 22, 0), time.Time{}}, {on(22, 23, 0), on(23, 4, 15)}, {on(23, 4, 59), on(23, 4, 15)}, {on(23, 5, 0), on(23, 4, 15)},
		{on(23, 7, 59), on(23, 4, 15)}, {on(23, 8, 0), time.Time{}},
	} {
		f.Now = tt.now
		if got := riskFrom(f); !got.Equal(tt.want) {
			t.Errorf("at %v: from %v, want %v", tt.now, got, tt.want)
		}
	}
}
