package hq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// broker takes hints until it is away.
type broker struct {
	mu    sync.Mutex
	took  map[string]string
	limit int
}

func (b *broker) Hint(_ context.Context, store, verb string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.took) == b.limit {
		return errors.New("there is no connection to the broker")
	}
	b.took[store] = verb
	return nil
}

func TestLook(t *testing.T) {
	var stores []string
	for i := range 500 {
		stores = append(stores, fmt.Sprint(i))
	}
	for _, limit := range []int{1000, 120, 0} {
		b := &broker{took: map[string]string{}, limit: limit}
		n, err := hinter{b}.Look(t.Context(), stores)
		if n != min(limit, 500) || n != len(b.took) || (err != nil) != (limit < 500) {
			t.Errorf("%d of %d stores were asked, %d are said to be: %v", len(b.took), limit, n, err)
		}
		for store, verb := range b.took {
			if verb != "refresh" {
				t.Errorf("%s was told to %s", store, verb)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := (hinter{&broker{took: map[string]string{}, limit: 1000}}).Look(ctx, stores); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d were asked although nobody waits: %v", n, err)
	}
}
