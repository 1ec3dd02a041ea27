package run

import (
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
)

// keepNights is how many opened nights are remembered: as many as a journal keeps records of.
const keepNights = 400

// Spent reports whether a night may not be opened: it was, in whatever history of the clock, or a later one
// was. A later one that was opened by a clock that ran ahead does not count once a person has confirmed the
// clock; nights from before the oldest one that is remembered count as opened.
func (s State) Spent(night window.Date) bool {
	switch {
	case s.Night == nil:
		return false
	case slices.Contains(s.Nights, night):
		return true
	case !s.Confirmed || len(s.Nights) == 0:
		return night.Compare(s.Night.Plan.Night) <= 0
	}
	return len(s.Nights) == keepNights && night.Compare(s.Nights[0]) < 0
}

// spend remembers that a night was opened.
func (s *State) spend(night window.Date) {
	nights := s.Nights[max(0, len(s.Nights)+1-keepNights):]
	s.Nights, s.Confirmed = append(slices.Clip(nights), night), false
}

// MayConfirm says why a person cannot confirm that the clock of the box is right. Nil means that he can: the
// journal has times that lie ahead of it, and a ClockConfirmed event says that those are the wrong ones.
func MayConfirm(s State, now time.Time) *site.Reason {
	if s.TrustedAt.Sub(now) > Back {
		return nil
	}
	text := "the clock of this box is not behind its journal: there is nothing to confirm"
	if s.Unsure != nil {
		text += "; it is not trusted because " + s.Unsure.Text
	}
	return site.Because(site.CodeNotApplicable, text)
}

// confirm takes over a person's word that the clock is right. What the journal says of later times was
// written by a clock that ran ahead: it counts as of now, and a night whose window has not come begins nothing
// more. It stays opened.
func (s *State) confirm(e Event) {
	s.TrustedAt, s.Confirmed = e.At, true
	s.Opened = earlier(s.Opened, e.At)
	s.VerdictAt, s.TradesAt = earlier(s.VerdictAt, e.At), earlier(s.TradesAt, e.At)
	for check, since := range maps.Clone(s.Failing) {
		set(&s.Failing, &s.own.failing, check, earlier(since, e.At))
	}
	for code, alarm := range maps.Clone(s.Alarms) {
		alarm.Since = earlier(alarm.Since, e.At)
		set(&s.Alarms, &s.own.alarms, code, alarm)
	}
	for device, hand := range maps.Clone(s.Hands) {
		hand.Since, hand.Deadline = sooner(hand.Since, hand.Deadline, e.At)
		set(&s.Hands, &s.own.hands, device, hand)
	}
	s.forgetGates()
	if s.Night.Open() && s.Night.Plan.Opens.After(e.At) {
		s.Night.stop(e.At)
	}
}

// stop ends the window of a night: what is begun is brought to its end, and what is not is given up.
func (n *Night) stop(now time.Time) {
	n.Plan.Opens, n.Plan.Cutoff, n.Plan.Closes = now, now, now
	for at := range n.lanes {
		n.change(at, func(j *Job) {
			j.Since = earlier(j.Since, now)
			if j.Intent != nil {
				intent := *j.Intent
				intent.At, intent.Deadline = sooner(intent.At, intent.Deadline, now)
				j.Intent = &intent
			}
			if j.Last != nil {
				last := *j.Last
				last.At, last.Deadline = sooner(last.At, last.Deadline, now)
				j.Last = &last
			}
		})
	}
}

// earlier is t, and not later than now.
func earlier(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

// sooner moves something that begins later than now, and its end with it, so that it begins now.
func sooner(begins, ends, now time.Time) (time.Time, time.Time) {
	if !begins.After(now) {
		return begins, ends
	}
	if !ends.IsZero() {
		ends = now.Add(ends.Sub(begins))
	}
	return now, ends
}
