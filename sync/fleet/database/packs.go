package database

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/run"
)

// packed is one event of a pack: its line, and the bytes of its data after it.
type packed struct {
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

// matches reports whether the event is one that a query asks for.
func (p packed) matches(q board.Query, of part) bool {
	same := func(want, is string) bool { return want == "" || want == is }
	return p.Seq >= of.from && p.Seq <= of.to && same(q.Device, p.Device) && same(q.Patch, p.Patch) && same(q.Night, p.Night) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, run.Kind(p.Kind))) &&
		(q.From.IsZero() || p.At >= micros(q.From)) && (q.To.IsZero() || p.At < micros(q.To))
}

// event returns the event as it is asked for.
func (p packed) event(s history) board.Event {
	return board.Event{Store: s.store, Stream: s.id, No: s.no, Seq: p.Seq, Received: timeOf(p.Received), Prev: p.Prev, Hash: p.Hash, Data: p.data}
}

// pack compresses events.
func pack(events []packed) ([]byte, error) {
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
func unpack(body []byte) ([]packed, error) {
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(zip)
	var all []packed
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return all, nil
		}
		var e packed
		if err != nil {
			return nil, err
		}
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

// parcel is the place of a pack, without its body.
type parcel struct {
	day, part   int64
	first, last uint64
}

// eachPacked calls do for the events of a part of a stream that are packed.
func (db *DB) eachPacked(ctx context.Context, s history, q board.Query, of part, do func(board.Event) error) error {
	groups, err := db.parcels(ctx, s, q, of)
	if err != nil {
		return err
	}
	for _, group := range groups {
		events, err := db.openParcels(ctx, s, group)
		if err != nil {
			return err
		}
		if q.Newest {
			slices.Reverse(events)
		}
		for _, e := range events {
			if !e.matches(q, of) {
				continue
			}
			if err := do(e.event(s)); err != nil {
				return err
			}
		}
	}
	return nil
}

// packedTo returns the largest number that is packed of a stream; 0: none is.
func (db *DB) packedTo(ctx context.Context, s history) (uint64, error) {
	var last int64
	err := db.read.QueryRowContext(ctx, db.text("select coalesce(max(last), 0) from packs where stream = ?"), s.key).Scan(&last)
	return uint64(last), err
}

// parcels returns the packs that a query is about, in its order; those that overlap together.
func (db *DB) parcels(ctx context.Context, s history, q board.Query, of part) ([][]parcel, error) {
	query, args := "select day, part, first, last from packs where stream = ? and last >= ? and first <= ?", []any{s.key, int64(of.from), int64(of.to)}
	if !q.From.IsZero() {
		query, args = query+" and to_at >= ?", append(args, micros(q.From))
	}
	if !q.To.IsZero() {
		query, args = query+" and from_at < ?", append(args, micros(q.To))
	}
	var groups [][]parcel
	var end uint64
	err := each(ctx, db.read, db.text(query+" order by first"), args, func(scan func(...any) error) error {
		var p parcel
		var first, last int64
		if err := scan(&p.day, &p.part, &first, &last); err != nil {
			return err
		}
		p.first, p.last = uint64(first), uint64(last)
		if len(groups) == 0 || p.first > end {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], p)
		end = max(end, p.last)
		return nil
	})
	if q.Newest {
		slices.Reverse(groups)
	}
	return groups, err
}

// openParcels returns the events of packs in their order.
func (db *DB) openParcels(ctx context.Context, s history, group []parcel) ([]packed, error) {
	var all []packed
	for _, p := range group {
		var body []byte
		query := "select body from packs where stream = ? and day = ? and part = ?"
		if err := db.read.QueryRowContext(ctx, db.text(query), s.key, p.day, p.part).Scan(&body); err != nil {
			return nil, err
		}
		events, err := unpack(body)
		if err != nil {
			return nil, fmt.Errorf("the events of store %s packed on day %d cannot be read: %w", s.store, p.day, err)
		}
		all = append(all, events...)
	}
	slices.SortFunc(all, func(a, b packed) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, nil
}

// rowOf reads an event that is not packed.
func rowOf(scan func(...any) error) (packed, error) {
	var e packed
	var id int64
	var prev, hash []byte
	err := scan(&id, &e.At, &e.Received, &e.Kind, &e.Device, &e.Patch, &e.Night, &prev, &hash, &e.data)
	e.Seq, e.Prev, e.Hash = uint64(id)&feed.MaxSeq, hex.EncodeToString(prev), hex.EncodeToString(hash)
	return e, err
}
