package ready

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/ready/words"
	"github.com/nightfill/nightfill/site/window"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// morning is 07:41:08 in Chicago.
var morning = time.Date(2026, 11, 23, 13, 41, 8, 0, time.UTC)

// reports has a report for each verdict, with awkward words in the store file.
func reports(t testing.TB) map[string]ready.Report {
	t.Helper()
	return reportsIn(t, "en")
}

func reportsIn(t testing.TB, language string) map[string]ready.Report {
	t.Helper()
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	in := func() ready.Input {
		s := site.Store{
			Calendar: window.Calendar{Zone: zone}, Floor: map[string]int{"sell": 2, "sell-mobile": 1},
			Contacts: []site.Contact{{Name: "Night desk", Phone: "+1 555 0100", For: []string{"not_ready"}}},
			Checks: []site.Check{
				{ID: "CARD-3", Device: "till-3", Kind: site.CheckTCP, What: "Till 3 cannot take cards", Else: "Take cards at till 1.",
					Steps: []string{"Look if the card machine is on.", "Push its plug in.", "Wait 4 minutes. This page will change by itself."}},
				{ID: "KDS-1", Device: "kitchen-1", Kind: site.CheckHTTP, Optional: true, What: `The "kitchen" screen <1> is dark`},
			},
		}
		i := ready.Input{Store: s, Now: morning, Opens: morning.Add(19 * time.Minute), Results: map[string]site.CheckResult{}, Rev: 9183, Language: language}
		for _, id := range []string{"till-1", "till-2", "till-3", "till-4"} {
			i.Store.Checks = append(i.Store.Checks, site.Check{ID: "POS-" + id[5:], Device: id, Kind: site.CheckHTTP, Capability: "sell"})
			i.Store.Devices = append(i.Store.Devices, site.Device{ID: id, Capabilities: []string{"sell"}})
		}
		i.Store.Checks = append(i.Store.Checks, site.Check{ID: "HH-1", Device: "hh-01", Kind: site.CheckClock, Capability: "sell-mobile"})
		for _, c := range i.Store.Checks {
			i.Results[c.ID] = site.CheckResult{Check: c.ID, Device: c.Device, Outcome: site.Pass, At: morning.Add(-time.Minute)}
		}
		return i
	}
	set := func(i ready.Input, o site.CheckOutcome, ids ...string) ready.Input {
		for _, id := range ids {
			r := i.Results[id]
			r.Outcome = o
			i.Results[id] = r
		}
		return i
	}
	notes := set(in(), site.Fail, "KDS-1")
	notes.Notes = []ready.Note{{Kind: ready.LineDown, Since: morning.Add(-5 * time.Hour)}}
	bad := set(in(), site.Fail, "CARD-3", "POS-2", "POS-3", "POS-4", "KDS-1")
	bad.Store.Contacts = append(bad.Store.Contacts, site.Contact{Name: "Area manager", Phone: "+1 555 0199"})
	bad.Store.Escalation = []site.Escalation{{To: "Night desk"}, {To: "Area manager", After: site.Duration(30 * time.Minute)}}
	bad.Alarms = map[string]site.Alarm{"CARD-3": {Code: "CARD-3", Cause: site.CauseNotReady, Since: morning.Add(-time.Minute), Told: []site.Told{{To: "Night desk", At: morning.Add(-time.Minute)}}}}
	risk := in()
	risk.Risk, risk.Night = morning, &ready.Night{Total: 4, Settled: 1, Ends: morning.Add(15 * time.Minute), Closes: morning.Add(18 * time.Minute), Busy: []string{"till-2", "till-3", "till-4"}}
	risk = set(risk, site.Unknown, "POS-2", "POS-3", "POS-4")
	risk.Busy = []ready.Busy{{Device: "till-2", Until: morning.Add(15 * time.Minute)}}
	bad.Baseline = &ready.Baseline{
		Checks: map[string]site.CheckResult{"CARD-3": {Outcome: site.Pass}, "POS-2": {Outcome: site.Fail}}, Did: []site.Did{{Device: "till-3", Patch: "cards-2"}},
	}
	working := in()
	working.Night = &ready.Night{Total: 36, Settled: 14, Ends: morning.Add(time.Hour), Closes: morning.Add(2 * time.Hour)}
	overrun := in()
	overrun.Night = &ready.Night{Total: 36, Settled: 14, Closes: morning, Busy: []string{"till-4"}}
	for _, id := range []string{"till-1", "till-2", "till-3", "till-4", "hh-01", "srv-1", "srv-2", "kitchen-1", "kitchen-2", "hh-02"} {
		working.Busy = append(working.Busy, ready.Busy{Device: id, Until: morning.Add(40 * time.Minute)})
	}
	overrun.Busy = []ready.Busy{{Device: "till-4"}}
	tonight := in()
	tonight.Tonight = &ready.Plan{Devices: 6, From: morning.Add(5 * time.Hour), To: morning.Add(11 * time.Hour), Ends: morning.Add(9 * time.Hour)}
	old := in()
	old.Now = morning.Add(time.Hour)
	return map[string]ready.Report{
		"ready": ready.Judge(in()), "ready_notes": ready.Judge(notes), "not_ready": ready.Judge(bad),
		"tonight": ready.Judge(tonight), "at_risk": ready.Judge(risk), "working": ready.Judge(working), "overrun": ready.Judge(overrun),
		"unknown": ready.Judge(set(in(), site.Unknown, "CARD-3")), "old": ready.Judge(old), "empty": ready.Judge(ready.Input{Now: morning, Language: language}),
	}
}

