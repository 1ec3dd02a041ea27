package fleet

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/fleet/page/reports"
)

// remember gives every store of a world 40 days of history.
func remember(w *world) {
	var stores []string
	for _, s := range w.board.Sorted() {
		stores = append(stores, s.ID)
	}
	for n, id := range stores {
		for ago := 40; ago >= 0; ago-- {
			opens := morning().AddDate(0, 0, -ago).Add(-3 * time.Hour).In(time.FixedZone("", -6*3600))
			date, v := opens.Format(time.DateOnly), []site.Verdict{site.Ready, site.ReadyNotes, site.NotReady, site.CannotTell}[max((n*7+ago*5)%11, 7)-7]
			if (n+ago)%13 == 5 || n == 1 {
				continue
			}
			evening := opens.AddDate(0, 0, -1).Truncate(24 * time.Hour).Add(29 * time.Hour)
			night := board.Night{Opens: evening, Closes: evening.Add(6 * time.Hour), Total: 12, Summary: "11 done", States: map[site.State]int{site.Done: 9 + n%3, site.RolledBack: ago % 2, site.Skipped: 1}}
			if (n+ago)%7 > 0 {
				night.Closed = evening.Add(time.Duration(100+n*7+ago*9) * time.Minute)
			}
			w.keepDay(board.KindNight, id, evening.Format(time.DateOnly), night)
			m := board.Morning{Opens: opens, Next: opens.AddDate(0, 0, 1), Verdict: v, Text: strings.ToUpper(string(v))}
			if v.Trades() {
				m.Since = opens.Add(-time.Duration(20+(n*11+ago)%90) * time.Minute)
			}
			w.keepDay(board.KindMorning, id, date, m)
			if (n+ago)%9 == 0 {
				w.keepDay(board.KindAfter, id, date, board.After{At: opens.Add(time.Hour), Verdict: []site.Verdict{site.NotReady, site.Ready}[ago%2]})
			}
		}
	}
	for n, id := range stores {
		for _, d := range w.board.Stores[id].Devices {
			switch {
			case d.Now.Class == site.Observe:
				d.Now.Asset = &site.Asset{Make: "Verifone", Location: "lane " + d.ID[len(d.ID)-1:], Owner: "Payments", Scope: site.ScopePOI}
				if n%3 > 0 {
					d.Now.Asset.Serial = "401-" + id + "-" + d.ID
				}
			case n == 2:
				d.Now.SeenAt, d.Observed.At = morning().AddDate(0, 0, -9), morning().AddDate(0, 0, -9)
			case n == 3 && d.ID == "till-1":
				d.Gone = true
			}
		}
	}
	for ago := 100; ago >= 0; ago-- {
		at := morning().AddDate(0, 0, -ago)
		if ago > 20 && ago < 25 {
			continue // headquarters did not run
		}
		r := comply.Look(w.board, comply.Options{Policy: comply.DefaultPolicy(), Now: morning()}).Report(comply.Filter{})
		r.At = at
		r.Devices.Compliant, r.Devices.Behind = max(0, r.Devices.Compliant-ago), r.Devices.Behind+min(ago, r.Devices.Compliant)
		body, err := json.Marshal(r.Day(2))
		if err != nil {
			panic(err)
		}
		date := at.Format(time.DateOnly)
		w.notes["day/"+date] = board.Note{Kind: comply.DayKind, ID: date, Version: 1, Body: body}
	}
}

// reportPages are the addresses of every report with something in it.
func reportPages() []string {
	return []string{"/reports", "/reports/mornings", "/reports/mornings?days=90&region=North", "/reports/mornings/rows?answer=not_told", "/reports/mornings/rows?store=none", "/reports/trend", "/reports/figures", "/reports/figures?region=North", "/reports/oldest", "/reports/owners", "/reports/silent", "/reports/nights", "/reports/nights?days=90&region=North", "/reports/nights/rows?mark=broken", "/reports/nights/rows?date=2001-01-01", "/reports/devices", "/reports/devices?region=North", "/reports/devices/rows?mark=poi", "/reports/devices/rows?life=gone", "/reports/trend?days=400&region=North", "/stores/0001/devices/till-1/patches/pos-app-4.2.1"}
}

// reportAddresses are the same by the addresses of the API.
func reportAddresses() map[string][]string {
	all := map[string][]string{}
	for _, p := range reportPages() {
		path, _, _ := strings.Cut(p, "?")
		if strings.HasPrefix(path, "/stores/") {
			continue
		}
		all[path] = append(all[path], p)
	}
	return all
}

