package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live"
)

// A person looks after his own account; what is refused is said, and nothing is shown that was not asked for.
func TestAccount(t *testing.T) {
	r := newRig(t, live.Usual())
	if got := r.do("GET", "/console/account", nil); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a login: %s", got.Status)
	}
	if got := r.do("POST", "/console/account/password", url.Values{"old": {"right"}}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a login: %s", got.Status)
	}
	r.login(site.UserViewer)
	if text := body(t, r.do("GET", "/console/account", nil)); !strings.Contains(text, "viewer, role viewer") || !strings.Contains(text, "Set one up") || strings.Contains(text, "otpauth") {
		t.Errorf("the page:\n%s", text)
	}
	words := func(old, word, again string) url.Values {
		return url.Values{"old": {old}, "password": {word}, "again": {again}}
	}
	for _, tt := range []struct {
		what   string
		form   url.Values
		status int
		want   string
	}{
		{"password", words("right", "new", "new"), http.StatusOK, "Your password is changed. Every other session of yours is over."},
		{"password", words("right", "new", "other"), http.StatusForbidden, "The two passwords are not the same."},
		{"password", words("old", "new", "new"), http.StatusForbidden, "The old password is wrong."},
		{"password", words("wait", "new", "new"), http.StatusTooManyRequests, "Too many attempts."},
		{"password", words("broken", "new", "new"), http.StatusInternalServerError, "The disk is gone."},
		{"app", words("old", "", ""), http.StatusForbidden, "The old password is wrong."},
		{"app", words("right", "", ""), http.StatusOK, "otpauth://totp/x?secret=&lt;AB&gt;"},
		{"code", url.Values{"code": {"1"}, "show": {"otpauth://again"}}, http.StatusForbidden, "The code is wrong."},
		{"code", url.Values{"code": {" 123456 "}}, http.StatusOK, "Your authenticator app is set up."},
		{"name", url.Values{}, http.StatusNotFound, "404 page not found"},
	} {
		got := r.do("POST", "/console/account/"+tt.what, tt.form)
		text := body(t, got)
		if got.StatusCode != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s %v: %s, not %s in\n%s", tt.what, tt.form, got.Status, tt.want, text)
		}
		if shows := strings.Contains(text, "otpauth"); shows != (strings.Contains(tt.want, "otpauth") || tt.form.Get("show") != "") {
			t.Errorf("%s %v: it shows a secret: %v", tt.what, tt.form, shows)
		}
	}
}

// Who must set up an authenticator app before anything else finds no other page, and no socket.
func TestEnrolling(t *testing.T) {
	r := newRig(t, live.Usual())
	got := r.do("POST", "/console/login", url.Values{"name": {"new"}, "password": {"right"}, "to": {"/console/journal"}})
	if at := got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || at != "/console/account" {
		t.Fatalf("%s to %s", got.Status, at)
	}
	text := body(t, r.do("GET", "/console/account", nil))
	for what, want := range map[string]bool{"until then you can do nothing else": true, "Set one up": true, "Log out": true, "New password": false, "Back to the devices": false, "Journal": false} {
		if strings.Contains(text, what) != want {
			t.Errorf("%q is on the page: %v\n%s", what, !want, text)
		}
	}
	for _, path := range []string{"/console", "/console/journal", "/console/device/till-1", "/console/handbook"} {
		if got := r.do("GET", path, nil); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/console/account" {
			t.Errorf("%s: %s to %q", path, got.Status, got.Header.Get("Location"))
		}
	}
	for _, path := range []string{"/console/api/journal", "/console/api/log"} {
		if got := r.do("GET", path, nil); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
	if _, _, err := r.dial(r.server.URL); err == nil {
		t.Error("a socket was opened")
	}
	if got := r.do("POST", "/console/bundle", url.Values{}); got.StatusCode == http.StatusOK {
		t.Errorf("a bundle: %s", got.Status)
	}
	if text := body(t, r.do("POST", "/console/account/app", url.Values{"old": {"right"}})); !strings.Contains(text, "otpauth://totp/x") {
		t.Errorf("to be entered in the app:\n%s", text)
	}
}
