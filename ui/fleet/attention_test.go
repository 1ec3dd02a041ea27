package fleet

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/overviews"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// post sends a form as a page of headquarters does.
func post(h http.Handler, address string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// needing returns a group of items for now, and what needs somebody.
func needing(t *testing.T, w *world) (overview.Group, *overview.Overview) {
	t.Helper()
	v := overview.Look(w.board, overview.Options{Now: w.time(), Zone: (&overviews.Zones{}).Find})
	if len(v.Groups) == 0 || v.Groups[0].Urgency != overview.Now {
		t.Fatal("nothing needs somebody now")
	}
	return v.Groups[0], v
}

func TestSay(t *testing.T) {
	w := newWorld(chain(150), morning())
	h := New(w.options())
	g, v := needing(t, w)
	before := v.Buckets[3].Count
	var all []string
	for _, i := range v.Items {
		if i.Urgency == overview.Now {
			all = append(all, i.ID)
		}
	}

	if rec := post(h, "/attention", url.Values{"verb": {"acknowledge"}, "group": {g.ID}, "note": {"on it"}, "back": {"/attention?group=x"}}); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/attention?group=x" {
		t.Errorf("acknowledge: %d %s", rec.Code, rec.Header().Get("Location"))
	}
	want(t, h, "/attention?"+url.Values{"group": {g.ID}}.Encode(), "taken on by kim", "on it")
	want(t, h, "/audit", "attention.acknowledge", "kim")

	if rec := post(h, "/api/v1/attention", url.Values{"verb": {"shelve"}, "item": all, "note": {"the part comes"}, "hours": {"4"}}); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `"verb":"shelve"`) {
		t.Errorf("shelve: %d %s", rec.Code, rec.Body)
	}
	want(t, h, "/attention?shelved=1", "the part comes", "shelved by kim until")
	if n := bucketCount(t, h); n != 0 || before == 0 {
		t.Errorf("%d stores need someone after shelving, %d did before", n, before)
	}
	w.become(chain(150).Board(morning().Add(5*time.Hour)), morning().Add(5*time.Hour))
	want(t, h, "/attention?shelved=1", "0 things shelved")

	if rec := post(h, "/attention", url.Values{"verb": {"release"}, "group": {g.ID}}); rec.Code != http.StatusSeeOther {
		t.Errorf("release: %d %s", rec.Code, rec.Body)
	}
	if body := want(t, h, "/attention?"+url.Values{"group": {g.ID}}.Encode()); strings.Contains(body, "taken on by kim") {
		t.Error("what was said is still there")
	}
}

