package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/hq/oidc/oidctest"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/signin"
)

// acme is a provider, and the login of headquarters at it.
type acme struct{ *oidctest.Provider }

// login makes the login of headquarters at this provider.
func (a acme) login() *Login {
	return New(Options{
		Label: "Acme", Issuer: a.URL, ClientID: "nightfill", Secret: "hush", Redirect: "https://hq.example.com/login/oidc/done", Claim: "groups",
		Scopes: []string{"openid", "email"}, Roles: map[site.UserRole][]string{site.UserViewer: {"all"}, site.UserManager: {"patch"}, site.UserAdmin: {"boss"}},
		Admit: func(name string, role site.UserRole, source string, _ time.Time) (signin.Entry, error) {
			return signin.Entry{Token: fmt.Sprintf("%s as %s from %s", name, role, source)}, nil
		},
	})
}

// through goes through a login as a browser does, and returns where the provider sends it back to.
func (a acme) through(l *Login) (back *http.Request, kept string) {
	a.Helper()
	address, kept, err := l.Begin(a.Context(), "/stores?q=a")
	if err != nil {
		a.Fatal(err)
	}
	r, err := http.NewRequestWithContext(a.Context(), http.MethodGet, address, nil)
	if err != nil {
		a.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		a.Fatal(err)
	}
	defer answer.Body.Close()
	if strings.Contains(address, "stores") {
		a.Errorf("the provider is told where the browser was going: %s", address)
	}
	return httptest.NewRequest(http.MethodGet, answer.Header.Get("Location"), nil), kept
}

func (a acme) finish(l *Login, back *http.Request, kept string) string {
	a.Helper()
	e, err := l.Finish(a.Context(), kept, back, "192.0.2.1", time.Now())
	var refused *signin.Refusal
	switch {
	case errors.As(err, &refused):
		return "refused: " + strings.ReplaceAll(refused.Say, a.URL, "URL")
	case err != nil:
		a.Fatal(err)
	}
	if e.To != "/stores?q=a" {
		a.Errorf("the browser goes to %q", e.To)
	}
	return e.Token
}

