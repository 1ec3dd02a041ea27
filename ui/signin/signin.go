package signin

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Person is who a request comes from.
type Person struct {
	Name string `json:"name"`
	Role string `json:"role"`
}

// Login is an attempt to log in.
type Login struct {
	Name, Password, Code string
	Source               string // the address that it came from
	Browser              string // what Entry.Browser gave this browser; "" = nothing
}

// Entry is what a good login gives to the browser.
type Entry struct {
	Token   string // of the session
	Browser string // by which the browser is known; "" = as it was
	// To is where the browser was going before an External login, as Begin was told it; "" = nowhere. A browser kept it.
	To string
}

// Accounts know who may log in, and who has. Errors that are a *Refusal are shown.
type Accounts interface {
	Login(ctx context.Context, l Login, now time.Time) (Entry, error)
	// Session returns who a token stands for, and counts as a sign of life.
	Session(token string, now time.Time) (Person, bool)
	// Alive is Session without the sign of life.
	Alive(token string, now time.Time) (Person, bool)
	// End ends a session whose person logs out, Replace one whose browser was let in anew.
	End(token string, now time.Time)
	Replace(token string, now time.Time)
	// Claimable reports whether nobody has an account yet.
	Claimable() bool
	// Claim makes the first account. show is what goes into an authenticator app, this once.
	Claim(ctx context.Context, code, name, password, source string, now time.Time) (show string, err error)
}

// External is the login of the organisation.
type External interface {
	// Name is what the button says.
	Name() string
	// Begin returns where to send the browser, and what it keeps until it comes back: what proves that it is the
	// same login, and with it to, the page of headquarters that it was going to.
	Begin(ctx context.Context, to string) (address, kept string, err error)
	// Finish lets the person in with whom the browser came back.
	Finish(ctx context.Context, kept string, r *http.Request, source string, now time.Time) (Entry, error)
}

// Refusal is why somebody is not let in.
type Refusal struct {
	Code string
	Say  string
	Wait time.Duration // until an attempt is looked at again
}

// Error returns what is said.
func (r *Refusal) Error() string { return r.Say }

// Options are what a SignIn is made from.
type Options struct {
	Accounts Accounts
	External External // nil = there is none
	// Token returns who the secret of a token stands for.
	Token  func(ctx context.Context, secret string) (Person, bool)
	Anyone *Person // not nil: nobody logs in, and everybody is this one
	// Hosts are the names, besides those of this machine itself, by which browsers may call where nobody logs in:
	// a web site whose name leads here is refused, and with it whoever it shows in a browser of this machine.
	Hosts  []string
	Secure bool // browsers speak HTTPS, to this program or to what stands before it
	Log    *slog.Logger
}

// SignIn lets people and scripts in.
type SignIn struct {
	Options
	protect *http.CrossOriginProtection
}

// New makes a SignIn. It starts nothing.
func New(o Options) *SignIn {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &SignIn{Options: o, protect: http.NewCrossOriginProtection()}
	s.protect.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, http.StatusForbidden, "cross_origin", "this request was made by a page of another site")
	}))
	return s
}

// Handler is what all requests go through. next is asked only for those who are let in.
func (s *SignIn) Handler(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", s.loginForm)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("GET /login/external", s.begin)
	mux.HandleFunc("GET /login/oidc/done", s.finish)
	mux.HandleFunc("GET /login/signin.css", style)
	mux.HandleFunc("POST /claim", s.claim)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.Handle("/", s.known(next))
	return headers(s.called(s.protect.Handler(mux)))
}

type personKey struct{}

// Who returns who a request comes from. ok is false outside of Handler.
func Who(r *http.Request) (p Person, ok bool) {
	p, ok = r.Context().Value(personKey{}).(Person)
	return p, ok
}
