package order

import "sync"

const (
	maxActs = 512 // answers that are remembered
	maxBusy = 16  // orders of one person under way
)

// acts remembers orders by who gave them and their id, so that one that is sent again is done once. The zero value
// remembers none.
type acts struct {
	mu    sync.Mutex // held for memory only
	known map[string]*act
	order []string       // the oldest first
	busy  map[string]int // under way, by person
}

// act is one order. answer is there when done is closed.
type act struct {
	done   chan struct{}
	answer Answer
}

// begin returns the order of an id; fresh says that the caller has to carry it out and then to call end.
// Nil = the person has too many under way.
func (a *acts) begin(who, id string) (one *act, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := who + "\n" + id
	if one, ok := a.known[key]; ok {
		return one, false
	}
	if a.busy[who] >= maxBusy {
		return nil, false
	}
	if a.known == nil {
		a.known, a.busy = map[string]*act{}, map[string]int{}
	}
	one = &act{done: make(chan struct{})}
	a.known[key] = one
	a.order = append(a.order, key)
	a.busy[who]++
	if len(a.order) > maxActs {
		delete(a.known, a.order[0])
		a.order = a.order[1:]
	}
	return one, true
}

func (a *acts) end(who string, one *act, with Answer) {
	a.mu.Lock()
	if a.busy[who]--; a.busy[who] == 0 {
		delete(a.busy, who)
	}
	a.mu.Unlock()
	one.answer = with
	close(one.done)
}
