package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live"
)

// A support bundle is for who acts, is a file, and is cut when it breaks off.
func TestBundle(t *testing.T) {
	r := newRig(t, live.Usual())
	for _, tt := range []struct {
		role           site.UserRole
		device, reason string
		status         int
		want           string
	}{
		{site.UserViewer, "", "", http.StatusForbidden, "The role viewer may not take a support bundle.\n"},
		{site.UserTech, "", "TICKET 7", http.StatusOK, "PK  TICKET 7 tech"},
		{site.UserTech, "till-1", "", http.StatusOK, "PK till-1  tech"},
		{site.UserTech, "none", "", http.StatusNotFound, "There is no such device in this store.\n"},
		{site.UserTech, "", strings.Repeat("x", 501), http.StatusBadRequest, "The reason has 501 bytes and may have 500.\n"},
		{site.UserAdmin, "", "busy", http.StatusConflict, "Another support bundle is being made.\n"},
		{site.UserAdmin, "", "broken", http.StatusInternalServerError, "The box cannot make a support bundle. Its log says why.\n"},
	} {
		r.client = r.browser()
		r.login(tt.role)
		r.do("GET", "/console", nil) // the board is filled
		got := r.do("POST", "/console/bundle", url.Values{"device": {tt.device}, "reason": {tt.reason}})
		if text := body(t, got); got.StatusCode != tt.status || text != tt.want {
			t.Errorf("%+v: %s %q", tt, got.Status, text)
		}
		name := got.Header.Get("Content-Disposition")
		if file := strings.HasPrefix(name, `attachment; filename="nightfill-0142-`) && strings.HasSuffix(name, `.zip"`) && strings.Contains(name, tt.device); file != (tt.status == http.StatusOK) {
			t.Errorf("%+v: %q", tt, name)
		}
	}
	request, err := http.NewRequest("POST", r.server.URL+"/console/bundle", strings.NewReader("reason=half"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got, err := r.client.Do(request); err == nil {
		defer got.Body.Close()
		if _, err := got.Body.Read(make([]byte, 100)); err == nil {
			if _, err = got.Body.Read(make([]byte, 100)); err == nil || err.Error() == "EOF" {
				t.Errorf("half a bundle ends like a whole one: %v", err)
			}
		}
	}
	r.client = r.browser()
	if got := r.do("POST", "/console/bundle", url.Values{}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a login: %s", got.Status)
	}
}
