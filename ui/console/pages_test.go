package console_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/console/live"
)

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Without a session there is the login and nothing else; every answer carries the headers.
func TestNothingWithoutLogin(t *testing.T) {
	r := newRig(t, live.Usual())
	r.shop.add(run.Event{Kind: run.DaemonStarted})
	for _, path := range []string{
		"/console", "/console/device/srv-1", "/console/journal", "/console/night.svg", "/console/api/why?device=srv-1", "/console/api/host-key?device=srv-1",
		"/console/api/journal", "/console/api/journal?download=1", "/console/api/verify", "/console/ws",
	} {
		got := r.do("GET", path, nil, "Origin", r.server.URL)
		text := body(t, got)
		if got.StatusCode != http.StatusUnauthorized || strings.Contains(text, "srv-1") && !strings.Contains(text, `value="/console/device/srv-1"`) || strings.Contains(text, "daemon.started") {
			t.Errorf("%s: %s\n%s", path, got.Status, text)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		} {
			if got.Header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, got.Header.Get(name))
			}
		}
	}
	for _, path := range []string{"/ready", "/ready.json", "/metrics", "/console/app/", "/console/nothing"} {
		if got := r.do("GET", path, nil); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
}

func TestLogin(t *testing.T) {
	r := newRig(t, live.Usual())
	form := func(name, password, to string) url.Values {
		return url.Values{"name": {name}, "password": {password}, "to": {to}}
	}
	for _, tt := range []struct {
		password string
		status   int
		says     string
	}{
		{"wrong", http.StatusForbidden, "The name or the password is wrong."},
		{"code", http.StatusForbidden, "A code is needed."},
		{"wait", http.StatusTooManyRequests, "Too many attempts."},
	} {
		got := r.do("POST", "/console/login", form(`"><b>`, tt.password, "/console"))
		if text := body(t, got); got.StatusCode != tt.status || !strings.Contains(text, tt.says) || strings.Contains(text, `"><b>`) || len(got.Cookies()) > 0 {
			t.Errorf("%s: %s\n%s", tt.password, got.Status, text)
		}
	}
	for to, want := range map[string]string{
		"/console?device=srv-1": "/console?device=srv-1", "/console/journal": "/console/journal", "": "/console",
		"https://evil.example/": "/console", "//evil.example/console/": "/console", "/consoles": "/console",
	} {
		if got := r.do("POST", "/console/login", form("tech", "right", to)); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != want {
			t.Errorf("to %s: %s, %s", to, got.Status, got.Header.Get("Location"))
		}
	}
	got := r.do("POST", "/console/login", form("tech", "right", ""))
	for _, c := range got.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("cookie %s", c)
		}
	}
	if len(got.Cookies()) != 2 {
		t.Errorf("%d cookies", len(got.Cookies()))
	}
	if got := r.do("GET", "/console", nil); got.StatusCode != http.StatusOK {
		t.Errorf("logged in: %s", got.Status)
	}
	for _, near := range []string{"/", "/console/"} {
		if got := r.do("GET", near, nil); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/console" {
			t.Errorf("%s: %s, %s", near, got.Status, got.Header.Get("Location"))
		}
	}
	if got := r.do("POST", "/console/logout", nil); got.StatusCode != http.StatusSeeOther || got.Cookies()[0].MaxAge >= 0 {
		t.Errorf("log out: %s, %v", got.Status, got.Cookies())
	}
	if got := r.do("GET", "/console", nil); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("logged out: %s", got.Status)
	}
}

// While the box has no account, the login is the claim.
func TestClaim(t *testing.T) {
	r := newRig(t, live.Usual())
	r.shop.opened = -1
	if text := body(t, r.do("GET", "/console", nil)); !strings.Contains(text, "Claim this box") || strings.Contains(text, "<h1>Log in") {
		t.Errorf("got\n%s", text)
	}
	form := url.Values{"claim": {"BBBB"}, "name": {"boss"}, "password": {"three blue bicycles"}, "again": {"three blue bicycle"}}
	if got := r.do("POST", "/console/claim", form); !strings.Contains(body(t, got), "The two passwords are not the same.") {
		t.Error("two passwords")
	}
	form.Set("again", "three blue bicycles")
	if got := r.do("POST", "/console/claim", form); got.StatusCode != http.StatusForbidden || !strings.Contains(body(t, got), "This is not the claim code.") {
		t.Error("a wrong code")
	}
	form.Set("claim", "AAAA")
	if text := body(t, r.do("POST", "/console/claim", form)); !strings.Contains(text, "The account boss was made.") || !strings.Contains(text, "otpauth://totp/boss") || !strings.Contains(text, "<h1>Log in") {
		t.Errorf("got\n%s", text)
	}
}

