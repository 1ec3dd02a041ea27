package ready_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/window"
)

var now = time.Date(2026, 11, 23, 7, 41, 8, 0, time.UTC)

// shop has four tills of which two must sell, a needed card line, an optional kitchen screen.
func shop() site.Store {
	s := site.Store{
		ID: "0142", Calendar: window.Calendar{Zone: time.UTC}, Floor: map[string]int{"sell": 2},
		Contacts: []site.Contact{
			{Name: "Area manager", Phone: "+1 555 0199"},
			{Name: "Night desk", Phone: "+1 555 0100", For: []string{"not_ready"}},
		},
	}
	for _, id := range []string{"1", "2", "3", "4"} {
		s.Devices = append(s.Devices, site.Device{ID: "till-" + id, Class: site.LinuxServer, Capabilities: []string{"sell"}})
		s.Checks = append(s.Checks, site.Check{ID: "POS-" + id, Device: "till-" + id, Kind: site.CheckHTTP, Capability: "sell"})
	}
	s.Checks = append(s.Checks,
		site.Check{ID: "CARD-1", Kind: site.CheckTCP},
		site.Check{ID: "KDS-1", Device: "till-1", Kind: site.CheckService, Optional: true})
	return s
}

// input is a shop in which every check passed a minute ago.
func input() ready.Input {
	in := ready.Input{Store: shop(), Now: now, Started: now.Add(-time.Hour), Opens: now.Add(19 * time.Minute), Results: map[string]site.CheckResult{}}
	for _, c := range in.Store.Checks {
		in.Results[c.ID] = site.CheckResult{Check: c.ID, Device: c.Device, Outcome: site.Pass, At: now.Add(-time.Minute)}
	}
	return in
}

func set(in *ready.Input, outcome site.CheckOutcome, ids ...string) {
	for _, id := range ids {
		r := in.Results[id]
		r.Outcome = outcome
		in.Results[id] = r
	}
}

func codes(all []ready.Finding) string {
	var ids []string
	for _, f := range all {
		ids = append(ids, f.Code)
	}
	return strings.Join(ids, " ")
}

