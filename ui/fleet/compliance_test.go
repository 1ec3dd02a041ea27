package fleet

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Every number on the pages of compliance opens a list with exactly that count, as a page and in the API.
func TestComplianceNumbers(t *testing.T) {
	h := New(newWorld(chain(4), morning()).options())
	checked := map[string]bool{}
	for _, page := range []string{"/compliance", "/compliance?severity=critical&ring=fleet", "/patches/pos-app-4.2.1/clocks"} {
		for _, m := range anchor.FindAllStringSubmatch(want(t, h, page), -1) {
			to := html.UnescapeString(m[1])
			if n, promised := numberOf(m[2]); promised && !checked[to] && !strings.HasPrefix(to, "/compliance?") { // the number of a store is a name
				checked[to] = true
				checkList(t, h, page, to, n)
			}
		}
	}
	if len(checked) < 80 {
		t.Errorf("only %d numbers were found", len(checked))
	}
}

func TestCompliancePages(t *testing.T) {
	w := newWorld(chain(30), morning())
	h := New(w.options())
	want(t, h, "/compliance", "devices have every patch that is asked for", "device score", "coverage", "By age of the patch", "pos-app")
	want(t, h, "/compliance?region=North", "Remove region North", "By severity")
	want(t, h, "/compliance/rows?standing=failed&size=3", "a patch on a device each", "Remove standing failed", "failed")
	want(t, h, "/compliance/rows?view=devices&device_standing=behind", "behind")
	want(t, h, "/compliance/rows?patch=none-such", "Nothing fits this filter.")
	want(t, h, "/patches/pos-app-4.2.1/clocks", "of ring lab", "its clocks")
	want(t, h, "/export/report.html?region=North", "Patch compliance of", "Data as of, by store", "region: ", "North")
	want(t, h, "/api/v1/compliance", `"devices":{"compliant":`, `"reboot_debt":`, `"sla":[{"severity":"critical","limit":{"months":1}`)
	want(t, h, "/api/v1/compliance/rows?size=1", `"rows":[{"store":`, `"clocks":{"vendor_released":`)
	want(t, h, "/api/v1/patches/pos-app-4.2.1/clocks", `"parity":{"patch":"pos-app-4.2.1"`)
	for address, text := range map[string]string{
		"/compliance?age=old":            "age must be one of 0-7, 8-14, 15-30, 31-60, 61-90, over-90 and none, not &#34;old&#34;.",
		"/compliance/rows?standing=good": "standing must be one of installed, ",
		"/compliance/rows?look=blue":     "look must be one of fresh and stale, not &#34;blue&#34;.",
		"/patches/p-9/clocks":            "There is no approved patch p-9.",
		"/export/compliance.csv?as_of=x": "as_of must be a time of the last hour such as 2026-11-22T09:30:00Z, not &#34;x&#34;",
	} {
		if status, body := get(t, h, address); status < 400 || status >= 500 || !strings.Contains(body, text) {
			t.Errorf("GET %s: %d, want %q in\n%s", address, status, text, body)
		}
	}
}

// TestExport: the CSV and the JSON lines say the same, row for row; the same moment gives the same
// bytes; the audit log has their digest.
func TestExport(t *testing.T) {
	w := newWorld(chain(60), morning())
	h := New(w.options())
	first := want(t, h, "/export/compliance.csv?severity=critical")
	w.mu.Lock()
	w.now = w.now.Add(20 * time.Minute)
	w.mu.Unlock()
	if again := want(t, h, "/export/compliance.csv?severity=critical&as_of=2026-11-22T09:30:00Z"); again != first {
		t.Error("the same moment gives other bytes")
	}
	if later := want(t, h, "/export/compliance.csv?severity=critical"); later == first {
		t.Error("a later moment gives the same bytes")
	}
	table, err := csv.NewReader(strings.NewReader(first)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(want(t, h, "/export/compliance.jsonl?severity=critical&as_of=2026-11-22T09:30:00Z")), "\n")
	if len(lines) != len(table)-1 || len(lines) < 100 {
		t.Fatalf("%d lines of JSON, %d of CSV", len(lines), len(table))
	}
	for i, line := range lines {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		for k, name := range table[0] {
			have := ""
			if v, ok := row[name]; ok {
				have = fmt.Sprint(v)
			}
			if have != table[i+1][k] {
				t.Fatalf("row %d: %s is %q in CSV and %q in JSON", i, name, table[i+1][k], have)
			}
			delete(row, name)
		}
		if len(row) > 0 {
			t.Fatalf("row %d: only in JSON: %v", i, row)
		}
	}
	about := want(t, h, "/export/compliance.json?severity=critical&as_of=2026-11-22T09:30:00Z", `"generated_by":"kim"`, `"filter":"severity=critical"`, `"rows":`+strconv.Itoa(len(lines)))
	if !strings.Contains(about, `"stores":[{"store":`) {
		t.Errorf("no store is told: %.300s", about)
	}
	if len(w.deeds) != 5 || !strings.HasPrefix(w.deeds[0].Text, "as of 2026-11-22T09:30:00Z, "+strconv.Itoa(len(lines))+` rows, filter "severity=critical", sha256 `) || w.deeds[0].Verb != "export" || w.deeds[0].Actor != "kim" {
		t.Errorf("deeds are %+v", w.deeds)
	}
	if a, b := w.deeds[0].Text, w.deeds[1].Text; a[strings.Index(a, "sha256"):] != b[strings.Index(b, "sha256"):] {
		t.Errorf("the digests differ: %s, %s", a, b)
	}
}

