package stores

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// maxBeyond is how many separate spans of events may be stored beyond a gap. A store whose
// numbers are more scattered waits until its gaps close.
const maxBeyond = 4096

// Stream is a row of streams: which of its events are stored.
type Stream struct {
	Key int64 // in the database; set when Begin has returned
	No  int64 // among the streams of its store, from 1

	id      string
	stored  uint64 // every event up to this one is stored or given up
	highest uint64
	beyond  spans // stored or given up, after a gap
	lost    spans // given up
	repeats uint64
	last    time.Time // when the newest event was received

	highestBefore uint64 // highest, when the batch began
	changed       bool   // in this batch
}

// Outcome is what became of an event.
type Outcome int

// An event is new, was stored before, or is left out because its stream has too many gaps.
const (
	New Outcome = iota
	Repeat
	Refused
)

// Take notes that the event with number seq is stored, unless it was or is refused.
func (s *Stream) Take(seq uint64, received time.Time) Outcome {
	s.changed = true
	switch {
	case s.lost.has(seq):
		s.lost = s.lost.cut(seq) // it came after all
	case seq <= s.stored, s.beyond.has(seq):
		s.repeats++
		return Repeat
	case seq == s.stored+1:
		s.stored = seq
		s.closeGap()
	case len(s.beyond) >= maxBeyond:
		return Refused
	default:
		s.beyond = s.beyond.add(seq)
	}
	s.highest = max(s.highest, seq)
	if received.After(s.last) {
		s.last = received
	}
	return New
}

// closeGap moves stored over what follows it without a gap.
func (s *Stream) closeGap() {
	for len(s.beyond) > 0 && s.beyond[0].From == s.stored+1 {
		s.stored = s.beyond[0].To
		s.beyond = slices.Delete(s.beyond, 0, 1)
	}
}

// giveUp notes that what is missing within a span will not come any more. What lies in no gap that is still
// open stays as it is.
func (s *Stream) giveUp(gap board.Span) {
	for _, open := range s.beyond.between(s.stored) {
		part := board.Span{From: max(open.From, gap.From), To: min(open.To, gap.To)}
		if part.From <= part.To {
			s.lost, s.beyond = s.lost.join(part), s.beyond.join(part)
			s.changed = true
		}
	}
	s.closeGap()
}

// board returns the stream as the board shows it.
func (s *Stream) board() board.Stream {
	shown := board.Stream{ID: s.id, No: s.No, Stored: s.stored, Highest: s.highest, Repeats: s.repeats, Last: s.last}
	if len(s.beyond) > 0 {
		shown.Gaps = s.beyond.between(s.stored)
	}
	if len(s.lost) > 0 {
		shown.Lost = slices.Clone(s.lost)
	}
	return shown
}
