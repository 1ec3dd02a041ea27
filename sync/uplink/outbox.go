package uplink

import (
	"cmp"
	"slices"
)

const (
	// window is how many events may be on the way without an acknowledgement.
	window = 16
	// maxSpans bounds what is remembered of requests to send again.
	maxSpans = 32
)

// span is a run of sequence numbers, both ends included.
type span struct{ from, to uint64 }

// token is the broker's answer to one event, due in the future.
type token interface {
	Done() <-chan struct{}
	Error() error
}

// flight is one event on the way.
type flight struct {
	seq   uint64
	again bool
	token token
}

// outbox knows which event goes next. It holds numbers only: the events are in the
// journal. New events go out in order and once, as long as connections hold; what
// has to be sent again goes first, and keeps its number.
type outbox struct {
	acked  uint64 // a broker acknowledged every new event up to here
	sent   uint64 // every new event up to here was handed to the connection; >= acked
	repeat []span // to be sent again: ascending, apart from each other, all <= acked
	flying []flight
}

// next returns the sequence number that goes next, and whether it goes again.
// The last return is false when there is nothing to send, or no room in the window.
func (o *outbox) next(last uint64) (seq uint64, again, ok bool) {
	switch {
	case len(o.flying) >= window:
		return 0, false, false
	case len(o.repeat) > 0:
		return o.repeat[0].from, true, true
	case o.sent < last:
		return o.sent + 1, false, true
	}
	return 0, false, false
}

// took notes that the event seq was handed to the connection where want was asked
// for; the two differ when the journal no longer has want.
func (o *outbox) took(want, seq uint64, again bool, t token) {
	if again {
		o.advance(want, seq)
	} else {
		o.sent = max(o.sent, seq)
	}
	o.flying = append(o.flying, flight{seq: seq, again: again, token: t})
}

// advance removes what is up to seq from the first span that begins at want.
func (o *outbox) advance(want, seq uint64) {
	if len(o.repeat) == 0 || o.repeat[0].from != want {
		return
	}
	o.repeat[0].from = seq + 1
	if o.repeat[0].from > o.repeat[0].to {
		o.repeat = o.repeat[1:]
	}
}

// head returns the channel that closes when the oldest event on the way is answered.
func (o *outbox) head() <-chan struct{} {
	if len(o.flying) == 0 {
		return nil
	}
	return o.flying[0].token.Done()
}

// landed takes the oldest event off the way after its answer. An error means that
// the broker need not have it: the event stays due.
func (o *outbox) landed() error {
	f := o.flying[0]
	if err := f.token.Error(); err != nil {
		return err
	}
	o.flying = o.flying[1:]
	if !f.again {
		o.acked = max(o.acked, f.seq)
	}
	return nil
}

// lost puts everything on the way back, and repeats the newest events that a broker
// acknowledged but headquarters did not store: a broker that fell may have lost them.
func (o *outbox) lost(stored uint64) {
	flying := o.flying
	o.flying, o.sent = nil, o.acked
	for _, f := range flying {
		if f.again {
			o.again(f.seq, f.seq)
		}
	}
	o.again(max(stored, o.acked-min(o.acked, window))+1, o.acked)
}

// again asks for the events of a span once more. What was not yet acknowledged is
// left out: it comes anyway.
func (o *outbox) again(from, to uint64) {
	from, to = max(from, 1), min(to, o.acked)
	if from > to {
		return
	}
	spans := append(slices.Clone(o.repeat), span{from, to})
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	o.repeat = spans[:1]
	for _, s := range spans[1:] {
		last := &o.repeat[len(o.repeat)-1]
		if s.from <= last.to+1 || len(o.repeat) == maxSpans {
			last.to = max(last.to, s.to)
			continue
		}
		o.repeat = append(o.repeat, s)
	}
}

// skip notes that headquarters stored everything up to seq: it need not be sent.
func (o *outbox) skip(seq uint64) {
	o.acked = max(o.acked, seq)
	o.sent = max(o.sent, o.acked)
}
