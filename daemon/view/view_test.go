package view

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// at is a moment of the night of 2026-11-21 in UTC.
func at(hour, minute int) time.Time { return time.Date(2026, 11, 21, hour, minute, 0, 0, time.UTC) }

// facts is a night in which till-1 is done with one of two patches, till-2 was taken back,
// till-3 does not answer and pinpad-1 is only observed.
func facts() Facts {
	night := window.Date{Year: 2026, Month: time.November, Day: 21}
	app := site.Patch{ID: "app", Title: "POS application", Applies: site.Applies{Package: "pos-app", Below: "1.1"}}
	motd := site.Patch{ID: "motd", Title: "Message"}
	proof := run.Event{Step: run.Verify, Outcome: run.OK, At: at(23, 5), Observed: &site.Observation{Packages: map[string]string{"pos-app": "1.1"}}}
	return Facts{
		Store: site.Store{
			ID: "0142", Org: "acme", Name: "East", Ring: site.RingFleet,
			Calendar: window.Calendar{Zone: time.UTC, Start: 23 * 60, End: 5 * 60, Reserve: 45 * time.Minute},
			Devices: []site.Device{
				{ID: "till-1", Class: site.LinuxServer, HostKey: "k"}, {ID: "till-2", Class: site.LinuxServer, HostKey: "k"},
				{ID: "till-3", Class: site.LinuxServer, HostKey: "k"}, {ID: "pinpad-1", Class: site.Observe},
			},
		},
		State: run.State{
			Seq: 42, At: at(23, 6), Observed: map[string]site.Observation{"till-1": {At: at(23, 5), Packages: map[string]string{"pos-app": "1.1"}}},
			Night: withReport(plan.Report{
				{Device: "till-3", State: site.NoAnswer, Reason: site.Because(site.CodeNoAnswer, "till-3 does not answer")},
				{Device: "pinpad-1", State: site.NotDue, Reason: site.Because(site.CodeObserveOnly, "only observed")},
			}, run.NewNight(
				plan.Plan{
					Night: night, Opens: at(23, 0), Closes: at(29, 0), Cutoff: at(28, 15), Patches: []site.Patch{app, motd},
					Lanes: []plan.Lane{
						{Device: "till-1", Jobs: []plan.Job{{Patch: "app", Ends: at(23, 5)}, {Patch: "motd", Ends: at(23, 15)}}},
						{Device: "till-2", Jobs: []plan.Job{{Patch: "app", Ends: at(23, 5)}}},
					},
				},
				at(23, 0),
				[]run.Job{
					{Device: "till-1", Patch: "app", State: site.Done, Settled: true, Since: at(23, 5), Installs: 1, Ends: map[run.Step]run.Event{run.Verify: proof},
						Before: &site.Observation{Packages: map[string]string{"pos-app": "1.0"}}},
					{Device: "till-1", Patch: "motd", State: site.Installing, Since: at(23, 6), Installs: 1, Intent: &run.Event{Step: run.Install, Attempt: 2}},
					{Device: "till-2", Patch: "app", State: site.RolledBack, Settled: true, Since: at(23, 6), Installs: 1,
						Reason: site.Because(site.CodeVerifyFailed, "the service is not running")},
				},
			)),
		},
		Inventory: site.Inventory{"till-1": {At: at(23, 5)}, "till-2": {At: at(23, 5)}},
		Catalog:   site.Catalog{Version: 7, Issued: at(21, 6)},
		Report:    ready.Report{Verdict: site.Working, Fix: []ready.Finding{{Code: "POS-3", Device: "till-3", What: "Till 3 cannot sell", BlocksTrading: true}}},
		Now:       at(23, 6), Version: "1.0", ZoneData: "2025c", Stream: "01S", Last: 42, Outbox: 2, Line: Line{Wanted: true},
	}
}

func withReport(report plan.Report, n *run.Night) *run.Night {
	n.Report = report
	return n
}

func TestDevices(t *testing.T) {
	devices := Devices(facts())
	for i, want := range []struct {
		device   string
		state    site.State
		patch    string
		progress bool
		code     site.Code
	}{
		{"till-1", site.Installing, "motd", true, ""},
		{"till-2", site.RolledBack, "app", false, site.CodeVerifyFailed},
		{"till-3", site.NoAnswer, "", false, site.CodeNoAnswer},
		{"pinpad-1", site.NotDue, "", false, site.CodeObserveOnly},
	} {
		d := devices[i]
		code := site.Code("")
		if d.Reason != nil {
			code = d.Reason.Code
		}
		if d.Device != want.device || d.State != want.state || d.Patch != want.patch || d.InProgress != want.progress || code != want.code {
			t.Errorf("got %+v, want %+v", d, want)
		}
	}
	if d := devices[0]; *d.UpdatePercentage != 50 || d.Attempt != 2 || !d.VerifiedAt.Equal(at(23, 5)) || d.Rev != 42 {
		t.Errorf("till-1 is %+v", d)
	}
}

