package fleet

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// lead waits until this program is the one that leads, and leads until it is not any more.
func (f *Fleet) lead(ctx context.Context) {
	for ctx.Err() == nil {
		term, end, err := f.db.Lead(ctx)
		if err != nil && ctx.Err() == nil {
			f.log.Warn("cannot ask who leads", "error", err)
		}
		if term == nil {
			sleep(ctx, f.opt.PollEvery)
			continue
		}
		f.log.Info("this program leads now")
		f.listen(term, role{lead: true})
		end()
	}
}

// poll takes in what other programs changed in the database.
func (f *Fleet) poll(ctx context.Context) {
	tick := time.NewTicker(f.opt.PollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := f.catchUp(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("cannot ask the database what changed", "error", err)
		}
	}
}

// catchUp reads anew what others changed.
func (f *Fleet) catchUp(ctx context.Context) error {
	versions, err := f.db.Versions(ctx)
	if err != nil {
		return err
	}
	f.mu.RLock()
	stale := map[string]int64{}
	var gone []string
	for id, v := range versions {
		if f.versions[id] < v {
			stale[id] = v
		}
	}
	for id := range f.versions {
		if _, ok := versions[id]; !ok {
			gone = append(gone, id)
		}
	}
	f.mu.RUnlock()
	for id, version := range stale {
		if err := f.reload(ctx, id, version); err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		f.mu.Lock()
		for _, id := range gone {
			f.remove(id)
		}
		f.notify()
		f.mu.Unlock()
	}
	return nil
}

// reload reads one store anew, or with "" what is fleet-wide. What changes after version was read
// is read again the next time.
func (f *Fleet) reload(ctx context.Context, id string, version int64) error {
	known, err := f.db.Stores(ctx, id)
	if err != nil {
		return err
	}
	facts, err := f.db.HeldFacts(ctx, id)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.versions[id] = version
	if id == "" {
		for _, h := range facts {
			f.board.Apply("", h.Fact, h.Received)
		}
		return nil
	}
	fresh := board.NewBoard(f.opt.Org)
	s := fresh.Store(id)
	for _, k := range known {
		s.Contact, s.Streams = k.Contact, k.Streams
	}
	for _, h := range facts {
		if h.Kind.Remembered() {
			fresh.Apply(id, h.Fact, h.Received)
		}
	}
	if e, ok := f.expected[id]; ok {
		s.Expected = &e
	}
	f.board.Stores[id] = s
	f.follow(s)
	f.notify()
	return nil
}
