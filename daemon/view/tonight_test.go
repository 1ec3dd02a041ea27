package view

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

func TestWhenTheStoreIsTold(t *testing.T) {
	zone := time.FixedZone("store", -6*3600)
	on := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, zone) }
	night := window.Date{Year: 2026, Month: 11, Day: 22}
	day := site.Contact{Notice: site.Duration(24 * time.Hour)}
	for _, tt := range []struct {
		name     string
		open     time.Time
		contacts []site.Contact
		want     time.Time
	}{
		{"in the evening", on(22, 23), nil, on(22, 18)},
		{"after midnight", on(23, 0), []site.Contact{{Notice: site.Duration(time.Hour)}}, on(22, 18)},
		{"before the evening", on(22, 17), nil, on(22, 12)},
		{"a day ahead", on(22, 23), []site.Contact{{}, day}, on(21, 23)},
	} {
		if got := NoticeFrom(site.Store{Contacts: tt.contacts}, window.Span{Night: night, Open: tt.open}); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestTonight(t *testing.T) {
	opens := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	p := &plan.Plan{Night: window.Date{Year: 2026, Month: 11, Day: 22}, Opens: opens, Closes: opens.Add(6 * time.Hour), Lanes: []plan.Lane{
		{Device: "till-1", Jobs: []plan.Job{{Patch: "a", Ends: opens.Add(time.Hour)}, {Patch: "b", Ends: opens.Add(2 * time.Hour)}}},
		{Device: "till-2", Jobs: []plan.Job{{Patch: "a", Ends: opens.Add(90 * time.Minute)}}}, {Device: "till-3"},
	}}
	f := Facts{Tonight: p, Now: opens.Add(-5 * time.Hour), Store: site.Store{Calendar: window.Calendar{Zone: time.UTC}, Devices: []site.Device{{ID: "till-1"}, {ID: "till-3"}}}}
	want := ready.Plan{Devices: 2, From: opens, To: p.Closes, Ends: opens.Add(2 * time.Hour)}
	if got := Readiness(f, nil, nil, time.Time{}).Tonight; got == nil || *got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	f.Now = f.Now.Add(-time.Second)
	if got := Readiness(f, nil, nil, time.Time{}).Tonight; got != nil {
		t.Errorf("before 18:00: %+v", got)
	}
	f.Now = opens
	f.State = run.Fold(run.State{}, run.Record{Seq: 1, Event: run.Event{Kind: run.NightOpened, At: opens, Plan: p}},
		run.Record{Seq: 2, Event: run.Event{Kind: run.PatchSettled, At: opens, Device: "till-1", Patch: "b", To: site.Skipped}},
		run.Record{Seq: 3, Event: run.Event{Kind: run.RestartAsked, At: opens, Device: "till-3", Deadline: opens.Add(time.Minute)}})
	in := Readiness(f, nil, nil, time.Time{})
	if in.Tonight != nil || len(in.Busy) != 3 {
		t.Fatalf("in the night: %+v, busy %+v", in.Tonight, in.Busy)
	}
	for i, want := range []ready.Busy{{Device: "till-3", Until: opens.Add(time.Minute)}, {Device: "till-1", Until: opens.Add(time.Hour)}, {Device: "till-2", Until: opens.Add(90 * time.Minute)}} {
		if in.Busy[i] != want {
			t.Errorf("%d: %+v, want %+v", i, in.Busy[i], want)
		}
	}
}