func TestLogin(t *testing.T) {
	tests := []struct {
		name   string
		claims map[string]any
		want   string
	}{
		{"a manager", map[string]any{"email": "Kim@Example.com", "groups": []string{"all", "patch"}}, "kim@example.com as manager from 192.0.2.1"},
		{"one group as text", map[string]any{"email": "kim@example.com", "groups": "boss"}, "kim@example.com as admin from 192.0.2.1"},
		{"nobody vouches for the address", map[string]any{"email": "boss@example.com", "email_verified": false, "groups": "all"}, "u-17@HOST as viewer from 192.0.2.1"},
		{"nobody vouches for it in words", map[string]any{"email": "boss@example.com", "email_verified": "false", "groups": "all"}, "u-17@HOST as viewer from 192.0.2.1"},
		{"somebody does in words", map[string]any{"email": "kim@example.com", "email_verified": "true", "groups": "all"}, "kim@example.com as viewer from 192.0.2.1"},
		{"no address", map[string]any{"groups": "all"}, "u-17@HOST as viewer from 192.0.2.1"},
		{"no group", map[string]any{"email": "kim@example.com"}, "refused: Acme knows you as kim@example.com, and none of your groups has a role here: ask an admin of headquarters for one"},
		{"another group", map[string]any{"email": "kim@example.com", "groups": []any{"cleaners", 7}}, "refused: Acme knows you as kim@example.com, and none of your groups has a role here: ask an admin of headquarters for one"},
		{"a name with a break", map[string]any{"email": "a b@example.com", "groups": "all"}, "refused: Acme gives no name that can be written down: have it send the claim email"},
	}
	a := acme{oidctest.New(t)}
	for _, tt := range tests {
		a.Claims = tt.claims
		l := a.login()
		back, kept := a.through(l)
		if got := a.finish(l, back, kept); got != strings.ReplaceAll(tt.want, "HOST", strings.TrimPrefix(a.URL, "http://")) {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestAttacks(t *testing.T) {
	a := acme{oidctest.New(t)}
	good := map[string]any{"email": "kim@example.com", "groups": "boss"}
	with := func(more map[string]any) map[string]any {
		c := maps.Clone(good)
		maps.Copy(c, more)
		return c
	}
	tests := []struct {
		name   string
		claims map[string]any
		change func(back *http.Request, kept *string)
		want   string
	}{
		{"another state", good, func(r *http.Request, _ *string) { r.URL.RawQuery = "code=x&state=y" }, "refused: this is not the login that was begun in this browser: begin it again"},
		{"a damaged cookie", good, func(_ *http.Request, kept *string) { *kept = "!" }, "refused: what the browser kept of this login is damaged: begin it again"},
		{"an empty cookie", good, func(r *http.Request, kept *string) {
			*kept = base64.RawURLEncoding.EncodeToString([]byte("{}"))
			r.URL.RawQuery = "code=x&state="
		}, "refused: what the browser kept of this login is damaged: begin it again"},
		{"another code", good, func(r *http.Request, _ *string) {
			q := r.URL.Query()
			q.Set("code", "guessed")
			r.URL.RawQuery = q.Encode()
		}, `refused: Acme did not take back its own code: oauth2: "invalid_grant" "no such code"`},
		{"refused there", good, func(r *http.Request, _ *string) {
			r.URL.RawQuery = "error=access_denied&error_description=not%0Ayou&state=" + r.URL.Query().Get("state")
		}, "refused: Acme did not let you in: not you"},
		{"for another program", with(map[string]any{"aud": "wiki"}), nil, `refused: what Acme says of you is not good: oidc: expected audience "nightfill" got ["wiki"]`},
		{"too old", with(map[string]any{"exp": 1_000_000}), nil, "refused: what Acme says of you is not good: oidc: token is expired"},
		{"another nonce", with(map[string]any{"nonce": "n"}), nil, "refused: what Acme says of you belongs to another login: begin it again"},
		{"another provider", with(map[string]any{"iss": "https://evil.example"}), nil, "refused: what Acme says of you is not good: oidc: id token issued by a different provider"},
	}
	for _, tt := range tests {
		a.Claims = tt.claims
		l := a.login()
		refused := ""
		l.Refused = func(source string, _ time.Time) { refused += source }
		back, kept := a.through(l)
		if tt.change != nil {
			tt.change(back, &kept)
		}
		if got := a.finish(l, back, kept); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
		if refused != "192.0.2.1" {
			t.Errorf("%s: told of a refusal from %q", tt.name, refused)
		}
	}
}

func TestTheVerifierIsNeeded(t *testing.T) {
	a := acme{oidctest.New(t)}
	a.Claims = map[string]any{"email": "kim@example.com", "groups": "boss"}
	l := a.login()
	stolen, _ := a.through(l)
	_, own, err := l.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	var f flow
	data, _ := base64.RawURLEncoding.DecodeString(own)
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	q := stolen.URL.Query()
	q.Set("state", f.State) // the code of another browser, in one's own login
	stolen.URL.RawQuery = q.Encode()
	if got := a.finish(l, stolen, own); !strings.HasPrefix(got, "refused: Acme did not take back its own code") {
		t.Error(got)
	}
}

func TestOtherKeyAndSilence(t *testing.T) {
	a := acme{oidctest.New(t)}
	a.Claims = map[string]any{"email": "kim@example.com", "groups": "boss"}
	l := a.login()
	back, kept := a.through(l)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	a.Key, other = other, a.Key
	if got := a.finish(l, back, kept); got != "refused: what Acme says of you is not good: failed to verify signature: failed to verify id token signature" {
		t.Error(got)
	}
	a.Key, a.Silent = other, true
	back, kept = a.through(l)
	if got := a.finish(l, back, kept); got != "refused: Acme does not say who you are: have it send an id_token" {
		t.Error(got)
	}
}

func TestAProviderThatIsAway(t *testing.T) {
	a := acme{oidctest.New(t)}
	l := a.login()
	issuer := l.Issuer
	l.Issuer = "http://127.0.0.1:1"
	if _, _, err := l.Begin(t.Context(), "/"); err == nil || !strings.HasPrefix(err.Error(), "Acme does not answer: ") || !strings.HasSuffix(err.Error(), "an account of headquarters still opens it") {
		t.Errorf("%v", err)
	}
	l.Issuer = issuer
	if _, _, err := l.Begin(t.Context(), "/"); err != nil {
		t.Errorf("it is not asked again: %v", err)
	}
}

// One login waits for another that asks a silent provider no longer than it may itself.
func TestNobodyWaitsBehindASilentProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Timeout: askLimit, Transport: silence{}}
		l := New(Options{Label: "Acme", Issuer: "https://sso.example.com", Client: client})
		began := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, _, err := l.Begin(t.Context(), "/"); err == nil {
					t.Error("a silent provider answered")
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 2*askLimit {
			t.Errorf("20 logins waited %s", took)
		}
	})
}

// silence is a provider that never answers.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}
