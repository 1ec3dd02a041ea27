package pause_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/pause"
)

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed, full := make(chan struct{}), make(chan struct{}, 1)
		close(closed)
		full <- struct{}{}
		for _, c := range []struct {
			name    string
			changed chan struct{}
			lives   time.Duration // of the context
			waits   time.Duration
			goesOn  bool
		}{
			{"to the end", nil, time.Hour, time.Minute, true},
			{"closed", closed, time.Hour, 0, true},
			{"asked", full, time.Hour, 0, true},
			{"asked once only", full, time.Hour, time.Minute, true},
			{"cut short", nil, time.Second, time.Second, false},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), c.lives)
			begun := time.Now()
			if goesOn := pause.Until(ctx, c.changed, time.Minute); goesOn != c.goesOn || time.Since(begun) != c.waits {
				t.Errorf("%s: %t after %s", c.name, goesOn, time.Since(begun))
			}
			cancel()
		}
	})
}

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		if !pause.For(ctx, time.Second) || pause.For(ctx, time.Hour) || time.Since(begun) != time.Minute {
			t.Errorf("it took %s", time.Since(begun))
		}
	})
}
