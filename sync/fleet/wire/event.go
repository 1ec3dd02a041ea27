package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// envelope is what headquarters reads of a CloudEvent.
type envelope struct {
	Type    string          `json:"type"`
	Subject string          `json:"subject"`
	Time    time.Time       `json:"time"`
	Stream  string          `json:"stream"`
	Seq     uint64          `json:"seq"`
	Prev    string          `json:"prevhash"`
	Hash    string          `json:"hash"`
	Data    json.RawMessage `json:"data"`
}

// decodeEvent reads an event. What it tells beyond its place in the stream is read as far as it can be.
func decodeEvent(m *feed.Message, payload []byte) error {
	var e envelope
	if !scan(payload, &e) {
		e = envelope{}
		if err := json.Unmarshal(payload, &e); err != nil {
			return err
		}
	}
	e.Stream = clean(e.Stream)
	switch {
	case e.Stream == "" || e.Seq == 0:
		return errors.New("it has no stream and seq")
	case e.Seq > feed.MaxSeq:
		return fmt.Errorf("its number %d is larger than an event's can be", e.Seq)
	}
	var told run.Event
	if err := json.Unmarshal(e.Data, &told); err != nil || told.Kind == "" {
		if len(e.Data) > 0 && !json.Valid(e.Data) {
			return err
		}
		told = foreign(e)
	}
	if told.At.IsZero() {
		told.At = e.Time
	}
	if len(e.Data) == 0 {
		e.Data = json.RawMessage("null")
	}
	m.Event = &feed.Event{
		Stream: e.Stream, Seq: e.Seq, Prev: e.Prev, Hash: e.Hash, Data: e.Data,
		At: told.At, Kind: clean(string(told.Kind)), Device: clean(told.Device), Patch: clean(told.Patch),
	}
	if !told.Night.IsZero() {
		m.Event.Night = told.Night.String()
	}
	m.Facts = board.Project(told, board.Mark{Seq: e.Seq}, m.Received)
	return nil
}

// foreign reads the data of an event that is not in the shape of this program: each field by
// itself, and what is missing from the envelope.
func foreign(e envelope) run.Event {
	var told run.Event
	fields := map[string]json.RawMessage{}
	_ = json.Unmarshal(e.Data, &fields)
	for name, raw := range fields {
		one, err := json.Marshal(map[string]json.RawMessage{name: raw})
		if err != nil {
			continue
		}
		next := told
		if json.Unmarshal(one, &next) == nil {
			told = next
		}
	}
	var text string
	if json.Unmarshal(fields["reason"], &text) == nil && text != "" {
		// A bare code: it reads as what it names, and shows as it is.
		told.Reason = &site.Reason{Text: text}
		_ = json.Unmarshal(fields["reason"], &told.Reason.Code)
	}
	if json.Unmarshal(fields["run"], &text) == nil && told.Night.IsZero() {
		told.Night, _ = window.ParseDate(text)
	}
	kind, isOurs := strings.CutPrefix(strings.TrimSuffix(e.Type, ".v1"), "nightfill.")
	state, ofDevice := strings.CutPrefix(kind, "device.")
	switch {
	case told.Kind != "" || !isOurs:
	case ofDevice && state != "observed" && state != "silent" && state != "answered" && state != "enrolled":
		told.Kind = run.PatchSettled
		if told.To == "" {
			told.To = site.State(state)
		}
	default:
		told.Kind = run.Kind(kind)
	}
	if told.Device == "" && (ofDevice || told.To != "") {
		told.Device = e.Subject
	}
	return told
}
