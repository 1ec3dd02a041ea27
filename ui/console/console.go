package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Box is the store's appliance as the console needs it. Any number of goroutines may use it.
type Box interface {
	// Changed is closed when the box next learns something. Ask for it before Documents.
	Changed() <-chan struct{}
	// Documents is everything that is shown, as of now.
	Documents(ctx context.Context) Documents
	// Act carries out an order that the console has let pass, and says what was done.
	Act(ctx context.Context, o Order) (Done, error)
	// Ask answers a question about a device; nothing is changed.
	Ask(ctx context.Context, question, device string) (any, error)
	// Picture draws a night as SVG; "" is the newest. Nil = there is no such night.
	Picture(ctx context.Context, night string) ([]byte, error)
	// Cache is what the box has of its catalog and of the artifacts that it needs.
	Cache(ctx context.Context) (any, error)
	// Bundle writes a support bundle as a zip, of a device or, when device is "", of the whole store, and writes
	// down who took it. When it fails before it wrote anything, nothing was done.
	Bundle(ctx context.Context, device, reason, actor string, w io.Writer) error
}

// The questions of Ask.
const (
	AskWhy     = "why"      // what became of every patch, and what comes next
	AskHostKey = "host-key" // which key the device offers now
)

// Documents is what the box shows. Each document is a value that encodes as a JSON object.
type Documents struct {
	Store   any
	Ready   any
	Night   any // nil = there never was one
	Devices []Device
	Trading bool // the store may be serving customers
}

// Device is the document of one device, with its id. Documents has them in the order of the store file.
type Device struct {
	ID  string
	Doc any
}

// Order is what a person asks for.
type Order struct {
	Verb   string
	Device string // site.AllDevices = the whole store; "" where the verb is not of a device
	Patch  string
	Until  string // as nightfill hold reads it
	Key    string
	Check  string // of diagnose: carry out this one alone; "" = look at the device
	Reason string
	Actor  string
	// Rev is the revision of the device that the person looked at; 0 = whatever it is.
	Rev uint64
}

// Done is what was done.
type Done struct {
	Say  string // one sentence: what is so now
	Data any    // what was found; nil = nothing
}

// Journal is the journal of the box. Only records that can never be lost are visible.
type Journal interface {
	First() uint64
	Last() uint64
	Since(from uint64, limit int) ([]run.Record, error)
	Stream() string
	// Verify checks every record and says what it found.
	Verify(ctx context.Context) (any, error)
}

// User is a person who is logged in.
type User struct {
	Name string        `json:"name"`
	Role site.UserRole `json:"role"`
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
	Browser string // by which the browser is known later; "" = as it was
	Enrol   bool   // the session may do nothing but set up an authenticator app
}

// Accounts are the local accounts of the box.
type Accounts interface {
	Login(ctx context.Context, l Login, now time.Time) (Entry, error)
	// Session returns who a token stands for, and counts as a sign of life.
	Session(token string, now time.Time) (User, bool)
	// Alive is Session without the sign of life.
	Alive(token string, now time.Time) (User, bool)
	// May says why the person of a token may not do what is of a tier now.
	May(token string, t site.Tier, now time.Time) error
	// Confirm takes a code of an authenticator app within a session.
	Confirm(token, code string, now time.Time) error
	// End ends a session whose person logs out, Replace one whose browser was let in anew.
	End(token string, now time.Time)
	Replace(token string, now time.Time)
	Own
	// Claimable reports whether the box waits for its first account, and Claim makes it. What it
	// returns is shown to the person once; "" = nothing.
	Claimable() bool
	Claim(ctx context.Context, code, name, password, source string, now time.Time) (show string, err error)
}

// Own is what a person may do with his own account, within a session.
type Own interface {
	// Enrolling is Session, also for a token that may do nothing but set up an authenticator app. enrol says that it
	// is such a one; FinishTOTP makes it one like any other.
	Enrolling(token string, now time.Time) (who User, enrol, ok bool)
	// Person returns who it is, and whether he has an authenticator app, or is to set one up.
	Person(token string, now time.Time) (Person, error)
	// ChangePassword wants the old password, and ends every other session of the account.
	ChangePassword(ctx context.Context, token, old, password string, now time.Time) error
	// BeginTOTP returns what is to be entered in an authenticator app; it counts after FinishTOTP took a code of it.
	BeginTOTP(ctx context.Context, token, password string, now time.Time) (show string, err error)
	FinishTOTP(token, code string, now time.Time) error
}

// Person is somebody's own account.
type Person struct {
	App    bool // he has an authenticator app
	Wanted bool // the store asks for one, and he has none
}

