package fleet

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/ui/fleet/page"
)

const badPatch = "/patches/pos-app-4.2.1"

func TestStopPatch(t *testing.T) {
	w := newWorld(chain(150), morning())
	h := New(w.options())
	want(t, h, "/patches", `<a href="/patches/pos-app-4.2.1#hold">Hold this patch</a>`)
	want(t, h, badPatch, "It is held at once: stores begin it nowhere from their next contact on, and show the reason.", `<button class="main">Hold this patch</button>`)
	form := url.Values{"reason": {"tills do not come back"}}
	rec := post(h, badPatch+"/hold", form)
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "Held pos-app-4.2.1 everywhere: stores learn it at their next contact.") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if d := w.deeds[0]; d.Verb != "patch.stop" || d.Actor != "kim" || d.Subject != "pos-app-4.2.1" || d.Outcome != "ok" || d.Text != "Held pos-app-4.2.1 everywhere: stores learn it at their next contact. tills do not come back" {
		t.Errorf("written down as %+v", d)
	}
	if body := want(t, h, badPatch, "Held everywhere", "pos-app-4.2.1, by kim: tills do not come back. Withdraw it, or lift the hold."); strings.Contains(body, `name="reason"`) {
		t.Error("it is offered to hold what is held")
	}
	want(t, h, "/attention?kind=proposal", "Held everywhere: pos-app-4.2.1, by kim: tills do not come back. Withdraw it, or lift the hold.")
}

func TestStopPatchDrafts(t *testing.T) {
	w := newWorld(chain(150), morning())
	w.noKey = true
	h := New(w.options())
	want(t, h, badPatch, "Headquarters has no online key of holds: a withdrawal is drafted, which stops nothing until people sign it.", `<button class="main">Draft a withdrawal</button>`)
	rec := post(h, "/api/v1"+badPatch+"/hold", url.Values{"reason": {"tills do not come back"}})
	if got := strings.TrimSpace(rec.Body.String()); got != `{"patch":"pos-app-4.2.1","how":"drafted","say":"A withdrawal of pos-app-4.2.1 is drafted: it stops nothing until people sign it."}` {
		t.Errorf("%d %s", rec.Code, got)
	}
	if body := want(t, h, badPatch, "A withdrawal is drafted, which people sign or drop: pos-app-4.2.1, by kim: tills do not come back."); strings.Contains(body, `name="reason"`) {
		t.Error("it is offered to draft what is drafted")
	}
	w.noKey = false // the key came: what is only drafted may still be held
	want(t, h, badPatch, "A withdrawal is drafted", `<button class="main">Hold this patch</button>`)
	if rec := post(h, badPatch+"/hold", url.Values{"reason": {"the disk is full"}}); !strings.Contains(rec.Body.String(), "It is not held: cannot hold pos-app-4.2.1 at once: no space left on device. A withdrawal is drafted instead: it stops nothing until people sign it.") || w.deeds[1].Outcome != "failed" {
		t.Errorf("%s, written down as %+v", rec.Body, w.deeds[1])
	}
}

func TestStopPatchRefused(t *testing.T) {
	w := newWorld(chain(150), morning())
	o := w.options()
	without := o
	without.Stopper = nil
	for name, c := range map[string]struct {
		h      http.Handler
		role   string
		reason string
		status int
		say    string
	}{
		"viewer":      {New(o), page.Viewer, "x", 403, "The role viewer may look, and not change anything. Ask a manager."},
		"no reason":   {New(o), page.Manager, " ", 400, "Say in the reason why it is stopped: stores show it."},
		"long reason": {New(o), page.Admin, strings.Repeat("x", 501), 400, "The reason is too long: 500 characters at most."},
		"held":        {New(o), page.Manager, "it is held already", 409, "It was not stopped: pos-app-4.2.1 is held already."},
		"no folder":   {New(without), page.Manager, "x", 409, "Headquarters has no working folder of the catalog: people hold a patch with nightfill catalog hold."},
	} {
		w.role = c.role
		for _, address := range []string{badPatch + "/hold", "/api/v1" + badPatch + "/hold"} {
			before := len(w.deeds)
			rec := post(c.h, address, url.Values{"reason": {c.reason}})
			if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.say) {
				t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
			}
			if len(w.deeds) != before+1 || w.deeds[before].Outcome != "refused" || w.deeds[before].Text != c.say {
				t.Errorf("%s: written down as %+v", name, w.deeds[before:])
			}
		}
	}
	if len(w.notes) != 0 {
		t.Errorf("something was kept: %v", w.notes)
	}
	want(t, New(without), badPatch, "Headquarters has no working folder of the catalog: people hold a patch with")
	w.role = page.Viewer
	if body := want(t, New(o), badPatch, "Your role may look, and not change anything."); strings.Contains(body, `name="reason"`) {
		t.Error("a viewer is offered to hold it")
	}
}
