package hq

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/hq/oidc"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/ui/signin"
)

// anyone is who asks where the login is off.
const anyone = "anyone"

// openAccounts opens the local accounts. When their file cannot be used, nobody can log in with them.
func (h *HQ) openAccounts() error {
	var err error
	h.users, err = accounts.Open(accounts.Options{
		Dir: h.Config.State, Policy: accounts.Policy(h.Config.Login.TOTP), Place: accounts.Headquarters(), Idle: h.Config.Login.Idle,
		Issuer: "Nightfill " + h.Config.Org, Audit: audit{h}, Log: h.Log,
	}, h.started)
	if err != nil {
		return err
	}
	if err := h.users.Err(); err != nil {
		h.Log.Error("nobody can log in with an account", "err", err)
	}
	return nil
}

// showClaim prints the code with which the first admin is made, while there is no account.
func (h *HQ) showClaim() error {
	if h.Config.Login.Off {
		h.Log.Warn("nobody has to log in: everybody on this machine is an admin", "listen", h.Config.Listen)
		return nil
	}
	code, ok, err := h.users.ClaimCode()
	if err != nil || !ok {
		return err
	}
	h.Log.Warn("there is no account: make the first one on the page of the login with this code, which is good until it is used or nightfill-hq ends", "claim_code", code)
	if h.Screen != nil {
		_, _ = fmt.Fprintf(h.Screen, "Nobody can log in yet. Claim code: %s\n", code)
	}
	return nil
}

// audit writes down what happens to accounts.
type audit struct{ h *HQ }

// Tell implements accounts.Audit.
func (a audit) Tell(n accounts.Note) {
	d := board.Deed{At: n.At, Actor: n.Actor, Origin: "program", Verb: "account.change", Subject: n.Actor, Outcome: "ok", Text: n.Text}
	if d.Actor == "" {
		d.Actor = "unknown"
	}
	if n.Logout {
		d.Verb = "logout"
	}
	if n.Login {
		d.Verb = "login"
		a.h.counters.login(n.OK)
		if !n.OK {
			d.Outcome = "refused"
		}
	}
	a.h.record(context.Background(), d)
}

// people are the accounts as the login needs them.
type people struct{ *accounts.Accounts }

// Login implements signin.Accounts.
func (p people) Login(ctx context.Context, l signin.Login, now time.Time) (signin.Entry, error) {
	e, err := p.Authenticate(ctx, accounts.Login{Name: l.Name, Password: l.Password, Code: l.Code, Source: l.Source, Browser: l.Browser}, now)
	return signin.Entry{Token: e.Token, Browser: e.Browser}, refusal(err)
}

// Session implements signin.Accounts.
func (p people) Session(token string, now time.Time) (signin.Person, bool) {
	s, ok := p.Accounts.Session(token, now)
	return signin.Person{Name: s.Account, Role: string(s.Role)}, ok
}

// Alive implements signin.Accounts.
func (p people) Alive(token string, now time.Time) (signin.Person, bool) {
	s, ok := p.Peek(token, now)
	return signin.Person{Name: s.Account, Role: string(s.Role)}, ok
}

// Claim implements signin.Accounts.
func (p people) Claim(ctx context.Context, code, name, password, source string, now time.Time) (string, error) {
	made, err := p.Accounts.Claim(ctx, code, name, password, source, now)
	return made.URI, refusal(err)
}

// admit lets in whom the organisation's own login vouches for.
func (p people) admit(name string, role site.UserRole, source string, now time.Time) (signin.Entry, error) {
	e, err := p.Admit(name, role, source, now)
	return signin.Entry{Token: e.Token}, refusal(err)
}

// refusal puts why somebody is refused into the words of the login.
func refusal(err error) error {
	var r *accounts.Refusal
	if errors.As(err, &r) {
		return &signin.Refusal{Code: r.Code, Say: r.Error(), Wait: r.Wait}
	}
	return err
}

// newSignIn makes what stands before the pages.
func (h *HQ) newSignIn() *signin.SignIn {
	o := signin.Options{Accounts: people{h.users}, Token: h.tokens.Who, Secure: !h.Config.TLS.Off || strings.HasPrefix(h.Config.Address, "https://"), Log: h.Log}
	if h.Config.Login.Off {
		o.Anyone, o.Hosts = &signin.Person{Name: anyone, Role: string(site.UserAdmin)}, h.hosts()
	}
	if c := h.Config.OIDC; c != nil {
		o.External = oidc.New(oidc.Options{
			Label: c.Name, Issuer: c.Issuer, ClientID: c.ClientID, Secret: secret(c.SecretFile), Redirect: h.Config.Address + "/login/oidc/done",
			Claim: c.Claim, Scopes: c.Scopes, Roles: c.Roles, Admit: people{h.users}.admit, Refused: h.users.Declined,
		})
	}
	return signin.New(o)
}

// hosts are those by which the file says that browsers call headquarters.
func (h *HQ) hosts() []string {
	u, err := url.Parse(h.Config.Address)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return []string{u.Hostname()}
}

// secret reads the first line of a file that was looked at before; "" for no file.
func secret(path string) string {
	if path == "" {
		return ""
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}

// actor is who a request comes from, as the pages ask.
func actor(r *http.Request) (name, role string) {
	p, _ := signin.Who(r)
	return p.Name, p.Role
}
