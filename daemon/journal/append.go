package journal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/run"
	bolt "go.etcd.io/bbolt"
)

const (
	flushAfter  = time.Second      // a record that need not be durable waits no longer than this
	cursorAfter = 30 * time.Second // nor a cursor longer than this
	reserveTry  = time.Minute      // how often to look whether there is space for the ballast again
	maxBuffered = 1 << 20          // bytes of records that wait in memory
)

// request is a durable Append. Its result is set, and read, by whoever holds io.
type request struct {
	bodies [][]byte
	done   bool
	out    []Raw
	err    error
}

// Append journals events in order, all or none, and returns them as records, as a reader will see them.
//
// With durable, they are on disk when it returns, together with everything that was buffered, and nobody
// sees them before. When it returns an error, none of them is in the journal or ever will be, unless the error
// is ErrFailed: then only the next Open can tell. Several calls at once share one transaction.
//
// Without durable, they have their numbers and are visible when it returns, but may be lost in a crash: they
// are written with the next durable ones, or by Run after a second.
//
// A full disk is an error that names the directory; Append works again when there is space.
func (j *Journal) Append(events []run.Event, durable bool) ([]run.Record, error) {
	raw, err := bodies(events)
	if err != nil {
		return nil, err
	}
	out, err := j.append(raw, durable)
	if err != nil {
		return nil, err
	}
	return records(out)
}

func (j *Journal) append(bodies [][]byte, durable bool) ([]Raw, error) {
	if !durable {
		return j.hold(bodies)
	}
	req := &request{bodies: bodies}
	j.mu.Lock()
	j.waiting = append(j.waiting, req)
	j.mu.Unlock()
	j.io.Lock()
	defer j.io.Unlock()
	if !req.done {
		j.commit()
	}
	return req.out, req.err
}