// Every number of every report opens a list with exactly that count, as a page and in the API.
func TestReportNumbers(t *testing.T) {
	w := newWorld(chain(8), morning())
	remember(w)
	h := New(w.options())
	checked := map[string]bool{}
	for _, page := range reportPages() {
		want(t, h, "/api/v1"+page, `"as_of":"2026-11-22T09:30:00Z"`)
		for _, m := range anchor.FindAllStringSubmatch(want(t, h, page), -1) {
			to := html.UnescapeString(m[1])
			if n, promised := numberOf(m[2]); promised && isList(to) && !checked[to] && (strings.Contains(to, "/rows") || strings.HasPrefix(to, "/reports/silent")) {
				checked[to] = true
				checkList(t, h, page, to, n)
			}
		}
	}
	if len(checked) < 60 {
		t.Errorf("only %d numbers were found", len(checked))
	}
}

// TestEveryReportIsThere: the list of reports leads nowhere that is not.
func TestEveryReportIsThere(t *testing.T) {
	w := newWorld(chain(4), morning())
	remember(w)
	h := New(w.options())
	for _, r := range reports.ReportsListed() {
		want(t, h, r.Page)
		for _, f := range r.Files {
			if body := want(t, h, f.At); strings.HasSuffix(f.At, ".csv") && !strings.Contains(body, ",") {
				t.Errorf("%s is no table", f.At)
			}
		}
	}
	empty := New(newWorld(chain(4), morning()).options())
	want(t, empty, "/reports/mornings", "4 stores told of no opening in this time", "Nothing was told.")
	want(t, empty, "/reports/trend", "No day is counted yet.")
}

// TestMornings: the page, its list and its file say the same; the same moment gives the same bytes.
func TestMornings(t *testing.T) {
	w := newWorld(chain(8), morning())
	remember(w)
	h := New(w.options())
	var told struct {
		All    struct{ Ready, Early, Timed int } `json:"all"`
		Untold int
		Stores []struct{ Ready, NotReady int }
	}
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1/reports/mornings")), &told); err != nil || told.Untold != 1 || len(told.Stores) != 7 || told.All.Ready == 0 || told.All.Early == 0 {
		t.Fatalf("%v: %+v", err, told)
	}
	want(t, h, "/reports/mornings", "opened ready", "1 store told of no opening in this time", "By region", "Was the word right?")
	first := want(t, h, "/export/mornings.csv?answer=ready")
	table, err := csv.NewReader(strings.NewReader(first)).ReadAll()
	if err != nil || len(table)-1 != told.All.Ready {
		t.Errorf("%d rows in the file, %d on the page, %v", len(table)-1, told.All.Ready, err)
	}
	w.pass(20 * time.Minute)
	if again := want(t, h, "/export/mornings.csv?answer=ready&as_of=2026-11-22T09:30:00Z"); again != first {
		t.Error("the same moment gives other bytes")
	}
	if len(w.deeds) != 2 || w.deeds[0].Subject != "mornings.csv" || !strings.HasPrefix(w.deeds[0].Text, fmt.Sprintf("as of 2026-11-22T09:30:00Z, %d rows, filter", told.All.Ready)) {
		t.Errorf("deeds are %+v", w.deeds)
	}
	for address, text := range map[string]string{
		"/reports/mornings?days=0":             "days must be a whole number from 1 to 400, not &#34;0&#34;.",
		"/reports/mornings/rows?answer=good":   "answer must be one of ready, not_ready, cannot_tell and not_told, not &#34;good&#34;.",
		"/reports/mornings/rows?mark=good":     "mark must be one of early, turned_bad and turned_good, not &#34;good&#34;.",
		"/export/mornings.csv?answer=good":     "answer must be one of",
		"/export/mornings.csv?as_of=yesterday": "as_of must be a time of the last hour",
	} {
		if status, body := get(t, h, address); status != 400 || !strings.Contains(body, text) {
			t.Errorf("GET %s: %d, want %q in\n%s", address, status, text, body)
		}
	}
}

// TestTrend: days that were not counted are said and break the line; a region has its own numbers.
func TestTrend(t *testing.T) {
	w := newWorld(chain(8), morning())
	remember(w)
	h := New(w.options())
	body := want(t, h, "/reports/trend", "4 days between were not counted", `<svg class="trend"`, "Device score from ", "data-row", "2026-11-22")
	if n := strings.Count(body, "<tr data-row"); n != 86 {
		t.Errorf("%d days are shown", n)
	}
	path := body[strings.Index(body, `class="line devices"`):]
	if n := strings.Count(path[:strings.Index(path, "/>")], "M"); n != 2 {
		t.Errorf("the line has %d parts", n)
	}
	want(t, h, "/reports/trend?region=North&days=30", "region North", "Remove region North")
	if body := want(t, h, "/reports/trend?region=Nowhere"); !strings.Contains(body, "No day is counted yet.") {
		t.Error("a region that is none has days")
	}
	table, err := csv.NewReader(strings.NewReader(want(t, h, "/export/trend.csv"))).ReadAll()
	if err != nil || len(table) < 97*2 || len(table[0]) != len(table[1]) || table[1][2] != "all" {
		t.Errorf("%d rows, %v", len(table), err)
	}
}

