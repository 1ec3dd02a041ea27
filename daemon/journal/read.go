package journal

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site/run"
	bolt "go.etcd.io/bbolt"
)

const (
	pageRecords = 256     // read at a time
	pageBytes   = 1 << 20 // and not much more than this
)

// Since returns visible records from the number from on, limit of them or fewer, with their hashes checked.
// None means that there is none yet. From 0 it starts with the first one kept; a number before that is
// ErrForgotten, so that a follower notices what it missed.
func (j *Journal) Since(from uint64, limit int) ([]run.Record, error) {
	raw, err := j.RawSince(from, limit)
	if err != nil {
		return nil, err
	}
	return records(raw)
}

// RawSince is Since with the events as stored.
func (j *Journal) RawSince(from uint64, limit int) ([]Raw, error) {
	j.io.Lock()
	defer j.io.Unlock()
	if err := j.usable(); err != nil {
		return nil, err
	}
	j.mu.Lock()
	first, last, buffer := j.first, j.tail.Seq, j.buffer
	j.mu.Unlock()
	if from == 0 {
		from = first
	}
	if from < first {
		return nil, fmt.Errorf("cannot read the journal from record %d: %w: the first one kept is %d", from, ErrForgotten, first)
	}
	if from > last || limit < 1 {
		return nil, nil
	}
	limit = min(limit, pageRecords)
	var out []Raw
	if from <= j.stored.Head.Seq {
		err := j.view(func(tx *bolt.Tx) (err error) {
			out, err = j.scan(tx, from, limit)
			return err
		})
		if err != nil || len(out) == 0 || out[len(out)-1].Seq < j.stored.Head.Seq {
			return out, err
		}
		from = j.stored.Head.Seq + 1
	}
	if skip := from - j.stored.Head.Seq - 1; skip < uint64(len(buffer)) {
		buffer = buffer[skip:]
		out = append(out, buffer[:min(len(buffer), limit-len(out))]...)
	}
	return out, nil
}

// scan reads records of the file and checks that each continues the one before.
func (j *Journal) scan(tx *bolt.Tx, from uint64, limit int) ([]Raw, error) {
	c := tx.Bucket(bucketRecords).Cursor()
	at, key, value, err := j.seek(c, from)
	if err != nil {
		return nil, err
	}
	var out []Raw
	for n := 0; key != nil && len(out) < limit && n < pageBytes; key, value = c.Next() {
		r, err := at.accept(key, value)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
		at, n = r.place(), n+len(r.Event)
	}
	if n := len(out); n == 0 || (key == nil && at != j.stored.Head) {
		return nil, refuse(ErrBrokenChain, "its records end with %d, but %d was acknowledged as the last one", at.Seq, j.stored.Head.Seq)
	}
	return out, nil
}

// seek puts the cursor on record from, and returns the place before it.
func (j *Journal) seek(c *bolt.Cursor, from uint64) (at place, key, value []byte, err error) {
	if from == j.stored.Anchor.Seq+1 {
		key, value = c.First()
		return j.stored.Anchor, key, value, nil
	}
	key, value = c.Seek(seqKey(from - 1))
	if !bytes.Equal(key, seqKey(from-1)) || len(value) < hashSize {
		return at, nil, nil, refuse(ErrBrokenChain, "record %d is missing", from-1)
	}
	at = place{from - 1, fmt.Sprintf("%x", value[:hashSize])}
	key, value = c.Next()
	return at, key, value, nil
}

// Each calls fn for every record from the number from to the one that is last when Each is called, and stops at
// the first error. See Since for from. fn may use the journal.
func (j *Journal) Each(from uint64, fn func(run.Record) error) error {
	return j.EachRaw(from, func(r Raw) error {
		rec, err := r.Record()
		if err != nil {
			return err
		}
		return fn(rec)
	})
}

// EachRaw is Each with the events as stored.
func (j *Journal) EachRaw(from uint64, fn func(Raw) error) error {
	last := j.Last()
	for {
		page, err := j.RawSince(from, pageRecords)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, r := range page {
			if r.Seq > last {
				return nil
			}
			if err := fn(r); err != nil {
				return err
			}
		}
		from = page[len(page)-1].Seq + 1
	}
}

// Changed returns a channel that is closed when the next record becomes visible or durable, or the journal ends.
// Take the channel first and look then, or a change may slip by.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}

// Wait returns nil as soon as there is a visible record with a number above after, and an error when ctx ends
// or the journal does.
func (j *Journal) Wait(ctx context.Context, after uint64) error {
	for {
		changed := j.Changed()
		if err := j.usable(); err != nil {
			return err
		}
		if j.Last() > after {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Cursor returns how far the reader called name has come, 0 if it never said. After a crash it may be lower than
// what was set last, never higher.
func (j *Journal) Cursor(name string) (uint64, error) {
	if err := j.usable(); err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cursors[name], nil
}

// SetCursor notes that the reader called name is done with every record up to seq. It only ever goes forward: a
// lower number changes nothing. A number above Durable is refused, because its record may yet be lost.
// It costs no write of its own: it goes with the next records, or after half a minute.
func (j *Journal) SetCursor(name string, seq uint64) error {
	if err := j.usable(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	old, known := j.cursors[name]
	switch {
	case name == "":
		return fmt.Errorf("cannot set a cursor without a name")
	case seq > j.durable:
		return fmt.Errorf("cannot set the cursor %s to record %d: only records up to %d are on disk", name, seq, j.durable)
	case known && seq <= old:
		return nil
	}
	j.cursors[name] = seq
	if j.cursorAt.IsZero() {
		j.cursorAt = time.Now().Add(cursorAfter)
		j.nudge()
	}
	return nil
}