func TestJudge(t *testing.T) {
	night := func(in *ready.Input) {
		in.Night = &ready.Night{Total: 36, Settled: 14, Ends: now.Add(2 * time.Hour), Closes: now.Add(3 * time.Hour), Busy: []string{"till-3", "till-4"}}
	}
	tests := []struct {
		name    string
		change  func(*ready.Input)
		verdict site.Verdict
		text    string
		fix     string
		notes   string
	}{
		{"all passed", func(*ready.Input) {}, site.Ready, "You can open. Everything was checked at 07:40.", "", ""},
		{"one till of four", func(in *ready.Input) { set(in, site.Fail, "POS-3") },
			site.ReadyNotes, "You can open. 1 thing to know.", "", "POS-3"},
		{"floor just held", func(in *ready.Input) { set(in, site.Fail, "POS-3", "POS-4") },
			site.ReadyNotes, "You can open. 2 things to know.", "", "POS-3 POS-4"},
		{"floor broken", func(in *ready.Input) { set(in, site.Fail, "POS-2", "POS-3", "POS-4") },
			site.NotReady, "3 things to fix before you open at 08:00.", "POS-2 POS-3 POS-4", ""},
		{"floor perhaps broken", func(in *ready.Input) { set(in, site.Fail, "POS-3"); set(in, site.Unknown, "POS-1", "POS-2") },
			site.CannotTell, "1 thing could not be checked. The store box is checking again.", "", "POS-3 POS-1 POS-2"},
		{"floor broken whatever is unknown", func(in *ready.Input) { set(in, site.Fail, "POS-2", "POS-3", "POS-4"); set(in, site.Unknown, "POS-1") },
			site.NotReady, "3 things to fix before you open at 08:00.", "POS-2 POS-3 POS-4", "POS-1"},
		{"floor held, one unknown", func(in *ready.Input) { set(in, site.Unknown, "POS-4") },
			site.ReadyNotes, "You can open. 1 thing to know.", "", "POS-4"},
		{"required check failed", func(in *ready.Input) { set(in, site.Fail, "CARD-1") },
			site.NotReady, "1 thing to fix before you open at 08:00.", "CARD-1", ""},
		{"required check unknown", func(in *ready.Input) { set(in, site.Unknown, "CARD-1") },
			site.CannotTell, "1 thing could not be checked. The store box is checking again.", "", "CARD-1"},
		{"required check missing", func(in *ready.Input) { delete(in.Results, "CARD-1") },
			site.CannotTell, "1 thing could not be checked. The store box is checking again.", "", "CARD-1"},
		{"a failure beats the unknown", func(in *ready.Input) { set(in, site.Fail, "CARD-1"); delete(in.Results, "POS-1") },
			site.NotReady, "1 thing to fix before you open at 08:00.", "CARD-1", "POS-1"},
		{"optional failed", func(in *ready.Input) { set(in, site.Fail, "KDS-1") },
			site.ReadyNotes, "You can open. 1 thing to know.", "", "KDS-1"},
		{"warning", func(in *ready.Input) { set(in, site.Warn, "CARD-1") },
			site.ReadyNotes, "You can open. 1 thing to know.", "", "CARD-1"},
		{"out of service on purpose", func(in *ready.Input) { set(in, site.NotApplicable, "POS-3", "POS-4") },
			site.Ready, "You can open. Everything was checked at 07:40.", "", ""},
		{"too many out of service", func(in *ready.Input) { set(in, site.NotApplicable, "POS-2", "POS-3", "POS-4") },
			site.NotReady, "1 thing to fix before you open at 08:00.", ready.CodeFloor, ""},
		{"a word that is no outcome", func(in *ready.Input) { set(in, "great", "CARD-1") },
			site.CannotTell, "1 thing could not be checked. The store box is checking again.", "", "CARD-1"},
		{"open already", func(in *ready.Input) { set(in, site.Fail, "CARD-1"); in.Opens = now.Add(23 * time.Hour) },
			site.NotReady, "1 thing to fix.", "CARD-1", ""},
		{"everything old", func(in *ready.Input) { in.Now = now.Add(time.Hour) },
			site.CannotTell, "Last check was 07:40. The store box is checking again.", "", ""},
		{"everything from yesterday", func(in *ready.Input) { in.Now = now.Add(24 * time.Hour); in.Started = in.Now },
			site.CannotTell, "Last check was 07:40 on Monday. The store box is checking again.", "", ""},
		{"everything from before this start", func(in *ready.Input) { in.Started = now.Add(-time.Second) },
			site.CannotTell, "Last check was 07:40. The store box is checking again.", "", ""},
		{"everything from the future", func(in *ready.Input) { in.Now = now.Add(-time.Minute - time.Nanosecond) },
			site.CannotTell, "Nothing was checked yet. The store box is checking now.", "", ""},
		{"nothing looked at yet", func(in *ready.Input) { in.Results = nil },
			site.CannotTell, "Nothing was checked yet. The store box is checking now.", "", ""},
		{"no checks and no floor", func(in *ready.Input) { in.Store.Checks, in.Store.Floor = nil, nil },
			site.CannotTell, "Nothing is checked in this store yet. Tell head office.", "", ""},
		{"a floor that nothing checks", func(in *ready.Input) { in.Store.Floor["cards"] = 1 },
			site.CannotTell, "1 thing could not be checked. The store box is checking again.", "", ready.CodeUnchecked},
		{"a floor above what there is", func(in *ready.Input) { in.Store.Floor["sell"] = 5 },
			site.CannotTell, "1 thing could not be checked. The store box is checking again.", "", ready.CodeUnchecked},
		{"only optional checks", func(in *ready.Input) { in.Store.Checks, in.Store.Floor = in.Store.Checks[5:], nil },
			site.CannotTell, "Nothing that the store needs is checked. Tell head office.", "", ""},
		{"no floor means one", func(in *ready.Input) { in.Store.Floor = nil; set(in, site.Fail, "POS-1", "POS-2", "POS-3", "POS-4") },
			site.NotReady, "4 things to fix before you open at 08:00.", "POS-1 POS-2 POS-3 POS-4", ""},
		{"a floor of 0 needs none", func(in *ready.Input) {
			in.Store.Floor["sell"] = 0
			set(in, site.Fail, "POS-1", "POS-2", "POS-3", "POS-4")
		}, site.ReadyNotes, "You can open. 4 things to know.", "", "POS-1 POS-2 POS-3 POS-4"},
		{"a device down above the floor", func(in *ready.Input) { in.Devices = []ready.Fact{{Device: "till-1", State: site.NoAnswer}} },
			site.ReadyNotes, "You can open. 1 thing to know.", "", "POS-1"},
		{"devices down below the floor", func(in *ready.Input) {
			in.Devices = []ready.Fact{{Device: "till-2", State: site.NoAnswer}, {Device: "till-3", State: site.NoAnswer}, {Device: "till-4", State: site.NoAnswer}}
		}, site.NotReady, "3 things to fix before you open at 08:00.", "POS-2 POS-3 POS-4", ""},
		{"a device that is restarting", func(in *ready.Input) { in.Devices = []ready.Fact{{Device: "till-2", State: site.Restarting}} },
			site.ReadyNotes, "You can open. 1 thing to know.", "", ready.CodeAway},
		{"restarting decides the floor", func(in *ready.Input) {
			in.Devices = []ready.Fact{{Device: "till-2", State: site.Restarting}}
			set(in, site.Fail, "POS-3", "POS-4")
		}, site.CannotTell, "1 thing could not be checked. The store box is checking again.", "", "POS-3 POS-4 " + ready.CodeAway},
		{"a rollback without proof", func(in *ready.Input) { in.Devices = []ready.Fact{{Device: "till-2", State: site.RollbackFailed}} },
			site.ReadyNotes, "You can open. 1 thing to know.", "", ready.CodeDirty},
		{"line down and held", func(in *ready.Input) {
			in.Notes = []ready.Note{{Kind: ready.LineDown, Since: now.Add(-5 * time.Hour)}, {Kind: ready.HeldBack}, {Kind: "new kind"}}
		}, site.ReadyNotes, "You can open. 2 things to know.", "", "LINE-1 HOLD-1"},
		{"held by headquarters", func(in *ready.Input) {
			in.Notes = []ready.Note{{Kind: ready.HeldAbove, Since: now.Add(-time.Hour), Reason: "the power is cut"}}
		}, site.ReadyNotes, "You can open. 1 thing to know.", "", "HOLD-1"},
		{"held by headquarters and broken", func(in *ready.Input) {
			in.Notes = []ready.Note{{Kind: ready.HeldAbove, Reason: "the power is cut"}}
			set(in, site.Fail, "POS-2", "POS-3", "POS-4")
		}, site.NotReady, "3 things to fix before you open at 08:00.", "POS-2 POS-3 POS-4", "HOLD-1"},
		{"a night runs", night, site.Working, "Updating tonight. 14 of 36 devices done. Finished by about 09:41.", "", ""},
		{"a night runs, its devices fail", func(in *ready.Input) { night(in); set(in, site.Fail, "POS-3", "POS-4") },
			site.Working, "Updating tonight. 14 of 36 devices done. Finished by about 09:41.", "", ""},
		{"a night without an estimate", func(in *ready.Input) { night(in); in.Night.Ends = time.Time{} },
			site.Working, "Updating tonight. 14 of 36 devices done.", "", ""},
		{"a night that overran", func(in *ready.Input) { night(in); in.Night.Closes = now },
			site.Working, "Updates are still running. till-1 and till-2 are free now.", "", ""},
		{"a night that overran, one till free", func(in *ready.Input) { night(in); in.Night.Closes = now; set(in, site.Fail, "POS-2") },
			site.Working, "Updates are still running. till-1 is free now.", "", "POS-2"},
		{"a night that overran, nothing free", func(in *ready.Input) { night(in); in.Night.Closes = now; in.Results = nil },
			site.Working, "Updates are still running. Wait for this page to change.", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			tt.change(&in)
			r := ready.Judge(in)
			if r.Verdict != tt.verdict || r.Text != tt.text {
				t.Errorf("got %s %q, want %s %q", r.Verdict, r.Text, tt.verdict, tt.text)
			}
			if got := codes(r.Fix); got != tt.fix {
				t.Errorf("fix: got %q, want %q", got, tt.fix)
			}
			if got := codes(r.Notes); got != tt.notes {
				t.Errorf("notes: got %q, want %q", got, tt.notes)
			}
		})
	}
}

