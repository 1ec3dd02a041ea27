package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/site/board/feed"
)

const (
	stateEvery = 10 * time.Minute // how often hq/state is posted when nothing changes
	seenTick   = 50 * time.Millisecond
	gapTick    = 250 * time.Millisecond
	// seenWindow is how many hq/seen may wait for the broker at once.
	seenWindow = 256

	// Stores wait up to a minute, because there are thousands of them; headquarters are few, and every
	// store that is back before them sends into the void. So the waits stay short for as long as it takes.
	firstDial = 500 * time.Millisecond
	lastDial  = 2 * time.Second
	// logEvery is how often the same reason is logged while there is no link.
	logEvery = time.Minute
)

// role is what a connection is for.
type role struct {
	events bool // it listens to events
	lead   bool // it listens to snapshots, and tells and asks the stores
}

// listen keeps a connection until ctx ends.
func (f *Fleet) listen(ctx context.Context, r role) {
	var b backoff
	var told complaint
	for ctx.Err() == nil {
		worked, err := f.once(ctx, r)
		f.connected(nil, r, err)
		if ctx.Err() != nil {
			return
		}
		pause := b.after(worked)
		if told.isNews(err.Error(), worked, time.Now()) {
			f.log.Warn("no link to the broker", "error", err, "broker", f.opt.Broker.String(), "retry_in", pause.Round(time.Millisecond))
		}
		sleep(ctx, pause)
	}
}

// backoff is the wait between attempts to connect: it doubles up to lastDial and is a random part of
// that, never less than half.
type backoff struct{ wait time.Duration }

// after returns how long to wait after an attempt. One that worked, however short, begins anew.
func (b *backoff) after(worked bool) time.Duration {
	if worked || b.wait == 0 {
		b.wait = firstDial
	} else {
		b.wait = min(2*b.wait, lastDial)
	}
	return b.wait/2 + rand.N(b.wait/2)
}

// complaint is the last reason that was logged for having no link.
type complaint struct {
	text string
	at   time.Time
}

// isNews reports whether a reason is to be logged, and remembers that it is: another one than the last,
// one after a link that worked, or the same one after a while.
func (c *complaint) isNews(text string, worked bool, now time.Time) bool {
	if !worked && text == c.text && now.Sub(c.at) < logEvery {
		return false
	}
	c.text, c.at = text, now
	return true
}

// once makes one connection and serves it to its end. It worked when the broker let headquarters listen.
func (f *Fleet) once(ctx context.Context, r role) (worked bool, err error) {
	id, will := f.opt.ClientID, []byte(nil)
	if r.lead {
		will = f.stateJSON(false, time.Time{})
		if !r.events {
			id += "-lead"
		}
	}
	l, err := f.connect(ctx, id, will)
	if err != nil {
		return false, err
	}
	worked, err = f.serve(ctx, l, r)
	f.connected(nil, r, err)
	if ctx.Err() == nil {
		l.kill()
		return worked, err
	}
	f.goodbye(context.WithoutCancel(ctx), l, r)
	return worked, nil
}

// filters are the topics of a role, in the order in which they are asked for: who a store is comes
// before everything else that it keeps at the broker.
func (f *Fleet) filters(r role) []string {
	var all []string
	if r.lead {
		all = append(all, f.root+"+/info", f.root+"+/state")
	}
	if r.events {
		evt := f.root + "+/evt"
		if f.opt.Shared != "" {
			evt = "$share/" + f.opt.Shared + "/" + evt
		}
		all = append(all, evt)
	}
	if r.lead {
		all = append(all, f.root+"+/alert/+", f.root+"+/ready", f.root+"+/night", f.root+"+/d/+")
	}
	return all
}

// serve listens until the link breaks or ctx ends. listened: the broker took every filter.
func (f *Fleet) serve(ctx context.Context, l *link, r role) (listened bool, err error) {
	if r.lead {
		f.roll.Begin()
	}
	for _, filter := range f.filters(r) {
		if err := l.subscribe(ctx, filter); err != nil {
			return false, err
		}
	}
	f.connected(l, r, nil)
	f.log.Info("connected to the broker", "broker", f.opt.Broker.String(), "leader", r.lead)
	if !r.lead {
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case err := <-l.lost:
			return true, err
		}
	}
	return true, (&leading{fleet: f, link: l}).run(ctx)
}