func bucketCount(t *testing.T, h http.Handler) int {
	t.Helper()
	m := total.FindStringSubmatch(want(t, h, "/stores?bucket=needs_someone"))
	return atoi(m[1])
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// What was taken back may be said again.
func TestSayAgain(t *testing.T) {
	w := newWorld(chain(150), morning())
	h := New(w.options())
	g, _ := needing(t, w)
	for _, verb := range []string{"acknowledge", "release", "acknowledge"} {
		if rec := post(h, "/api/v1/attention", url.Values{"verb": {verb}, "item": {g.First.ID}}); rec.Code != http.StatusOK {
			t.Errorf("%s: %d %s", verb, rec.Code, rec.Body)
		}
	}
}

// What somebody says while an overview is made is in the next one.
func TestSayWhileSomebodyLooks(t *testing.T) {
	w := newWorld(chain(150), morning())
	g, _ := needing(t, w)
	o := w.options()
	var l *overviews.Cache
	said := false
	o.Line = func() page.Line { // the notes were read, and the overview is not made yet
		if !said {
			said = true
			if _, err := w.Keep(t.Context(), board.Note{Kind: overview.NoteKind, ID: g.First.ID, Body: []byte(`{"acked":{"by":"kim","at":"2026-11-22T09:30:00Z"}}`)}); err != nil {
				t.Error(err)
			}
			l.Stale()
		}
		return page.Line{Connected: true}
	}
	l = overviews.New(overviewsOf(o))
	for n := range 2 {
		v, err := l.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(v.Items, func(i overview.Item) bool { return i.ID == g.First.ID })
		if seen := v.Items[i].Acked != nil; seen != (n == 1) {
			t.Errorf("look %d sees what was said: %t", n+1, seen)
		}
	}
}

// fuller is a register that takes only so many notes.
type fuller struct {
	*world
	room int
}

func (f *fuller) Keep(ctx context.Context, n board.Note) (board.Note, error) {
	if f.room--; f.room < 0 {
		return n, errors.New("the disk is full")
	}
	return f.world.Keep(ctx, n)
}

// What was kept of many items before something broke is written down, and a full disk is no fault of who asks.
func TestSayBreaksInTheMiddle(t *testing.T) {
	w := newWorld(chain(150), morning())
	o := w.options()
	o.Register = &fuller{w, 2}
	o.Origin = func(r *http.Request) string { return r.Header.Get("X-From") }
	o.Log = slog.New(slog.DiscardHandler)
	var all []string
	_, v := needing(t, w)
	for _, i := range v.Items[:5] {
		all = append(all, i.ID)
	}
	r := httptest.NewRequest("POST", "/api/v1/attention", strings.NewReader(url.Values{"verb": {"acknowledge"}, "item": all}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-From", "192.0.2.7")
	rec := httptest.NewRecorder()
	New(o).ServeHTTP(rec, r)
	if rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String(), "disk") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if len(w.deeds) != 1 || w.deeds[0].Outcome != "failed" || w.deeds[0].Text != "said of 2 of them, and then: the disk is full" || w.deeds[0].Origin != "192.0.2.7" {
		t.Errorf("%+v", w.deeds)
	}
}

func TestSayRefused(t *testing.T) {
	w := newWorld(chain(150), morning())
	h := New(w.options())
	g, _ := needing(t, w)
	for name, c := range map[string]struct {
		role   string
		form   url.Values
		status int
		say    string
	}{
		"viewer":      {page.Viewer, url.Values{"verb": {"acknowledge"}, "group": {g.ID}}, 403, "The role viewer may look, and not change anything. Ask a manager."},
		"no item":     {page.Manager, url.Values{"verb": {"acknowledge"}, "item": {"failed/9999/x/y"}}, 404, "That needs nobody any more. Look at the list again."},
		"no verb":     {page.Manager, url.Values{"verb": {"eat"}, "group": {g.ID}}, 400, "There is no such verb; there are acknowledge, shelve and release."},
		"no time":     {page.Manager, url.Values{"verb": {"shelve"}, "group": {g.ID}, "note": {"x"}}, 400, "Say until when it is shelved: a time that is still to come."},
		"no note":     {page.Manager, url.Values{"verb": {"shelve"}, "group": {g.ID}, "hours": {"4"}}, 400, "Say in the note why it may wait."},
		"long":        {page.Manager, url.Values{"verb": {"shelve"}, "group": {g.ID}, "note": {"x"}, "until": {"2027-03-01T00:00:00Z"}}, 400, "An item is shelved for 31 days at most: say an earlier time."},
		"wrong until": {page.Manager, url.Values{"verb": {"shelve"}, "group": {g.ID}, "note": {"x"}, "until": {"soon"}}, 400, `until must be a time such as 2026-11-22T05:00:00Z, not \"soon\".`},
		"wrong hours": {page.Manager, url.Values{"verb": {"shelve"}, "group": {g.ID}, "note": {"x"}, "hours": {"0"}}, 400, `hours must be a whole number from 1 to 744, not \"0\".`},
	} {
		t.Run(name, func(t *testing.T) {
			w.role = c.role
			rec := post(h, "/api/v1/attention", c.form)
			if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.say) {
				t.Errorf("%d %s, want %d %s", rec.Code, rec.Body, c.status, c.say)
			}
			if d := w.deeds[len(w.deeds)-1]; d.Outcome != "refused" || d.Actor != "kim" {
				t.Errorf("written down as %+v", d)
			}
		})
	}
	if len(w.notes) != 0 {
		t.Errorf("something was kept: %v", w.notes)
	}
}

// A form of another site does nothing.
func TestForeignForm(t *testing.T) {
	w := newWorld(chain(50), morning())
	r := httptest.NewRequest("POST", "/attention", strings.NewReader("verb=acknowledge"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	New(w.options()).ServeHTTP(rec, r)
	if rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "This form was sent by another site. Nothing was done.") || len(w.deeds) != 0 {
		t.Errorf("%d %s, deeds %v", rec.Code, rec.Body, w.deeds)
	}
}

// A form returns to pages of headquarters only.
func TestOwnPath(t *testing.T) {
	for to, want := range map[string]string{
		"/attention?kind=alert": "/attention?kind=alert", "/stores/0142": "/stores/0142", "": "/attention", "https://example.com/attention": "/attention", "//example.com/attention": "/attention",
	} {
		if got := ownPath(to); got != want {
			t.Errorf("ownPath(%q) = %q, want %q", to, got, want)
		}
	}
}
