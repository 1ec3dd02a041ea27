package daemon

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

// TestStateOfAnotherStore: a box does not go on with what another store did. Once a person said that the store has a new
// id, it does, with everything that it knew.
func TestStateOfAnotherStore(t *testing.T) {
	l := newLab(t, 1)
	l.script("motd", "true")
	l.publish()
	cfg := l.storeFile()
	first, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	from, stream := cfg.Store.FullID(), first.journal.Stream()
	l.must(first.ledger.Add(run.Event{Kind: run.DeviceEnrolled, At: time.Now(), Device: "till-9", Text: "ssh-ed25519 AAAA"}))
	l.must(first.journal.Close())

	cfg.Store.ID = "0999"
	to := cfg.Store.FullID()
	_, err = New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	want := "cannot open the journal DIR/state/journal.db: it is of the store FROM, and this box is TO: put the right one back, or mend store.id and store.org in the store file; " +
		"if the store has a new id, say so with: nightfill journal rename --from FROM --to TO --reason REASON --state DIR/state; " +
		"nothing was changed; look at it with: nightfill journal verify --state DIR/state"
	want = strings.NewReplacer("FROM", from, "TO", to, "DIR", l.dir).Replace(want)
	if !errors.Is(err, journal.ErrOtherStore) || err.Error() != want {
		t.Fatalf("New = %v\nwant %s", err, want)
	}

	_, err = journal.Rename(t.Context(), journal.Options{Dir: cfg.State, Store: from}, to, run.Event{
		Kind: run.StoreRenamed, At: time.Now(), Actor: "ann", Text: "moved", Renamed: &run.Renaming{From: from, To: to},
	})
	l.must(err)
	again, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	defer again.journal.Close()
	if s := again.State(); again.journal.Stream() != stream || s.Seq != 2 || s.HostKeys["till-9"] == "" || len(s.Left) != 1 || s.Left[0] != from {
		t.Errorf("under the new id: stream %s, state %+v", again.journal.Stream(), s)
	}
	cfg.Store.ID = strings.TrimPrefix(from, cfg.Store.Org+"/")
	if _, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()}); err == nil {
		t.Error("it starts under the old id too")
	}
}
