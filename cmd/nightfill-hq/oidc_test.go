package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/hq/oidc/oidctest"
)

// person is a browser.
type person struct {
	*testing.T
	http.Client
	home string
}

func (p *person) ask(method, path string, form url.Values) (int, string) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.home+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	a, err := p.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		p.Fatal(err)
	}
	return a.StatusCode, a.Request.URL.Path + " " + string(body)
}

// TestOIDC goes through the organisation's login of the running program as people of every kind.
func TestOIDC(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p, dir := oidctest.New(t), t.TempDir()
	write(t, dir, "oidc.secret", "hush\n")
	h := start(t, append(file(t, dir, broker(t), fmt.Sprintf("address: \"http://%s\"\noidc:\n  name: Acme\n  issuer: %s\n  client_id: nightfill\n  client_secret_file: oidc.secret\n"+
		"  roles: {viewer: [support], manager: [patch-team], admin: [patch-leads]}\n", at, p.URL)), "--listen", at)...)
	if status, text := h.post("/claim", url.Values{"claim": {h.claim}, "name": {"root"}, "password": {"three odd words"}, "again": {"three odd words"}}); status != http.StatusOK {
		t.Fatalf("the first account: %d %.300s", status, text)
	}
	change := url.Values{"verb": {"acknowledge"}, "item": {"not_ready/9"}}
	for _, c := range []struct {
		name   string
		groups []string
		in     string // the page that is shown, and words of it
		may    int    // the answer to a change
	}{
		{"vera", []string{"support"}, "/ <!doctype html>", http.StatusForbidden},
		{"max", []string{"cleaners", "patch-team"}, "/ <!doctype html>", http.StatusNotFound},
		{"ada", []string{"patch-leads", "support"}, "/ <!doctype html>", http.StatusNotFound},
		{"eve", []string{"cleaners"}, "/login/oidc/done ", http.StatusUnauthorized},
	} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Claims = map[string]any{"sub": c.name, "email": c.name + "@example.com", "groups": c.groups}
		browser := &person{T: t, Client: http.Client{Jar: jar, Timeout: patience}, home: h.url}
		if _, page := browser.ask(http.MethodGet, "/login", nil); !strings.Contains(page, "Acme") || !strings.Contains(page, "/login/external") {
			t.Errorf("the login does not offer the organisation's: %.900s", page)
		}
		_, page := browser.ask(http.MethodGet, "/login/external", nil)
		if !strings.HasPrefix(page, c.in) {
			t.Errorf("%s comes to %.900s", c.name, page)
		}
		if status, text := browser.ask(http.MethodPost, "/api/v1/attention", change); status != c.may {
			t.Errorf("%s changes something: %d %.300s", c.name, status, text)
		}
		if c.may == http.StatusUnauthorized {
			if want := "none of your groups has a role here"; !strings.Contains(page, want) {
				t.Errorf("%s is refused without %q: %.900s", c.name, want, page)
			}
			continue
		}
		if status, page := browser.ask(http.MethodPost, "/logout", nil); status != http.StatusOK || !strings.HasPrefix(page, "/login ") {
			t.Errorf("%s logs out: %d %.300s", c.name, status, page)
		}
		if status, _ := browser.ask(http.MethodGet, "/api/v1/summary", nil); status != http.StatusUnauthorized {
			t.Errorf("%s is still in: %d", c.name, status)
		}
	}
	ask := commands(t, dir)
	for role, may := range map[string]int{"viewer": http.StatusForbidden, "manager": http.StatusNotFound} {
		var made struct{ Secret string }
		if err := json.Unmarshal([]byte(ask("", "token", "add", role, "--role", role, "--json")), &made); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/api/v1/attention", strings.NewReader(change.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+made.Secret)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != may {
			t.Errorf("the token of a %s gets %d, want %d", role, a.StatusCode, may)
		}
	}
	h.stop()
	logins := strings.Join(deeds(t, "sqlite:"+dir+"/hq.db", "login"), ", ")
	for _, want := range []string{"vera@example.com ok", "max@example.com ok", "ada@example.com ok"} {
		if !strings.Contains(logins, want) {
			t.Errorf("the audit log has %s, and not %s", logins, want)
		}
	}
}
