package stores

import (
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// FleetWide stands for a store where something is about none in particular.
const FleetWide = ""

// heardEvery is how far the kept time of contact may lag behind where no other program asks for it.
const heardEvery = time.Minute

// Row is a row of stores with its rows of streams, as a transaction sees and changes them.
type Row struct {
	ID string

	contact board.Contact
	present int64 // number of the stream that the newest info named; 0: none did
	closed  bool
	version int64 // 0: not in the database yet
	heard   time.Time
	streams []*Stream // by number

	touched bool // this transaction is about it
	changed bool // it differs from what the database has
}

// begin prepares the row for a transaction: nothing has happened to it yet.
func (r *Row) begin() {
	r.touched = false
	for _, s := range r.streams {
		s.highestBefore, s.changed = s.highest, false
	}
}

// Touch notes that the transaction is about the store: other programs will read it anew.
func (r *Row) Touch() { r.touched = true }

// Touched reports whether the transaction is about the store.
func (r *Row) Touched() bool { return r.touched }

// Spoke notes that the store spoke. One that was closed is open again.
func (r *Row) Spoke() {
	r.touched = true
	if r.closed {
		r.closed, r.changed = false, true
	}
}

// Silent reports whether nothing was ever heard of the store, or nothing since it was closed.
func (r *Row) Silent() bool { return r.closed || !r.Stored() && !r.touched }

// Stored reports whether the database knew the store before the transaction.
func (r *Row) Stored() bool { return r.version != 0 }

// Stream returns the stream of the store with this id, and begins one where there is none.
func (r *Row) Stream(id string) *Stream {
	for i := len(r.streams) - 1; i >= 0; i-- {
		if r.streams[i].id == id {
			return r.streams[i]
		}
	}
	s := &Stream{id: id, No: r.newest() + 1, changed: true}
	r.streams = append(r.streams, s)
	return s
}

// newest returns the number of the newest stream; 0: there is none.
func (r *Row) newest() int64 { return int64(len(r.streams)) }

// Tops reports whether an event is later than all that the store told before the transaction.
func (r *Row) Tops(s *Stream, seq uint64) bool { return s.No == r.newest() && seq > s.highestBefore }

// Present notes that the store's info named a stream. An info of an older stream than the newest one changes nothing.
func (r *Row) Present(s *Stream) {
	if s.No > r.present {
		r.present, r.changed = s.No, true
	}
}

// SnapshotMark returns the place in the history of a snapshot that has this rev or, if it is the latest by its
// arrival, of one that tells of all that came before it.
func (r *Row) SnapshotMark(rev uint64, latest bool) board.Mark {
	no := r.present
	if no == 0 {
		no = r.newest()
	}
	if latest && no > 0 {
		rev = max(rev, r.streams[no-1].highest)
	}
	return board.Mark{Stream: no, Seq: rev}
}

// Outdated reports whether a state is the last will of another connection than the newest: it says nothing.
func (r *Row) Outdated(told board.Contact, live bool) bool {
	return told.State == "lost" && live && r.contact.Birth != 0 && told.Birth != r.contact.Birth
}

// Contacted takes in a state of the store; an empty one says that the store was removed at the broker.
func (r *Row) Contacted(told board.Contact, received time.Time) {
	r.changed = true
	r.contact.State, r.contact.Birth, r.contact.At = told.State, told.Birth, received
	if told.State == "" {
		r.contact.Birth = 0
	} else if told.Version != "" {
		r.contact.Version = told.Version
	}
}

// Heard notes that something live was received. Where other programs ask for the time it is kept each time.
func (r *Row) Heard(at time.Time, shared bool) {
	if at.After(r.contact.Heard) {
		r.contact.Heard = at
	}
	if shared || r.contact.Heard.Sub(r.heard) >= heardEvery {
		r.changed = true
	}
}

// GiveUp notes that what is missing of a stream within a span will not come any more.
func (r *Row) GiveUp(stream string, span board.Span) {
	r.touched = true
	for _, s := range r.streams {
		if s.id == stream {
			s.giveUp(span)
		}
	}
}

// Close marks the store as closed until it speaks again. Its streams stay.
func (r *Row) Close() {
	r.touched, r.changed, r.closed = true, true, true
	r.contact = board.Contact{}
}

// Change returns what the transaction changed of the store, without its facts.
func (r *Row) Change() feed.Change {
	c := feed.Change{Store: r.ID, Contact: r.contact, Version: r.version}
	for _, s := range r.streams {
		if s.changed {
			c.Streams = append(c.Streams, s.board())
		}
	}
	return c
}

// known returns what the row holds.
func (r *Row) known() feed.Known {
	k := feed.Known{Store: r.ID, Contact: r.contact, Version: r.version}
	for _, s := range r.streams {
		k.Streams = append(k.Streams, s.board())
	}
	return k
}
