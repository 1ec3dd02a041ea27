package signin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// people are accounts with one person, kim, whose password is "right".
type people struct {
	claimable bool
	alive     int // calls that were no sign of life
	ended     []string
	replaced  []string
	last      Login
}

func (p *people) Login(_ context.Context, l Login, _ time.Time) (Entry, error) {
	p.last = l
	switch {
	case l.Name == "many":
		return Entry{}, &Refusal{Code: "wait", Say: "too many attempts", Wait: time.Minute}
	case l.Name == "broken":
		return Entry{}, errors.New("the disk is on fire")
	case l.Name == "app" && l.Code == "":
		return Entry{}, &Refusal{Code: "code_needed", Say: "a code is needed"}
	case l.Password != "right":
		return Entry{}, &Refusal{Code: "wrong_login", Say: "the name or the password is wrong"}
	}
	return Entry{Token: "token-of-" + l.Name, Browser: "browser-of-" + l.Name}, nil
}

func (p *people) Session(token string, _ time.Time) (Person, bool) {
	name, ok := strings.CutPrefix(token, "token-of-")
	return Person{name, "viewer"}, ok && len(p.ended) == 0
}

func (p *people) Alive(token string, now time.Time) (Person, bool) {
	p.alive++
	return p.Session(token, now)
}

func (p *people) End(token string, _ time.Time)     { p.ended = append(p.ended, token) }
func (p *people) Replace(token string, _ time.Time) { p.replaced = append(p.replaced, token) }
func (p *people) Claimable() bool                   { return p.claimable }
func (p *people) Claim(_ context.Context, code, _, _, _ string, _ time.Time) (string, error) {
	if code != "good" {
		return "", &Refusal{Code: "wrong_claim", Say: "this is not the claim code"}
	}
	return "otpauth://x", nil
}

// outside is a login of the organisation that lets in whoever comes back with what was kept.
type outside struct{}

func (outside) Name() string { return "Acme" }
func (outside) Begin(_ context.Context, to string) (string, string, error) {
	return "https://login.example.com/authorize?state=s", "s." + base64.RawURLEncoding.EncodeToString([]byte(to)), nil
}
func (outside) Finish(_ context.Context, kept string, r *http.Request, _ string, _ time.Time) (Entry, error) {
	state, to, _ := strings.Cut(kept, ".")
	if r.URL.Query().Get("state") != state {
		return Entry{}, &Refusal{Code: "external", Say: "this is not the login that was begun"}
	}
	text, err := base64.RawURLEncoding.DecodeString(to)
	return Entry{Token: "token-of-lee", To: string(text)}, err
}

// world is a browser before headquarters.
type world struct {
	*testing.T
	people *people
	base   string
	client *http.Client
}

func open(t *testing.T, change func(*Options)) *world {
	t.Helper()
	p := &people{}
	o := Options{Accounts: p, Token: func(_ context.Context, secret string) (Person, bool) {
		return Person{"script", "manager"}, secret == "sesame"
	}}
	if change != nil {
		change(&o)
	}
	server := httptest.NewServer(New(o).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := Who(r)
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, "too much", http.StatusRequestEntityTooLarge)
			return
		}
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" by "+who.Name+" "+who.Role)
		if !ok {
			t.Error("nobody asks")
		}
	})))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, p, server.URL, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// ask sends a request with headers written "Name: value" and returns status, place to go and body.
func (w *world) ask(method, path, body string, headers ...string) (int, string, string) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	a, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		w.Fatal(err)
	}
	if a.Header.Get("Content-Security-Policy") != policy {
		w.Errorf("%s %s: the policy is %q", method, path, a.Header.Get("Content-Security-Policy"))
	}
	return a.StatusCode, a.Header.Get("Location"), string(text)
}

