package ready

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/ready/words"
)

// asked is what the page asked of the box, and what that answers.
type asked struct {
	skip   Skip
	answer Answer
	calls  []string
}

func (a *asked) options(t *testing.T, report string) Options {
	t.Helper()
	o := options(reports(t)[report])
	o.NotTonight = &NotTonight{
		State: func() Skip { return a.skip },
		Stop:  func(pin, reason string) Answer { a.calls = append(a.calls, "stop "+pin+" "+reason); return a.answer },
		Undo:  func(pin string) Answer { a.calls = append(a.calls, "undo "+pin); return a.answer },
	}
	return o
}

func send(h http.Handler, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://store.lan"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestNotTonightIsOfferedWhenItCanBeDone(t *testing.T) {
	for _, tt := range []struct {
		name, report, path string
		skip               Skip
		link               string
	}{
		{"told of tonight", "tonight", "/", Skip{CanStop: true}, `<a href="/tonight">Not tonight</a>`},
		{"in the same kind of page", "tonight", "/?big=1&lang=en", Skip{CanStop: true}, `<a href="/tonight?big=1&amp;lang=en">Not tonight</a>`},
		{"nothing planned", "ready", "/", Skip{CanStop: true}, ""},
		{"too late", "tonight", "/", Skip{}, ""},
		{"stopped", "ready", "/", Skip{CanUndo: true}, `<a href="/tonight">Let the updates go on</a>`},
		{"a screen on the wall", "tonight", "/?kiosk=1", Skip{CanStop: true}, ""},
	} {
		a := &asked{skip: tt.skip}
		body := get(t, Handler(a.options(t, tt.report)), tt.path).Body.String()
		if tt.link == "" && strings.Contains(body, "/tonight") || !strings.Contains(body, tt.link) {
			t.Errorf("%s: the page has not %q:\n%s", tt.name, tt.link, body)
		}
	}
	if code := get(t, Handler(options(reports(t)["tonight"])), "/tonight").Code; code != http.StatusNotFound {
		t.Errorf("a store that does not allow it: %d", code)
	}
}

func TestNotTonightForm(t *testing.T) {
	a := &asked{skip: Skip{CanStop: true, Opens: time.Now().Add(time.Hour), Left: 2}}
	h := Handler(a.options(t, "tonight"))
	body := get(t, h, "/tonight?lang=de").Body.String()
	for _, want := range []string{`<html lang="de">`, `action="/tonight?lang=de"`, `<label for="pin">PIN der Leitung</label>`, "Das geht diesen Monat noch 2 Mal.", `<option value="skip_stock">Inventur</option>`, `type="password"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lacks %s:\n%s", want, body)
		}
	}
	a.skip = Skip{CanUndo: true}
	if body := get(t, h, "/tonight").Body.String(); !strings.Contains(body, `name="undo"`) || strings.Contains(body, "<select") {
		t.Errorf("the form of a night that is stopped:\n%s", body)
	}
	a.skip = Skip{}
	if body := get(t, h, "/tonight").Body.String(); strings.Contains(body, "<form") || !strings.Contains(body, "There is nothing to stop now.") {
		t.Errorf("nothing to stop:\n%s", body)
	}
}

func TestNotTonightAnswers(t *testing.T) {
	a := &asked{}
	h := Handler(a.options(t, "tonight"))
	for _, tt := range []struct {
		form   url.Values
		answer Answer
		path   string
		code   int
		call   string
		says   string
	}{
		{url.Values{"pin": {"4711"}, "reason": {"skip_stock"}}, Answer{}, "/tonight", 200, "stop 4711 Stock taking", "Tonight&#39;s updates are stopped. Head office can see why."},
		{url.Values{"pin": {"4711"}, "reason": {"skip_stock"}, "text": {"cellar"}}, Answer{}, "/tonight?lang=es", 200, "stop 4711 Stock taking: cellar", "Las actualizaciones de esta noche están detenidas."},
		{url.Values{"pin": {"4711"}, "reason": {"skip_other"}}, Answer{Refusal: "no_reason"}, "/tonight", 403, "stop 4711 ", "Choose why, or write it."},
		{url.Values{"pin": {"4711"}, "reason": {"<b>"}, "text": {"x"}}, Answer{Refusal: "no_reason"}, "/tonight", 403, "stop 4711 ", "Choose why, or write it."},
		{url.Values{"pin": {"1"}, "reason": {"skip_event"}}, Answer{Refusal: "bad_pin"}, "/tonight", 403, "stop 1 Event or late opening", "This PIN is not right."},
		{url.Values{"pin": {"1"}, "reason": {"skip_event"}}, Answer{Refusal: "guessed", N: 2}, "/tonight", 429, "stop 1 Event or late opening", "Too many wrong PINs. Wait 2 minutes."},
		{url.Values{"pin": {"1"}, "reason": {"skip_works"}}, Answer{Refusal: "used_up", N: 2}, "/tonight", 403, "stop 1 Building works", "You have done this 2 times this month. Ask head office."},
		{url.Values{"pin": {"1"}, "reason": {"skip_works"}}, Answer{Refusal: "too_late"}, "/tonight", 403, "stop 1 Building works", "It is too late to change tonight&#39;s updates."},
		{url.Values{"pin": {"1"}, "reason": {"skip_works"}}, Answer{Refusal: "no such word"}, "/tonight", 403, "stop 1 Building works", "The store box could not write it down."},
		{url.Values{"pin": {"4711"}, "undo": {"1"}}, Answer{}, "/tonight", 200, "undo 4711", "The updates go on tonight."},
		{url.Values{"pin": {strings.Repeat("1", 5000)}}, Answer{}, "/tonight", 400, "", "Choose why, or write it."},
	} {
		a.calls, a.answer = nil, tt.answer
		w := send(h, tt.path, tt.form)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) || strings.Join(a.calls, ";") != tt.call {
			t.Errorf("%v: %d after %q, want %d after %q and %q:\n%s", tt.form, w.Code, a.calls, tt.code, tt.call, tt.says, w.Body)
		}
		if tt.code == 429 && w.Header().Get("Retry-After") != "120" {
			t.Errorf("retry after %q", w.Header().Get("Retry-After"))
		}
	}
	a.calls = nil
	if w := send(h, "/tonight", url.Values{"pin": {"4711"}, "reason": {"skip_stock"}}, "Origin", "http://evil.example"); w.Code != 403 || len(a.calls) > 0 {
		t.Errorf("a form of another page: %d, %q", w.Code, a.calls)
	}
}

func TestEveryRefusalHasAText(t *testing.T) {
	for _, l := range words.Languages() {
		for refusal, key := range refusals() {
			if l.Count(key, 2) == "" {
				t.Errorf("%s has no text for %s", l.Name, refusal)
			}
		}
	}
}
