package live

import (
	"encoding/json"
	"time"

	"github.com/nightfill/nightfill/ui/console/live/order"
)

// Subprotocol is what a websocket of the console speaks; REFERENCE.md describes it.
const Subprotocol = "nightfill.console.v1"

// chLog is the channel of the journal; the others are in board.go.
const chLog = "log"

// asked is a frame that a browser sends. A field that means nothing for its kind is ignored.
type asked struct {
	T string `json:"t"`
	// Of sub and unsub.
	Channel       string  `json:"ch"`
	Since         *uint64 `json:"since"` // of log: the last record that the reader has; absent = begin with the newest
	Last          uint64  `json:"last"`  // of log, without since: how many of the newest to begin with
	order.Request         // of act; its device also of term.attach
	// Of terminals: the channel of binary frames, the byte that was dealt with, the size.
	N    byte  `json:"n"`
	At   int64 `json:"at"`
	Cols int   `json:"cols"`
	Rows int   `json:"rows"`
}

// hello is the first frame of the box.
type hello struct {
	T       string       `json:"t"` // hello
	Session User         `json:"session"`
	Server  string       `json:"srv"` // the version of the program
	Stream  string       `json:"stream"`
	First   uint64       `json:"first"` // the first record that is kept
	Seq     uint64       `json:"seq"`   // the newest record
	Now     time.Time    `json:"now"`
	Zone    string       `json:"zone"`
	Store   string       `json:"store"`
	Name    string       `json:"name"`
	Verbs   []order.Verb `json:"verbs"`
}

// event is one record, or the newest version of a document.
type event struct {
	T       string          `json:"t"` // ev
	Channel string          `json:"ch"`
	Seq     uint64          `json:"seq"`
	At      time.Time       `json:"ts"`
	Device  string          `json:"dev,omitempty"`
	Doc     json.RawMessage `json:"d"`
}

// gap says that records are left out, the first and the last of them.
type gap struct {
	T       string `json:"t"` // gap
	Channel string `json:"ch"`
	From    uint64 `json:"from"`
	To      uint64 `json:"to"`
}

// simple is a frame without a body: ping, bye with the reason, synced when a channel's documents were all sent.
type simple struct {
	T       string    `json:"t"`
	Channel string    `json:"ch,omitempty"`
	Code    string    `json:"code,omitempty"`
	Say     string    `json:"say,omitempty"`
	Seq     uint64    `json:"seq,omitempty"`
	Now     time.Time `json:"now,omitzero"`
}

// encode writes a value as JSON. A value that cannot be encoded is a mistake of the program.
func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("internal error: cannot encode a document of the console: " + err.Error())
	}
	return data
}