func (w *world) want(what string, status int, place, text string) func(int, string, string) {
	return func(s int, p, b string) {
		w.Helper()
		if s != status || p != place || !strings.Contains(b, text) {
			w.Errorf("%s: %d %q %.900s\nwant %d %q %q", what, s, p, b, status, place, text)
		}
	}
}

func TestLogin(t *testing.T) {
	w := open(t, nil)
	w.want("a page", 303, "/login?to=%2Fstores%3Fq%3Da", "")(w.ask("GET", "/stores?q=a", ""))
	w.want("the API", 401, "", `{"error":{"code":"not_logged_in","message":"log in, or send a token in the header Authorization: Bearer TOKEN"}}`)(w.ask("GET", "/api/v1/stores", ""))
	w.want("a change", 401, "", "You are not logged in any more.")(w.ask("POST", "/attention", "x=1"))
	w.want("the form", 200, "", `value="/stores?q=a"`)(w.ask("GET", "/login?to=%2Fstores%3Fq%3Da", ""))
	w.want("a wrong password", 403, "", "The name or the password is wrong.")(w.ask("POST", "/login", "name=kim&password=wrong"))
	w.want("too often", 429, "", "Too many attempts.")(w.ask("POST", "/login", "name=many&password=x"))
	w.want("a failure", 500, "", "The login failed: look into the log of nightfill-hq.")(w.ask("POST", "/login", "name=broken&password=x"))
	w.want("without a code", 403, "", "Code of your authenticator app <input")(w.ask("POST", "/login", "name=app&password=x"))
	w.want("a huge form", 400, "", "This is not a form")(w.ask("POST", "/login", "name="+strings.Repeat("a", maxForm)))
	w.want("right", 303, "/stores?q=a", "")(w.ask("POST", "/login", "name=kim&password=right&to=/stores?q=a"))
	w.want("in", 200, "", "GET /stores by kim viewer")(w.ask("GET", "/stores", ""))
	w.want("in the API", 200, "", "GET /api/v1/x by kim viewer")(w.ask("GET", "/api/v1/x", ""))
	if w.people.alive != 0 {
		t.Error("a person is taken for a script")
	}
	w.want("a page that follows", 200, "", "by kim viewer")(w.ask("GET", "/events", "", "Accept: text/event-stream"))
	w.want("a script of a page", 200, "", "by kim viewer")(w.ask("GET", "/stores", "", "Sec-Fetch-Dest: empty"))
	if w.people.alive != 2 {
		t.Errorf("%d requests were no sign of life, want 2", w.people.alive)
	}
	w.want("too much", 413, "", "too much")(w.ask("POST", "/attention", strings.Repeat("a", maxBody+1)))
	w.want("out", 303, "/login", "")(w.ask("POST", "/logout", ""))
	w.want("is out", 303, "/login?to=%2F", "")(w.ask("GET", "/", ""))
	if len(w.people.ended) != 1 || w.people.last.Browser != "" {
		t.Errorf("ended %v, last %+v", w.people.ended, w.people.last)
	}
	w.ask("POST", "/login", "name=kim&password=right")
	if w.people.last.Browser != "browser-of-kim" {
		t.Errorf("the browser is not known again: %+v", w.people.last)
	}
}

// TestLoggingInAgain: the session that a browser had ends when it is let in anew, by either login.
func TestLoggingInAgain(t *testing.T) {
	w := open(t, func(o *Options) { o.External = outside{} })
	w.ask("POST", "/login", "name=kim&password=right")
	w.ask("POST", "/login", "name=kim&password=wrong")
	if len(w.people.replaced) != 0 {
		t.Errorf("ended too early: %v", w.people.replaced)
	}
	w.ask("POST", "/login", "name=sam&password=right")
	w.ask("GET", "/login/external", "")
	w.want("back", 303, "/", "")(w.ask("GET", "/login/oidc/done?state=s", ""))
	if got := fmt.Sprint(w.people.replaced); got != "[token-of-kim token-of-sam]" || len(w.people.ended) != 0 {
		t.Errorf("replaced %s, ended %v", got, w.people.ended)
	}
}

