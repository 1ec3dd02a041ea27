package ledger_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/ledger/ledgertest"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

var errDisk = errors.New("no space left on device")

func open(t *testing.T, p *ledgertest.Journal) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func cached(name string) run.Event {
	return run.Event{Kind: run.ArtifactCached, At: time.Unix(0, 0).UTC(), Text: name}
}

// What a ledger knows is the fold of what is on disk, also after it is opened again.
func TestStateIsTheFold(t *testing.T) {
	p := &ledgertest.Journal{}
	l := open(t, p)
	for i := range 1200 { // more than are folded at once
		if err := l.Add(cached(fmt.Sprint(i)), run.Event{Kind: run.DaemonStarted}); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, p)
	if s := l.State(); s.Seq != 2400 || len(s.Cached) != 1200 || !reflect.DeepEqual(s, again.State()) {
		t.Errorf("after %d records it knows of %d; opened again it differs: %v", s.Seq, len(s.Cached), !reflect.DeepEqual(s, again.State()))
	}
}

// A journal whose beginning is gone goes on from the state that it had there.
func TestResume(t *testing.T) {
	p := &ledgertest.Journal{}
	l := open(t, p)
	for i := range 10 {
		if err := l.Add(cached(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	start := run.Fold(run.State{}, p.Records[:4]...)
	resumed, err := ledger.Resume(&ledgertest.Journal{Records: p.Records[4:]}, start)
	if err != nil || !reflect.DeepEqual(resumed.State(), l.State()) {
		t.Errorf("resumed with %v, and it knows %+v", err, resumed.State())
	}
}

// The second decision sees what the first one made, and events are stamped in turn.
func TestCommitInOrder(t *testing.T) {
	l := open(t, &ledgertest.Journal{})
	hold := run.Event{Kind: run.HoldSet, Hold: &site.Hold{Device: "srv-1"}}
	if err := l.Add(hold); err != nil {
		t.Fatal(err)
	}
	kept := l.State()
	records, err := l.Commit(func(s run.State) []run.Event {
		if len(s.Holds) != 1 || s.Seq != 1 {
			t.Errorf("it decides from %+v", s)
		}
		return []run.Event{{Kind: run.HoldReleased, Device: "srv-1"}, cached("a")}
	})
	if err != nil || len(records) != 2 || records[0].Seq != 2 || records[1].Seq != 3 {
		t.Errorf("committed %+v, %v", records, err)
	}
	if s := l.State(); len(s.Holds) != 0 || !s.Cached["a"] || s.Seq != 3 {
		t.Errorf("it knows %+v", s)
	}
	if len(kept.Holds) != 1 || kept.Seq != 1 {
		t.Errorf("a state that was kept has changed: %+v", kept)
	}
}

// What could not be written has not happened.
func TestCommitThatFails(t *testing.T) {
	p := &ledgertest.Journal{}
	l := open(t, p)
	before, changed := l.State(), l.Changed()
	p.Broken = errDisk
	records, err := l.Commit(func(run.State) []run.Event { return []run.Event{cached("a")} })
	if !errors.Is(err, errDisk) || err.Error() != "no space left on device" || records != nil {
		t.Errorf("committed %v, %v", records, err)
	}
	if !reflect.DeepEqual(l.State(), before) || closed(changed) || len(p.Records) != 0 {
		t.Errorf("something happened: %+v", l.State())
	}
	p.Broken = nil
	if err := l.Add(cached("a")); err != nil || l.State().Seq != 1 || !closed(changed) {
		t.Errorf("afterwards: %v, %+v", err, l.State())
	}
}

// Nothing to write is no commit.
func TestCommitNothing(t *testing.T) {
	p := &ledgertest.Journal{}
	l := open(t, p)
	p.Broken = errDisk
	changed := l.Changed()
	if records, err := l.Commit(func(run.State) []run.Event { return nil }); records != nil || err != nil || closed(changed) {
		t.Errorf("committed %v, %v", records, err)
	}
}

// A journal that cannot be read is not taken for an empty one.
func TestOpenThatFails(t *testing.T) {
	l, err := ledger.Open(&ledgertest.Journal{Broken: errDisk})
	if l != nil || !errors.Is(err, errDisk) || err.Error() != "cannot fold the journal: no space left on device" {
		t.Errorf("opened with %v", err)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Who asks for Changed before looking at State misses nothing, however many commit at once.
func TestManyAtOnce(t *testing.T) {
	l := open(t, &ledgertest.Journal{})
	const writers, each = 8, 50
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				_, err := l.Commit(func(s run.State) []run.Event {
					return []run.Event{cached(fmt.Sprintf("%d of %d after %d", i, w, s.Seq))}
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for {
		changed := l.Changed()
		if s := l.State(); s.Seq == writers*each {
			if len(s.Cached) != writers*each {
				t.Errorf("%d of %d events are known", len(s.Cached), writers*each)
			}
			break
		}
		<-changed
	}
	group.Wait()
}
