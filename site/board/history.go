package board

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

// Event is one event of a store as headquarters stored it. Store, Stream and Seq name it for ever.
type Event struct {
	Store    string          `json:"store"`
	Stream   string          `json:"stream"`
	No       int64           `json:"stream_no"` // position of the stream among those of the store, from 1
	Seq      uint64          `json:"seq"`
	Received time.Time       `json:"received"`
	Prev     string          `json:"prev,omitempty"` // hash of the record before it in the store's journal
	Hash     string          `json:"hash,omitempty"` // of its own record; "" where the store's program is too old to tell
	Data     json.RawMessage `json:"data"`           // the event as the store wrote it
}

// Event returns the event that the data holds; its zero value where the data cannot be read.
func (e Event) Event() run.Event {
	var v run.Event
	if json.Unmarshal(e.Data, &v) != nil {
		return run.Event{}
	}
	return v
}

// Query asks for stored events. Empty fields ask for everything.
type Query struct {
	Store  string
	Stream string
	Device string
	Patch  string
	Night  string // its date
	Kinds  []run.Kind
	From   time.Time // happened at or after, by the store's clock
	To     time.Time // happened before
	After  Mark      // of one Store: later in its history than this
	Newest bool      // the newest first, in place of the oldest
	Limit  int       // at most so many; 0 = 1000
}

// Day is a fact of a store that is kept by its date.
type Day struct {
	Date string // local, of the store
	Fact
}

// DayQuery asks for facts that are kept by their date.
type DayQuery struct {
	Kind     Kind
	From, To string   // dates, both included
	Stores   []string // their ids
}

// Note is one thing that headquarters itself keeps: an acknowledgement, an exception, a saved view.
type Note struct {
	Kind    string          `json:"kind"`
	ID      string          `json:"id"`
	Version int64           `json:"version"` // grows with every change, from 1; 0 = there is none yet
	Body    json.RawMessage `json:"body"`    // nil: it was removed
	By      string          `json:"by"`
	At      time.Time       `json:"at"`
}

// ErrConflict says that somebody else changed a note since it was read.
var ErrConflict = errors.New("somebody else changed it in the meantime: load it again")

// Deed is one line of headquarters' own audit log: who did what, and how it ended.
type Deed struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Origin  string    `json:"origin"` // the address it was asked from, or "program"
	Verb    string    `json:"verb"`
	Subject string    `json:"subject"` // a store, patch, account
	Outcome string    `json:"outcome"` // ok, refused, failed
	Text    string    `json:"text,omitempty"`
	Prev    string    `json:"prev,omitempty"` // hash of the line before
	Hash    string    `json:"hash,omitempty"`
}

// Sum returns the hash of the line: SHA-256, in hex, of its JSON with its Prev and without its Hash. Its time
// counts to the microsecond.
func (d Deed) Sum() string {
	d.Hash, d.At = "", d.At.UTC().Truncate(time.Microsecond)
	raw, err := json.Marshal(d)
	if err != nil {
		panic("internal error: a deed cannot be written as JSON: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