func TestAgeIsCountedToTheNanosecond(t *testing.T) {
	in := input()
	in.Now = in.Results["POS-1"].At.Add(ready.DefaultMaxAge)
	if r := ready.Judge(in); r.Verdict != site.Ready {
		t.Errorf("at its maximum age: %s", r.Verdict)
	}
	in.Now = in.Now.Add(time.Nanosecond)
	if r := ready.Judge(in); r.Verdict != site.CannotTell {
		t.Errorf("past its maximum age: %s", r.Verdict)
	}
}

func TestAsOfAndMaxAgeTellWhenTheVerdictEnds(t *testing.T) {
	in := input()
	in.Store.Checks[0].MaxAge = site.Duration(time.Hour)
	old := in.Results["POS-1"]
	old.At = now.Add(-50 * time.Minute)
	in.Results["POS-1"] = old
	r := ready.Judge(in)
	if !r.AsOf.Equal(old.At) || r.MaxAge != time.Hour {
		t.Errorf("got %v for %v, want %v for 1h", r.AsOf, r.MaxAge, old.At)
	}
}

func TestStoreCheckSpeaksForEveryDevice(t *testing.T) {
	in := input()
	in.Store.Checks = append(in.Store.Checks, site.Check{ID: "NET-1", Kind: site.CheckTCP, Capability: "sell"})
	in.Results["NET-1"] = site.CheckResult{Check: "NET-1", Outcome: site.Fail, At: now}
	r := ready.Judge(in)
	if r.Verdict != site.NotReady || codes(r.Fix) != "NET-1" {
		t.Errorf("got %s, fix %q", r.Verdict, codes(r.Fix))
	}
	if want := (ready.Capability{Name: "sell", Total: 4, Floor: 2}); !slices.Equal(r.Capabilities, []ready.Capability{want}) {
		t.Errorf("capabilities: %+v", r.Capabilities)
	}
	in.Store.Checks, in.Store.Floor = in.Store.Checks[6:], nil
	set(&in, site.Pass, "NET-1")
	if r := ready.Judge(in); r.Verdict != site.Ready || r.Capabilities[0].Total != 1 {
		t.Errorf("the store as one device: %s %+v", r.Verdict, r.Capabilities)
	}
}