// TestDevices: the list of terminals has what 9.5.1.1 asks for, and says where it is missing.
func TestDevices(t *testing.T) {
	w := newWorld(chain(8), morning())
	remember(w)
	h := New(w.options())
	var told struct {
		All   int
		Lives map[string]int
		Cares map[string]int
		Marks map[string]int
	}
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1/reports/devices")), &told); err != nil {
		t.Fatal(err)
	}
	if told.Lives["gone"] != 1 || told.Lives["missing"] == 0 || told.Marks["poi"] != told.Cares["observe_only"] || told.Marks["no_serial"] == 0 || told.Marks["new"] != 18 || told.Cares["managed"]+told.Cares["observe_only"] != told.All-1 {
		t.Errorf("%+v", told)
	}
	want(t, h, "/reports/devices/rows?mark=poi", "points of interaction", "Verifone", "lane 1", "401-0002-pinpad-1", "observe only")
	first := want(t, h, "/export/devices.csv?mark=poi", "store,region,device,class,make,model,serial,inventory_id,location")
	table, err := csv.NewReader(strings.NewReader(first)).ReadAll()
	if err != nil || len(table)-1 != told.Marks["poi"] {
		t.Errorf("%d rows, %v", len(table)-1, err)
	}
	w.pass(20 * time.Minute)
	if again := want(t, h, "/export/devices.csv?mark=poi&as_of=2026-11-22T09:30:00Z"); again != first {
		t.Error("the same moment gives other bytes")
	}
	want(t, h, "/stores/0002/devices/pinpad-1", "Serial number", "Payments")
	if status, body := get(t, h, "/reports/devices/rows?life=old"); status != 400 || !strings.Contains(body, "life must be one of in_service, missing, never_seen and gone") {
		t.Errorf("%d %s", status, body)
	}
}

// TestNightReport: one line for each device and patch, with what comes next; and the same for printing.
func TestNightReport(t *testing.T) {
	w := newWorld(chain(8), morning())
	remember(w)
	h := New(w.options())
	want(t, h, "/reports/nights", "2026-11-21", "Window used", "Ran over")
	first := want(t, h, "/export/night.csv?date=2026-11-20", "pos-app-4.2.1,,true,rolled_back,verify_failed,'=its service did not start,The device works as before. It is tried again in the next night unless the patch is held.", ",false,not_due,observe_only,")
	table, err := csv.NewReader(strings.NewReader(first)).ReadAll()
	if err != nil || len(table) < 10 || (len(table)-1)%3 != 0 {
		t.Errorf("%d rows, %v", len(table), err)
	}
	w.pass(20 * time.Minute)
	if again := want(t, h, "/export/night.csv?date=2026-11-20&as_of=2026-11-22T09:30:00Z"); again != first {
		t.Error("the same moment gives other bytes")
	}
	page := want(t, h, "/export/night.html?date=2026-11-20&region=North", "Night of 2026-11-20: report", "region: ", "its service did not start", "planned: ", "</html>")
	if strings.Contains(page, "till-2") {
		t.Error("what is done is named")
	}
	want(t, h, "/export/nights.csv?date=2026-11-20", "used_minutes")
	for address, text := range map[string]string{
		"/export/night.csv":                   "The report of a night needs its date, such as date=2026-11-22.",
		"/export/night.html?date=2001-01-01":  "No store told of a night of 2001-01-01.",
		"/reports/nights/rows?date=yesterday": "date must be a date such as 2026-11-22, not &#34;yesterday&#34;.",
		"/reports/nights/rows?mark=bad":       "mark must be one of over, broken, unclosed and idle, not &#34;bad&#34;.",
	} {
		if status, body := get(t, h, address); status < 400 || status >= 500 || !strings.Contains(body, text) {
			t.Errorf("GET %s: %d, want %q in\n%s", address, status, text, body)
		}
	}
}

