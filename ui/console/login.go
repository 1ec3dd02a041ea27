package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// The cookies. Their prefix has the browser hold them to this host, HTTPS and the path /.
const (
	sessionCookie = "__Host-nightfill"
	browserCookie = "__Host-nightfill-browser"
	browserKept   = 90 * 24 * time.Hour
	maxForm       = 16 << 10
)

// Login is an attempt to log in.
type Login struct {
	Name, Password, Code string
	Source               string // the address that it came from
	Browser              string // what Entry.Browser gave this browser; "" = nothing
}

// Entry is what a good login gives to the browser.
type Entry struct {
	Token   string // of the session
	Browser string // by which the browser is known later; "" = as it was
	Enrol   bool   // the session may do nothing but set up an authenticator app
}

// Door lets people in.
type Door interface {
	Login(ctx context.Context, l Login, now time.Time) (Entry, error)
	// Enrolling is Session, also for a token that may do nothing but set up an authenticator app. enrol says that it
	// is such a one; FinishTOTP makes it one like any other.
	Enrolling(token string, now time.Time) (who live.User, enrol, ok bool)
}

// Exit ends sessions.
type Exit interface {
	// End ends a session whose person logs out, Replace one whose browser was let in anew.
	End(token string, now time.Time)
	Replace(token string, now time.Time)
}

// Claims make the first account of a box.
type Claims interface {
	// Claimable reports whether the box waits for its first account, and Claim makes it. What it
	// returns is shown to the person once; "" = nothing.
	Claimable() bool
	Claim(ctx context.Context, code, name, password, source string, now time.Time) (show string, err error)
}

func cookie(name, value string, age time.Duration) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

// user returns who sent a request, which counts as a sign of life.
func (c *Console) user(r *http.Request) (who live.User, token string, ok bool) {
	got, err := r.Cookie(sessionCookie)
	if err != nil {
		return live.User{}, "", false
	}
	who, ok = c.Accounts.Session(got.Value, time.Now())
	return who, got.Value, ok
}

// known lets only those in who are logged in. A page sends others to the login, and back afterwards.
func (c *Console) known(next func(http.ResponseWriter, *http.Request, live.User)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, _, ok := c.user(r)
		switch {
		case ok:
			next(w, r, who)
		case strings.HasPrefix(r.URL.Path, "/console/api/"):
			c.json(w, http.StatusUnauthorized, refusalOf(order.Refuse(order.CodeSessionOver, "you are not logged in any more")))
		case c.mustEnrol(r):
			http.Redirect(w, r, "/console/account", http.StatusSeeOther)
		default:
			c.loginPage(w, http.StatusUnauthorized, loginView{To: r.URL.RequestURI()})
		}
	}
}

// enrolling is known for one's own account, where those are let in too who must set up an authenticator app before
// anything else.
func (c *Console) enrolling(next func(http.ResponseWriter, *http.Request, live.User)) http.HandlerFunc {
	known := c.known(next)
	return func(w http.ResponseWriter, r *http.Request) {
		if who, enrol, ok := c.Accounts.Enrolling(token(r), time.Now()); ok && enrol {
			next(w, r, who)
			return
		}
		known(w, r)
	}
}

// mustEnrol reports whether a request comes from somebody who must set up an authenticator app first.
func (c *Console) mustEnrol(r *http.Request) bool {
	_, enrol, ok := c.Accounts.Enrolling(token(r), time.Now())
	return ok && enrol
}

// form reads a form within its limits. False = the answer was given.
func (c *Console) form(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "This is not a form of this page. Go back and try again.", http.StatusBadRequest)
		return false
	}
	return true
}

// login lets a person in, or shows the form again with why not.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	if !c.form(w, r) {
		return
	}
	l := Login{Name: r.PostForm.Get("name"), Password: r.PostForm.Get("password"), Code: strings.TrimSpace(r.PostForm.Get("code")), Source: r.RemoteAddr}
	if got, err := r.Cookie(browserCookie); err == nil {
		l.Browser = got.Value
	}
	entry, err := c.Accounts.Login(r.Context(), l, time.Now())
	if err != nil {
		c.refused(w, loginView{Name: l.Name, To: r.PostForm.Get("to")}, err)
		return
	}
	if got, err := r.Cookie(sessionCookie); err == nil {
		c.Accounts.Replace(got.Value, time.Now()) // nobody could end it any more
	}
	http.SetCookie(w, cookie(sessionCookie, entry.Token, 0))
	if entry.Browser != "" {
		http.SetCookie(w, cookie(browserCookie, entry.Browser, browserKept))
	}
	to := ownPath(r.PostForm.Get("to"))
	if entry.Enrol {
		to = "/console/account"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// refused shows the form again.
func (c *Console) refused(w http.ResponseWriter, v loginView, err error) {
	why := order.Why(err)
	v.Error, v.Code = upperFirst(why.Say)+".", why.Code == "code_needed" || why.Code == "wrong_code"
	status := http.StatusForbidden
	switch {
	case why.Wait > 0:
		status = http.StatusTooManyRequests
	case why.Code == order.CodeInternal:
		status = http.StatusInternalServerError
		c.Log.Error("a login failed", "err", err)
	}
	c.loginPage(w, status, v)
}

// ownPath is where to go after the login: a page of the console, whatever was asked for.
func ownPath(to string) string {
	if to == "/console" || strings.HasPrefix(to, "/console/") || strings.HasPrefix(to, "/console?") {
		return to
	}
	return "/console"
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	if got, err := r.Cookie(sessionCookie); err == nil {
		c.Accounts.End(got.Value, time.Now())
	}
	http.SetCookie(w, cookie(sessionCookie, "", -time.Second))
	http.Redirect(w, r, "/console", http.StatusSeeOther)
}

// claim makes the first account.
func (c *Console) claim(w http.ResponseWriter, r *http.Request) {
	if !c.form(w, r) {
		return
	}
	get := r.PostForm.Get
	v := loginView{Name: get("name"), Claim: true}
	if get("password") != get("again") {
		v.Error = "The two passwords are not the same."
		c.loginPage(w, http.StatusForbidden, v)
		return
	}
	show, err := c.Accounts.Claim(r.Context(), get("claim"), get("name"), get("password"), r.RemoteAddr, time.Now())
	if err != nil {
		c.refused(w, v, err)
		return
	}
	c.loginPage(w, http.StatusOK, loginView{Name: get("name"), Show: show, Claimed: true})
}
