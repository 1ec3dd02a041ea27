package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/sync/fleet/wire"
)

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// decodeAll reads what is queued and hands it on in batches, until nobody listens and all is read, or ctx ends.
// A batch is handed on BatchWait after its first message, or when it is large; while the one
// before is being written it grows up to BatchSize.
func (f *Fleet) decodeAll(ctx context.Context) {
	defer close(f.batches)
	var batch []feed.Message
	timer := time.NewTimer(f.opt.BatchWait)
	defer timer.Stop()
	due := false
	quiet := f.quiet
	for open := true; open || len(f.inbox) > 0 || len(batch) > 0; {
		in := f.inbox
		if len(batch) >= f.opt.BatchSize {
			in = nil
		}
		var out chan []feed.Message
		if len(batch) > 0 && (due || !open || len(batch) >= f.opt.BatchSize/8) {
			out = f.batches
		}
		select {
		case <-quiet:
			quiet, open = nil, false
		case a := <-in:
			if len(batch) == 0 {
				due = false
				timer.Reset(f.opt.BatchWait)
			}
			batch = f.read(a, batch)
			for more := min(len(f.inbox), f.opt.BatchSize-len(batch)); more > 0; more-- {
				batch = f.read(<-f.inbox, batch) // nobody else takes them
			}
		case out <- batch:
			batch = make([]feed.Message, 0, f.opt.BatchSize/8)
			due = false
		case <-timer.C:
			due = true
		case <-ctx.Done():
			return
		}
	}
}

// read adds a message to a batch. One that cannot be read is counted and kept out.
func (f *Fleet) read(a wire.Arrival, batch []feed.Message) []feed.Message {
	m, err := wire.Read(f.root, a)
	switch {
	case errors.Is(err, wire.ErrOther):
	case err != nil:
		f.unreadable(m.Store, a, err)
	default:
		f.roll.Note(m)
		batch = append(batch, m)
	}
	return batch
}

// maxOdd bounds what is remembered of messages that could not be read; what is beyond is only counted.
const maxOdd = 1 << 14

// unreadable counts a message and says so, for the first one of its store and, of those that are too large, for the
// first one of its topic.
func (f *Fleet) unreadable(store string, a wire.Arrival, err error) {
	key, more := store, "store"
	if errors.Is(err, wire.ErrTooLarge) {
		key, more = a.Topic, "topic"
	}
	f.state.Lock()
	f.status.Unreadable++
	first := !f.odd[key] && len(f.odd) < maxOdd
	if first {
		f.odd[key] = true
	}
	f.state.Unlock()
	if first {
		f.log.Warn("a message cannot be read and is left out; more of this "+more+" are only counted", "site", store, "topic", a.Topic, "bytes", len(a.Payload), "error", err)
	}
}

// storeAll writes batches until there are no more or ctx ends.
func (f *Fleet) storeAll(ctx context.Context) {
	defer func() {
		f.storing.Lock()
		defer f.storing.Unlock()
		f.over = true
		close(f.shows)
	}()
	for {
		select {
		case batch, ok := <-f.batches:
			if !ok {
				return
			}
			f.store(ctx, batch)
		case <-ctx.Done():
			return
		}
	}
}

// errOver is why nothing is changed any more.
var errOver = errors.New("headquarters is being stopped")

// commit changes the database and has what changed shown, in the order of the changes.
func (f *Fleet) commit(change func() (feed.Taken, error)) error {
	f.storing.Lock()
	defer f.storing.Unlock()
	if f.over {
		return errOver
	}
	taken, err := change()
	if err != nil {
		return err
	}
	f.shows <- taken
	return nil
}

// showAll shows what was stored until there is no more.
func (f *Fleet) showAll() {
	for taken := range f.shows {
		f.apply(taken)
		f.count(taken)
	}
}

// store writes a batch and tries again until it is written. Messages that the database refuses for
// what they are are left out.
func (f *Fleet) store(ctx context.Context, batch []feed.Message) {
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		err := f.commit(func() (feed.Taken, error) { return f.db.Take(ctx, batch) })
		switch {
		case err == nil:
			f.lag.Store(int64(time.Since(batch[len(batch)-1].Received)))
			return
		case database.Refused(err) && len(batch) > 1:
			half := len(batch) / 2
			f.store(ctx, batch[:half])
			f.store(ctx, batch[half:])
			return
		case database.Refused(err):
			f.unreadable(batch[0].Store, wire.Arrival{Topic: f.root + batch[0].Store}, err)
			return
		}
		f.log.Error("cannot store what the stores told: it is tried again", "messages", len(batch), "error", err, "retry_in", wait)
		sleep(ctx, wait)
	}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