// goodbye says that headquarters goes away on purpose, and leaves.
func (f *Fleet) goodbye(ctx context.Context, l *link, r role) {
	if r.lead {
		if err := l.await(ctx, l.publish(f.hq+"state", f.stateJSON(false, time.Now()), true), f.opt.StopWait); err != nil {
			f.log.Warn("cannot say goodbye to the broker", "error", err)
			l.kill()
			return
		}
	}
	l.leave()
}

// stateJSON is the payload of hq/state. The last will has no time, because it is fixed when the
// connection is made.
func (f *Fleet) stateJSON(online bool, now time.Time) []byte {
	var at int64
	if !now.IsZero() {
		at = now.UnixMilli()
	}
	raw, err := json.Marshal(struct {
		Online    bool   `json:"online"`
		Timestamp int64  `json:"timestamp,omitempty"`
		V         string `json:"v,omitempty"`
	}{online, at, f.opt.Version})
	if err != nil {
		panic("internal error: a state cannot be written as JSON: " + err.Error())
	}
	return raw
}

// leading is what a connection does that speaks to the stores. One goroutine does everything.
type leading struct {
	fleet   *Fleet
	link    *link
	flying  []mqtt.Token // hq/seen that the broker did not acknowledge yet, the oldest first
	stateAt time.Time
	gapAt   time.Time
	callAt  time.Time
	oldest  time.Time // when the broker last acknowledged something, or nothing was on the way
}

// run speaks to the stores until the link breaks or ctx ends.
func (s *leading) run(ctx context.Context) error {
	f := s.fleet
	f.seen.All()
	s.oldest = time.Now()
	s.callAt = s.oldest.Add(f.opt.RollWait)
	tick := time.NewTicker(seenTick)
	defer tick.Stop()
	for {
		now := time.Now()
		if !now.Before(s.stateAt) {
			if err := s.link.await(ctx, s.link.publish(f.hq+"state", f.stateJSON(true, now), true), answerLimit); err != nil {
				return err
			}
			s.stateAt = now.Add(stateEvery)
		}
		if err := s.tell(now); err != nil {
			return err
		}
		if !now.Before(s.gapAt) {
			s.ask(ctx, now)
			s.gapAt = now.Add(gapTick)
		}
		if err := s.call(ctx, now); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.link.lost:
			return err
		case <-tick.C:
		}
	}
}

// tell publishes hq/seen of the stores whose turn it is.
func (s *leading) tell(now time.Time) error {
	for len(s.flying) > 0 {
		select {
		case <-s.flying[0].Done():
			if err := s.flying[0].Error(); err != nil {
				return err
			}
			s.flying, s.oldest = s.flying[1:], now
			continue
		default:
		}
		break
	}
	if len(s.flying) == 0 {
		s.oldest = now
	} else if now.Sub(s.oldest) > answerLimit {
		return errors.New("the broker acknowledged nothing for " + answerLimit.String())
	}
	f := s.fleet
	for range max(f.opt.SeenRate*int(seenTick)/int(time.Second), 1) {
		if len(s.flying) >= seenWindow {
			break
		}
		store, t, ok := f.seen.Next(now)
		if !ok {
			break
		}
		s.flying = append(s.flying, s.link.publish(f.hq+"seen/"+store, t.JSON(), true))
	}
	return nil
}

// ask sends hints for gaps, and gives up those that will not close.
func (s *leading) ask(ctx context.Context, now time.Time) {
	f := s.fleet
	hints, lost := f.gaps.Step(now)
	for _, h := range hints {
		f.log.Info("events are missing: the store is asked for them", "site", h.Store, "stream", h.Hint.Stream, "from", h.Hint.From, "to", h.Hint.To)
		s.flying = append(s.flying, s.link.publish(f.root+h.Store+"/hint", h.Hint.JSON(), false))
	}
	for _, g := range lost {
		f.log.Warn("events are given up: the store does not have them any more", "site", g.Store, "stream", g.Stream, "from", g.Span.From, "to", g.Span.To)
		err := f.commit(func() (feed.Taken, error) { return f.db.GiveUp(ctx, g.Store, g.Stream, g.Span) })
		if err != nil {
			f.log.Error("cannot give up events", "site", g.Store, "error", err)
		}
	}
}
