package signin

import (
	"bytes"
	"context"
	_ "embed" // the pages
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

//go:embed signin.html
var pagesText string

//go:embed signin.css
var styleText []byte

var pages = template.Must(template.New("signin").Parse(pagesText))

// The cookies. On HTTPS their prefix has the browser hold them to this host and the path /.
const (
	sessionCookie  = "nightfill-hq"
	browserCookie  = "nightfill-hq-browser"
	externalCookie = "nightfill-hq-external"
	browserKept    = 90 * 24 * time.Hour
	externalKept   = 10 * time.Minute
)

// form is what the page of the login shows.
type form struct {
	Error    string
	Name, To string
	Code     bool // a code is needed
	Claim    bool // nobody has an account yet
	Claimed  bool // now somebody has
	Show     string
	External string
}

func withPerson(ctx context.Context, p Person) context.Context {
	return context.WithValue(ctx, personKey{}, p)
}

func (s *SignIn) cookieName(name string) string {
	if s.Secure {
		return "__Host-" + name
	}
	return name
}

// cookie is read by this program alone. Lax, so that a link in a mail finds its reader logged in.
func (s *SignIn) cookie(name, value string, age time.Duration) *http.Cookie {
	return &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(age / time.Second), Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(styleText)
}

// page shows the form.
func (s *SignIn) page(w http.ResponseWriter, status int, f form) {
	if s.External != nil {
		f.External = s.External.Name()
	}
	var b bytes.Buffer
	if err := pages.Execute(&b, f); err != nil {
		s.Log.Error("cannot make the page of the login", "err", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (s *SignIn) loginForm(w http.ResponseWriter, r *http.Request) {
	if s.Anyone != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.page(w, http.StatusOK, form{To: r.URL.Query().Get("to"), Claim: s.Accounts.Claimable()})
}

// read reads a form within its limits. False = the answer was given.
func read(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "This is not a form of this page. Go back and try again.", http.StatusBadRequest)
		return false
	}
	return true
}

// login lets a person in, or shows the form again with why not.
func (s *SignIn) login(w http.ResponseWriter, r *http.Request) {
	if !read(w, r) {
		return
	}
	get := r.PostForm.Get
	l := Login{Name: get("name"), Password: get("password"), Code: strings.TrimSpace(get("code")), Source: Origin(r)}
	if got, err := r.Cookie(s.cookieName(browserCookie)); err == nil {
		l.Browser = got.Value
	}
	entry, err := s.Accounts.Login(r.Context(), l, time.Now())
	if err != nil {
		s.refused(w, form{Name: l.Name, To: get("to")}, err)
		return
	}
	s.enter(w, r, entry, get("to"))
}

// enter gives the browser what it was let in with. The session that it had is over: nobody could end it any more.
func (s *SignIn) enter(w http.ResponseWriter, r *http.Request, entry Entry, to string) {
	if got, err := r.Cookie(s.cookieName(sessionCookie)); err == nil {
		s.Accounts.Replace(got.Value, time.Now())
	}
	http.SetCookie(w, s.cookie(sessionCookie, entry.Token, 0))
	if entry.Browser != "" {
		http.SetCookie(w, s.cookie(browserCookie, entry.Browser, browserKept))
	}
	http.Redirect(w, r, ownPath(to), http.StatusSeeOther)
}

// refused shows the form again.
func (s *SignIn) refused(w http.ResponseWriter, f form, err error) {
	var why *Refusal
	status := http.StatusForbidden
	switch {
	case !errors.As(err, &why):
		why = &Refusal{Say: "the login failed: look into the log of nightfill-hq"}
		status = http.StatusInternalServerError
		s.Log.Error("a login failed", "err", err)
	case why.Wait > 0:
		status = http.StatusTooManyRequests
	}
	f.Error, f.Code = upperFirst(why.Say)+".", why.Code == "code_needed" || why.Code == "wrong_code"
	s.page(w, status, f)
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// ownPath is where to go after the login: a page of headquarters, whatever was asked for.
func ownPath(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(to, "/log") {
		return "/"
	}
	return to
}

func (s *SignIn) logout(w http.ResponseWriter, r *http.Request) {
	if got, err := r.Cookie(s.cookieName(sessionCookie)); err == nil {
		s.Accounts.End(got.Value, time.Now())
	}
	http.SetCookie(w, s.cookie(sessionCookie, "", -time.Second))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// claim makes the first account.
func (s *SignIn) claim(w http.ResponseWriter, r *http.Request) {
	if !read(w, r) {
		return
	}
	get := r.PostForm.Get
	f := form{Name: get("name"), Claim: true}
	if get("password") != get("again") {
		f.Error = "The two passwords are not the same."
		s.page(w, http.StatusForbidden, f)
		return
	}
	show, err := s.Accounts.Claim(r.Context(), get("claim"), get("name"), get("password"), Origin(r), time.Now())
	if err != nil {
		s.refused(w, f, err)
		return
	}
	s.page(w, http.StatusOK, form{Name: get("name"), Show: show, Claimed: true})
}

// begin sends the browser to the login of the organisation.
func (s *SignIn) begin(w http.ResponseWriter, r *http.Request) {
	if s.External == nil {
		http.NotFound(w, r)
		return
	}
	to := r.URL.Query().Get("to")
	if to = ownPath(to); len(to) > maxTo {
		to = "/"
	}
	address, kept, err := s.External.Begin(r.Context(), to)
	if err != nil {
		s.refused(w, form{To: to}, err)
		return
	}
	http.SetCookie(w, s.cookie(externalCookie, kept, externalKept))
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// maxTo is how long an address may be that a browser keeps while it is away: with what it keeps besides, a cookie
// holds four times as much.
const maxTo = 1024

// finish lets in who came back from there. The browser goes where it was going: that stayed with it, in the cookie of
// this login, and the provider was not told.
func (s *SignIn) finish(w http.ResponseWriter, r *http.Request) {
	if s.External == nil {
		http.NotFound(w, r)
		return
	}
	kept, err := r.Cookie(s.cookieName(externalCookie))
	if err != nil {
		s.refused(w, form{}, &Refusal{Code: "external", Say: "this login was begun in another browser, or took too long: begin it again"})
		return
	}
	http.SetCookie(w, s.cookie(externalCookie, "", -time.Second))
	entry, err := s.External.Finish(r.Context(), kept.Value, r, Origin(r), time.Now())
	if err != nil {
		s.refused(w, form{}, err)
		return
	}
	s.enter(w, r, entry, entry.To)
}
