package live

import "context"

// pump sends everything that is new on every channel. Answers and the end of the session do not wait
// for a long history: it is sent a page at a time.
func (s *socket) pump(ctx context.Context) error {
	for _, channel := range []string{ChannelStore, ChannelReady, ChannelDevice, ChannelNight} {
		if err := s.documents(channel); err != nil {
			return err
		}
	}
	more := true
	for more && ctx.Err() == nil {
		var err error
		if more, err = s.records(); err != nil {
			return err
		}
		if err := s.drain(); err != nil {
			return err
		}
	}
	return nil
}

// drain sends the answers that wait.
func (s *socket) drain() error {
	for {
		select {
		case frame := <-s.out:
			if err := s.send(frame); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// documents sends those of a channel that the reader does not have.
func (s *socket) documents(channel string) error {
	s.mu.Lock()
	w := s.wants[channel]
	s.mu.Unlock()
	if w == nil {
		return nil
	}
	news, now := s.l.Board.since(channel, w.version)
	if now == 0 {
		return nil // the board is empty as yet
	}
	for _, one := range news {
		if err := s.send(one.frame); err != nil {
			return err
		}
	}
	w.version = now
	if !w.synced {
		w.synced = true
		return s.send(encode(simple{T: "synced", Channel: channel}))
	}
	return nil
}

// records sends one page of the journal, and reports whether there may be more. Records that are not
// kept any more, or that a slow reader would never catch up with, are left out with a gap.
func (s *socket) records() (more bool, err error) {
	s.mu.Lock()
	w := s.wants[chLog]
	s.mu.Unlock()
	if w == nil {
		return false, nil
	}
	first, last := s.l.Journal.First(), s.l.Journal.Last()
	from := max(w.next, first)
	if behind := last + 1 - min(from, last+1); behind > s.l.Limits.Behind {
		from = max(first, last+1-min(keptAfter, last))
	}
	if from > w.next {
		if err := s.send(encode(gap{T: "gap", Channel: chLog, From: w.next, To: from - 1})); err != nil {
			return false, err
		}
		w.next = from
	}
	if from > last {
		return false, nil
	}
	page, err := s.l.frames(from, min(pageSize, last+1-from))
	if err != nil {
		return false, err
	}
	for _, f := range page {
		if err := s.send(f.data); err != nil {
			return false, err
		}
		w.next = f.seq + 1
	}
	return len(page) > 0, nil
}

// frames are records as they are sent, at least one of them where there is one.
func (l *Lines) frames(from, limit uint64) ([]frame, error) {
	if kept := l.tail.from(from, limit); len(kept) > 0 {
		return kept, nil
	}
	records, err := l.Journal.Since(from, int(limit))
	if err != nil {
		return nil, err
	}
	frames := make([]frame, 0, len(records))
	for _, r := range records {
		r.Event.Plan, r.Event.Report = nil, nil // which the channel of the night has
		frames = append(frames, frame{r.Seq, encode(event{T: "ev", Channel: chLog, Seq: r.Seq, At: r.Event.At, Device: r.Event.Device, Doc: encode(r.Event)})})
	}
	l.tail.keep(frames)
	return frames, nil
}