func options(r ready.Report) Options {
	zone, _ := time.LoadLocation("America/Chicago")
	return Options{
		Report: func(string) ready.Report { return r }, Check: func(context.Context) error { return nil },
		Zone: zone, Store: "0142 Springfield East", Call: "Night desk", Phone: "+1 555 0100",
		Contacts: []site.Contact{{Name: "Night desk", Phone: "+1 555 0100"}, {Name: "Nobody"}, {Name: "Area manager", Phone: "+1 555 0199"}},
	}
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func render(t *testing.T, r ready.Report, name string) string {
	t.Helper()
	o := options(r)
	o.Next = func() time.Time { return morning.Add(5 * time.Minute) }
	var buf bytes.Buffer
	if err := page.ExecuteTemplate(&buf, name, o.newView(r, morning.In(o.Zone), kind{}, false)); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestGoldenPages(t *testing.T) {
	for name, r := range reports(t) {
		got, file := render(t, r, "page"), filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s; run with -update and look at the difference:\n%s", name, file, got)
		}
	}
}

var tags = regexp.MustCompile(`(?s)<[^>]*>`)

// source is what a reader without JavaScript and without style gets.
func source(html string) string {
	html = html[strings.Index(html, "<main"):]
	html = tags.ReplaceAllString(html, " ")
	return strings.Join(strings.Fields(strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&#43;", "+").Replace(html)), " ")
}

func TestPageIsCompleteWithoutScript(t *testing.T) {
	for _, l := range words.Languages() {
		completeIn(t, l)
	}
}

func completeIn(t *testing.T, l *words.Language) {
	for name, r := range reportsIn(t, l.Tag) {
		html := render(t, r, "page")
		if !strings.Contains(html, `<html lang="`+l.Tag+`">`) {
			t.Errorf("%s: the page does not say that it is in %s", name, l.Name)
		}
		if title := "<title>" + l.Word(r.Verdict) + " - "; !strings.Contains(strings.ReplaceAll(html, "&#39;", "'"), title) {
			t.Errorf("%s in %s: the title does not begin with the word", name, l.Tag)
		}
		text := source(html)
		wants := []string{l.Word(r.Verdict), r.Text, l.Say("store") + " 0142 Springfield East", l.Say("again")}
		if r.Tonight != nil {
			wants = append(wants, l.Say("tonight"), r.Tonight.Text)
		}
		for i, u := range r.DoNotTouch {
			if i < maxTouch {
				wants = append(wants, u.Text)
			}
		}
		wants = append(wants, l.Say("contacts"), "Area manager +1 555 0199")
		for _, f := range append(r.Fix, r.Notes...) {
			wants = append(append(wants, f.What, f.SoWhat, f.Else, f.Phone), f.Told...)
			wants = append(wants, f.Steps...)
			if f.BlocksTrading || f.Else != "" {
				wants = append(wants, l.Say("say_code")+" "+f.Code)
			}
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the page lacks %q:\n%s", name, want, text)
			}
		}
		if strings.ContainsAny(html, "{}") {
			t.Errorf("%s in %s: a place was not filled in:\n%s", name, l.Tag, html)
		}
		for _, other := range words.Languages() {
			if link := `<a href="/?lang=` + other.Tag + `" lang="` + other.Tag + `"`; strings.Contains(html, link) == (other == l) {
				t.Errorf("%s in %s: the link to %s is wrong", name, l.Tag, other.Name)
			}
		}
		for verdict, word := range l.Verdicts {
			shown := regexp.MustCompile(`<h1 id="word">` + word + `</h1>`).MatchString(strings.ReplaceAll(html, "&#39;", "'"))
			if shown != (word == l.Word(r.Verdict)) {
				t.Errorf("%s in %s: the word of %s is shown: %v", name, l.Tag, verdict, shown)
			}
		}
	}
}

func TestLanguageOfTheAnswers(t *testing.T) {
	asked := ""
	o := options(ready.Report{})
	o.Language, o.Report = "de", func(language string) ready.Report {
		asked = language
		return ready.Judge(ready.Input{Now: morning, Language: language})
	}
	h := Handler(o)
	for path, want := range map[string]string{
		"/": "de", "/ready.txt": "de", "/ready.json": "en", "/?lang=es": "es", "/ready.json?lang=es": "es", "/?lang=fr": "de", "/?lang=%0d%0aX:1": "de",
	} {
		get(t, h, path)
		if asked != want {
			t.Errorf("%s is answered in %q, want %q", path, asked, want)
		}
	}
	if body := get(t, h, "/?lang=es&big=1").Body.String(); !strings.Contains(body, `data-poll="/ready?fragment=1&amp;big=1&amp;lang=es"`) || !strings.Contains(body, `action="/check?big=1&amp;lang=es"`) {
		t.Errorf("the page forgets its language:\n%s", body)
	}
	if w := post(h, "/check?lang=es"); w.Header().Get("Location") != "/?lang=es&asked=1" {
		t.Errorf("after asking: %s", w.Header().Get("Location"))
	}
}

func TestRedComesBeforeAmber(t *testing.T) {
	text := source(render(t, reports(t)["not_ready"], "page"))
	order := []string{"NOT READY", "4 things to fix before you open at 08:00.", "Fix this first", "Look if the card machine is on.",
		"If it stays red: Take cards at till 1. Call Night desk +1 555 0100 . Say code CARD-3 .", "and 1 more", "To know", `The "kitchen" screen <1> is dark`, "What is working (2 of 7)"}
	at := 0
	for _, part := range order {
		i := strings.Index(text[at:], part)
		if i < 0 {
			t.Fatalf("%q is missing after %q", part, text[:at])
		}
		at += i + len(part)
	}
}

func TestMachineForms(t *testing.T) {
	tests := []struct {
		report, header, text string
		ready                int
	}{
		{"ready", "ready", "READY\n", 1},
		{"ready_notes", "ready", "READY\n", 1},
		{"not_ready", "not_ready", "NOT READY: Till 3 cannot take cards\n", 0},
		{"working", "working", "UPDATING: Updating tonight. 14 of 36 devices done. Finished by about 08:41.\n", 0},
		{"unknown", "unknown", "DON'T KNOW: 1 thing could not be checked. The store box is checking again.\n", 0},
	}
	all := reports(t)
	for _, tt := range tests {
		h := Handler(options(all[tt.report]))
		for _, path := range []string{"/", "/ready", "/ready?fragment=1", "/ready.json", "/ready.txt", "/ready.css", "/nothing"} {
			w := get(t, h, path)
			if got := w.Header().Get("X-Ready"); got != tt.header {
				t.Errorf("%s %s: X-Ready is %q, want %q", tt.report, path, got, tt.header)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: Cache-Control is %q", path, got)
			}
		}
		if got := get(t, h, "/ready.txt").Body.String(); got != tt.text {
			t.Errorf("%s: text is %q, want %q", tt.report, got, tt.text)
		}
		var doc map[string]any
		if err := json.Unmarshal(get(t, h, "/ready.json").Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"schema", "verdict", "ready", "text", "fix", "notes", "checks", "capabilities", "as_of", "max_age_s", "rev"} {
			if _, ok := doc[key]; !ok {
				t.Errorf("%s: /ready.json lacks %q", tt.report, key)
			}
		}
		if doc["schema"] != "ready/1" || doc["verdict"] != tt.report || doc["ready"] != float64(tt.ready) || doc["rev"] != float64(9183) {
			t.Errorf("%s: %v", tt.report, doc)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	h := Handler(options(reports(t)["ready"]))
	for path, want := range map[string]int{
		"/": 200, "/ready": 200, "/ready.js": 200, "/ready.css": 200, "/page.html": 404, "/ready/": 404, "/metrics": 404,
		"/debug/pprof/": 404, "/console": 404, "/favicon.ico": 404, "/check": 405,
	} {
		if got := get(t, h, path).Code; got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
	o := options(reports(t)["ready"])
	o.Check = nil
	w := httptest.NewRecorder()
	Handler(o).ServeHTTP(w, httptest.NewRequest("POST", "/check", nil))
	if w.Code != http.StatusNotFound || strings.Contains(get(t, Handler(o), "/").Body.String(), "<form") {
		t.Errorf("a page that cannot ask for a check offers it: %d", w.Code)
	}
}

func TestReportIsJudgedOncePerRequest(t *testing.T) {
	calls, o := 0, options(reports(t)["ready"])
	r := o.Report("")
	o.Report = func(string) ready.Report { calls++; return r }
	h := Handler(o)
	get(t, h, "/")
	get(t, h, "/ready.json")
	if calls != 2 {
		t.Errorf("judged %d times for 2 requests", calls)
	}
}

func post(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://store.lan"+path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestCheckAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, broken := 0, error(nil)
		o := options(ready.Report{})
		o.Check = func(context.Context) error { asked++; return broken }
		h := Handler(o)
		step := func(path string, code, calls int, location string) {
			t.Helper()
			w := post(h, path)
			if w.Code != code || asked != calls || w.Header().Get("Location") != location {
				t.Errorf("POST %s: %d to %q after %d calls, want %d to %q after %d", path, w.Code, w.Header().Get("Location"), asked, code, location, calls)
			}
		}
		step("/check", 303, 1, "/?asked=1")
		<-time.After(59 * time.Second)
		step("/check", 429, 1, "")
		if w := post(h, "/check?big=1"); w.Header().Get("Retry-After") != "2" || w.Header().Get("Refresh") != "60; url=/?big=1" || !strings.Contains(w.Body.String(), words.For("en").Say("too_soon")) || !strings.Contains(w.Body.String(), `href="/?big=1"`) {
			t.Errorf("refused with %v: %s", w.Header(), w.Body)
		}
		<-time.After(time.Second)
		step("/check?kiosk=1&evil=%0d%0aX:1", 303, 2, "/?kiosk=1&asked=1")
		<-time.After(time.Minute)
		broken = errors.New("no")
		step("/check", 503, 3, "")
	})
}

func TestAskedIsShownOnceAndOnlyToWhoAsked(t *testing.T) {
	h := Handler(options(reports(t)["ready"]))
	asked := get(t, h, "/?asked=1").Body.String()
	if !strings.Contains(asked, words.For("en").Say("asked")) || !strings.Contains(asked, `content="60; url=/"`) {
		t.Errorf("page after asking:\n%s", asked)
	}
	if strings.Contains(get(t, h, "/").Body.String(), words.For("en").Say("asked")) {
		t.Error("shown to everybody")
	}
}

func TestForeignFormsAreRefused(t *testing.T) {
	tests := []struct {
		header []string
		code   int
	}{
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Origin", "http://evil.example"}, 403},
		{[]string{"Origin", "null"}, 403},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 303},
		{[]string{"Origin", "http://store.lan"}, 303},
		{nil, 303}, // old tablets send neither
	}
	for _, tt := range tests {
		if w := post(Handler(options(ready.Report{})), "/check", tt.header...); w.Code != tt.code {
			t.Errorf("%v: %d, want %d", tt.header, w.Code, tt.code)
		}
	}
}

func TestKioskAndBig(t *testing.T) {
	h := Handler(options(reports(t)["ready"]))
	kiosk := get(t, h, "/?kiosk=1").Body.String()
	for _, gone := range []string{"<form", `id="size"`, `class="fine"`} {
		if strings.Contains(kiosk, gone) {
			t.Errorf("the kiosk page has %s", gone)
		}
	}
	if !strings.Contains(kiosk, `data-poll="/ready?fragment=1&amp;kiosk=1"`) {
		t.Error("the kiosk page forgets that it is one when it polls")
	}
	if big := get(t, h, "/?big=1").Body.String(); !strings.Contains(big, `<body class="big"`) || !strings.Contains(big, `action="/check?big=1"`) || !strings.Contains(big, `href="/">Smaller`) {
		t.Errorf("big page:\n%s", big)
	}
}

func TestTransferSize(t *testing.T) {
	static := 0
	for _, name := range []string{"ready.css", "ready.js"} {
		body, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		static += len(zipped(body))
		if name == "ready.js" && len(body) > 2048 {
			t.Errorf("the script has %d bytes", len(body))
		}
	}
	for _, l := range words.Languages() {
		for name, r := range reportsIn(t, l.Tag) {
			if n := static + len(zipped([]byte(render(t, r, "page")))); n > 14<<10 {
				t.Errorf("%s in %s: %d bytes", name, l.Tag, n)
			}
		}
	}
}

// TestNothingFromElsewhere also keeps out inline script and style, which the policy would block.
func TestNothingFromElsewhere(t *testing.T) {
	outside := regexp.MustCompile(`(?i)(https?:)?//[a-z]|@import|url\(|\son[a-z]+=|\sstyle=|<style|<script>|javascript:`)
	for name, r := range reports(t) {
		html := regexp.MustCompile(`data:image/svg[^"]*`).ReplaceAllString(render(t, r, "page"), "")
		if found := outside.FindString(html); found != "" {
			t.Errorf("%s: the page has %q", name, found)
		}
	}
	for _, name := range []string{"ready.css", "ready.js"} {
		body, _ := files.ReadFile(name)
		if found := outside.Find(body); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
}

func TestFragmentIsTheMainPart(t *testing.T) {
	r := reports(t)["not_ready"]
	fragment := render(t, r, "fragment")
	if !strings.HasPrefix(fragment, `<main class="not_ready"`) || !strings.HasSuffix(fragment, "</main>") {
		t.Errorf("fragment:\n%s", fragment)
	}
	if !strings.Contains(render(t, r, "page"), `<div id="page">`+fragment+`</div>`) {
		t.Error("the page does not hold the fragment as it is polled")
	}
}

// TestPagesAreMadeOnce asks often: a page is made anew when it would say something else, and never else.
func TestPagesAreMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := reports(t)
		now, next, skip := all["ready"], time.Time{}, Skip{}
		o := options(now)
		o.Report = func(string) ready.Report { return now }
		o.Next = func() time.Time { return next }
		o.NotTonight = &NotTonight{State: func() Skip { return skip }}
		h := Handler(o)
		last := ""
		for i, step := range []struct {
			what string
			do   func()
			anew bool
		}{
			{"the first", func() {}, true},
			{"the same again", func() {}, false},
			{"a judgement that says the same", func() { now = reports(t)["ready"] }, false},
			{"a record that changes nothing", func() { now.Rev++ }, false},
			{"another judgement", func() { now = all["not_ready"] }, true},
			{"within the minute", func() { <-time.After(59 * time.Second) }, false},
			{"the next minute", func() { <-time.After(time.Second) }, true},
			{"a look is due", func() { next = time.Now().Add(5 * time.Minute) }, true},
			{"the night was stopped", func() { skip = Skip{CanUndo: true} }, true},
			{"back to green", func() { now = all["ready"] }, true},
		} {
			step.do()
			body := get(t, h, "/").Body.String()
			if want := (body != last); want != step.anew {
				t.Errorf("%d, %s: it is another page: %v", i, step.what, want)
			}
			last = body
		}
		for path, other := range map[string]string{"/?kiosk=1": "kiosk=1", "/?big=1": "Smaller", "/?asked=1": words.For("en").Say("asked"), "/ready?fragment=1": "<main"} {
			if body := get(t, h, path).Body.String(); body == last || !strings.Contains(body, other) {
				t.Errorf("%s is not a page of its own:\n%s", path, body)
			}
		}
	})
}

// TestGzip sends less to who can read it, and the same.
func TestGzip(t *testing.T) {
	for accepts, want := range map[string]bool{"gzip": true, "deflate, gzip": true, "gzip;q=1.0, *;q=0": true, "gzip; q=1": true, "gzip;q=1.000": true, "gzip;q=0": false, "gzip;q=0.0": false, "gzip;q=0.1": false, "": false, "identity": false, "xgzip": false} {
		h := Handler(options(reports(t)["not_ready"]))
		plain := get(t, h, "/")
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", accepts)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body := w.Body.Bytes()
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != want || w.Header().Get("Vary") != "Accept-Encoding" || w.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
			t.Errorf("%q: %v", accepts, w.Header())
		}
		if want {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if string(body) != plain.Body.String() {
			t.Errorf("%q: it is another page", accepts)
		}
	}
}