// TestANightOfWhichNoCountCame is counted from its events, in the report and on its own page.
func TestANightOfWhichNoCountCame(t *testing.T) {
	w := newWorld(chain(8), morning())
	opens := morning().AddDate(0, 0, -20)
	night, date := window.DateOf(opens), opens.Format(time.DateOnly)
	lane := plan.Lane{Device: "till-1"}
	for _, patch := range []string{"p-1", "p-2", "p-3", "p-4"} {
		lane.Jobs = append(lane.Jobs, plan.Job{Patch: patch})
	}
	for i, e := range []run.Event{
		{Kind: run.NightOpened, Plan: &plan.Plan{Night: night, Opens: opens, Closes: opens.Add(6 * time.Hour), Lanes: []plan.Lane{lane}}},
		{Kind: run.StepEnded, Patch: "p-1", Step: run.Verify, To: site.Done},
		{Kind: run.StepEnded, Patch: "p-2", Step: run.Prove, To: site.RolledBack},
		{Kind: run.PatchSettled, Patch: "p-3", To: site.Skipped},
		{Kind: run.NightClosed, Text: "1 done, 1 rolled back, 1 skipped"},
		{Kind: run.NightOpened},
		{Kind: run.StepEnded, Patch: "p-4", Step: run.Verify, To: site.Done},
	} {
		e.At, e.Night = opens.Add(time.Duration(i)*time.Minute), night
		if e.Patch != "" {
			e.Device = "till-1"
		}
		told := boardtest.Event("0002", uint64(i+1), e)
		w.events = append(w.events, told)
		for _, f := range board.Project(e, board.Mark{Stream: told.No, Seq: told.Seq}, told.Received) {
			if f.Kind == board.KindNightOpened || f.Kind == board.KindNightClosed {
				w.keepFact("0002", date, f)
			}
		}
	}
	h := New(w.options())
	want(t, h, "/api/v1/reports/nights?store=0002", `"date":"`+date+`","stores":1,"silent":0,"planned":4,"done":1,"broke":1,"left":1,"no_answer":0,"open":1,"marks":{"broken":1}`)
	want(t, h, "/api/v1/reports/nights/rows?mark=broken", `"total":1`, `"text":"1 done, 1 rolled back, 1 skipped"`)
	want(t, h, "/reports/nights?store=0002", "is counted from its events")
	want(t, h, "/stores/0002/nights/"+date, "1 done, 1 rolled back, 1 skipped", "3 of 4 settled", "picture.svg")
	if status, _ := get(t, h, "/stores/0003/nights/"+date); status != 404 {
		t.Errorf("a night that nobody told of: %d", status)
	}
}

// TestFigures: every figure says how it is counted; ages add up to the devices, owners to the patches.
func TestFigures(t *testing.T) {
	w := newWorld(chain(8), morning())
	remember(w)
	h := New(w.options())
	var figures FigurePage
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1/reports/figures")), &figures); err != nil {
		t.Fatal(err)
	}
	names := map[string]Figure{}
	for _, f := range figures.Figures {
		names[f.Name] = f
		if f.Formula == "" || f.Value == "" || f.List == "" || f.All > 0 && f.Of > f.All {
			t.Errorf("%+v", f)
		}
	}
	for _, name := range []string{"Device score", "Time to patch", "Retry success", "Reboot debt", "Recurrence", "Exceptions expired", "Stores silent for more than 24 hours", "Opened ready, 30 days", "Window used, 30 nights"} {
		if names[name].Name == "" {
			t.Errorf("there is no %s", name)
		}
	}
	var oldest OldestPage
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1/reports/oldest")), &oldest); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, a := range oldest.Ages {
		sum += a.Devices
	}
	if sum != oldest.All || sum != names["Device score"].All || len(oldest.Devices) == 0 || len(oldest.Devices) > 50 {
		t.Errorf("%d of %d devices have an age; %d are shown", sum, oldest.All, len(oldest.Devices))
	}
	if rows := strings.Count(want(t, h, "/export/oldest.csv"), "\n") - 1; rows != oldest.All {
		t.Errorf("%d rows in the file", rows)
	}
	var owners OwnerPage
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1/reports/owners")), &owners); err != nil {
		t.Fatal(err)
	}
	all, late := 0, 0
	for _, o := range owners.Owners {
		all, late = all+o.Overdue.All, late+o.Overdue.Of
	}
	if all != names["Patches installed"].All || late != names["Overdue"].Of {
		t.Errorf("%d patches and %d overdue by owner", all, late)
	}
	want(t, h, "/reports/figures", "candidates for a false green", "How it is counted")
	want(t, h, "/compliance/rows?view=devices&lacks=nothing", "Remove lacks nothing")
}
