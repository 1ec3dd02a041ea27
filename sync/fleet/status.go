package fleet

import (
	"time"

	"github.com/nightfill/nightfill/site/board/feed"
)

// Status is how the fleet stands, for the pages and the metrics. Counters begin with the program.
type Status struct {
	Connected  bool          // a broker answers, and the topics of the stores are listened to
	Since      time.Time     // of Connected; when Open ended, before the first connection
	Leader     bool          // this program tells the stores what is stored, and asks them
	Rate       float64       // events stored a second, over the last ten seconds
	Events     uint64        // stored
	Repeats    uint64        // events that were stored before
	Refused    uint64        // events that were left out because of too many gaps; they come again
	Unreadable uint64        // messages that could not be read
	Gaps       int           // gaps that are open
	Queued     int           // messages that wait to be decoded
	Lag        time.Duration // how long the newest message that is stored waited until it was
	Error      string        // why there is no connection; "" while there is one
}

// Status returns how the fleet stands now.
func (f *Fleet) Status() Status {
	f.state.Lock()
	defer f.state.Unlock()
	s := f.status
	s.Events, s.Lag = f.stored.Load(), time.Duration(f.lag.Load())
	s.Rate = f.rate.at(time.Now())
	s.Queued, s.Gaps = len(f.inbox), f.gaps.Open()
	return s
}

// count notes what a batch did.
func (f *Fleet) count(t feed.Taken) {
	f.stored.Add(uint64(t.Events))
	f.state.Lock()
	defer f.state.Unlock()
	f.status.Repeats += uint64(t.Repeats)
	f.status.Refused += uint64(t.Refused)
	f.rate.add(t.Events, time.Now())
}

// connected notes whether a broker answers, and why not.
func (f *Fleet) connected(l *link, r role, err error) {
	f.state.Lock()
	defer f.state.Unlock()
	if r.lead {
		f.status.Leader = l != nil || !f.db.Shared()
	}
	if !r.events {
		return
	}
	f.link = l
	if is := l != nil; f.status.Connected != is {
		f.status.Connected, f.status.Since = is, time.Now()
	}
	f.status.Error = ""
	if err != nil {
		f.status.Error = err.Error()
	}
}

// meterSlots is over how many seconds a meter counts.
const meterSlots = 10

// meter counts events by the second.
type meter struct {
	slots [meterSlots + 1]int
	last  int64 // the second of the newest slot
}

// add counts n events now.
func (m *meter) add(n int, now time.Time) {
	m.turn(now.Unix())
	m.slots[m.last%int64(len(m.slots))] += n
}

// at returns how many there were a second in the seconds before this one.
func (m *meter) at(now time.Time) float64 {
	m.turn(now.Unix())
	sum := 0
	for i, n := range m.slots {
		if int64(i) != m.last%int64(len(m.slots)) {
			sum += n
		}
	}
	return float64(sum) / meterSlots
}

// turn empties the slots of the seconds that passed.
func (m *meter) turn(now int64) {
	for m.last = max(m.last, now-int64(len(m.slots))); m.last < now; {
		m.last++
		m.slots[m.last%int64(len(m.slots))] = 0
	}
}
