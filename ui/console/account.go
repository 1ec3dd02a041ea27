package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// Own is what a person may do with his own account, within a session.
type Own interface {
	// Person returns who it is, and whether he has an authenticator app, or is to set one up.
	Person(token string, now time.Time) (Person, error)
	// ChangePassword wants the old password, and ends every other session of the account.
	ChangePassword(ctx context.Context, token, old, password string, now time.Time) error
}

// App sets up an authenticator app for one's own account, within a session.
type App interface {
	// BeginTOTP returns what is to be entered in an authenticator app; it counts after FinishTOTP took a code of it.
	BeginTOTP(ctx context.Context, token, password string, now time.Time) (show string, err error)
	FinishTOTP(token, code string, now time.Time) error
}

// Person is somebody's own account.
type Person struct {
	App    bool // he has an authenticator app
	Wanted bool // the store asks for one, and he has none
}

// accountView is the page of one's own account. What was done is in Done; Show is entered in an authenticator app.
type accountView struct {
	Person
	Error, Done, Show string
	Enrol             bool // nothing else may be done before an authenticator app is set up
}

func (c *Console) account(w http.ResponseWriter, r *http.Request, who live.User) {
	c.accountPage(w, r, who, http.StatusOK, accountView{})
}

func (c *Console) accountPage(w http.ResponseWriter, r *http.Request, who live.User, status int, v accountView) {
	var err error
	v.Enrol = c.mustEnrol(r)
	if v.Person, err = c.Accounts.Person(token(r), time.Now()); err != nil {
		status, v.Error = http.StatusForbidden, upperFirst(order.Why(err).Say)+"."
	}
	c.page(w, status, "account", look{Title: "Your account", User: who, In: !v.Enrol, Body: v})
}

// token is that of the session of a request that known let in.
func token(r *http.Request) string {
	got, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return got.Value
}

// changeAccount changes one's own account: password, app (which begins to set up an authenticator app) or code
// (which ends that).
func (c *Console) changeAccount(w http.ResponseWriter, r *http.Request, who live.User) {
	if !c.form(w, r) {
		return
	}
	get, now, v := r.PostForm.Get, time.Now(), accountView{}
	var err error
	switch r.PathValue("what") {
	case "password":
		if get("password") != get("again") {
			err = order.Refuse(order.CodeBadRequest, "the two passwords are not the same")
			break
		}
		err = c.Accounts.ChangePassword(r.Context(), token(r), get("old"), get("password"), now)
		v.Done = "Your password is changed. Every other session of yours is over."
	case "app":
		if show, refused := c.Accounts.BeginTOTP(r.Context(), token(r), get("old"), now); refused != nil {
			err = refused
		} else {
			v.Show = show
		}
	case "code":
		err = c.Accounts.FinishTOTP(token(r), strings.TrimSpace(get("code")), now)
		v.Done = "Your authenticator app is set up. From now on each login asks for its code. Every other session of yours is over."
		if err != nil {
			v.Show = get("show") // so that another code can be tried
		}
	default:
		http.NotFound(w, r)
		return
	}
	status := http.StatusOK
	if err != nil {
		why := order.Why(err)
		status, v.Done, v.Error = http.StatusForbidden, "", upperFirst(why.Say)+"."
		switch {
		case why.Wait > 0:
			status = http.StatusTooManyRequests
		case why.Code == order.CodeInternal:
			status = http.StatusInternalServerError
			c.Log.Error("an account was not changed", "account", who.Name, "err", err)
		}
	}
	c.accountPage(w, r, who, status, v)
}
