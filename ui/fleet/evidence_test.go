package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/ui/fleet/page"
)

// packer makes packs of a few bytes.
type packer struct {
	asked []EvidenceOrder
	fails error // after so many bytes
	bytes int
}

func (p *packer) Pack(_ context.Context, w io.Writer, o EvidenceOrder) error {
	p.asked = append(p.asked, o)
	if p.bytes > 0 {
		if _, err := io.WriteString(w, strings.Repeat("z", p.bytes)); err != nil {
			return err
		}
	}
	return p.fails
}

func order(h http.Handler, address string, form url.Values) (rec *httptest.ResponseRecorder, broken bool) {
	defer func() {
		if r := recover(); r != nil {
			broken = true
		}
	}()
	rec = httptest.NewRecorder()
	r := httptest.NewRequest("POST", address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.ServeHTTP(rec, r)
	return rec, false
}

func TestEvidence(t *testing.T) {
	w, p := newWorld(chain(40), morning()), &packer{bytes: 5}
	o := w.options()
	o.Evidence = p
	h := New(o)
	want(t, h, "/evidence", "All 40 stores, and those that were closed.", `name="from" value="2026-10-23"`, `name="to" value="2026-11-21"`, "Make the pack")
	want(t, h, "/evidence?region=North&q=store:0003", "1 store that fit", `<input type="hidden" name="region" value="North">`, `<input type="hidden" name="store" value="0003">`)
	want(t, h, "/compliance", `<a href="/evidence">`)
	form := func(more ...string) url.Values {
		v := url.Values{"from": {"2026-11-01"}, "to": {"2026-11-21"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	rec, _ := order(h, "/evidence", form("store", "0003", "as_of", "2026-11-22T06:00:00Z"))
	if rec.Code != http.StatusOK || rec.Body.String() != "zzzzz" || rec.Header().Get("Content-Disposition") != `attachment; filename="evidence-2026-11-01-to-2026-11-21.zip"` || rec.Header().Get("Content-Type") != "application/zip" {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	if got, want := fmt.Sprint(p.asked), "[{2026-11-01 2026-11-21 [0003] 2026-11-22 06:00:00 +0000 UTC kim 192.0.2.1}]"; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
	for name, test := range map[string]struct {
		form   url.Values
		status int
		want   string
	}{
		"no dates":  {url.Values{}, http.StatusBadRequest, "The nights must be two dates such as 2026-11-01 and 2026-11-30."},
		"bad as-of": {form("as_of", "noon"), http.StatusBadRequest, `as_of must be a time such as 2026-11-22T09:30:00Z, not \"noon\".`},
		"no store":  {form("region", "Moon"), http.StatusBadRequest, "No store fits this filter."},
	} {
		if rec, _ := order(h, "/api/v1/evidence", test.form); rec.Code != test.status || !strings.Contains(rec.Body.String(), test.want) {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	p.fails, p.bytes = &BadOrder{"the nights run backwards"}, 0
	if rec, _ := order(h, "/api/v1/evidence", form()); rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), "The nights run backwards.") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	p.fails = errors.New("the disk is gone")
	if rec, _ := order(h, "/api/v1/evidence", form()); rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String(), "disk") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	p.bytes = 9
	if _, broken := order(h, "/evidence", form()); !broken {
		t.Error("a pack that was broken off looks whole")
	}
	w.role = page.Viewer
	if rec, _ := order(h, "/api/v1/evidence", form()); rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "The role viewer may look, and not take evidence out of headquarters. Ask a manager.") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	want(t, h, "/evidence", "Managers and admins may take evidence out of headquarters.")
	want(t, New(w.options()), "/evidence", "This headquarters makes no evidence packs.")
}