func TestNightOf(t *testing.T) {
	n := NightOf(facts().State, true)
	if n.Total != 3 || n.Settled != 2 || !n.Open || n.States[site.Done] != 1 || !n.Ends.Equal(at(23, 15)) || len(n.Left) != 2 {
		t.Errorf("the night is %+v", n)
	}
	if j := n.Jobs[0]; j.Before != "1.0" || j.After != "1.1" || len(j.Steps) != 1 || j.Title != "POS application" {
		t.Errorf("the first job is %+v", j)
	}
	if brief := NightOf(facts().State, false); len(brief.Jobs) != 0 || len(brief.Left) != 0 {
		t.Errorf("without details there are %+v", brief)
	}
	if NightOf(run.State{}, true) != nil {
		t.Error("there is a night where none was")
	}
}

func TestStatusLine(t *testing.T) {
	f := facts()
	want := "night of 2026-11-21, 2/3 settled; 2 of 3 reachable; catalog 2 h 0 min old; headquarters not reached"
	if got := StatusLine(f); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	f.State.Night, f.Now, f.Catalog, f.Line = nil, at(19, 48), site.Catalog{}, Line{}
	f.State.Unsure = site.Because(site.CodeClockUnsure, "the clock jumped")
	if got, want := StatusLine(f), "window opens in 3 h 12 min; clock not trusted; 2 of 3 reachable; no catalog"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHeldByHeadquarters: a held store says so everywhere, and its word about trading does not change.
// TestHeldCountsEveryDevice of a store that is held whole, until the hold is over.
func TestHeldCountsEveryDevice(t *testing.T) {
	f := facts()
	f.State.Holds = map[string]site.Hold{site.AllDevices: {Device: site.AllDevices, Until: f.Now.Add(time.Hour)}}
	if d := StatusOf(f).Devices; d.Held != d.Total || d.Held == 0 {
		t.Errorf("%d of %d devices are held", d.Held, d.Total)
	}
	f.Now = f.Now.Add(time.Hour)
	if d := StatusOf(f).Devices; d.Held != 0 {
		t.Errorf("%d devices are held after the hold", d.Held)
	}
}

func TestHeldByHeadquarters(t *testing.T) {
	f := facts()
	f.State.Night, f.Now, f.Line = nil, at(19, 48), Line{}
	h := site.StoreHold{Reason: "the power is cut", At: at(19, 0), By: "kim"}
	f.State.Catalog.StoreHeld = &h
	if got, want := StatusLine(f), "window opens in 3 h 12 min; held by headquarters; 2 of 3 reachable; catalog 0 s old"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s := StatusOf(f); s.HeldByHeadquarters == nil || *s.HeldByHeadquarters != h {
		t.Errorf("status has %+v", s.HeldByHeadquarters)
	}
	in := Readiness(f, nil, nil, at(19, 0))
	if want := (ready.Note{Kind: ready.HeldAbove, Since: h.At, Reason: h.Reason}); !slices.Contains(in.Notes, want) {
		t.Errorf("the notes are %+v", in.Notes)
	}
	held := ready.Judge(in)
	if i := slices.IndexFunc(held.Notes, func(f ready.Finding) bool { return f.Code == "HOLD-1" }); i < 0 || !strings.HasSuffix(held.Notes[i].What, ": the power is cut") {
		t.Errorf("READY notes %+v", held.Notes)
	}
	in.Notes = nil
	if free := ready.Judge(in); held.Verdict != free.Verdict || len(held.Fix) != len(free.Fix) {
		t.Errorf("READY says %s for a held store, and %s otherwise", held.Verdict, free.Verdict)
	}
}

// TestNumIsFlat: dashboards that know nothing of Nightfill read numbers by name.
func TestNumIsFlat(t *testing.T) {
	data, err := json.Marshal(Num(facts()))
	if err != nil {
		t.Fatal(err)
	}
	var numbers map[string]float64
	if err := json.Unmarshal(data, &numbers); err != nil {
		t.Fatalf("%s is not names with numbers: %v", data, err)
	}
	for name, want := range map[string]float64{"online": 1, "ready": 0, "dev_total": 3, "dev_rolled_back": 1, "dev_no_answer": 1, "outbox": 2, "window_open": 1, "pct_done": 33.3, "rev": 42} {
		if numbers[name] != want {
			t.Errorf("%s is %v, want %v", name, numbers[name], want)
		}
	}
}

func TestAlertsAndProblems(t *testing.T) {
	f := facts()
	f.State.Dirty = map[string]*site.Reason{"till-2": site.Because(site.CodeRollbackFailed, "not proven")}
	alerts := Alerts(f)
	if len(alerts) != 2 || alerts["POS-3"] == nil || alerts["DIRTY-till-2"] == nil {
		t.Errorf("the alerts are %v", alerts)
	}
	got := strings.Join(StatusOf(f).Problems, "\n")
	want := "Till 3 cannot sell [POS-3]\ntill-2 is left alone until a person has looked at it: not proven [rollback_failed]\ntill-3 no answer: till-3 does not answer [no_answer]"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A device with another host key answers: the page is told so.
func TestReadinessKnowsWhoAnswers(t *testing.T) {
	f := facts()
	f.State.Night = nil
	device := f.Store.Devices[0].ID
	for code, want := range map[site.Code]bool{site.CodeNoAnswer: false, site.CodeIdentity: true, site.CodeAuth: true} {
		f.Inventory = site.Inventory{device: {Device: device, At: f.Now, Error: site.Because(code, "so it is")}}
		for _, d := range Readiness(f, nil, nil, f.Now).Devices {
			if d.Device == device && (d.State != site.NoAnswer || d.Answers != want) {
				t.Errorf("%s: it is %s, and answers: %v", code, d.State, d.Answers)
			}
		}
	}
}

func TestReadinessKnowsTheNight(t *testing.T) {
	in := Readiness(facts(), nil, nil, at(20, 0))
	if in.Night == nil || in.Night.Total != 2 || in.Night.Settled != 1 || strings.Join(in.Night.Busy, " ") != "till-1" {
		t.Errorf("the night is %+v", in.Night)
	}
	kinds := ""
	for _, n := range in.Notes {
		kinds += string(n.Kind) + " " + n.Device + ";"
	}
	if kinds != "rolled_back till-2;" {
		t.Errorf("the notes are %s", kinds)
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 40 * time.Second: "40 s", 59*time.Minute + 59*time.Second: "59 min", 3*time.Hour + 12*time.Minute: "3 h 12 min", 50 * time.Hour: "2 d 2 h",
	} {
		if got := Brief(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

// TestBlackout: no window opens on a day in a blackout, and the status says so with the reason.
func TestBlackout(t *testing.T) {
	f := facts()
	f.Store.Calendar.Blackouts = []window.Blackout{{From: window.Date{Year: 2026, Month: 11, Day: 21}, To: window.Date{Year: 2026, Month: 11, Day: 22}, Reason: "peak trading"}}
	want := "no maintenance from 2026-11-21 to 2026-11-22 (peak trading) [blackout night=2026-11-21]"
	if w := StatusOf(f).Window; w.Open || w.Reason.String() != want || w.Night.String() != "2026-11-23" {
		t.Errorf("the window is %+v, because of %s, want %s", w, w.Reason, want)
	}
	f.Store.Calendar.Blackouts = nil
	if w := StatusOf(f).Window; w.Reason != nil {
		t.Errorf("without a blackout the reason is %s", w.Reason)
	}
}

// TestQuarantine: a patch in quarantine is a problem, an alert that names it, and in the night that
// found it guilty; without any there is none of that.
func TestQuarantine(t *testing.T) {
	f := facts()
	if _, raised := Alerts(f)["patch_quarantined"]; raised || StatusOf(f).Quarantine != nil || NightOf(f.State, false).Quarantine != nil {
		t.Error("something is in quarantine where nothing is")
	}
	because := func(text string) *site.Reason { return site.Because(site.CodeQuarantined, text, "devices", "till-2") }
	f.State = run.Foresee(f.State, run.Event{Kind: run.PatchQuarantined, At: at(23, 6), Patch: "app", Text: "aa", Reason: because("it broke till-2")})
	f.State = run.Foresee(f.State, run.Event{Kind: run.PatchQuarantined, At: at(-24, 6), Patch: "old", Text: "bb", Reason: because("it broke till-1")})
	if n := NightOf(f.State, false).Quarantine; len(n) != 1 || n[0].Patch != "app" {
		t.Errorf("the night found %+v", n)
	}
	s := StatusOf(f)
	if len(s.Quarantine) != 2 || s.Quarantine[0].Patch != "app" || s.Quarantine[1].Patch != "old" {
		t.Errorf("the status has %+v", s.Quarantine)
	}
	want := "app is begun nowhere until a person releases it: it broke till-2 [quarantined]"
	if !slices.Contains(s.Problems, want) {
		t.Errorf("problems are %q, want %q among them", s.Problems, want)
	}
	data, err := json.Marshal(Alerts(f)["patch_quarantined"])
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"code":"patch_quarantined"`, `"patches":["app","old"]`, `"since":"2026-11-20T00:06:00Z"`, `"text":"app: it broke till-2; old: it broke till-1"`} {
		if !strings.Contains(string(data), part) {
			t.Errorf("the alert %s lacks %s", data, part)
		}
	}
}

// TestInfoTellsTheHours holds the moments by which headquarters judges a silent store.
func TestInfoTellsTheHours(t *testing.T) {
	f := facts()
	f.Store.Calendar.Opening = map[time.Weekday]window.Clock{time.Sunday: 8 * 60}
	info := Info(f)
	opens, _ := f.Store.Calendar.NextOpening(f.Now)
	span, open := f.Store.Calendar.Contains(f.Now)
	if !open {
		span, _ = f.Store.Calendar.Next(f.Now)
	}
	if opens.IsZero() || info["opens"] != opens.UTC() || info["window_opens"] != span.Open.UTC() || info["window_closes"] != span.Close.UTC() {
		t.Errorf("the hours are %v, %v to %v; want %v, %v", info["opens"], info["window_opens"], info["window_closes"], opens, span)
	}
}
