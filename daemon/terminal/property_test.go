package terminal_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/daemon/terminal"
)

// deed is something that happens in a session, after a pause.
type deed struct {
	pause  time.Duration
	show   int  // bytes that the shell shows
	attach bool // one more slow reader, which first sees everything that is kept
	again  bool // the one that was first lost its line, and comes back where it was
	read   int  // items that each slow reader reads
	leave  bool // the slow reader that came first leaves
	typed  bool
}

func deeds(t *rapid.T) []deed {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) deed {
		return deed{
			pause:  time.Duration(rapid.IntRange(0, 3000).Draw(t, "pause")) * time.Millisecond,
			show:   rapid.SampledFrom([]int{0, 1, 7, 100, 5_000, 5_000, 40_000, 40_000, 1_300_000}).Draw(t, "show"),
			attach: rapid.IntRange(0, 4).Draw(t, "attach") == 0,
			again:  rapid.IntRange(0, 4).Draw(t, "again") == 0,
			read:   rapid.SampledFrom([]int{0, 0, 1, 5, 50}).Draw(t, "read"),
			leave:  rapid.IntRange(0, 4).Draw(t, "leave") == 0,
			typed:  rapid.Bool().Draw(t, "typed"),
		}
	}), 1, 8).Draw(t, "deeds")
}

// reader is somebody who looks at a session, and all that he saw.
type reader struct {
	a    *terminal.Attachment
	at   int64 // of the next byte
	seen []byte
	gaps int
}

// take takes an item up. The stream may miss bytes, but must say so.
func (r *reader) take(item terminal.Item, shown []byte) error {
	switch item.Kind {
	case terminal.Gap:
		r.gaps++
	case terminal.Output:
		if item.To > int64(len(shown)) || !bytes.Equal(item.Data, shown[item.From:item.To]) {
			return fmt.Errorf("bytes %d to %d are not what was shown", item.From, item.To)
		}
		r.seen = append(r.seen, item.Data...)
	default:
		return nil
	}
	if item.From != r.at {
		return fmt.Errorf("%s from %d after %d", item.Kind, item.From, r.at)
	}
	r.at = item.To
	return nil
}

// play carries deeds out and checks what everybody saw.
func play(t *testing.T, dir string, deeds []deed) error {
	w := newWorld(t, dir, terminal.Limits{Pace: 64 << 20})
	synctest.Wait()
	defer w.stop()
	s, shell := w.opened("till-1")
	total := 0
	for _, d := range deeds {
		total += d.show
	}
	shown := make([]byte, total)
	for i := range shown {
		shown[i] = byte('a' + i%23)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var eager sync.WaitGroup
	keeper, lost := &reader{}, make(chan struct{}, 1)
	var broken error
	eager.Go(func() { broken = follow(ctx, s, keeper, lost, shown) })
	synctest.Wait()
	var slow []*reader
	sent := 0
	for _, d := range deeds {
		<-time.After(d.pause)
		if d.typed {
			if err := s.Write(ctx, []byte("x")); err != nil {
				return err
			}
		}
		if d.again {
			select {
			case lost <- struct{}{}:
			default:
			}
		}
		if d.attach && len(slow) < 5 {
			slow = append(slow, &reader{a: attach(t, s, terminal.Attach{Since: 0})})
		}
		if d.show > 0 {
			shell.out <- shown[sent : sent+d.show]
			sent += d.show
		}
		for _, r := range slow {
			if err := r.some(d.read, shown); err != nil {
				return err
			}
		}
		if d.leave && len(slow) > 0 {
			slow[0].a.Detach()
			slow = slices.Delete(slow, 0, 1)
		}
	}
	close(shell.out)
	eager.Wait()
	switch {
	case broken != nil:
		return broken
	case keeper.gaps > 0 || !bytes.Equal(keeper.seen, shown):
		return fmt.Errorf("who kept up saw %d of %d bytes with %d gaps", len(keeper.seen), total, keeper.gaps)
	}
	for _, r := range slow {
		if err := r.some(1<<20, shown); err != nil || r.at != int64(total) {
			return fmt.Errorf("who was slow saw up to %d of %d: %v", r.at, total, err)
		}
	}
	if text, _ := recorded(t, w.file(s.Info().ID)); text != string(shown) {
		return fmt.Errorf("%d of %d bytes are recorded", len(text), total)
	}
	return nil
}

// some reads some items, as far as there are any.
func (r *reader) some(items int, shown []byte) error {
	for range items {
		ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
		item, err := r.a.Next(ctx)
		cancel()
		if err != nil {
			return nil
		}
		if err := r.take(item, shown); err != nil {
			return err
		}
	}
	return nil
}

// follow reads all that there is to the end, and comes back at once whenever its line is lost.
func follow(ctx context.Context, s *terminal.Session, r *reader, lost <-chan struct{}, shown []byte) error {
	for {
		a, err := s.Attach(terminal.Attach{Since: r.at, Acks: true})
		if err != nil {
			return err
		}
		err = r.until(ctx, a, lost, shown)
		a.Detach()
		if err != errLost {
			return err
		}
	}
}

var errLost = fmt.Errorf("the line was lost")

func (r *reader) until(ctx context.Context, a *terminal.Attachment, lost <-chan struct{}, shown []byte) error {
	for {
		select {
		case <-lost:
			return errLost
		default:
		}
		item, err := a.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.take(item, shown); err != nil {
			return err
		}
		a.Ack(r.at)
	}
}

// Whatever readers do, who keeps up sees every byte once and in order, who is slow is told what he
// missed, and the recording has everything.
func TestNothingIsLostOrDoubled(t *testing.T) {
	dir := t.TempDir()
	if rapidChecks := flag.Lookup("rapid.checks"); rapidChecks.Value.String() == rapidChecks.DefValue {
		if err := flag.Set("rapid.checks", "15"); err != nil { // each plays minutes and megabytes
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		script := deeds(rt)
		var err error
		here, mkErr := os.MkdirTemp(dir, "")
		if mkErr != nil {
			rt.Fatal(mkErr)
		}
		synctest.Test(t, func(t *testing.T) { err = play(t, here, script) })
		if rmErr := os.RemoveAll(here); err == nil {
			err = rmErr
		}
		if err != nil {
			rt.Fatal(err)
		}
	})
}
