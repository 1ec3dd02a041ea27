package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

const (
	stateEvery   = 10 * time.Minute // how often the state is posted when nothing changes
	atMostEvery  = time.Second      // between two looks at the snapshots, and two writes of a cursor
	learnFor     = 10 * time.Second // how long retained topics of earlier runs are listened for
	pageSize     = 2 * window       // records read from the journal at once
	journalRetry = 5 * time.Second
	saveRetry    = time.Minute
	snapLimit    = 10 * time.Second
)

// session is one connection from the birth to its end. One goroutine does
// everything.
type session struct {
	up    *Uplink
	link  *link
	log   *slog.Logger
	first bool

	page   []run.Record
	pace   *pace // of events
	hints  *pace // of hints
	words  *pace // of what is logged of ignored messages
	unsaid int   // messages that were ignored without a word since the last one
	hold   time.Time
	landed time.Time // when the broker last acknowledged an event, or the window was empty

	stateAt time.Time // when to post the state again
	lookAt  time.Time // when to look at the snapshots
	looked  time.Time
	learnTo time.Time // when to stop listening to the own topics; zero = stopped
	saveAt  time.Time // when a cursor may be written again
	left    []string  // earlier ids of the store that are to be looked at in this session
	leaving *leaving  // the one that is; nil = none
	trouble string    // the last complaint about the snapshots
}

// newSession returns a session on a link that is connected. first says that it is
// the first one of the run.
func newSession(u *Uplink, l *link, first bool) *session {
	now := time.Now()
	return &session{
		up: u, link: l, first: first,
		log:    u.log.With("bd", u.birth),
		pace:   newPace(u.opt.Rate, window, now),
		hints:  newPace(1, 10, now),
		words:  newPace(0.1, 10, now),
		landed: now,
	}
}

// run serves the link until it breaks or ctx ends.
func (s *session) run(ctx context.Context) error {
	s.up.seen.parted()
	if err := s.birth(ctx); err != nil {
		return err
	}
	s.up.setConnected(true)
	s.lookBy(time.Now()) // what the birth said of the line is no longer so
	s.log.Info("connected to the broker", "broker", s.up.opt.Broker.String(), "due", s.due())

	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := s.up.opt.Journal.Changed() // taken before step looks, so that nothing slips by
		if err := s.step(ctx); err != nil {
			return err
		}
		timer.Reset(time.Until(s.nextStep()))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.link.lost:
			return err
		case m := <-s.link.inbox:
			s.receive(m)
		case <-s.up.box.head():
			if err := s.up.box.landed(); err != nil {
				return fmt.Errorf("an event was not acknowledged: %v", err)
			}
			s.landed = time.Now()
			s.up.publishStatus()
		case <-changed:
			s.lookBy(s.looked.Add(atMostEvery))
		case <-timer.C:
		}
	}
}

// birth tells the broker everything there is to know, then that the store is
// online. History comes after it.
func (s *session) birth(ctx context.Context) error {
	refused, err := s.link.subscribe(ctx, s.up.opt.AckLimit, append(s.lasting(), s.learning()...)...)
	if err != nil {
		return err
	}
	if len(refused) > 0 {
		s.log.Warn("the broker does not let the store listen: allow these topics", "topics", refused)
	}
	if err := s.postState(ctx, "init"); err != nil {
		return err
	}
	s.up.board.forget()
	if err := s.look(ctx); err != nil {
		return err
	}
	if err := s.postState(ctx, "online"); err != nil {
		return err
	}
	now := time.Now()
	s.learnTo = now.Add(learnFor)
	s.left = s.up.opt.Left()
	if due := s.due(); due > 0 && !s.first {
		s.hold = now.Add(spread(due, s.up.opt.Jitter))
	}
	return nil
}

// lasting are the topics that are listened to until the end.
func (s *session) lasting() []string {
	return []string{s.up.root + "hint", s.up.root + "state", s.up.org + "state", s.up.org + "seen/" + s.up.opt.Store}
}

// learning are the topics under which an earlier run may have left something.
func (s *session) learning() []string { return []string{s.up.root + "d/+", s.up.root + "alert/+"} }

// due returns how many events wait to be sent for the first time.
func (s *session) due() uint64 {
	last := s.up.opt.Journal.Durable()
	return last - min(last, s.up.box.sent)
}

// step does everything that is due now.
func (s *session) step(ctx context.Context) error {
	now := time.Now()
	if len(s.up.box.flying) > 0 && now.Sub(s.landed) >= s.up.opt.AckLimit {
		return fmt.Errorf("the broker acknowledged nothing for %s", s.up.opt.AckLimit)
	}
	if !now.Before(s.stateAt) {
		if err := s.postState(ctx, "online"); err != nil {
			return err
		}
	}
	if !now.Before(s.lookAt) {
		if err := s.look(ctx); err != nil {
			return err
		}
	}
	if !s.learnTo.IsZero() && !now.Before(s.learnTo) {
		s.learnTo = time.Time{}
		t := s.link.client.Unsubscribe(s.learning()...)
		if err := s.link.await(ctx, t, s.up.opt.AckLimit); err != nil {
			return fmt.Errorf("cannot unsubscribe: %v", err)
		}
	}
	if err := s.goOnLeaving(ctx); err != nil {
		return err
	}
	if s.up.seen.lacking(now, s.up.box.acked) {
		s.log.Warn("headquarters lacks events that the broker took: they are sent again", "from", s.up.seen.stored+1, "to", s.up.box.acked)
		s.up.box.again(s.up.seen.stored+1, s.up.box.acked)
	}
	if s.up.unsaved() && !now.Before(s.saveAt) {
		s.up.save()
		s.saveAt = now.Add(atMostEvery)
		if s.up.unsaved() {
			s.saveAt = now.Add(saveRetry)
		}
	}
	s.send()
	return nil
}

