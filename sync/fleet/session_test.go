package fleet

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestABrokerThatIsAway: headquarters knocks every two seconds at most, for as long as it takes, and does
// not fill the log with it.
func TestABrokerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var knocks []time.Time
		f := &Fleet{log: slog.New(slog.NewTextHandler(&log, nil)), opt: Options{Broker: plain{"broker:1883", func(context.Context, string, string) (net.Conn, error) {
			knocks = append(knocks, time.Now())
			if len(knocks) > 1000 {
				return nil, errors.New("no route")
			}
			return nil, errors.New("refused")
		}}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		f.listen(ctx, role{events: true})
		for i := 1; i < len(knocks); i++ {
			if pause := knocks[i].Sub(knocks[i-1]); pause > lastDial || pause < firstDial/2 {
				t.Fatalf("knock %d is %s after the one before", i, pause)
			}
		}
		if n := strings.Count(log.String(), "refused"); n < 20 || n > 40 {
			t.Errorf("the same reason is logged %d times in the first 25 minutes", n)
		}
		if n := strings.Count(log.String(), "\n"); n > 62 || !strings.Contains(log.String(), "no route") {
			t.Errorf("%d lines in an hour, or the new reason is not told", n)
		}
		if f.status.Connected || !strings.Contains(f.status.Error, "no route") {
			t.Errorf("status %+v", f.status)
		}
	})
}

func TestBackoffBeginsAnew(t *testing.T) {
	var b backoff
	for _, step := range []struct {
		worked bool
		most   time.Duration
	}{{false, 500 * time.Millisecond}, {false, time.Second}, {false, 2 * time.Second}, {false, 2 * time.Second}, {true, 500 * time.Millisecond}, {true, 500 * time.Millisecond}, {false, time.Second}} {
		if got := b.after(step.worked); got >= step.most || got < step.most/2 {
			t.Errorf("after %v it waits %s, want %s to %s", step.worked, got, step.most/2, step.most)
		}
	}
}
