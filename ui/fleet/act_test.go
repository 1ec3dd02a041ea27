package fleet

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/overviews"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// postJSON sends JSON as a program does.
func postJSON(h http.Handler, address, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", address, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// storesNeeding are the ids of stores with items, each with how many, and one without.
func storesNeeding(w *world) (needs map[string]int, quiet string) {
	v := overview.Look(w.board, overview.Options{Now: w.time(), Zone: (&overviews.Zones{}).Find})
	needs = map[string]int{}
	for _, i := range v.Items {
		if i.Store != "" {
			needs[i.Store]++
		}
	}
	for _, s := range v.Stores {
		if needs[s.ID] == 0 {
			return needs, s.ID
		}
	}
	return needs, ""
}

func TestActOnItems(t *testing.T) {
	w := newWorld(chain(150), morning())
	h := New(w.options())
	needs, quiet := storesNeeding(w)
	ids := slices.Sorted(maps.Keys(needs))[:3]
	items := needs[ids[0]] + needs[ids[1]] + needs[ids[2]]
	form := url.Values{"verb": {"acknowledge"}, "store": append(slices.Clone(ids), quiet, ids[0]), "note": {"the router"}}

	// A page asks first, and does nothing yet.
	rec := post(h, "/stores/act", form)
	asked := fmt.Sprintf("Take on %d things of 4 stores", items)
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), asked) || len(w.notes) != 0 || len(w.deeds) != 0 {
		t.Fatalf("%d, %d notes, %d deeds, no %q in %s", rec.Code, len(w.notes), len(w.deeds), asked, rec.Body)
	}
	form.Set("sure", "1")
	form["all"], form["store"] = []string{strings.Join(ids, "/")}, []string{quiet}
	rec = post(h, "/stores/act", form)
	said := fmt.Sprintf("Took on %d things of 3 stores. 1 store of those that are chosen needs nobody.", items)
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), said) || len(w.notes) != items {
		t.Fatalf("%d, %d notes, no %q in %s", rec.Code, len(w.notes), said, rec.Body)
	}
	want(t, h, "/attention?store="+ids[1], "taken on by kim", "the router")
	d := w.deeds[0]
	if d.Verb != "stores.acknowledge" || d.Actor != "kim" || d.Outcome != "ok" || d.Text != said+" the router" || !strings.Contains(d.Subject, ids[2]) || len(w.deeds) != 1 {
		t.Errorf("written down as %+v", w.deeds)
	}

	rec = postJSON(h, "/api/v1/stores/act", fmt.Sprintf(`{"verb":"shelve","stores":[%q,%q],"note":"tomorrow","hours":12}`, ids[0], ids[1]))
	if want := fmt.Sprintf(`{"verb":"shelve","stores":2,"items":%d,"say":"Shelved %d things of 2 stores."}`, needs[ids[0]]+needs[ids[1]], needs[ids[0]]+needs[ids[1]]); strings.TrimSpace(rec.Body.String()) != want {
		t.Errorf("%d %s, want %s", rec.Code, rec.Body, want)
	}
	want(t, h, "/attention?shelved=1", "tomorrow")
	// What is shelved is left as it is.
	if rec = postJSON(h, "/api/v1/stores/act", fmt.Sprintf(`{"verb":"shelve","stores":[%q],"note":"later","hours":700}`, ids[0])); rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "None of these stores needs someone now. Nothing was done.") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestActLook(t *testing.T) {
	w := newWorld(chain(40), morning())
	h := New(w.options())
	if rec := post(h, "/stores/act", url.Values{"verb": {"look"}, "store": {"0001", "0002"}}); !strings.Contains(rec.Body.String(), "Asked 2 stores to look: each tells its state as soon as it has a line.") || !slices.Equal(w.hinted, []string{"0001", "0002"}) {
		t.Errorf("asked %q: %s", w.hinted, rec.Body)
	}
	w.unheard = 1
	if rec := post(h, "/api/v1/stores/act", url.Values{"verb": {"look"}, "store": {"0001", "0002"}}); !strings.Contains(rec.Body.String(), "Asked 1 of 2 stores to look. Not the others: there is no connection to the broker: try again in a moment.") || w.deeds[1].Outcome != "failed" {
		t.Errorf("%s, written down as %+v", rec.Body, w.deeds[1])
	}
	if rec := post(h, "/api/v1/stores/act", url.Values{"verb": {"look"}, "store": {"0001"}}); rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "No store was asked: there is no connection to the broker: try again in a moment.") || w.deeds[2].Outcome != "refused" {
		t.Errorf("%s, written down as %+v", rec.Body, w.deeds[2])
	}
}

