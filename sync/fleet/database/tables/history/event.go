package history

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// event is one event, of a row or of a pack. In a pack it is a line of JSON, and the bytes of its data after it.
type event struct {
	Seq      uint64 `json:"seq"`
	At       int64  `json:"at"`
	Received int64  `json:"received"`
	Kind     string `json:"kind,omitempty"`
	Device   string `json:"device,omitempty"`
	Patch    string `json:"patch,omitempty"`
	Night    string `json:"night,omitempty"`
	Prev     string `json:"prev,omitempty"`
	Hash     string `json:"hash,omitempty"`
	Size     int    `json:"size"` // of the data
	data     []byte
}

// board returns the event of a stream as it is asked for.
func (e event) board(s stream) board.Event {
	return board.Event{Store: s.store, Stream: s.id, No: s.no, Seq: e.Seq, Received: tables.Time(e.Received), Prev: e.Prev, Hash: e.Hash, Data: e.data}
}

// matches reports whether the event is one that a query asks for; conditions does the same for rows.
func (e event) matches(q board.Query) bool {
	same := func(want, is string) bool { return want == "" || want == is }
	return same(q.Device, e.Device) && same(q.Patch, e.Patch) && same(q.Night, e.Night) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, run.Kind(e.Kind))) &&
		(q.From.IsZero() || e.At >= tables.Micros(q.From)) && (q.To.IsZero() || e.At < tables.Micros(q.To))
}

// pack compresses events.
func pack(events []event) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	for _, e := range events {
		e.Size = len(e.data)
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		for _, part := range [][]byte{line, {'\n'}, e.data, {'\n'}} {
			if _, err := zip.Write(part); err != nil {
				return nil, err
			}
		}
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// unpack returns what pack compressed.
func unpack(body []byte) ([]event, error) {
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(zip)
	var all []event
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		e.data = make([]byte, e.Size+1)
		if _, err := io.ReadFull(in, e.data); err != nil {
			return nil, err
		}
		e.data = e.data[:e.Size]
		all = append(all, e)
	}
}
