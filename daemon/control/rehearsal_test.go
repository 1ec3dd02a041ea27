package control_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/control/misfortune"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/run"
)

func TestRehearsal(t *testing.T) {
	l := newLab(t)
	ctx := context.Background()
	before, last := l.box.View(ctx), l.box.Journal.Last()
	ask := wire.RehearsalAsked{Faults: []string{"srv-2 pos-app-4.2.1 rollback-fails"}}
	v, err := l.client.Rehearse(ctx, ask)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Rehearsal || !v.Night.Rehearsal || v.AllDone || !v.Opens || !slices.Equal(v.Faults, ask.Faults) || v.Seed != played.NoLuck {
		t.Errorf("rehearsal %+v", v)
	}
	if want := []forecast.Floor{{Capability: "sell", Needs: 1, Has: 1, Missing: []string{"srv-2"}}}; !reflect.DeepEqual(v.Floors, want) {
		t.Errorf("floors %+v", v.Floors)
	}
	var steps []string
	for _, b := range v.Timeline {
		steps = append(steps, string(b.Step)+":"+string(b.Outcome)+":"+string(b.State))
	}
	if want := "stage:ok:staged install:ok: verify:failed: revert:ok: prove:failed:rollback_failed ::"; strings.Join(steps, " ") != want {
		t.Errorf("timeline %s, want %s", strings.Join(steps, " "), want)
	}
	if job := v.Night.Jobs[0]; job.State != site.RollbackFailed || len(job.Attempts) != 5 || len(v.Night.Devices) != len(before.Store.Devices) {
		t.Errorf("night %+v", v.Night)
	}
	if after := l.box.View(ctx); l.box.Journal.Last() != last || !reflect.DeepEqual(after.State, before.State) || !reflect.DeepEqual(after.Inventory, before.Inventory) {
		t.Error("the rehearsal left something behind")
	}
	again, err := l.client.Rehearse(ctx, ask)
	if err != nil || !reflect.DeepEqual(v, again) {
		t.Errorf("asked again, it went otherwise: %v", err)
	}
}

// TestRehearsalRefused looks at limits; what a person may write wrong is in the golden files of the command.
func TestRehearsalRefused(t *testing.T) {
	l := newLab(t)
	_, err := l.client.Rehearse(context.Background(), wire.RehearsalAsked{Faults: slices.Repeat([]string{"* * fails"}, 101)})
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest || refused.Message != "a rehearsal has at most 100 faults, and these are 101" {
		t.Errorf("got %v", err)
	}
	l.box.SetFacts(func(f *view.Facts) { f.Catalog.Patches = nil })
	_, err = l.client.Rehearse(context.Background(), wire.RehearsalAsked{Faults: []string{"* * fails"}})
	if !errors.As(err, &refused) || refused.Message != "nothing is planned for that night, so that nothing can go wrong" {
		t.Errorf("got %v", err)
	}
	v, err := l.client.Rehearse(context.Background(), wire.RehearsalAsked{})
	if err != nil || !v.AllDone || v.Night.Total != 0 || len(v.Timeline) != 1 {
		t.Errorf("an empty night: %+v, %v", v, err)
	}
}

// TestMisfortunes holds the description of the faults to the list of their kinds.
func TestMisfortunes(t *testing.T) {
	for _, k := range append(forecast.Kinds(), forecast.PowerCut) {
		if !strings.Contains(misfortune.Help, " "+string(k)+" ") {
			t.Errorf("%s is not described", k)
		}
	}
}

func TestChanceFollowsTheState(t *testing.T) {
	l := newLab(t)
	planned, err := l.client.Plan(context.Background(), "")
	if err != nil || planned.Chance == nil || planned.Chance.Nights != forecast.Nights || planned.Chance.AllDone < 0.9 {
		t.Fatalf("chance %+v, %v", planned.Chance, err)
	}
	l.box.SetFacts(func(f *view.Facts) {
		f.State = run.Foresee(f.State, run.Event{Kind: run.ClockChanged, Reason: site.Because(site.CodeClockUnsure, "no")})
	})
	planned, err = l.client.Plan(context.Background(), "")
	if err != nil || planned.Chance.AllDone != 0 || planned.Chance.Opens != 1 {
		t.Errorf("while the clock is not trusted: %+v, %v", planned.Chance, err)
	}
}

// Whatever holds the night back, the plan and the status say it with the same code, and what to do about it.
func TestPlanAndStatusSayWhatHoldsBack(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*view.Facts)
		codes  string
		line   string // in the status line
	}{
		"nothing":                      {func(*view.Facts) {}, "", ""},
		"clock":                        {func(f *view.Facts) { f.State.Unsure = site.Because(site.CodeClockUnsure, "it jumped") }, "clock_unsure", "clock not trusted"},
		"clock that nobody judged yet": {func(f *view.Facts) { f.State.TrustedAt = f.Now.Add(time.Hour) }, "clock_unsure", "clock not trusted"},
		"disk":                         {func(f *view.Facts) { f.State.Full = site.Because(site.CodeBoxFull, "it is full") }, "box_full", "disk full"},
		"clock and disk": {func(f *view.Facts) {
			f.State.Unsure, f.State.Full = site.Because(site.CodeClockUnsure, "it jumped"), site.Because(site.CodeBoxFull, "it is full")
		}, "clock_unsure box_full", "clock not trusted; disk full"},
		"headquarters": {func(f *view.Facts) {
			f.State.Catalog.StoreHeld = &site.StoreHold{Reason: "storm", At: f.Now}
		}, "held", "held by headquarters"},
		"a person": {func(f *view.Facts) {
			f.State.Holds = map[string]site.Hold{site.AllDevices: {Device: site.AllDevices, Until: f.Now.Add(48 * time.Hour), Reason: "stock taking", Actor: "ann"}}
		}, "held", "; held;"},
		"no catalog":      {func(f *view.Facts) { f.CatalogNo = site.Because(site.CodeNoCatalog, "never") }, "no_catalog", ""},
		"old catalog":     {func(f *view.Facts) { f.CatalogNo = site.Because(site.CodeCatalogOld, "20 days") }, "catalog_old", ""},
		"expired catalog": {func(f *view.Facts) { f.CatalogNo = site.Because(site.CodeCatalogExpired, "over") }, "catalog_expired", ""},
		"just started":    {func(f *view.Facts) { f.Preparing = site.Because(site.CodeWaiting, "it has just started") }, "waiting", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.box.SetFacts(c.change)
			planned, err := l.client.Plan(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			status, err := l.client.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := codesOf(t, planned.HeldBack); got != c.codes {
				t.Errorf("the plan is held back by %q, want %q", got, c.codes)
			}
			if got := codesOf(t, status.HeldBack); got != c.codes {
				t.Errorf("the status is held back by %q, want %q", got, c.codes)
			}
			if line := view.StatusLine(l.box.View(t.Context())); !strings.Contains(line, c.line) {
				t.Errorf("the status line is %q, without %q", line, c.line)
			}
		})
	}
}

func codesOf(t *testing.T, held []run.Obstacle) string {
	t.Helper()
	var codes []string
	for _, o := range held {
		codes = append(codes, string(o.Code))
		if o.Text == "" || o.Do == "" {
			t.Errorf("%s says %q, and to do %q", o.Code, o.Text, o.Do)
		}
	}
	return strings.Join(codes, " ")
}
