package forecast

import (
	"container/heap"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

// pending is something that will be heard of a step.
type pending struct {
	at    time.Time
	order int // of what is heard at one moment: as it was foreseen
	event run.Event
}

// queue is what will be heard, the earliest first.
type queue []pending

// Len implements heap.Interface.
func (q queue) Len() int { return len(q) }

// Less implements heap.Interface.
func (q queue) Less(i, j int) bool {
	if c := q[i].at.Compare(q[j].at); c != 0 {
		return c < 0
	}
	return q[i].order < q[j].order
}

// Swap implements heap.Interface.
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(pending)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	*q = (*q)[:last]
	return p
}

// until takes out what is heard at a moment or before it, stamped with that moment.
func (q *queue) until(now time.Time) []run.Event {
	var heard []run.Event
	for len(*q) > 0 && !(*q)[0].at.After(now) {
		p := heap.Pop(q).(pending)
		p.event.At = now
		heard = append(heard, p.event)
	}
	return heard
}
