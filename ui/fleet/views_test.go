package fleet

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/ui/fleet/page"
)

// withLogin is headquarters where people log in, as kim with a role.
func withLogin(w *world, role string) http.Handler {
	o := w.options()
	o.Logout = "/logout"
	w.role = role
	return New(o)
}

// as is another person at the same headquarters.
func as(w *world, name, role string) http.Handler {
	o := w.options()
	o.Logout = "/logout"
	o.Actor = func(*http.Request) (string, string) { return name, role }
	return New(o)
}

func TestViews(t *testing.T) {
	w := newWorld(chain(60), morning())
	h := withLogin(w, page.Manager)
	want(t, h, "/stores?region=North&page=1", "Keep this view", `name="query" value="region=North"`, "For everybody")
	kept := url.Values{"verb": {"keep"}, "page": {"/stores"}, "query": {"region=North&bucket=done&page=2&evil=1&q="}, "name": {"  North,  done "}}
	if rec := post(h, "/views", kept); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/stores?bucket=done&region=North" {
		t.Fatalf("keep: %d %s %s", rec.Code, rec.Header().Get("Location"), rec.Body)
	}
	body := want(t, h, "/stores?bucket=done&region=North", "Views (1)", `<a href="/stores?bucket=done&amp;region=North" aria-current="true">North, done</a>`)
	if strings.Contains(want(t, h, "/patches"), "North, done") || strings.Contains(want(t, as(w, "vera", page.Viewer), "/stores"), "North, done") {
		t.Error("the view is on another page, or another person sees it")
	}
	id := regexp.MustCompile(`name="id" value="(\w+)"`).FindStringSubmatch(body)[1]
	if rec := post(h, "/views", url.Values{"verb": {"share"}, "id": {id}, "back": {"/stores?region=South"}}); rec.Header().Get("Location") != "/stores?region=South" {
		t.Errorf("share: %d %s", rec.Code, rec.Body)
	}
	vera := as(w, "vera", page.Viewer)
	if body := want(t, vera, "/stores", "for everybody, kept by kim"); strings.Contains(body, "Change the view") || strings.Contains(body, `name="shared"`) {
		t.Error("a viewer may change what is for everybody")
	}
	if rec := post(vera, "/views", url.Values{"verb": {"keep"}, "page": {"/attention"}, "query": {"urgency=now"}, "name": {"Vera's"}}); rec.Code != http.StatusSeeOther {
		t.Errorf("a viewer keeps no view: %d %s", rec.Code, rec.Body)
	}
	want(t, vera, "/attention", "Vera&#39;s")
	if rec := post(h, "/views", url.Values{"verb": {"rename"}, "id": {id}, "name": {"Done in the north"}}); rec.Code != http.StatusSeeOther {
		t.Errorf("rename: %d %s", rec.Code, rec.Body)
	}
	want(t, h, "/stores", "Done in the north")
	want(t, h, "/audit", "view.keep", "view.share", "view.rename", "/stores?bucket=done&amp;region=North")
	if rec := post(h, "/views", url.Values{"verb": {"remove"}, "id": {id}}); rec.Code != http.StatusSeeOther {
		t.Errorf("remove: %d %s", rec.Code, rec.Body)
	}
	if strings.Contains(want(t, h, "/stores", "Views<"), "Done in the north") {
		t.Error("the view is still there")
	}
}

// Five lists have the menu, and each keeps its own filters.
func TestViewsOfEveryList(t *testing.T) {
	w := newWorld(chain(40), morning())
	h := withLogin(w, page.Manager)
	for page, query := range map[string]string{
		"/stores": "bucket=done", "/patches": "severity=critical", "/failures": "model=x", "/attention": "kind=alert&shelved=1", "/compliance/rows": "standing=failed&view=devices",
	} {
		if rec := post(h, "/views", url.Values{"verb": {"keep"}, "page": {page}, "query": {query}, "name": {"Mine"}}); rec.Header().Get("Location") != page+"?"+query {
			t.Errorf("%s: %d %s", page, rec.Code, rec.Header().Get("Location"))
		}
		want(t, h, page, "Views (1)", `href="`+strings.ReplaceAll(page+"?"+query, "&", "&amp;")+`"`)
	}
	if strings.Contains(want(t, h, "/"), "Keep this view") || strings.Contains(want(t, h, "/stores/0001"), "Keep this view") {
		t.Error("a page without a list keeps views")
	}
	var all ViewList
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1/views")), &all); err != nil || len(all.Views) != 5 {
		t.Errorf("%d views, %v", len(all.Views), err)
	}
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1/views?of=/patches")), &all); err != nil || len(all.Views) != 1 || all.Views[0].Address != "/patches?severity=critical" {
		t.Errorf("%+v, %v", all.Views, err)
	}
}

