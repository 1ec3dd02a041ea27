package terminal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/site"
)

const (
	farBehind = kept / 2        // a reader further behind slows the device down
	patience  = 2 * time.Second // and for so long at most
	chunk     = 32 << 10        // read at once
)

// run is the session from its first byte to its last record.
func (s *Session) run(ctx context.Context) {
	moving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var parts sync.WaitGroup
	parts.Go(func() { s.read(moving) })
	parts.Go(func() { s.forward(moving) })
	byItself := s.keep(ctx)
	s.stop(nil) // what ended by itself takes no more either
	_ = s.shell.Close()
	cancel()
	parts.Wait()
	s.finish(ctx, byItself)
}

// keep writes down and passes on what the shell shows, until the shell ends by itself or something
// ends it.
func (s *Session) keep(ctx context.Context) (byItself bool) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var err error
		select {
		case p, more := <-s.shown:
			if !more {
				return true
			}
			if err = s.tape.show(p); err == nil {
				s.show(p)
			}
			s.seenIt <- struct{}{}
		case n := <-s.notes:
			err = s.tape.note(n)
		case <-tick.C:
			err = s.tape.flush()
			s.judge(time.Now())
		case <-s.stopping:
			return false
		case <-ctx.Done():
			s.stop(site.Because(site.CodeInterrupted, "the box stopped, which ended the terminal"))
			return false
		}
		if err != nil {
			s.stop(unrecorded(err))
			return false
		}
	}
}

// unrecorded says why a session ends that cannot be recorded any more.
func unrecorded(err error) *site.Reason {
	var full errFull
	if errors.As(err, &full) {
		return site.Because(site.CodeBoxFull, fmt.Sprintf("the recording reached its limit of %d MiB, and without one there is no terminal: open a new one", full>>20))
	}
	return site.Because(site.CodeBoxFull, "the terminal cannot be recorded any more, and without a recording there is none: "+err.Error())
}

// show passes output on to the readers.
func (s *Session) show(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring.write(p)
	s.tell()
}

// judge ends a session that nobody uses, and warns before.
func (s *Session) judge(now time.Time) {
	limits := s.desk.Limits
	s.mu.Lock()
	idle, ends := now.Sub(s.typedAt), time.Time{}
	left := len(s.attached) == 0 && now.Sub(s.leftAt) >= limits.Unattended
	if idle >= limits.Idle-limits.Warning {
		ends = s.typedAt.Add(limits.Idle)
	}
	if !ends.Equal(s.idleEnds) {
		s.idleEnds = ends
		s.tell()
	}
	s.mu.Unlock()
	switch {
	case idle >= limits.Idle:
		s.stop(site.Because(site.CodeTimedOut, fmt.Sprintf("nothing was typed for %d minutes, which ended the terminal", limits.Idle/time.Minute)))
	case left:
		s.stop(site.Because(site.CodeTimedOut, fmt.Sprintf("nobody looked at the terminal for %d minutes, which ended it", limits.Unattended/time.Minute)))
	}
}

// read hands on what the shell shows, piece by piece, not faster than it may be shown.
func (s *Session) read(ctx context.Context) {
	defer close(s.shown)
	buf := make([]byte, chunk)
	p := newPace(s.desk.Limits.Pace, time.Now())
	for s.mayRead(ctx, p) {
		n, err := s.shell.Read(buf)
		if n > 0 {
			p.spend(n, time.Now())
			select {
			case s.shown <- buf[:n]:
			case <-ctx.Done():
				return
			}
			select {
			case <-s.seenIt:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// mayRead waits until more may be shown: the pace allows it, and a reader who keeps up has seen
// enough. Who is slow is waited for a little, and then no more until he has caught up.
func (s *Session) mayRead(ctx context.Context, p *pace) bool {
	slow := time.NewTimer(patience)
	defer slow.Stop()
	for {
		select {
		case <-s.hurry:
			p.urgent = time.Now().Add(urgentFor)
		default:
		}
		now := time.Now()
		delay := p.wait(now)
		if delay == 0 && (now.Before(p.urgent) || s.behind() <= farBehind) {
			return true
		}
		due := time.NewTimer(or(delay, patience))
		select {
		case <-s.hurry:
			p.urgent = time.Now().Add(urgentFor)
		case <-s.moved:
		case <-due.C:
		case <-slow.C:
			s.leaveBehind()
		case <-ctx.Done():
			due.Stop()
			return false
		}
		due.Stop()
	}
}

// behind is how many bytes the reader that is furthest has still to see; 0 when none is counted.
func (s *Session) behind() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := int64(-1)
	for a := range s.attached {
		if behind := s.ring.end - a.seen; !a.slow && (least < 0 || behind < least) {
			least = behind
		}
	}
	return max(least, 0)
}

// leaveBehind stops waiting for readers that are far behind.
func (s *Session) leaveBehind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := range s.attached {
		a.slow = a.slow || s.ring.end-a.seen > farBehind
	}
}

// forward passes on what people type.
func (s *Session) forward(ctx context.Context) {
	for {
		select {
		case t := <-s.typed:
			var err error
			if t.bytes != nil {
				_, err = s.shell.Write(t.bytes)
			} else if err = s.shell.Resize(t.size.Cols, t.size.Rows); err == nil {
				s.jot(note{size: t.size})
			}
			if err != nil {
				return // the shell is ending, and read learns why
			}
		case <-ctx.Done():
			return
		}
	}
}

// finish seals the recording, gives the device back and tells the readers how it ended.
func (s *Session) finish(ctx context.Context, byItself bool) {
	s.mu.Lock()
	reason := s.why
	s.mu.Unlock()
	end := hands.TerminalEnd{Session: s.id, Reason: reason, Lasted: time.Since(s.since)}
	status, err := s.shell.Exit()
	switch {
	case err == nil:
		end.Exit = &status
	case byItself:
		end.Reason = site.Because(site.CodeNoAnswer, err.Error())
	}
	said := "the terminal was ended"
	switch {
	case end.Reason != nil:
		said = end.Reason.Text
	case end.Exit != nil:
		said = fmt.Sprintf("the shell ended with exit code %d", *end.Exit)
	}
	digest, err := s.tape.seal(said)
	if err != nil {
		s.desk.Log.Error("a recording is not whole", "recording", s.id, "err", err)
	}
	end.Recording = digest
	s.desk.Log.Info("a terminal ended", "device", s.ask.Device, "actor", s.ask.Actor, "recording", s.id, "why", said)
	s.giveBack(ctx, end)
}

// giveBack writes down the end, again and again until it is written or the box stops: the next
// start of the box gives back what this one did not.
func (s *Session) giveBack(ctx context.Context, end hands.TerminalEnd) {
	for first := true; first || ctx.Err() == nil; first = false {
		err := s.desk.Hands.CloseTerminal(s.ask, end)
		if err == nil {
			s.desk.forget(s)
		}
		if first {
			s.announce(end)
		}
		if err == nil {
			return
		}
		s.desk.Log.Error("cannot write down the end of a terminal", "device", s.ask.Device, "err", err)
		pause.For(ctx, retryWrite)
	}
}

// announce tells the readers the end.
func (s *Session) announce(end hands.TerminalEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = &End{At: time.Now(), Exit: end.Exit, Reason: end.Reason, Recording: end.Recording, Lasted: site.Duration(end.Lasted)}
	s.tell()
	close(s.given)
}
