package fleet

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site/board"
)

// patient writes nothing down for somebody whose request is over.
type patient struct{ *world }

func (p patient) Record(ctx context.Context, d board.Deed) (board.Deed, error) {
	if err := ctx.Err(); err != nil {
		return d, err
	}
	return p.world.Record(ctx, d)
}

// Every form writes down who sent it from where, also when its sender went away meanwhile.
func TestEveryFormIsWrittenDown(t *testing.T) {
	for address, c := range map[string]struct {
		form url.Values
		verb string
	}{
		"/attention":       {url.Values{"verb": {"acknowledge"}, "group": {"x"}}, "attention.acknowledge"},
		"/exceptions":      {url.Values{"verb": {"close"}, "id": {"x"}}, "exception.close"},
		"/views":           {url.Values{"verb": {"keep"}, "page": {"/stores"}, "query": {"region=North"}, "name": {"North"}}, "view.keep"},
		"/stores/act":      {url.Values{"verb": {"look"}, "store": {"0001"}}, "stores.look"},
		badPatch + "/hold": {url.Values{"reason": {"tills do not come back"}}, "patch.stop"},
	} {
		for _, prefix := range []string{"", "/api/v1"} {
			w := newWorld(chain(40), morning())
			o := w.options()
			o.Register = patient{w}
			o.Origin = func(r *http.Request) string { return r.Header.Get("X-From") }
			ctx, leave := context.WithCancel(t.Context())
			actor, sent := o.Actor, false
			o.Actor = func(r *http.Request) (string, string) {
				if sent {
					leave()
				}
				return actor(r)
			}
			h := New(o)
			want(t, h, "/") // the overview is there, for which a request would wait
			sent = true
			r := httptest.NewRequestWithContext(ctx, "POST", prefix+address, strings.NewReader(c.form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-From", "192.0.2.7")
			h.ServeHTTP(httptest.NewRecorder(), r)
			leave()
			if len(w.deeds) != 1 || w.deeds[0].Verb != c.verb || w.deeds[0].Actor != "kim" || w.deeds[0].Origin != "192.0.2.7" {
				t.Errorf("%s%s is written down as %+v", prefix, address, w.deeds)
			}
		}
	}
}