func TestWhereToGoAfterTheLogin(t *testing.T) {
	for to, want := range map[string]string{"/patches": "/patches", "": "/", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/", "/logout": "/", "/\tx": "/"} {
		if got := ownPath(to); got != want {
			t.Errorf("%q goes to %q, want %q", to, got, want)
		}
	}
}

func TestPagesOfOtherSitesCannotAct(t *testing.T) {
	w := open(t, nil)
	w.ask("POST", "/login", "name=kim&password=right")
	w.want("cross-site", 403, "", "page of another site")(w.ask("POST", "/attention", "x=1", "Sec-Fetch-Site: cross-site"))
	w.want("a foreign origin", 403, "", "page of another site")(w.ask("POST", "/attention", "x=1", "Origin: https://evil.example"))
	w.want("a foreign login", 403, "", "page of another site")(w.ask("POST", "/login", "name=kim&password=right", "Sec-Fetch-Site: cross-site"))
	w.want("its own page", 200, "", "POST /attention by kim")(w.ask("POST", "/attention", "x=1", "Sec-Fetch-Site: same-origin"))
	w.want("a link of another site", 200, "", "GET / by kim")(w.ask("GET", "/", "", "Sec-Fetch-Site: cross-site"))
}

func TestTokens(t *testing.T) {
	w := open(t, nil)
	w.want("a token", 200, "", "GET /api/v1/x by script manager")(w.ask("GET", "/api/v1/x", "", "Authorization: Bearer sesame"))
	w.want("a wrong one", 401, "", "not_logged_in")(w.ask("GET", "/", "", "Authorization: Bearer no"))
	w.want("a password", 401, "", "not_logged_in")(w.ask("GET", "/", "", "Authorization: Basic eDp5"))
}

func TestLoginOff(t *testing.T) {
	w := open(t, func(o *Options) { o.Anyone = &Person{"anyone", "admin"} })
	w.want("anybody", 200, "", "GET /x by anyone admin")(w.ask("GET", "/x", ""))
	w.want("the form", 303, "/", "")(w.ask("GET", "/login", ""))
	w.want("another site", 403, "", "page of another site")(w.ask("POST", "/x", "", "Sec-Fetch-Site: cross-site"))
}