func TestActHold(t *testing.T) {
	w := newWorld(chain(40), morning())
	h := New(w.options())
	form := url.Values{"verb": {"hold"}, "store": {"0001", "0002"}}
	if rec := post(h, "/stores/act", form); !strings.Contains(rec.Body.String(), `<button class="main" name="verb" value="hold">Hold 2 stores</button>`) || w.held != nil {
		t.Errorf("held are %q: %s", w.held, rec.Body)
	}
	form.Set("sure", "1")
	form.Set("reason", "the power is cut")
	if rec := post(h, "/stores/act", form); !strings.Contains(rec.Body.String(), "Held 2 stores: they learn it at their next contact.") || len(w.held) != 2 || w.held["0002"] != "the power is cut (kim)" {
		t.Errorf("held are %q: %s", w.held, rec.Body)
	}
	if d := w.deeds[0]; d.Verb != "stores.hold" || d.Subject != "0001 0002" || d.Text != "Held 2 stores: they learn it at their next contact. the power is cut" {
		t.Errorf("written down as %+v", d)
	}
	w.noKey = true
	if body := want(t, h, "/stores", "Stores are not held from here: headquarters has no online key of holds."); strings.Contains(body, `value="hold"`) {
		t.Error("a hold is offered without the key")
	}
}

func TestActRefused(t *testing.T) {
	w := newWorld(chain(40), morning())
	h := New(w.options())
	for name, c := range map[string]struct {
		role   string
		form   url.Values
		status int
		say    string
		silent bool // nothing was asked for that could be written down
	}{
		"viewer looks":  {page.Viewer, url.Values{"verb": {"look"}, "store": {"0001"}}, 403, "The role viewer may look, and not change anything. Ask a manager.", false},
		"viewer holds":  {page.Viewer, url.Values{"verb": {"hold"}, "store": {"0001"}}, 403, "The role viewer may look, and not change anything. Ask a manager.", false},
		"viewer acks":   {page.Viewer, url.Values{"verb": {"acknowledge"}, "store": {"0001"}}, 403, "The role viewer may look, and not change anything. Ask a manager.", false},
		"no reason":     {page.Admin, url.Values{"verb": {"hold"}, "store": {"0001"}, "sure": {"1"}, "reason": {" "}}, 400, "Say in the reason why these stores are held: stores show it.", false},
		"long reason":   {page.Manager, url.Values{"verb": {"hold"}, "store": {"0001"}, "sure": {"1"}, "reason": {strings.Repeat("x", 501)}}, 400, "The reason is too long: 500 characters at most.", false},
		"cannot hold":   {page.Manager, url.Values{"verb": {"hold"}, "store": {"0001"}, "sure": {"1"}, "reason": {"the disk is full"}}, 409, "No store was held: cannot publish: no space left on device.", false},
		"no verb":       {page.Manager, url.Values{"verb": {"retry"}, "store": {"0001"}}, 400, "verb must be acknowledge, shelve, look or hold, not", false},
		"no note":       {page.Manager, url.Values{"verb": {"shelve"}, "sure": {"1"}, "store": {needy(w)}, "hours": {"4"}}, 400, "Say in the note why it may wait.", false},
		"unknown store": {page.Manager, url.Values{"verb": {"look"}, "store": {"0001", "9999"}}, 404, "There is no store 9999. Nothing was done.", true},
		"no store":      {page.Manager, url.Values{"verb": {"look"}}, 400, "No store is chosen. Choose one first.", true},
		"wrong hours":   {page.Manager, url.Values{"verb": {"shelve"}, "store": {"0001"}, "hours": {"soon"}}, 400, "hours must be a whole number from 1 to 744, not", true},
		"too large":     {page.Manager, url.Values{"verb": {"look"}, "store": {strings.Repeat("x", page.ActBody)}}, 400, "The form cannot be read: http: request body too large.", true},
	} {
		for _, address := range []string{"/stores/act", "/api/v1/stores/act"} {
			w.role = c.role
			before := len(w.deeds)
			rec := post(h, address, c.form)
			if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.say) {
				t.Errorf("%s at %s: %d %s, want %d %s", name, address, rec.Code, rec.Body, c.status, c.say)
			}
			if c.silent && len(w.deeds) != before {
				t.Errorf("%s: written down as %+v", name, w.deeds[before:])
			}
			if !c.silent && (len(w.deeds) != before+1 || w.deeds[before].Outcome != "refused" || w.deeds[before].Actor != "kim") {
				t.Errorf("%s: written down as %+v", name, w.deeds[before:])
			}
		}
	}
	if len(w.notes) != 0 || w.held != nil || w.hinted != nil {
		t.Errorf("something was done: %v %v %v", w.notes, w.held, w.hinted)
	}
	w.role = page.Viewer
	if body := want(t, h, "/stores", "Your role may look, and not change anything."); strings.Contains(body, `value="look"`) {
		t.Error("a viewer is offered what is refused")
	}
}