// nextStep returns when step has something to do again, if nothing else happens.
func (s *session) nextStep() time.Time {
	next := s.stateAt
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	sooner(s.lookAt)
	if len(s.up.box.flying) > 0 {
		sooner(s.landed.Add(s.up.opt.AckLimit))
	}
	if !s.learnTo.IsZero() {
		sooner(s.learnTo)
	}
	if s.leaving != nil {
		sooner(s.leaving.until)
	}
	if !s.up.seen.due.IsZero() {
		sooner(s.up.seen.due)
	}
	if s.up.unsaved() {
		sooner(s.saveAt)
	}
	if _, _, ok := s.up.box.next(s.up.opt.Journal.Durable()); ok {
		at := s.pace.ready()
		if at.Before(s.hold) {
			at = s.hold
		}
		sooner(at)
	}
	return next
}

// send hands events to the connection until the window is full, the pace is used
// up or nothing is due.
func (s *session) send() {
	for {
		now := time.Now()
		want, again, ok := s.up.box.next(s.up.opt.Journal.Durable())
		if !ok || now.Before(s.hold) || !s.pace.take(now) {
			return
		}
		r, err := s.read(want)
		if err != nil {
			s.log.Error("cannot read the journal to report it", "seq", want, "error", err)
			s.hold = now.Add(journalRetry)
			return
		}
		if r.Seq != want {
			s.log.Warn("events are no longer in the journal and are not sent", "from", want, "to", r.Seq-1)
		}
		if len(s.up.box.flying) == 0 {
			s.landed = now
		}
		s.up.box.took(want, r.Seq, again, s.link.publish(s.up.root+"evt", s.up.encode(r, now), false))
	}
}

// read returns the record with sequence number seq, or the first one after it that
// the journal still has. It keeps one page in memory.
func (s *session) read(seq uint64) (run.Record, error) {
	if len(s.page) == 0 || seq < s.page[0].Seq || seq > s.page[len(s.page)-1].Seq {
		page, err := s.up.opt.Journal.Since(seq, pageSize)
		if err != nil {
			// Perhaps it was forgotten: then what is left begins after it.
			kept, err2 := s.up.opt.Journal.Since(0, pageSize)
			if err2 != nil || len(kept) == 0 || kept[0].Seq <= seq {
				return run.Record{}, err
			}
			page = kept
		}
		s.page = page
	}
	for _, r := range s.page {
		if r.Seq >= seq {
			return r, nil
		}
	}
	return run.Record{}, errors.New("it ends before its last event")
}

// lookBy asks for a look at the snapshots at a time, or sooner.
func (s *session) lookBy(t time.Time) {
	if t.Before(s.lookAt) {
		s.lookAt = t
	}
}

// look posts what changed of the snapshots and waits until the broker has it.
func (s *session) look(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, snapLimit)
	snap := s.up.opt.Snapshots(short)
	cancel()
	s.looked = time.Now()
	s.lookAt = s.looked.Add(s.up.opt.LookAt)
	if !snap.known() {
		return nil
	}
	posts, err := s.up.board.due(snap)
	s.complain(err)
	return s.hang(ctx, s.up.root, posts, s.up.board.confirm)
}

// hang posts retained messages below root and waits until the broker has them; each that it has is confirmed.
func (s *session) hang(ctx context.Context, root string, posts []post, confirm func(post)) error {
	type hanging struct {
		post  post
		token token
	}
	var wait []hanging
	settle := func(keep int) error {
		for len(wait) > keep {
			if err := s.link.await(ctx, wait[0].token, s.up.opt.AckLimit); err != nil {
				return fmt.Errorf("cannot post %s: %v", wait[0].post.topic, err)
			}
			confirm(wait[0].post)
			wait = wait[1:]
		}
		return nil
	}
	for _, p := range posts {
		wait = append(wait, hanging{p, s.link.publish(root+p.topic, p.payload, true)})
		if err := settle(window - 1); err != nil {
			return err
		}
	}
	return settle(0)
}

// complain logs what is wrong with the snapshots, once for each new complaint.
func (s *session) complain(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != s.trouble {
		s.log.Error("part of the state of the store cannot be reported", "error", text)
	}
	s.trouble = text
}

// postState posts the state and waits until the broker has it.
func (s *session) postState(ctx context.Context, state string) error {
	now := time.Now()
	t := s.link.publish(s.up.root+"state", s.up.stateJSON(state, s.up.birth, now), true)
	if err := s.link.await(ctx, t, s.up.opt.AckLimit); err != nil {
		return fmt.Errorf("cannot post state %s: %v", state, err)
	}
	s.stateAt = now.Add(stateEvery)
	return nil
}

// goodbye waits for what is on the way, says that the store disconnects on purpose
// and leaves. Without an answer within StopWait the broker will say "lost" instead.
// It stops listening first: a connection that is closed while something is unread
// is reset, and a reset can overtake the DISCONNECT.
func (s *session) goodbye(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.up.opt.StopWait)
	defer cancel()
	for len(s.up.box.flying) > 0 {
		if s.link.await(ctx, s.up.box.flying[0].token, s.up.opt.StopWait) != nil || s.up.box.landed() != nil {
			break
		}
	}
	heard := append(s.lasting(), s.learning()...)
	if s.leaving != nil {
		heard = append(heard, s.leaving.topics()...)
	}
	err := s.link.await(ctx, s.link.client.Unsubscribe(heard...), s.up.opt.StopWait)
	if err == nil {
		err = s.postState(ctx, "disconnected")
	}
	if err != nil {
		s.log.Warn("cannot say goodbye to the broker", "error", err)
		s.link.kill()
		return
	}
	s.link.leave()
}
