package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/console"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// shop is a box with two devices, its journal and its accounts, all in memory.
type shop struct {
	mu      sync.Mutex
	changed chan struct{}
	records []run.Record
	first   uint64
	rev     map[string]uint64
	trading bool
	orders  []order.Order
	hang    chan struct{} // an order waits for it
	ended   map[string]bool
	opened  int
}

func newShop() *shop {
	return &shop{changed: make(chan struct{}), first: 1, rev: map[string]uint64{"srv-1": 1, "till-1": 1}, ended: map[string]bool{}}
}

func (s *shop) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// add appends events, and moves the revision of their devices.
func (s *shop) add(events ...run.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		e.At = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
		s.records = append(s.records, run.Record{Seq: uint64(len(s.records)) + 1, Event: e})
		if e.Device != "" {
			s.rev[e.Device] = uint64(len(s.records))
		}
	}
	s.notify()
}

func (s *shop) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *shop) Documents(context.Context) live.Documents {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := live.Documents{
		Store: map[string]any{"verdict": "not_ready", "text": "NOT READY: <script>alert(1)</script>"}, Ready: map[string]any{"ready": 0},
		Night: map[string]any{"night": "2026-11-21"}, Trading: s.trading,
	}
	for _, id := range []string{"srv-1", "till-1"} {
		d.Devices = append(d.Devices, live.Device{ID: id, Doc: map[string]any{
			"device": id, "state": "rolled_back", "rev": s.rev[id], "problem": id == "till-1", "class": "linux-server",
			"reason": map[string]any{"code": "verify_failed", "text": "it <broke>"},
			"jobs":   []any{map[string]any{"patch": "pos-app", "state": "rolled_back"}},
		}})
	}
	return d
}

func (s *shop) Act(ctx context.Context, o order.Order) (order.Done, error) {
	s.mu.Lock()
	hang := s.hang
	s.orders = append(s.orders, o)
	changed := o.Rev != 0 && s.rev[o.Device] > o.Rev
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return order.Done{}, ctx.Err()
		}
	}
	if changed {
		return order.Done{}, site.Because(site.CodeChanged, o.Device+" changed since you looked; nothing was done")
	}
	return order.Done{Say: o.Verb + " was done", Data: map[string]any{"verb": o.Verb}}, nil
}

func (s *shop) Ask(_ context.Context, question, device string) (any, error) {
	return map[string]string{"question": question, "device": device}, nil
}

func (s *shop) Picture(_ context.Context, night string) ([]byte, error) {
	if night != "" {
		return nil, nil
	}
	return []byte("<svg/>"), nil
}

func (s *shop) Bundle(_ context.Context, device, reason, actor string, w io.Writer) error {
	switch reason {
	case "busy":
		return &order.Refusal{Code: order.CodeTooMany, Say: "another support bundle is being made"}
	case "broken":
		return errors.New("secret words")
	case "half":
		_, _ = io.WriteString(w, "PK")
		return errors.New("the disk is gone")
	}
	_, err := fmt.Fprintf(w, "PK %s %s %s", device, reason, actor)
	return err
}

func (s *shop) Cache(context.Context) (any, error) { return map[string]int{"used": 7}, nil }

func (s *shop) First() uint64 { s.mu.Lock(); defer s.mu.Unlock(); return s.first }
func (s *shop) Last() uint64  { s.mu.Lock(); defer s.mu.Unlock(); return uint64(len(s.records)) }
func (s *shop) Stream() string {
	return "01JD3Q"
}
func (s *shop) Verify(context.Context) (any, error) { return map[string]int{"records": 3}, nil }

func (s *shop) Since(from uint64, limit int) ([]run.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from < s.first {
		return nil, fmt.Errorf("record %d is forgotten", from)
	}
	rest := s.records[min(int(from)-1, len(s.records)):]
	return rest[:min(limit, len(rest))], nil
}