// Refusal is why something was not done, as it reaches the person. Boxes and Accounts return it, or
// a *site.Reason; any other error is shown as a failure of the box.
type Refusal struct {
	Code string
	Say  string
	Wait time.Duration // until it may be tried again; 0 = any time
}

// Error returns what is said.
func (r *Refusal) Error() string { return r.Say }

// The codes of the console's own refusals.
const (
	CodeBadRequest  = "bad_request"
	CodeNoVerb      = "no_such_verb"
	CodeNoDevice    = "no_such_device"
	CodeNoReason    = "reason_missing"
	CodeNumber      = "number_missing"
	CodeSessionOver = "session_over"
	CodeTooMany     = "too_many"
	CodeInternal    = "internal"
)

func refuse(code, say string) *Refusal { return &Refusal{Code: code, Say: say} }

// asRefusal finds what a person is told of an error.
func asRefusal(err error) *Refusal {
	var (
		refusal *Refusal
		reason  *site.Reason
	)
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &reason):
		return refuse(string(reason.Code), reason.Text)
	case errors.Is(err, context.DeadlineExceeded):
		return refuse("timeout", "it took too long; what was begun may go on: look at the history")
	}
	return refuse(CodeInternal, err.Error())
}

// Handbook are pages that tell people how to work with the box. They are part of the program.
type Handbook interface {
	// HTML renders a page: its title, and what is below that. base is what the addresses of pages begin
	// with. The topic "" is the list of all pages; ok is false when there is no such page.
	HTML(topic, base string) (title, body string, ok bool)
}

// Options are what a Console is made from.
type Options struct {
	Box      Box
	Journal  Journal
	Accounts Accounts
	Handbook Handbook
	// Terminals is nil on a box that opens none.
	Terminals Terminals
	Store     string         // the number of the store, which is typed for severe actions
	Name      string         // of the store
	Zone      *time.Location // of the store; nil = UTC
	Version   string         // of the program
	Log       *slog.Logger   // nil = none
	Limits    Limits         // zero = Usual
}

// Console serves the pages and the websocket.
type Console struct {
	Options
	board *board
	tail  tail
	gate  *gate
	acts  *acts
	ctx   context.Context // of everything that a socket does
	stop  context.CancelFunc
}

// New makes a console. It starts nothing: see Run.
func New(o Options) *Console {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limits == (Limits{}) {
		o.Limits = Usual()
	}
	c := &Console{Options: o, gate: newGate(o.Limits), acts: newActs()}
	c.board = newBoard(o.Box, o.Journal.Last)
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Run keeps the documents fresh until ctx ends, and then ends every socket and waits for it.
func (c *Console) Run(ctx context.Context) error {
	c.board.run(ctx)
	c.gate.shut()
	c.stop()
	c.gate.inside.Wait()
	return nil
}

// encode writes a value as JSON. A value that cannot be encoded is a mistake of the program.
func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("internal error: cannot encode a document of the console: " + err.Error())
	}
	return data
}

// Handler serves /console and what is below it. Everything else is not found.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/console", http.StatusSeeOther) })
	mux.HandleFunc("GET /console", c.app)
	mux.HandleFunc("POST /console/login", c.login)
	mux.HandleFunc("POST /console/logout", c.logout)
	mux.HandleFunc("POST /console/claim", c.claim)
	mux.HandleFunc("GET /console/device/{id}", c.known(c.devicePage))
	mux.HandleFunc("GET /console/journal", c.known(c.journalPage))
	mux.HandleFunc("GET /console/handbook", c.known(c.handbook))
	mux.HandleFunc("GET /console/handbook/{topic}", c.known(c.handbook))
	mux.HandleFunc("GET /console/night.svg", c.known(c.picture))
	mux.HandleFunc("GET /console/api/{question}", c.known(c.question))
	mux.HandleFunc("GET /console/api/journal", c.known(c.records))
	mux.HandleFunc("GET /console/api/cache", c.known(c.cache))
	mux.HandleFunc("GET /console/api/verify", c.known(c.verify))
	mux.HandleFunc("GET /console/account", c.enrolling(c.account))
	mux.HandleFunc("POST /console/account/{what}", c.enrolling(c.changeAccount))
	mux.HandleFunc("POST /console/bundle", c.known(c.bundle))
	mux.HandleFunc("GET /console/ws", c.socket)
	if c.Terminals != nil {
		mux.HandleFunc("GET /console/api/recordings", c.known(c.recordings))
		mux.HandleFunc("GET /console/recording/{name}", c.known(c.recording))
		mux.HandleFunc("GET /console/play/{id}", c.known(c.play))
	}
	c.assets(mux)
	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "This form was sent by another site. Nothing was done.", http.StatusForbidden)
	}))
	return guarded(foreign.Handler(mux))
}
