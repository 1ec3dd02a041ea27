package uplink

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// doubt is how long headquarters may be behind, after it or the store came back,
	// before what it did not store is sent again.
	doubt = 30 * time.Second
	// patience is the same while everything works; it doubles up to maxPatience.
	patience    = 2 * time.Minute
	maxPatience = time.Hour
)

// seen is what headquarters says that it stored.
type seen struct {
	known  bool      // it answered for this stream, in this run or an earlier one
	stored uint64    // every event up to here
	online bool      // it is there now
	told   bool      // its own topic said so, or said the opposite
	back   bool      // it says that it has less than it said before,
	upto   uint64    // namely up to here
	due    time.Time // when to send again what it lacks; zero = nothing is lacking
	wait   time.Duration
}

// word takes in what headquarters says it stored, live or as a retained message.
// last is the newest event of the journal.
func (s *seen) word(seq, last uint64, live bool) error {
	if seq > last {
		return fmt.Errorf("headquarters says it stored event %d, the journal ends at %d", seq, last)
	}
	if live && !s.told {
		s.online = true
	}
	switch {
	case !s.known:
		s.known, s.stored, s.back, s.due = true, seq, false, time.Time{}
		if !s.told { // else it has come, and may have missed what was sent before
			s.wait = patience
		}
	case seq > s.stored:
		s.stored, s.back, s.wait, s.due = seq, false, patience, time.Time{}
	case seq < s.stored:
		s.back, s.upto, s.wait, s.due = true, seq, doubt, time.Time{}
	default:
		s.back = false
	}
	return nil
}

// came notes that headquarters said whether it is there.
func (s *seen) came(online bool) {
	if online && !s.online {
		s.wait, s.due = doubt, time.Time{}
	}
	s.online, s.told = online, true
}

// parted notes that headquarters cannot be heard, because the connection is new or gone.
func (s *seen) parted() { s.online, s.told, s.wait, s.due = false, false, doubt, time.Time{} }

// lacking decides whether to send again what headquarters lacks. It returns true
// once for each time that this is due; stored is then what headquarters has. acked
// is what a broker acknowledged.
func (s *seen) lacking(now time.Time, acked uint64) bool {
	if !s.known || !s.online || (s.stored >= acked && !s.back) {
		s.due = time.Time{}
		return false
	}
	if s.due.IsZero() {
		s.due = now.Add(max(s.wait, doubt))
		return false
	}
	if now.Before(s.due) {
		return false
	}
	if s.back {
		s.stored, s.back = s.upto, false
	}
	s.wait = min(max(2*s.wait, patience), maxPatience)
	s.due = now.Add(s.wait)
	return true
}

// hint is what a hint topic may carry. Unknown fields are ignored.
type hint struct {
	Verb   string `json:"verb"`
	Stream string `json:"stream"` // of the numbers; empty = the journal's
	From   uint64 `json:"from"`
	To     uint64 `json:"to"` // 0 = the newest
}

// parseHint reads a hint and refuses everything but the two verbs.
func parseHint(payload []byte) (hint, error) {
	var h hint
	if err := json.Unmarshal(payload, &h); err != nil {
		return hint{}, fmt.Errorf("cannot read hint: %v", err)
	}
	switch {
	case h.Verb != "refresh" && h.Verb != "resend":
		return hint{}, fmt.Errorf("cannot follow hint %.40q: only refresh and resend are known", h.Verb)
	case h.To != 0 && h.To < h.From:
		return hint{}, fmt.Errorf("cannot resend from %d to %d: the end is before the beginning", h.From, h.To)
	}
	return h, nil
}

// receive takes in one message from the broker. Nothing that it carries can do more
// than move a cursor, repeat or ask for a look.
func (s *session) receive(m message) {
	var err error
	below, own := strings.CutPrefix(m.topic, s.up.root)
	switch {
	case own && below == "hint":
		err = s.hint(m)
	case own && below == "state":
		s.ownState(m)
	case own:
		if m.retained && m.size > 0 && s.up.board.found(below) {
			s.lookBy(time.Now().Add(time.Second))
		}
	case s.leaving != nil && strings.HasPrefix(m.topic, s.leaving.root):
		s.leaving.hear(strings.TrimPrefix(m.topic, s.leaving.root), m)
	case m.topic == s.up.org+"seen/"+s.up.opt.Store:
		err = s.stored(m)
	case m.topic == s.up.org+"state":
		err = s.headquarters(m)
	}
	if err != nil {
		s.ignored(m, err)
	}
}

// ignored logs that a message changed nothing, unless there were many of late: whoever sends them may not fill the
// disk. How many were not logged is told with the next.
func (s *session) ignored(m message, err error) {
	if !s.words.take(time.Now()) {
		s.unsaid++
		return
	}
	s.log.Warn("a message from above was ignored", "topic", m.topic, "bytes", m.size, "error", err, "not_logged_before", s.unsaid)
	s.unsaid = 0
}

// errTooLarge is why a message without its payload is ignored.
var errTooLarge = errors.New("it is too large")

// hint follows a hint that came live and not too often.
func (s *session) hint(m message) error {
	if m.retained {
		return errors.New("a hint must not be retained")
	}
	if m.payload == nil {
		return errTooLarge
	}
	if !s.hints.take(time.Now()) {
		return errors.New("too many hints")
	}
	h, err := parseHint(m.payload)
	if err != nil {
		return err
	}
	if h.Stream != "" && h.Stream != s.up.stream {
		return fmt.Errorf("it is about stream %.40q, not about %s", h.Stream, s.up.stream)
	}
	s.log.Info("headquarters asks", "verb", h.Verb, "from", h.From, "to", h.To)
	if h.Verb == "refresh" {
		s.up.board.forget()
		s.lookBy(time.Now())
	} else {
		if h.To == 0 {
			h.To = s.up.box.acked
		}
		s.up.box.again(h.From, h.To)
	}
	s.up.opt.Hint(h.Verb)
	return nil
}

// ownState posts the state anew when somebody else overwrote it: mostly the broker,
// with the late last will of the connection before.
func (s *session) ownState(m message) {
	var got struct {
		State string `json:"state"`
	}
	if m.retained || json.Unmarshal(m.payload, &got) != nil {
		return
	}
	if got.State == "lost" || got.State == "disconnected" {
		s.stateAt = time.Now().Add(time.Second)
	}
}

// stored takes in which events headquarters has on its disk.
func (s *session) stored(m message) error {
	if m.payload == nil {
		return errTooLarge
	}
	if m.size == 0 {
		return nil // the topic was cleared
	}
	var got struct {
		Stream string  `json:"stream"`
		Seq    *uint64 `json:"seq"`
	}
	if err := json.Unmarshal(m.payload, &got); err != nil {
		return fmt.Errorf("cannot read it: %v", err)
	}
	if got.Seq == nil {
		return errors.New("it names no seq")
	}
	if got.Stream != s.up.stream {
		return fmt.Errorf("it is about stream %.40q, not about %s", got.Stream, s.up.stream)
	}
	if err := s.up.seen.word(*got.Seq, s.up.opt.Journal.Durable(), !m.retained); err != nil {
		return err
	}
	s.up.box.skip(s.up.seen.stored)
	return nil
}

// headquarters takes in whether headquarters is there.
func (s *session) headquarters(m message) error {
	if m.size == 0 {
		s.up.seen.came(false)
		return nil
	}
	var got struct {
		Online any `json:"online"`
	}
	if err := json.Unmarshal(m.payload, &got); err != nil {
		return fmt.Errorf("cannot read it: %v", err)
	}
	s.up.seen.came(got.Online == true || got.Online == 1.0)
	return nil
}
