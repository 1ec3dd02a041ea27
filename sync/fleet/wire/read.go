// Package wire reads what the stores publish over MQTT: each message, by its topic, as headquarters stores it.
//
// It reads leniently: a store may be older, newer, or not a Nightfill at all, and whatever of its message can
// be read counts. It judges nothing that it reads.
package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// Arrival is a message as the broker delivered it.
type Arrival struct {
	Topic    string
	Payload  []byte
	Retained bool
	At       time.Time
}

// MaxPayload is the largest message that is read. Stores send 128 KiB at most of an event.
const MaxPayload = 1 << 20

// ErrTooLarge is for a message that no store sends.
var ErrTooLarge = fmt.Errorf("it is larger than %d bytes", MaxPayload)

// ErrOther is for a topic that says nothing to headquarters.
var ErrOther = errors.New("not a topic of a store")

// Read reads a message. root is the part of the topic before the store's id. The store is
// returned even where the rest cannot be read.
func Read(root string, a Arrival) (m feed.Message, err error) {
	below, ok := strings.CutPrefix(a.Topic, root)
	store, leaf, ok2 := strings.Cut(below, "/")
	if !ok || !ok2 || store == "" || !utf8.ValidString(a.Topic) {
		return m, ErrOther
	}
	m = feed.Message{Store: store, Received: a.At, Live: !a.Retained}
	if len(a.Payload) > MaxPayload {
		return m, ErrTooLarge
	}
	if leaf == "evt" {
		if a.Retained || len(a.Payload) == 0 {
			return m, ErrOther
		}
		return m, decodeEvent(&m, a.Payload)
	}
	if leaf == "state" {
		return m, decodeState(&m, a.Payload)
	}
	family, name, _ := strings.Cut(leaf, "/")
	switch {
	case family == "d" && name != "":
		return m, decodeSnapshot(&m, board.Fact{Kind: board.KindDevice, Name: name}, a.Payload)
	case family == "alert" && name != "":
		return m, decodeSnapshot(&m, board.Fact{Kind: board.KindAlert, Name: name}, a.Payload)
	case leaf == "info" || leaf == "ready" || leaf == "night":
		return m, decodeSnapshot(&m, board.Fact{Kind: board.Kind(leaf)}, a.Payload)
	}
	return m, ErrOther
}

// stateTold is what is read of a state.
type stateTold struct {
	State   string          `json:"state"`
	BD      json.RawMessage `json:"bd"`
	Version json.RawMessage `json:"v"`
}

// snapshotTold is what is read of a snapshot besides the body that the board reads.
type snapshotTold struct {
	Rev    *uint64         `json:"rev"`
	Stream json.RawMessage `json:"stream"`
	Night  json.RawMessage `json:"night"`
}

// decodeState reads the state of a store. An empty one says that the store was removed.
func decodeState(m *feed.Message, payload []byte) error {
	m.Contact = &board.Contact{}
	if len(payload) == 0 {
		return nil
	}
	var told stateTold
	if err := json.Unmarshal(payload, &told); err != nil {
		return err
	}
	if told.State == "" {
		return errors.New("it names no state")
	}
	m.Contact.State = clean(told.State)
	_ = json.Unmarshal(told.BD, &m.Contact.Birth)
	_ = json.Unmarshal(told.Version, &m.Contact.Version)
	m.Contact.Version = clean(m.Contact.Version)
	return nil
}

// decodeSnapshot reads a retained message. An empty one clears.
func decodeSnapshot(m *feed.Message, f board.Fact, payload []byte) error {
	if len(payload) == 0 {
		if f.Kind == board.KindNight {
			return ErrOther // the nights that were stay
		}
		m.Facts, m.Latest = []board.Fact{f}, true
		return nil
	}
	var told snapshotTold
	if err := json.Unmarshal(payload, &told); err != nil {
		return err
	}
	f.Body, f.At = payload, m.Received
	m.Latest = told.Rev == nil
	if told.Rev != nil {
		if *told.Rev > feed.MaxSeq {
			return fmt.Errorf("its rev %d is larger than any event's number", *told.Rev)
		}
		f.Mark.Seq = *told.Rev
	}
	switch f.Kind {
	case board.KindInfo:
		_ = json.Unmarshal(told.Stream, &m.Stream)
		m.Stream = clean(m.Stream)
	case board.KindNight:
		if json.Unmarshal(told.Night, &f.Name) != nil || f.Name == "" {
			return errors.New("it names no night")
		}
	}
	if !board.NewBoard("").Apply(m.Store, f, m.Received) {
		return fmt.Errorf("it is not what %s should be", f.Kind)
	}
	m.Facts = []board.Fact{f}
	return nil
}

// clean takes out of a text what a database cannot keep.
func clean(text string) string {
	if strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(text, "\x00", "")
}