// The accounts: the name is the role, the password is "right".

func (s *shop) Login(_ context.Context, l console.Login, _ time.Time) (console.Entry, error) {
	switch {
	case l.Password == "code" && l.Code == "":
		return console.Entry{}, &order.Refusal{Code: "code_needed", Say: "a code is needed"}
	case l.Password == "wait":
		return console.Entry{}, &order.Refusal{Code: "wait", Say: "too many attempts", Wait: time.Minute}
	case l.Password != "right" && l.Password != "code":
		return console.Entry{}, &order.Refusal{Code: "wrong_login", Say: "the name or the password is wrong"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	return console.Entry{Token: fmt.Sprintf("%s.%d", l.Name, s.opened), Browser: "known-" + l.Name, Enrol: l.Name == "new"}, nil
}

func (s *shop) Session(token string, now time.Time) (live.User, bool) { return s.Alive(token, now) }

func (s *shop) Alive(token string, _ time.Time) (live.User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	role, _, ok := strings.Cut(token, ".")
	return live.User{Name: role, Role: site.UserRole(role)}, ok && !s.ended[token] && site.UserRole(role).Known()
}

func (s *shop) May(token string, tier site.Tier, now time.Time) error {
	u, ok := s.Alive(token, now)
	switch {
	case !ok:
		return &order.Refusal{Code: order.CodeSessionOver, Say: "you are not logged in any more"}
	case !u.Role.May(tier):
		return &order.Refusal{Code: "not_allowed", Say: "the role " + string(u.Role) + " may not do this"}
	}
	return nil
}

func (s *shop) Confirm(_, code string, _ time.Time) error {
	if code != "123456" {
		return &order.Refusal{Code: "wrong_code", Say: "the code is wrong"}
	}
	return nil
}

// Enrolling knows a session of the account new as one that may only enrol.
func (s *shop) Enrolling(token string, now time.Time) (live.User, bool, bool) {
	name, _, _ := strings.Cut(token, ".")
	s.mu.Lock()
	enrol := name == "new" && !s.ended[token]
	s.mu.Unlock()
	if enrol {
		return live.User{Name: "new", Role: site.UserViewer}, true, true
	}
	u, ok := s.Alive(token, now)
	return u, false, ok
}

func (s *shop) Person(string, time.Time) (console.Person, error) {
	return console.Person{Wanted: true}, nil
}

func (s *shop) ChangePassword(_ context.Context, _, old, word string, _ time.Time) error {
	switch {
	case old == "wait":
		return &order.Refusal{Code: "wait", Say: "too many attempts", Wait: time.Minute}
	case old == "broken":
		return errors.New("the disk is gone")
	case old != "right" || word == "":
		return &order.Refusal{Code: "wrong_login", Say: "the old password is wrong"}
	}
	return nil
}

func (s *shop) BeginTOTP(_ context.Context, _, password string, now time.Time) (string, error) {
	return "otpauth://totp/x?secret=<AB>", s.ChangePassword(context.Background(), "", password, "x", now)
}

func (s *shop) FinishTOTP(token, code string, now time.Time) error {
	return s.Confirm(token, code, now)
}

func (s *shop) End(token string, _ time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[token] = true
}
func (s *shop) Replace(token string, now time.Time) { s.End(token, now) }
func (s *shop) Claimable() bool                     { s.mu.Lock(); defer s.mu.Unlock(); return s.opened < 0 }

func (s *shop) Claim(_ context.Context, code, name, _, _ string, _ time.Time) (string, error) {
	if code != "AAAA" {
		return "", &order.Refusal{Code: "wrong_claim", Say: "this is not the claim code"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = 0
	return "otpauth://totp/" + name, nil
}

// rig is a console that is served.
type rig struct {
	t      *testing.T
	shop   *shop
	server *httptest.Server
	client *http.Client
}

func newRig(t *testing.T, limits live.Limits) *rig {
	t.Helper()
	return newRigWith(t, limits, nil)
}

func newRigWith(t *testing.T, limits live.Limits, terminals console.Terminals) *rig {
	t.Helper()
	r := &rig{t: t, shop: newShop()}
	c := console.New(console.Options{
		Box: r.shop, Journal: r.shop, Accounts: r.shop, Store: "0142", Name: "Springfield East", Version: "nightfilld 1.0.0", Limits: limits, Terminals: terminals, Handbook: shelf{},
	})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	r.server = httptest.NewTLSServer(c.Handler())
	t.Cleanup(func() {
		stop()
		running.Wait()
		r.server.Close()
	})
	r.client = r.browser()
	return r
}

// browser is one that follows no redirect by itself.
func (r *rig) browser() *http.Client {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return &http.Client{Transport: r.server.Client().Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (r *rig) do(method, path string, form url.Values, headers ...string) *http.Response {
	r.t.Helper()
	request, err := http.NewRequest(method, r.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := r.client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// login logs in as a role.
func (r *rig) login(role site.UserRole) {
	r.t.Helper()
	if got := r.do("POST", "/console/login", url.Values{"name": {string(role)}, "password": {"right"}}); got.StatusCode != http.StatusSeeOther {
		r.t.Fatalf("login: %s", got.Status)
	}
}

func (r *rig) cookies() string {
	at, _ := url.Parse(r.server.URL)
	var all []string
	for _, c := range r.client.Jar.Cookies(at) {
		all = append(all, c.String())
	}
	return strings.Join(all, "; ")
}

// frame is what comes over a websocket.
type frame struct {
	T, Ch, ID, Code, Say, Dev, Verb, Who string
	Seq, From, To                        uint64
	D                                    json.RawMessage
	Verbs                                []order.Verb
	Store, Zone, Stream                  string
}

// line is a websocket with its reader.
type line struct {
	t *testing.T
	*websocket.Conn
}

// open opens a websocket; the hello is read.
func (r *rig) open() *line {
	r.t.Helper()
	l, response, err := r.dial(r.server.URL)
	if err != nil {
		r.t.Fatalf("%v: %v", err, response)
	}
	if hello := l.next(); hello.T != "hello" || hello.Store != "0142" || len(hello.Verbs) != len(order.Verbs()) {
		r.t.Fatalf("got %+v", hello)
	}
	return l
}

func (r *rig) dial(origin string) (*line, *http.Response, error) {
	r.t.Helper()
	d := websocket.Dialer{TLSClientConfig: r.server.Client().Transport.(*http.Transport).TLSClientConfig, Subprotocols: []string{live.Subprotocol}}
	headers := http.Header{"Cookie": {r.cookies()}}
	if origin != "" {
		headers.Set("Origin", origin)
	}
	conn, response, err := d.Dial("wss"+strings.TrimPrefix(r.server.URL, "https")+"/console/ws", headers)
	if err == nil {
		r.t.Cleanup(func() { _ = conn.Close() })
	}
	return &line{r.t, conn}, response, err
}

func (l *line) say(f map[string]any) {
	l.t.Helper()
	if err := l.WriteJSON(f); err != nil {
		l.t.Fatal(err)
	}
}

// next is the next frame that is no ping; T is "" when there is none any more.
func (l *line) next() frame {
	l.t.Helper()
	for {
		var f frame
		_ = l.SetReadDeadline(time.Now().Add(20 * time.Second))
		if err := l.ReadJSON(&f); err != nil {
			return frame{Say: err.Error()}
		}
		if f.T != "ping" {
			return f
		}
	}
}

// until reads up to a kind of frame.
func (l *line) until(t string) frame {
	l.t.Helper()
	for {
		f := l.next()
		if f.T == t {
			return f
		}
		if f.T == "" {
			l.t.Fatalf("the socket ended before %s: %s", t, f.Say)
		}
	}
}