// hold gives bodies their places and keeps them in memory.
func (j *Journal) hold(bodies [][]byte) ([]Raw, error) {
	j.io.Lock()
	defer j.io.Unlock()
	if err := j.usable(); err != nil {
		return nil, err
	}
	j.mu.Lock()
	full, late := j.held >= maxBuffered, len(j.buffer) > 0 && !time.Now().Before(j.flushAt)
	j.mu.Unlock()
	if full || late {
		if err := j.flush(false); err != nil && (full || j.usable() != nil) {
			return nil, err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	out := chain(j.tail, bodies)
	if len(out) == 0 {
		return nil, nil
	}
	if len(j.buffer) == 0 {
		j.flushAt = time.Now().Add(flushAfter)
	}
	j.buffer = append(j.buffer, out...)
	j.held += size(bodies)
	j.tail = out[len(out)-1].place()
	j.notify()
	j.nudge()
	return out, nil
}

// commit writes the buffer and every append that waits, in one transaction. io is held.
func (j *Journal) commit() {
	j.mu.Lock()
	batch, buffer, at := j.waiting, j.buffer, j.tail
	j.waiting = nil
	j.mu.Unlock()
	var fresh []Raw
	for _, req := range batch {
		req.out = chain(at, req.bodies)
		if n := len(req.out); n > 0 {
			at = req.out[n-1].place()
		}
		fresh = append(fresh, req.out...)
	}
	err := j.usable()
	if err == nil {
		err = j.put(buffer, fresh, at)
	}
	for _, req := range batch {
		req.done, req.err = true, err
		if err != nil {
			req.out = nil
		}
	}
}

// put writes buffer and fresh, whose last place is at, and the cursors, and makes all of it visible. io is held.
func (j *Journal) put(buffer, fresh []Raw, at place) error {
	next := j.stored
	next.Head = at
	j.mu.Lock()
	next.Cursors = maps.Clone(j.cursors)
	j.mu.Unlock()
	if next.Head == j.stored.Head && maps.Equal(next.Cursors, j.stored.Cursors) {
		return nil
	}
	err := j.write(next, func(tx *bolt.Tx) error { return putRecords(tx, slices.Concat(buffer, fresh)) })
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.complain(err)
		return err
	}
	if j.failing {
		j.failing = false
		j.opts.Log.Info("the journal can be written again", "dir", j.opts.Dir)
	}
	j.buffer, j.held, j.flushAt = nil, 0, time.Time{}
	j.tail, j.durable = at, at.Seq
	if maps.Equal(j.cursors, next.Cursors) {
		j.cursorAt = time.Time{}
	}
	j.notify()
	return nil
}

func putRecords(tx *bolt.Tx, records []Raw) error {
	b := tx.Bucket(bucketRecords)
	b.FillPercent = 1 // keys only grow: leave no room for what never comes
	for _, r := range records {
		key, value, err := r.store()
		if err != nil {
			return err
		}
		if err := b.Put(key, value); err != nil {
			return err
		}
	}
	return nil
}

// complain logs the first of a row of failures and puts off the next try. mu is held.
func (j *Journal) complain(err error) {
	if !j.failing {
		j.failing = true
		j.opts.Log.Error("the journal cannot be written", "dir", j.opts.Dir, "error", err)
	}
	if !j.flushAt.IsZero() {
		j.flushAt = time.Now().Add(flushAfter)
	}
	if !j.cursorAt.IsZero() {
		j.cursorAt = time.Now().Add(cursorAfter)
	}
}

// flush writes the buffer, and the cursors if they are asked for or the buffer is written anyway. io is held.
func (j *Journal) flush(cursors bool) error {
	if err := j.usable(); err != nil {
		return err
	}
	j.mu.Lock()
	buffer, at := j.buffer, j.tail
	j.mu.Unlock()
	if len(buffer) == 0 && !cursors {
		return nil
	}
	return j.put(buffer, nil, at)
}

// Flush writes everything that is buffered, cursors too, to disk.
func (j *Journal) Flush() error {
	j.io.Lock()
	defer j.io.Unlock()
	return j.flush(true)
}

// Run writes buffered records and cursors in time, and keeps the reserve of disk space, until ctx ends or the
// journal is closed. It writes what is left before it returns.
func (j *Journal) Run(ctx context.Context) error {
	for {
		due := time.NewTimer(j.idle())
		select {
		case <-ctx.Done():
			due.Stop()
			if err := j.Flush(); err != nil && err != ErrClosed {
				return fmt.Errorf("cannot write the end of the journal: %w", err)
			}
			return nil
		case <-j.wake:
		case <-due.C:
			j.tidy()
		}
		due.Stop()
		switch err := j.usable(); err {
		case nil:
		case ErrClosed:
			return nil
		default:
			return err
		}
	}
}

// idle is how long there is nothing for Run to do.
func (j *Journal) idle() time.Duration {
	wait := time.Hour
	if !j.ballast.State().Held && j.ballast.size > 0 {
		wait = reserveTry
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, at := range []time.Time{j.flushAt, j.cursorAt} {
		if !at.IsZero() {
			wait = min(wait, max(0, time.Until(at)))
		}
	}
	return wait
}

// tidy does what is due. Failures are logged where they happen and tried again.
func (j *Journal) tidy() {
	j.io.Lock()
	defer j.io.Unlock()
	now := time.Now()
	j.mu.Lock()
	records := !j.flushAt.IsZero() && !now.Before(j.flushAt)
	cursors := !j.cursorAt.IsZero() && !now.Before(j.cursorAt)
	j.mu.Unlock()
	if records || cursors {
		if j.flush(cursors) != nil {
			return
		}
	}
	if j.usable() == nil && j.ballast.refill() {
		j.opts.Log.Info("space is kept in reserve for the journal again", "dir", j.opts.Dir)
	}
}

// nudge tells Run to look at the time again.
func (j *Journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// chain gives bodies the places after at.
func chain(at place, bodies [][]byte) []Raw {
	out := make([]Raw, len(bodies))
	for i, body := range bodies {
		out[i] = at.follow(body)
		at = out[i].place()
	}
	return out
}

func size(bodies [][]byte) int {
	n := 0
	for _, b := range bodies {
		n += len(b)
	}
	return n
}