func needy(w *world) string {
	needs, _ := storesNeeding(w)
	return slices.Sorted(maps.Keys(needs))[0]
}

func TestActWithoutHands(t *testing.T) {
	w := newWorld(chain(40), morning())
	o := w.options()
	o.Holds, o.Hinter = nil, nil
	h := New(o)
	for verb, say := range map[string]string{
		"look": "This headquarters has no broker over which stores can be asked.", "hold": "Headquarters has no online key of holds: people hold stores with nightfill catalog hold.",
	} {
		if rec := post(h, "/stores/act", url.Values{"verb": {verb}, "store": {"0001"}, "sure": {"1"}, "reason": {"x"}}); rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), say) {
			t.Errorf("%s: %d %s", verb, rec.Code, rec.Body)
		}
	}
	o.Register = nil
	if rec := post(New(o), "/stores/act", url.Values{"verb": {"look"}, "store": {"0001"}}); rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), "This headquarters keeps nothing: start it with a database.") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// The list has exactly the stores that were chosen, and so has the table; anybody may have both.
func TestChosenStores(t *testing.T) {
	w := newWorld(chain(150), morning())
	w.role = page.Viewer
	h := New(w.options())
	form := url.Values{"verb": {"list"}, "store": {"0003", "0001"}, "all": {"0100/0001"}}
	rec := post(h, "/stores/act", form)
	to := rec.Header().Get("Location")
	if rec.Code != http.StatusSeeOther || to != "/stores?store=0003&store=0001&store=0100" {
		t.Fatalf("%d %s", rec.Code, to)
	}
	want(t, h, to, `data-total="3"`, "store: <b>0100</b>")
	var all []string
	for i := range 150 {
		all = append(all, fmt.Sprintf("%04d", i+1))
	}
	form = url.Values{"verb": {"list"}, "all": {strings.Join(all[:100], "/")}}
	to = post(h, "/stores/act", form).Header().Get("Location")
	if body := want(t, h, to, `data-total="100"`, "store: <b>100 of them</b>"); strings.Count(body, `<input type="hidden" name="store"`) != 100 {
		t.Error("the filter forgets stores when it is changed")
	}

	form.Set("verb", "csv")
	for what, body := range map[string]string{"chosen": post(h, "/stores/act", form).Body.String(), "by address": want(t, h, strings.Replace(to, "/stores?", "/export/stores.csv?", 1))} {
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || len(rows) != 101 || rows[0][0] != "store" || rows[0][len(rows[0])-1] != "as_of" {
			t.Errorf("%s: %d rows, %v", what, len(rows), err)
		}
	}
	if d := w.deeds[len(w.deeds)-1]; d.Verb != "export" || d.Subject != "stores.csv" || !strings.Contains(d.Text, "100 rows") {
		t.Errorf("written down as %+v", d)
	}
}

// An address cannot hold every number of stores; a form can.
func TestListOfTooMany(t *testing.T) {
	w := newWorld(chain(800), morning())
	h := New(w.options())
	var all []string
	for id := range w.board.Stores {
		all = append(all, id)
	}
	form := url.Values{"verb": {"list"}, "store": all}
	if rec := post(h, "/stores/act", form); rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), "The address of a list does not hold 800 stores. Choose fewer, or filter by region, zone or ring.") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	form.Set("verb", "look")
	if post(h, "/stores/act", form); len(w.hinted) != 800 {
		t.Errorf("%d were asked to look", len(w.hinted))
	}
}
