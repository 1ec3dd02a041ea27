// Package uplink carries the journal and the state of the store to headquarters
// over MQTT 3.1.1, in the shape of contract.md.
//
// The journal is the outbox: the uplink keeps cursors in it and no copy. An event
// is sent in order, as often as needed and always under the same stream and number.
// The acknowledgement of a broker moves only what is sent next; what the journal may
// forget is moved by headquarters alone, when it says that it stored the event.
//
// What comes down is never obeyed. A hint makes the store look or repeat, a "seen"
// moves a cursor, everything else is ignored: this package refuses to be a way to
// act on a store.
//
// After a crash: whatever was on the way is sent again from the last durable cursor,
// and every snapshot is posted anew.
package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"
)

// The names of the cursors in the journal.
const (
	cursorHQ     = "hq"
	cursorBroker = "broker"
)

// Status is how the uplink stands, for the pages and the metrics.
type Status struct {
	Connected bool      // a broker answers and knows the state of the store
	Since     time.Time // of Connected; when Run began, before the first connection
	Sent      uint64    // a broker acknowledged every event up to here
	Stored    uint64    // headquarters stored every event up to here
}

// Uplink is the store's side of the MQTT connection.
type Uplink struct {
	opt    Options
	root   string // topic prefix of the store, with a slash at its end
	org    string // topic prefix of headquarters, with a slash at its end
	stream string
	log    *slog.Logger

	// The rest belongs to the goroutine of Run.
	box   outbox
	board *board
	seen  seen
	birth uint64            // number of the newest connection, 0 before the first
	saved map[string]uint64 // what the journal holds under the cursors' names

	mu      sync.Mutex
	status  Status
	changed chan struct{} // closed when Connected becomes another
}

// New checks the options and returns an Uplink that does nothing until Run. The
// error names everything that is wrong with the options.
func New(opt Options) (*Uplink, error) {
	opt, err := opt.checked()
	if err != nil {
		return nil, err
	}
	org := "nightfill/v1/" + opt.Org + "/"
	return &Uplink{
		opt:   opt,
		root:  org + "s/" + opt.Store + "/",
		org:   org + "hq/",
		log:   opt.Log.With("site", opt.Store),
		board: newBoard(),
		saved: map[string]uint64{},

		changed: make(chan struct{}),
	}, nil
}

// Run keeps the store connected until ctx ends; no fault of the network, the broker
// or the journal ends it before. It then says goodbye if it can, within StopWait,
// and returns nil. The journal must stay open until Run has returned.
func (u *Uplink) Run(ctx context.Context) error {
	u.setConnected(false)
	u.load(ctx)
	var retry backoff
	short := 0
	for first := true; ctx.Err() == nil; first = false {
		began := time.Now()
		lasted, err := u.once(ctx, first)
		u.box.lost(u.seen.stored)
		u.save()
		if ctx.Err() != nil {
			break
		}
		if lasted > 0 && lasted < steady {
			short++
		} else {
			short = 0
		}
		wait := retry.after(lasted)
		u.log.Warn("no link to the broker", "error", err, "broker", u.opt.Broker.String(), "after", time.Since(began).Round(time.Millisecond), "retry_in", wait.Round(time.Millisecond))
		if short == 5 {
			u.log.Error("the broker keeps ending the connection: another box may use the same client id", "client_id", u.opt.ClientID)
		}
		sleep(ctx, wait)
	}
	return nil
}

// Status returns how the uplink stands now. It may be called by any goroutine.
func (u *Uplink) Status() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.status
}

// Changed returns a channel that closes when Status next has another Connected. Ask for it before Status, so that
// nothing slips by. It may be called by any goroutine.
func (u *Uplink) Changed() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.changed
}

// once makes one connection and serves it to its end. It returns how long the
// connection lasted, 0 if there was none.
func (u *Uplink) once(ctx context.Context, first bool) (time.Duration, error) {
	conn, err := u.opt.Broker.Connect(ctx)
	if err != nil {
		return 0, err
	}
	u.nextBirth()
	l, err := u.connect(ctx, conn, u.birth)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	s := newSession(u, l, first)
	err = s.run(ctx)
	u.setConnected(false)
	if ctx.Err() == nil {
		l.kill()
		return max(time.Since(began), 1), err
	}
	s.goodbye(context.WithoutCancel(ctx))
	return max(time.Since(began), 1), nil
}

