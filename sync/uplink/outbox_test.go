package uplink

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// promise is a token that the test answers.
type promise struct {
	done chan struct{}
	err  error
}

func (p *promise) Done() <-chan struct{} { return p.done }
func (p *promise) Error() error          { return p.err }

func answered(err error) *promise {
	p := &promise{done: make(chan struct{}), err: err}
	close(p.done)
	return p
}

// fly sends everything that is due, without an answer, and returns the numbers.
func fly(o *outbox, last uint64) []uint64 {
	var out []uint64
	for {
		seq, again, ok := o.next(last)
		if !ok {
			return out
		}
		o.took(seq, seq, again, answered(nil))
		out = append(out, seq)
	}
}

func TestOutboxSendsInOrderWithinTheWindow(t *testing.T) {
	var o outbox
	if got := fly(&o, 100); len(got) != window || got[0] != 1 || got[window-1] != window {
		t.Errorf("sent %v, want 1 to %d", got, window)
	}
	for range window {
		if err := o.landed(); err != nil {
			t.Fatal(err)
		}
	}
	if o.acked != window || o.head() != nil {
		t.Errorf("acknowledged %d, want %d and nothing on the way", o.acked, window)
	}
}

func TestOutboxKeepsWhatWasNotAcknowledged(t *testing.T) {
	var o outbox
	o.took(1, 1, false, answered(nil))
	o.took(2, 2, false, answered(errors.New("the connection broke")))
	o.took(3, 3, false, answered(nil))
	if err := o.landed(); err != nil {
		t.Fatal(err)
	}
	if err := o.landed(); err == nil {
		t.Fatal("an event without an acknowledgement counts as sent")
	}
	o.lost(0)
	if got := fly(&o, 3); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("sent %v, want 1 again and then 2 and 3", got)
	}
}

func TestOutboxRepeats(t *testing.T) {
	for _, c := range []struct {
		name string
		ask  []span
		want []uint64
	}{
		{"one", []span{{5, 7}}, []uint64{5, 6, 7}},
		{"two apart, the later first", []span{{9, 10}, {2, 3}}, []uint64{2, 3, 9, 10}},
		{"two that touch", []span{{2, 3}, {4, 5}}, []uint64{2, 3, 4, 5}},
		{"one inside another", []span{{2, 6}, {3, 4}}, []uint64{2, 3, 4, 5, 6}},
		{"beyond what was acknowledged", []span{{19, 40}}, []uint64{19, 20}},
		{"nothing acknowledged", []span{{21, 40}}, nil},
		{"from zero", []span{{0, 2}}, []uint64{1, 2}},
		{"backwards", []span{{3, 2}}, nil},
	} {
		o := outbox{acked: 20, sent: 20}
		for _, s := range c.ask {
			o.again(s.from, s.to)
		}
		if got := fly(&o, 20); !slices.Equal(got, c.want) {
			t.Errorf("%s: sent %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOutboxBoundsWhatItRemembers(t *testing.T) {
	o := outbox{acked: 10000, sent: 10000}
	for i := uint64(1); i < 1000; i++ {
		o.again(i*10, i*10)
	}
	if len(o.repeat) > maxSpans {
		t.Errorf("%d spans are kept, want at most %d", len(o.repeat), maxSpans)
	}
	if last := o.repeat[len(o.repeat)-1].to; last != 9990 {
		t.Errorf("the last span ends at %d, want 9990: a request was lost", last)
	}
}

// Whatever happens to connections, brokers and headquarters: every event reaches the
// broker, for the first time in order, and nothing counts as acknowledged that the
// broker did not take.
func TestOutboxLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o outbox
		var last, stored uint64
		took := map[uint64]bool{}
		first := uint64(0)
		send := func(arrives bool) {
			seq, again, ok := o.next(last)
			if !ok {
				return
			}
			err := errors.New("lost")
			if arrives {
				err = nil
				if !took[seq] {
					if seq != first+1 {
						t.Fatalf("event %d came to the broker for the first time after event %d", seq, first)
					}
					first = seq
				}
				took[seq] = true
			}
			o.took(seq, seq, again, answered(err))
		}
		broken := false // a connection loses everything after the first loss
		t.Repeat(map[string]func(*rapid.T){
			"grow": func(t *rapid.T) { last += rapid.Uint64Range(1, 30).Draw(t, "n") },
			"send": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "breaks") == 0 {
					broken = true
				}
				send(!broken)
			},
			"answer": func(*rapid.T) {
				if len(o.flying) > 0 && o.landed() != nil {
					o.lost(stored)
					broken = false
				}
			},
			"lost": func(*rapid.T) { o.lost(stored); broken = false },
			"resend": func(t *rapid.T) {
				o.again(rapid.Uint64Range(0, last+5).Draw(t, "from"), rapid.Uint64Range(0, last+5).Draw(t, "to"))
			},
			"seen": func(t *rapid.T) {
				stored = max(stored, rapid.Uint64Range(0, first).Draw(t, "stored"))
				o.skip(stored)
			},
			"": func(t *rapid.T) {
				if len(o.flying) > window || o.acked > o.sent || o.acked > first || o.sent > last {
					t.Fatalf("acked %d, sent %d, %d on the way, the broker has %d of %d", o.acked, o.sent, len(o.flying), first, last)
				}
				for i, s := range o.repeat {
					if s.from > s.to || s.to > o.acked || i > 0 && s.from <= o.repeat[i-1].to {
						t.Fatalf("repeats are out of shape: %v", o.repeat)
					}
				}
			},
		})
		for o.lost(stored); o.acked < last || len(o.flying) > 0; {
			send(true)
			if len(o.flying) > 0 && o.landed() != nil {
				t.Fatal("a broker that takes everything refused something")
			}
		}
		if first != last {
			t.Fatalf("the broker has %d of %d", first, last)
		}
	})
}
