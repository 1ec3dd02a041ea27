package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// provider is an organisation's login: it lets in whoever comes as the person whose turn it is.
type provider struct {
	*testing.T
	*httptest.Server
	key    *rsa.PrivateKey
	person string
	groups []string
	begun  map[string]url.Values // by code
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{T: t, key: key, begun: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.say(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.say(w, map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": base64url(key.N.Bytes()), "e": base64url(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		code := rand.Text()
		p.begun[code] = r.URL.Query()
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?code="+code+"&state="+r.URL.Query().Get("state"), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (p *provider) say(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.Error(err)
	}
}

// token gives the signed word for a code to who began the login and knows the secret.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	begun, sum := p.begun[r.PostFormValue("code")], sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if id, secret, _ := r.BasicAuth(); begun == nil || id != "nightfill-hq" || secret != "hush" || begun.Get("code_challenge") != base64url(sum[:]) {
		p.Errorf("somebody asks for a token who may not: %v", r.PostForm)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": p.URL, "aud": "nightfill-hq", "sub": p.person, "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": begun.Get("nonce"),
		"email": p.person + "@example.com", "groups": p.groups,
	})
	if err != nil {
		p.Error(err)
	}
	signed := base64url([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + base64url(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, digest[:])
	if err != nil {
		p.Error(err)
	}
	p.say(w, map[string]any{"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": signed + "." + base64url(signature)})
}

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
	p, dir := newProvider(t), t.TempDir()
	write(t, dir, "oidc.secret", "hush\n")
	h := start(t, append(file(t, dir, broker(t), fmt.Sprintf("address: \"http://%s\"\noidc:\n  name: Acme\n  issuer: %s\n  client_id: nightfill-hq\n  client_secret_file: oidc.secret\n"+
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
		p.person, p.groups = c.name, c.groups
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