// load reads the cursors. It does not give up: without them everything would be
// sent again from the beginning.
func (u *Uplink) load(ctx context.Context) {
	for ctx.Err() == nil {
		err := u.loadCursors()
		if err == nil {
			break
		}
		u.log.Error("cannot read how far events were sent", "error", err)
		sleep(ctx, journalRetry)
	}
	last := u.opt.Journal.Durable()
	u.stream = u.opt.Journal.Stream()
	u.seen = seen{known: u.saved[cursorHQ] > 0, stored: min(u.saved[cursorHQ], last)}
	from := u.saved[cursorBroker]
	if u.seen.known {
		from = u.saved[cursorHQ]
	}
	u.box.skip(min(from, last))
	u.publishStatus()
}

// loadCursors reads how far headquarters and the broker were. It makes the cursor
// of headquarters if it is new: from then on the journal keeps everything for it.
func (u *Uplink) loadCursors() error {
	for _, name := range []string{cursorHQ, cursorBroker} {
		n, err := u.opt.Journal.Cursor(name)
		if err != nil {
			return err
		}
		u.saved[name] = n
	}
	if u.saved[cursorHQ] == 0 {
		return u.opt.Journal.SetCursor(cursorHQ, 0)
	}
	return nil
}

// save hands the cursors that moved to the journal. A restart begins after what
// headquarters stored or, where it never answered, after what a broker took.
func (u *Uplink) save() {
	u.keep(cursorBroker, u.box.acked)
	if u.seen.known {
		u.keep(cursorHQ, u.seen.stored)
	}
	u.publishStatus()
}

// unsaved reports whether save has something to write.
func (u *Uplink) unsaved() bool {
	return u.saved[cursorBroker] != u.box.acked || u.seen.known && u.saved[cursorHQ] != u.seen.stored
}

// keep writes one cursor if it changed. A failure costs a repetition after the next
// start and is tried again with the next change.
func (u *Uplink) keep(name string, n uint64) {
	if u.saved[name] == n {
		return
	}
	if err := u.opt.Journal.SetCursor(name, n); err != nil {
		u.log.Error("cannot keep how far events were sent", "cursor", name, "error", err)
		return
	}
	u.saved[name] = n
}

// setConnected notes whether a broker answers.
func (u *Uplink) setConnected(is bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	changed := u.status.Connected != is
	if changed || u.status.Since.IsZero() {
		u.status.Connected, u.status.Since = is, time.Now()
	}
	if changed {
		close(u.changed)
		u.changed = make(chan struct{})
	}
}

// publishStatus copies the cursors to where other goroutines may read them.
func (u *Uplink) publishStatus() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.status.Sent, u.status.Stored = u.box.acked, u.seen.stored
}

// stateJSON is the payload of the state topic. The last will has no time, because
// it is fixed when the connection is made.
func (u *Uplink) stateJSON(state string, bd uint64, now time.Time) []byte {
	online := 0
	if state == "online" {
		online = 1
	}
	out, err := json.Marshal(struct {
		State  string    `json:"state"`
		Online int       `json:"online"`
		BD     uint64    `json:"bd"`
		TS     time.Time `json:"ts,omitzero"`
		V      string    `json:"v,omitempty"`
	}{state, online, bd, now.UTC().Truncate(time.Second), u.opt.Version})
	if err != nil {
		panic("internal error: a state cannot be written as JSON: " + err.Error())
	}
	return out
}

// nextBirth counts a connection, before the broker hears of it: the last will of an
// earlier connection must never pass for one of this.
func (u *Uplink) nextBirth() {
	if u.opt.Births == "" {
		u.birth = max(u.birth+1, uint64(max(time.Now().Unix(), 0)))
		return
	}
	if u.birth == 0 {
		u.birth = u.readBirths()
	}
	u.birth++
	if err := renameio.WriteFile(u.opt.Births, strconv.AppendUint(nil, u.birth, 10), 0o600); err != nil {
		u.log.Error("cannot keep the number of connections", "file", u.opt.Births, "error", err)
	}
}

// readBirths returns the number kept in the file. A file that cannot be read gives
// the time of day, which is more than any store connects.
func (u *Uplink) readBirths() uint64 {
	text, err := os.ReadFile(u.opt.Births)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	n, err2 := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 63)
	if err := errors.Join(err, err2); err != nil {
		u.log.Error("cannot read the number of connections: it is set to the time of day", "file", u.opt.Births, "error", err)
		return uint64(max(time.Now().Unix(), 0))
	}
	return n
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
