package fake

import (
	"container/heap"
	"time"
)

// event is something that will happen on a device by itself.
type event struct {
	at      time.Time
	machine int // ties between devices go by the order in which they were added
	seq     int // ties on one device go by the order in which they were planned
	run     func(at time.Time)
}

// queue is a heap of events, the next one first.
type queue struct {
	events []event
	seq    int
}

// Len implements heap.Interface.
func (q *queue) Len() int { return len(q.events) }

// Less implements heap.Interface.
func (q *queue) Less(i, j int) bool {
	a, b := q.events[i], q.events[j]
	switch {
	case !a.at.Equal(b.at):
		return a.at.Before(b.at)
	case a.machine != b.machine:
		return a.machine < b.machine
	}
	return a.seq < b.seq
}

// Swap implements heap.Interface.
func (q *queue) Swap(i, j int) { q.events[i], q.events[j] = q.events[j], q.events[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { q.events = append(q.events, x.(event)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := q.events[len(q.events)-1]
	q.events = q.events[:len(q.events)-1]
	return last
}

// at plans something to happen on a device.
func (s *Store) at(at time.Time, m *machine, run func(at time.Time)) {
	s.queue.seq++
	heap.Push(&s.queue, event{at: at, machine: m.index, seq: s.queue.seq, run: run})
}

// advance lets everything happen that is due, in the order of time.
func (s *Store) advance(now time.Time) {
	for s.queue.Len() > 0 && !s.queue.events[0].at.After(now) {
		e := heap.Pop(&s.queue).(event)
		e.run(e.at)
	}
}