func TestFindingHasFourParts(t *testing.T) {
	in := input()
	in.Store.Checks[4].What = "No till can take cards"
	in.Store.Checks[4].Steps = []string{"Look at the card box."}
	in.Store.Checks[4].Else = "Take cash."
	in.Since = map[string]time.Time{"CARD-1": now.Add(-4 * time.Hour)}
	set(&in, site.Fail, "CARD-1", "POS-3")
	r := ready.Judge(in)
	want := ready.Finding{
		Code: "CARD-1", What: "No till can take cards", SoWhat: "The store needs this to open.", Steps: []string{"Look at the card box."},
		Else: "Take cash.", Call: "Night desk", Phone: "+1 555 0100", Since: now.Add(-4 * time.Hour), BlocksTrading: true,
	}
	got, _ := json.Marshal(r.Fix[0])
	if w, _ := json.Marshal(want); string(got) != string(w) {
		t.Errorf("got  %s\nwant %s", got, w)
	}
	if so := r.Notes[0].SoWhat; so != "3 of 4 devices can sell. You need 2." {
		t.Errorf("so what: %q", so)
	}
	if r.Line() != "NOT READY: No till can take cards" {
		t.Errorf("line: %q", r.Line())
	}
}

func TestShortDocument(t *testing.T) {
	long := ready.Document{Fix: make([]ready.Finding, 60), Notes: make([]ready.Finding, 50), DoNotTouch: make([]ready.Untouchable, 70), Verdict: site.NotReady}
	short, ok := long.Short().(ready.Document)
	if !ok || len(short.Fix) != 50 || len(short.Notes) != 50 || len(short.DoNotTouch) != 50 || short.More != 30 || short.Verdict != site.NotReady {
		t.Errorf("%d to fix, %d to know, %d not to touch, %d more", len(short.Fix), len(short.Notes), len(short.DoNotTouch), short.More)
	}
	if len(long.Fix) != 60 || long.More != 0 {
		t.Error("the long document was changed")
	}
	few := ready.Judge(input()).Document()
	if got := few.Short(); !reflect.DeepEqual(got, few) {
		t.Errorf("a document that is short already became %+v", got)
	}
}

func TestDocument(t *testing.T) {
	in := input()
	in.Rev = 9183
	set(&in, site.Fail, "CARD-1")
	got, err := json.Marshal(ready.Judge(in).Document())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schema":"ready/1","verdict":"not_ready","ready":0,"text":"NOT READY: CARD-1 does not answer",` +
		`"fix":[{"code":"CARD-1","what":"CARD-1 does not answer","so_what":"The store needs this to open.",` +
		`"steps":["Wait 5 minutes. This page will change by itself."],"else":"Trade with what works.",` +
		`"call":"Night desk","phone":"+1 555 0100","since":"2026-11-23T07:40:08Z","blocks_trading":true}],"notes":[],` +
		`"checks":{"ok":5,"failed":1,"unknown":0,"total":6},"capabilities":[{"capability":"sell","working":4,"unknown":0,"total":4,"floor":2}],` +
		`"as_of":"2026-11-23T07:40:08Z","max_age_s":900,"rev":9183}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	empty, _ := json.Marshal(ready.Report{}.Document())
	if s := string(empty); !strings.Contains(s, `"fix":[],"notes":[]`) || strings.Contains(s, "as_of") || strings.Contains(s, `"ready":1`) {
		t.Errorf("empty report: %s", s)
	}
}
