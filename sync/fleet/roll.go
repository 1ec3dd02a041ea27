package fleet

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/sync/fleet/books"
)

// rollRate is how many stores are asked a second, because each answers with all it has.
const rollRate = 20

// call asks for what is missing of what the stores keep at the broker.
func (s *leading) call(ctx context.Context, now time.Time) error {
	f := s.fleet
	if now.Before(s.callAt) {
		return nil
	}
	s.callAt = now.Add(time.Second)
	f.mu.RLock()
	states, refresh := f.roll.Missing(f.board, now, f.opt.RollWait, rollRate)
	f.mu.RUnlock()
	for _, id := range states {
		if err := s.link.subscribe(ctx, f.root+id+"/state"); err != nil {
			return err
		}
	}
	for _, id := range refresh {
		f.log.Info("the broker does not show everything of a store: it is asked to post it anew", "site", id)
		s.flying = append(s.flying, s.link.publish(f.root+id+"/hint", books.Hint{Verb: "refresh"}.JSON(), false))
	}
	return nil
}