// TestExportIsQuick streams 72,000 rows.
func TestExportIsQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("72,000 rows take a moment")
	}
	w := newWorld(boardtest.Chain{Seed: 7, Stores: 2200}, morning())
	h := New(w.options())
	start := time.Now()
	rows := strings.Count(want(t, h, "/export/compliance.csv"), "\n") - 1
	took := time.Since(start)
	t.Logf("%d rows in %s", rows, took)
	if rows < 72000 || took > 10*time.Second {
		t.Errorf("%d rows took %s", rows, took)
	}
}

// sent sends a form and returns the status, the body and where it leads.
func sent(h http.Handler, address string, form url.Values) (int, string, string) {
	rec := post(h, address, form)
	return rec.Code, rec.Body.String(), rec.Header().Get("Location")
}

// TestExceptions opens, reviews, renews and closes an exception by the forms, without a script.
func TestExceptions(t *testing.T) {
	w := newWorld(chain(30), morning())
	h := New(w.options())
	want(t, h, "/exceptions", "There is no exception", "Open an exception")
	open := url.Values{"verb": {"open"}, "patch": {"pos-app-4.2.1"}, "owner": {"ann"}, "reason": {"prints twice"}, "risk": {"old receipts"}, "expires": {"2026-12-15"}, "reviews": {"2026-12-01"}, "objective": {"receipts are right"}}
	status, _, to := sent(h, "/exceptions", open)
	id, ok := strings.CutPrefix(to, "/exceptions#")
	if status != http.StatusSeeOther || !ok || len(id) != 10 {
		t.Fatalf("%d, leads to %s", status, to)
	}
	body := want(t, h, "/exceptions", "prints twice", "everywhere", "in force in 0 of 30 stores", "receipts are right", "nightfill-hq exceptions prepare", "Next review")
	if strings.Contains(body, ">0 patches on devices<") {
		t.Error("it excepts nothing")
	}
	want(t, h, "/api/v1/exceptions", `"status":"open"`, `"days_left":22`)
	want(t, h, "/compliance/rows?standing=excepted", "excepted", "by ann")
	for _, step := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"verb": {"review"}, "reason": {"looked"}}, `"reviewed":"2026-11-22T09:30:00Z"`},
		{url.Values{"verb": {"renew"}, "expires": {"2027-01-15"}, "reason": {"late"}}, `"renewed":1`},
		{url.Values{"verb": {"close"}, "reason": {"fixed"}}, `"closed":"2026-11-22T09:30:00Z"`},
	} {
		step.form.Set("id", id)
		if status, body, _ := sent(h, "/api/v1/exceptions", step.form); status != http.StatusOK || !strings.Contains(body, step.want) {
			t.Errorf("%v: %d %s", step.form, status, body)
		}
	}
	want(t, h, "/exceptions?status=closed", "fixed", "closed")
	open.Set("expires", "2026-12-01") // within a fortnight: it needs someone
	open.Del("reviews")
	if status, _, _ := sent(h, "/exceptions", open); status != http.StatusSeeOther {
		t.Fatal(status)
	}
	want(t, h, "/attention?kind=exception", "ends on 2026-12-01: put the patch on, or renew it.", `<a href="/exceptions#`, `data-total="1"`)
	if len(w.deeds) != 5 || w.deeds[0].Verb != "exception.open" || w.deeds[3].Subject != id+" pos-app-4.2.1" {
		t.Errorf("deeds are %+v", w.deeds)
	}
}

func TestExceptionsRefused(t *testing.T) {
	w := newWorld(chain(5), morning())
	h := New(w.options())
	for text, form := range map[string]url.Values{
		"An exception needs a risk: say what may happen meanwhile.": {"verb": {"open"}, "patch": {"p"}, "owner": {"a"}, "reason": {"r"}, "expires": {"2026-12-15"}},
		"expires must be a date like 2026-12-15 or a time":          {"verb": {"open"}, "expires": {"soon"}},
		"reviews must be a date like 2026-12-15 or a time":          {"verb": {"open"}, "reviews": {"2026-12-01, soon"}},
		"There is no exception e-9 in the register.":                {"verb": {"close"}, "id": {"e-9"}},
		"would be over already: name an end that is still to come":  {"verb": {"open"}, "patch": {"p"}, "owner": {"a"}, "reason": {"r"}, "risk": {"r"}, "expires": {"2026-11-22"}},
	} {
		if status, body, _ := sent(h, "/exceptions", form); status < 400 || !strings.Contains(html.UnescapeString(body), text) {
			t.Errorf("%v: %d, want %q in\n%s", form, status, text, body)
		}
	}
	w.role = page.Viewer
	if status, body, _ := sent(h, "/api/v1/exceptions", url.Values{"verb": {"open"}}); status != http.StatusForbidden || !strings.Contains(body, "The role viewer may look, and not change anything. Ask a manager.") {
		t.Errorf("%d %s", status, body)
	}
	if strings.Contains(want(t, h, "/exceptions"), "<form method=\"post\" action=\"/exceptions\"") {
		t.Error("a viewer is shown the form")
	}
	if len(w.notes) != 0 || len(w.deeds) != 6 || w.deeds[5].Outcome != "refused" {
		t.Errorf("notes %+v, deeds %+v", w.notes, w.deeds)
	}
}