// A form that another site sends does nothing.
func TestForeignForms(t *testing.T) {
	r := newRig(t, live.Usual())
	r.login(site.UserAdmin)
	for _, path := range []string{"/console/login", "/console/logout", "/console/claim", "/console/bundle", "/console/account/password", "/console/account/app", "/console/account/code"} {
		for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			got := r.do("POST", path, url.Values{"name": {"tech"}, "password": {"right"}}, headers...)
			if got.StatusCode != http.StatusForbidden || len(got.Cookies()) > 0 {
				t.Errorf("%s with %v: %s", path, headers, got.Status)
			}
		}
	}
	if got := r.do("GET", "/console", nil); got.StatusCode != http.StatusOK {
		t.Error("another site logged us out")
	}
	if got := r.do("POST", "/console/login", url.Values{"name": {strings.Repeat("x", 20<<10)}}); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a large form: %s", got.Status)
	}
}

// The pages say the most important without scripts, and let no text of a device become markup.
func TestPages(t *testing.T) {
	r := newRig(t, live.Usual())
	r.shop.add(run.Event{Kind: run.DaemonStarted, Text: "nightfilld <1>"}, run.Event{Kind: run.HoldSet, Device: "srv-1", Actor: "ann", Text: "till in use"})
	r.login(site.UserViewer)
	home := body(t, r.do("GET", "/console", nil))
	problems, others, _ := strings.Cut(home, "All other devices")
	for _, want := range []string{"NOT READY", "&lt;script&gt;", "Problems", `<a href="/console/device/till-1">till-1</a>`, "rolled back", "it &lt;broke&gt;"} {
		if !strings.Contains(problems, want) {
			t.Errorf("%q is not before the others in\n%s", want, home)
		}
	}
	if !strings.Contains(others, "srv-1") {
		t.Errorf("the other devices: %s", others)
	}
	if text := body(t, r.do("GET", "/console/device/till-1", nil)); !strings.Contains(text, "it &lt;broke&gt; [verify_failed]") || !strings.Contains(text, "pos-app: rolled back") {
		t.Errorf("the device:\n%s", text)
	}
	if got := r.do("GET", "/console/device/none", nil); got.StatusCode != http.StatusNotFound {
		t.Errorf("no device: %s", got.Status)
	}
	text := body(t, r.do("GET", "/console/journal", nil))
	if !strings.Contains(text, "nightfilld &lt;1&gt;") || strings.Index(text, "hold.set") > strings.Index(text, "daemon.started") || !strings.Contains(text, "by ann · till in use") {
		t.Errorf("the journal:\n%s", text)
	}
	if got := r.do("GET", "/console/night.svg", nil); got.Header.Get("Content-Type") != "image/svg+xml" || body(t, got) != "<svg/>" {
		t.Error("the picture")
	}
	if got := r.do("GET", "/console/night.svg?date=1999-01-01", nil); got.StatusCode != http.StatusNotFound {
		t.Errorf("no night: %s", got.Status)
	}
}

func TestJournalInParts(t *testing.T) {
	r := newRig(t, live.Usual())
	for n := range 2500 {
		r.shop.add(run.Event{Kind: run.DaemonStarted, Device: map[int]string{499: "till-1", 1999: "till-1"}[n]})
	}
	r.shop.first = 11
	r.login(site.UserViewer)
	for path, want := range map[string][3]int{ // how many, the first, the last
		"?limit=5":                           {5, 2496, 2500},
		"?before=2496&limit=":                {200, 2296, 2495},
		"?before=14":                         {3, 11, 13},
		"?before=11":                         {0, 0, 0},
		"?device=till-1":                     {2, 500, 2000},
		"?device=till-1&before=2000&limit=1": {1, 500, 500},
		"?device=none":                       {0, 0, 0},
		"?from=3&limit=2":                    {2, 11, 12},
		"?limit=99999":                       {1000, 1501, 2500},
		"?download=1":                        {2490, 11, 2500},
	} {
		lines := strings.Split(strings.TrimSpace(body(t, r.do("GET", "/console/api/journal"+path, nil))), "\n")
		first, last := "", ""
		if lines[0] == "" {
			lines = nil
		} else {
			first, last = lines[0], lines[len(lines)-1]
		}
		has := func(line string, seq int) bool { return seq == 0 || strings.HasPrefix(line, `{"seq":`+itoa(seq)+`,`) }
		if len(lines) != want[0] || !has(first, want[1]) || !has(last, want[2]) {
			t.Errorf("%s: %d lines, from %.40s to %.40s", path, len(lines), first, last)
		}
	}
	if text := body(t, r.do("GET", "/console/api/cache", nil)); text != "{\"used\":7}\n" {
		t.Errorf("cache: %s", text)
	}
	if text := body(t, r.do("GET", "/console/api/verify", nil)); text != "{\"records\":3}\n" {
		t.Errorf("verify: %s", text)
	}
	if got := r.do("GET", "/console/api/why?device=srv-1", nil); got.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer has devices looked at: %s", got.Status)
	}
	r.login(site.UserTech)
	if text := body(t, r.do("GET", "/console/api/why?device=srv-1", nil)); text != "{\"device\":\"srv-1\",\"question\":\"why\"}\n" {
		t.Errorf("why: %s", text)
	}
	if got := r.do("GET", "/console/api/why?device=none", nil); got.StatusCode != http.StatusNotFound {
		t.Errorf("no device: %s", got.Status)
	}
}