func TestViewsRefused(t *testing.T) {
	w := newWorld(chain(40), morning())
	h := withLogin(w, page.Manager)
	for _, name := range []string{"Mine", "Ours"} {
		form := url.Values{"verb": {"keep"}, "page": {"/stores"}, "name": {name}}
		if name == "Ours" {
			form.Set("shared", "1")
		}
		if rec := post(h, "/api/v1/views", form); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `"name":"`+name+`"`) {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
	var mine, ours string
	for id, n := range w.notes {
		if strings.Contains(string(n.Body), "Mine") {
			mine = id
		} else {
			ours = id
		}
	}
	vera := as(w, "vera", page.Viewer)
	for name, c := range map[string]struct {
		h      http.Handler
		form   url.Values
		status int
		say    string
	}{
		"twice":          {h, url.Values{"verb": {"keep"}, "page": {"/stores"}, "name": {"MINE"}}, 400, `You keep a view named \"Mine\" here already: take another name, or remove that one first.`},
		"as ours":        {vera, url.Values{"verb": {"keep"}, "page": {"/stores"}, "name": {"ours"}}, 400, `There is a view named \"Ours\" here for everybody already: take another name.`},
		"no page":        {h, url.Values{"verb": {"keep"}, "page": {"/audit"}, "name": {"x"}}, 400, "A view is kept of /stores, /patches, /failures, /attention and /compliance/rows, with their filters."},
		"no name":        {h, url.Values{"verb": {"keep"}, "page": {"/stores"}}, 400, "Give the view a name."},
		"long name":      {h, url.Values{"verb": {"rename"}, "id": {mine}, "name": {strings.Repeat("x", 61)}}, 400, "The name is too long: 60 characters at most."},
		"long query":     {h, url.Values{"verb": {"keep"}, "page": {"/stores"}, "name": {"x"}, "query": {"store=" + strings.Repeat("1", 9000)}}, 400, "The view has too many filters: its address may have 8000 characters."},
		"another's":      {vera, url.Values{"verb": {"remove"}, "id": {mine}}, 404, "There is no such view any more."},
		"viewer shares":  {vera, url.Values{"verb": {"keep"}, "page": {"/stores"}, "name": {"x"}, "shared": {"1"}}, 403, "Only a manager keeps views for everybody: ask one."},
		"viewer renames": {vera, url.Values{"verb": {"rename"}, "id": {ours}, "name": {"x"}}, 403, "Only a manager keeps views for everybody: ask one."},
		"viewer removes": {vera, url.Values{"verb": {"remove"}, "id": {ours}}, 403, "Only a manager keeps views for everybody: ask one."},
		"no verb":        {h, url.Values{"verb": {"eat"}, "id": {mine}}, 400, `verb must be keep, rename, share, unshare or remove, not \"eat\".`},
	} {
		before := len(w.notes)
		rec := post(c.h, "/api/v1/views", c.form)
		if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.say) {
			t.Errorf("%s: %d %s, want %d %s", name, rec.Code, rec.Body, c.status, c.say)
		}
		if d := w.deeds[len(w.deeds)-1]; d.Outcome != "refused" || !strings.HasPrefix(d.Verb, "view.") || len(w.notes) != before {
			t.Errorf("%s: written down as %+v", name, d)
		}
	}
	if rec := post(h, "/views", url.Values{"verb": {"rename"}, "id": {mine}, "name": {"x"}, "back": {"https://example.com/stores"}}); rec.Header().Get("Location") != "/stores" {
		t.Errorf("a form leads to %s", rec.Header().Get("Location"))
	}
}

// Where nobody logs in, every view is for everybody.
func TestViewsWithoutLogin(t *testing.T) {
	w := newWorld(chain(40), morning())
	h := New(w.options())
	if strings.Contains(want(t, h, "/stores", "Keep this view"), `name="shared"`) {
		t.Error("it is asked for whom the view is")
	}
	post(h, "/views", url.Values{"verb": {"keep"}, "page": {"/stores"}, "name": {"All"}})
	want(t, as(w, "vera", page.Viewer), "/stores", ">All</a>", "for everybody")
}

func TestViewsWithoutRegister(t *testing.T) {
	w := newWorld(chain(40), morning())
	o := w.options()
	o.Register = nil
	h := New(o)
	if strings.Contains(want(t, h, "/stores"), "Keep this view") {
		t.Error("a view can be kept nowhere")
	}
	want(t, h, "/api/v1/views", `{"views":[]}`)
	if rec := post(h, "/views", url.Values{"verb": {"keep"}}); rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), "This headquarters keeps nothing: start it with a database.") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}
