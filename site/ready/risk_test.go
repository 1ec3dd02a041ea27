package ready_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

func TestRiskIsToldEarly(t *testing.T) {
	night := func(in *ready.Input) {
		in.Night = &ready.Night{Total: 4, Settled: 1, Closes: now.Add(10 * time.Minute), Busy: []string{"till-2", "till-3", "till-4"}}
	}
	for _, tt := range []struct {
		name   string
		change func(*ready.Input)
		told   string // so what
	}{
		{"all is proven", func(*ready.Input) {}, ""},
		{"enough is proven", func(in *ready.Input) {
			night(in)
			in.Night.Busy = in.Night.Busy[1:]
			set(in, site.Unknown, "POS-3", "POS-4")
		}, ""},
		{"the night holds too many", func(in *ready.Input) { night(in); set(in, site.Unknown, "POS-2", "POS-3", "POS-4") }, "1 of 4 devices can sell. You need 2."},
		{"too many failed in the night", func(in *ready.Input) { night(in); set(in, site.Fail, "POS-2", "POS-3", "POS-4") }, "1 of 4 devices can sell. You need 2."},
		{"nothing is known", func(in *ready.Input) { in.Results = nil }, "0 of 4 devices can sell. You need 2."},
		{"a required check is not known", func(in *ready.Input) { set(in, site.Unknown, "CARD-1") }, "The store needs this to open."},
		{"a required check is out of service", func(in *ready.Input) { set(in, site.NotApplicable, "CARD-1") }, ""},
		{"it is certain", func(in *ready.Input) { set(in, site.Fail, "CARD-1"); delete(in.Results, "POS-1") }, ""},
		{"it is too early", func(in *ready.Input) { in.Results = nil; in.Risk = now.Add(time.Second) }, ""},
		{"it is open", func(in *ready.Input) { in.Results = nil; in.Opens = now }, ""},
		{"nobody asked", func(in *ready.Input) { in.Results = nil; in.Risk = time.Time{} }, ""},
	} {
		in := input()
		in.Risk = now
		tt.change(&in)
		notes := ready.Judge(in).Notes
		i := slices.IndexFunc(notes, func(f ready.Finding) bool { return f.Code == ready.CodeRisk })
		switch {
		case tt.told == "" && i >= 0:
			t.Errorf("%s: told %+v", tt.name, notes[i])
		case tt.told != "" && (i != 0 || notes[0].SoWhat != tt.told || notes[0].What != "The store may not be ready at 08:00" || notes[0].Phone != "+1 555 0100"):
			t.Errorf("%s: %+v, want %q first", tt.name, notes, tt.told)
		}
	}
}

func TestWhoWasTold(t *testing.T) {
	in := input()
	in.Store.Escalation = []site.Escalation{{To: "Night desk"}, {To: "Area manager", After: site.Duration(30 * time.Minute)}}
	set(&in, site.Fail, "CARD-1")
	a := site.Alarm{Code: "CARD-1", Cause: site.CauseNotReady, Since: now.Add(-time.Minute), Told: []site.Told{{To: "Night desk", At: now.Add(-time.Minute)}}}
	in.Alarms = map[string]site.Alarm{"CARD-1": a}
	same := func(want ...string) {
		t.Helper()
		if got := ready.Judge(in).Fix[0].Told; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	same("Called: Night desk +1 555 0100 at 07:40.", "Next: Area manager +1 555 0199 at 08:10.")
	in.Language = "de"
	same("Gerufen: Night desk +1 555 0100 um 07:40.", "Als Nächstes: Area manager +1 555 0199 um 08:10.")
	in.Language = ""
	a.Ack = &site.Ack{Actor: "ann", At: now}
	in.Alarms["CARD-1"] = a
	same("Called: Night desk +1 555 0100 at 07:40.", "ann knows of it since 07:41.")
	in.Devices = []ready.Fact{{Device: "till-2", State: site.NoAnswer}, {Device: "till-3", State: site.RollbackFailed}}
	in.Alarms = map[string]site.Alarm{
		"SILENT-till-2": {Code: "SILENT-till-2", Cause: site.CauseNoAnswer, Device: "till-2", Told: a.Told},
		"DIRTY-till-3":  {Code: "DIRTY-till-3", Cause: site.CauseRollbackFailed, Device: "till-3", Told: a.Told, Ack: a.Ack},
	}
	for _, f := range ready.Judge(in).Notes {
		if len(f.Told) == 0 {
			t.Errorf("%s of %s does not say who was told", f.Code, f.Device)
		}
	}
}
