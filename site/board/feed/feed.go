// Package feed is what flows into headquarters' storage and out of it again, as plain values: a Message is
// what one store told, Taken what storing a batch of them changed, Known and Held what is stored.
//
// It decides nothing: package board says which fact holds, package database stores.
package feed

import (
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// SeqBits is how many bits the number of an event may have.
const SeqBits = 38

// MaxSeq is the largest number that an event of a stream may have.
const MaxSeq = 1<<SeqBits - 1

// Message is one message of a store, decoded. It is an event, a state, or a snapshot.
type Message struct {
	Store    string
	Received time.Time
	Live     bool // it was sent just now, in place of kept by the broker

	Contact *board.Contact // of a state: State, Birth, Version; an empty State says that the store was removed
	Event   *Event         // of an event

	// Facts is what the message tells. Of an event: its projection, with marks that hold the number
	// of the event only. Of a snapshot: one, with its rev.
	Facts  []board.Fact
	Stream string // the stream that an info names
	Latest bool   // of a snapshot: it has no rev, or clears: it goes by its arrival
}

// Event is an event to store, with what it is found by.
type Event struct {
	Stream string
	Seq    uint64 // 1 to MaxSeq
	Prev   string // hex; what is not hex is not kept
	Hash   string // hex
	Data   []byte // JSON

	At     time.Time
	Kind   string
	Device string
	Patch  string
	Night  string
}

// Taken is what a batch changed. All of it is on the disk.
type Taken struct {
	Events  int // stored now
	Repeats int // were stored before
	Refused int // left out, because their stream has too many gaps: they come again
	Stores  []Change
	Patches []Held // fleet-wide facts that hold now
	Closed  string // the store that was closed; "" = none
}

// Change is what a batch changed of one store.
type Change struct {
	Store   string
	Facts   []Held         // those that hold now
	Streams []board.Stream // those that changed
	Contact board.Contact  // as it stands now
	Version int64          // of the store's rows; grows with every change where the database is shared
}

// Held is a fact that holds, and when headquarters received it.
type Held struct {
	board.Fact
	Received time.Time
}

// Known is what is stored of one store besides its facts and events.
type Known struct {
	Store   string
	Contact board.Contact
	Streams []board.Stream
	Version int64
}