// TestForeignHosts: where nobody logs in, a web site whose name leads to this machine reads nothing.
func TestForeignHosts(t *testing.T) {
	var login *SignIn
	ask := func(path, host string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = host
		w := httptest.NewRecorder()
		login.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") })).ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	login = New(Options{Anyone: &Person{"anyone", "admin"}, Hosts: []string{"hq.example.com", "10.77.0.1"}})
	for _, host := range []string{"127.0.0.1:8444", "127.8.9.1", "localhost:8444", "LocalHost", "localhost.:1", "[::1]:8444", "[::1]", "hq.example.com", "HQ.example.com:443", "10.77.0.1:80"} {
		if code, text := ask("/", host); code != 200 || text != "in" {
			t.Errorf("%s: %d %s", host, code, text)
		}
	}
	const why = "nobody logs in here, so headquarters answers only at localhost and at the host of address in its file, not at "
	for _, host := range []string{"evil.example", "evil.example:8444", "127.0.0.1.evil.example", "localhost.evil.example", "xlocalhost", "10.77.0.2", "0.0.0.0:8444", "", ":8444", "hq.example.com.evil.example"} {
		if code, text := ask("/", host); code != http.StatusMisdirectedRequest || !strings.HasPrefix(text, why) {
			t.Errorf("%s: %d %s", host, code, text)
		}
	}
	if code, text := ask("/api/v1/stores", "evil.example:8444"); code != http.StatusMisdirectedRequest || text != `{"error":{"code":"foreign_host","message":"`+why+`\"evil.example\""}}`+"\n" {
		t.Errorf("the API: %d %s", code, text)
	}
	login = New(Options{Accounts: &people{}})
	if code, _ := ask("/", "evil.example"); code != http.StatusSeeOther {
		t.Errorf("with a login: %d", code)
	}
}

func TestClaim(t *testing.T) {
	w := open(t, nil)
	w.people.claimable = true
	w.want("the form", 200, "", "Make the first account")(w.ask("GET", "/login", ""))
	w.want("two passwords", 403, "", "The two passwords are not the same.")(w.ask("POST", "/claim", "claim=good&name=kim&password=a&again=b"))
	w.want("a wrong code", 403, "", "This is not the claim code.")(w.ask("POST", "/claim", "claim=bad&name=kim&password=a&again=a"))
	w.want("right", 200, "", "otpauth://x")(w.ask("POST", "/claim", "claim=good&name=kim&password=a&again=a"))
}

func TestExternal(t *testing.T) {
	w := open(t, nil)
	w.want("there is none", 404, "", "")(w.ask("GET", "/login/external", ""))
	w = open(t, func(o *Options) { o.External = outside{} })
	w.want("the button", 200, "", "Log in with Acme")(w.ask("GET", "/login", ""))
	w.want("not begun", 403, "", "This login was begun in another browser, or took too long: begin it again.")(w.ask("GET", "/login/oidc/done?state=s", ""))
	w.want("begun", 303, "https://login.example.com/authorize?state=s", "")(w.ask("GET", "/login/external", ""))
	w.want("another one", 403, "", "This is not the login that was begun.")(w.ask("GET", "/login/oidc/done?state=x", ""))
	w.ask("GET", "/login/external", "")
	w.want("back", 303, "/", "")(w.ask("GET", "/login/oidc/done?state=s", ""))
	w.want("in", 200, "", "GET / by lee viewer")(w.ask("GET", "/", ""))
}

// TestExternalGoesOn: who logs in at the organisation's own login gets to the page that he wanted, and never to
// a foreign one, whatever the link said or the browser kept.
func TestExternalGoesOn(t *testing.T) {
	w := open(t, func(o *Options) { o.External = outside{} })
	w.want("the button", 200, "", `href="/login/external?to=%2fstores%3fq%3da%26x%3db"`)(w.ask("GET", "/login?to=%2Fstores%3Fq%3Da%26x%3Db", ""))
	long := "/" + strings.Repeat("a", maxTo)
	for to, want := range map[string]string{
		"/stores?q=a&x=b": "/stores?q=a&x=b", "": "/", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/", "/login": "/", long: "/", long[:maxTo]: long[:maxTo],
	} {
		w.ask("GET", "/login/external?to="+url.QueryEscape(to), "")
		w.want(to, 303, want, "")(w.ask("GET", "/login/oidc/done?state=s", ""))
	}
	forged := "Cookie: " + externalCookie + "=s." + base64.RawURLEncoding.EncodeToString([]byte("https://evil.example"))
	w.want("a forged cookie", 303, "/", "")(w.ask("GET", "/login/oidc/done?state=s", "", forged))
}

func TestCookies(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := New(Options{Secure: secure})
		c := s.cookie(sessionCookie, "v", 0)
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure || c.Valid() != nil {
			t.Errorf("secure %t: %+v", secure, c)
		}
	}
}

func TestOrigin(t *testing.T) {
	tests := []struct{ remote, forwarded, want string }{
		{"192.0.2.7:4000", "", "192.0.2.7"},
		{"192.0.2.7:4000", "203.0.113.9", "192.0.2.7"}, // who is not on this machine says nothing for others
		{"127.0.0.1:4000", "", "127.0.0.1"},
		{"127.0.0.1:4000", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"[::1]:4000", "nonsense", "::1"},
	}
	for _, tt := range tests {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{}, URL: &url.URL{}}
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := Origin(r); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
