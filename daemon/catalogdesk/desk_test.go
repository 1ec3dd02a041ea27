package catalogdesk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/catalogdesk"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// folder is a published catalog with patch p-1, with or without the role holds.
func folder(t *testing.T, holds bool) (dir string, repo *publish.Repo, desk *catalogdesk.Desk) {
	t.Helper()
	dir = t.TempDir()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, hq := filepath.Join(dir, "keys"), filepath.Join(dir, "hq")
	ring, err := keyfile.Open(keys, keyfile.FixedPassword(""))
	do(err)
	do(publish.Init(publish.InitOptions{Dir: hq, KeyDir: keys, Keys: ring, Holds: holds, Now: noon()}))
	repo, err = publish.Open(hq)
	do(err)
	do(repo.Add(site.Patch{ID: "p-1", Title: "One", Owner: "owner"}, nil))
	owner, err := keyfile.Read(filepath.Join(keys, "owner-1"), keyfile.FixedPassword(""))
	do(err)
	_, err = repo.Sign(owner, noon(), nil)
	do(err)
	do(repo.Release("p-1", site.RingFleet, nil))
	_, err = repo.Publish(t.Context(), publish.Options{Out: filepath.Join(dir, "out"), Keys: ring, Now: noon()})
	do(err)
	online := filepath.Join(dir, "online")
	do(os.Mkdir(online, 0o700))
	for _, role := range []string{"holds", "snapshot", "timestamp"} {
		data, err := os.ReadFile(filepath.Join(keys, role+"-1"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		do(err)
		do(os.WriteFile(filepath.Join(online, role+"-1"), data, 0o600))
	}
	return dir, repo, catalogdesk.New(catalogdesk.Options{Dir: hq, Out: filepath.Join(dir, "out"), Keys: online})
}

func entry(t *testing.T, id string, change func(*register.Entry)) register.Entry {
	t.Helper()
	e := register.Entry{Exception: site.Exception{Patch: "p-1", Owner: "ann", Reason: "broken", Risk: "none", Expires: noon().AddDate(0, 1, 0)}}
	if change != nil {
		change(&e)
	}
	e, err := register.New(id, e, "kim", noon())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPrepare(t *testing.T) {
	_, repo, desk := folder(t, false)
	everywhere := entry(t, "e-1", nil)
	some := entry(t, "e-2", func(e *register.Entry) { e.Stores, e.Devices = []string{"0142"}, []string{"till-2", "till-1"} })
	longer := entry(t, "e-3", func(e *register.Entry) {
		e.Stores, e.Devices, e.Expires = []string{"0142"}, []string{"till-1", "till-2"}, noon().AddDate(0, 2, 0)
	})
	unknown := entry(t, "e-4", func(e *register.Entry) { e.Patch = "p-9" })
	prepare := func(now time.Time, want string, entries ...register.Entry) {
		t.Helper()
		changes, err := desk.Prepare(entries, now)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range changes {
			got = append(got, c.Entry+" "+c.What+": "+c.Text)
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("did\n%s\nwant\n%s", text, want)
		}
	}
	const one = "e-1 set: excepted p-1 everywhere until 2026-12-22T12:00:00Z by ann"
	prepare(noon(), one+"\ne-3 set: excepted p-1 on devices till-1, till-2, in stores 0142 until 2027-01-22T12:00:00Z by ann\n"+
		"e-4 refused: there is no patch p-9: did you mean \"p-1\"?", everywhere, some, longer, unknown)
	prepare(noon(), "", everywhere, some, longer)
	closed, err := everywhere.Close("fixed", "kim", noon())
	if err != nil {
		t.Fatal(err)
	}
	prepare(noon(), "e-1 ended: ended the exception of p-1 everywhere", closed, longer)
	prepare(noon(), "", closed, longer)
	status, err := repo.Status()
	if err != nil || len(status.Exceptions) != 1 || status.Exceptions[0].Scope() != "on devices till-1, till-2, in stores 0142" {
		t.Errorf("the folder has %+v, %v", status.Exceptions, err)
	}
	if len(status.Waiting) != 1 || status.Waiting[0].Role != "fleet" {
		t.Errorf("people need not sign: %+v", status.Waiting)
	}
}

// hq is what a Watch works with.
type hq struct {
	board *board.Board
	notes map[string]board.Note
	deeds []string
	hints []string
	deaf  bool // there is no broker
}

func (h *hq) View(read func(*board.Board)) { read(h.board) }

func (h *hq) Notes(context.Context, string) ([]board.Note, error) {
	var all []board.Note
	for _, n := range h.notes {
		all = append(all, n)
	}
	return all, nil
}

func (h *hq) Keep(ctx context.Context, n board.Note) (board.Note, error) {
	if err := ctx.Err(); err != nil {
		return n, err
	}
	if h.notes[n.ID].Version != n.Version {
		return n, errors.New("somebody else changed it")
	}
	n.Version++
	h.notes[n.ID] = n
	return n, nil
}

func (h *hq) Record(ctx context.Context, d board.Deed) (board.Deed, error) {
	if err := ctx.Err(); err != nil {
		return d, err
	}
	h.deeds = append(h.deeds, d.Actor+" "+d.Verb+" "+d.Subject+" "+d.Outcome+": "+d.Text)
	return d, nil
}

func (h *hq) Hint(_ context.Context, store, verb string) error {
	if h.deaf {
		return errors.New("no broker")
	}
	h.hints = append(h.hints, store+" "+verb)
	return nil
}

// broken is a fleet in which p-1 broke all of four stores.
func broken() *hq {
	h := &hq{board: board.NewBoard("acme"), notes: map[string]board.Note{}}
	for i := range 4 {
		s := h.board.Store(fmt.Sprint(i))
		s.Info.Ring = site.RingFleet
		*s.Device("till-1").Job("p-1") = board.Job{Patch: "p-1", State: site.RolledBack, Started: board.At(noon()), Failed: board.At(noon()), Signature: "verify"}
	}
	return h
}

const why = "p-1 broke 4 of 4 stores of ring fleet that tried it (100.0 %; the limit is 5 %, and 3 at least), 4 of 4 devices, 4 with: verify"

func TestWatchHolds(t *testing.T) {
	_, repo, desk := folder(t, true)
	h := broken()
	w := catalogdesk.Watch{Source: h, Register: h, Hinter: h, Desk: desk, Policy: breaker.DefaultPolicy(), Approved: func() (site.Catalog, map[string]time.Time, error) {
		return desk.Approved(t.Context(), noon().Add(2*time.Minute))
	}}
	for range 3 { // it is done once
		if _, err := w.Check(t.Context(), noon().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	c, _, err := desk.Approved(t.Context(), noon().Add(2*time.Minute))
	if err != nil || c.Patches[0].Held == nil || c.Patches[0].Held.Reason != why {
		t.Errorf("stores see %+v, %v", c.Patches, err)
	}
	if want := []string{"breaker patch.stop p-1 ok: held at once: " + why}; !slices.Equal(h.deeds, want) {
		t.Errorf("deeds are %q", h.deeds)
	}
	if want := []string{"0 refresh", "1 refresh", "2 refresh", "3 refresh"}; !slices.Equal(h.hints, want) {
		t.Errorf("hints are %q", h.hints)
	}
	if status, err := repo.Status(); err != nil || len(status.Withdrawn) != 0 || len(status.Held) != 1 {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestHoldStores is the whole way: the desk holds, a store fetches what is published, and its policy begins
// nothing on any device until people have lifted it.
func TestHoldStores(t *testing.T) {
	dir, repo, desk := folder(t, true)
	c, err := catalog.New(catalog.Options{Dir: filepath.Join(dir, "store"), URL: "file://" + filepath.Join(dir, "out"), Root: filepath.Join(dir, "out", "root.json")})
	if err != nil {
		t.Fatal(err)
	}
	says := func(at time.Time, store, want string) {
		t.Helper()
		if _, err := c.Refresh(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		now, err := c.Current(at)
		if err != nil {
			t.Fatal(err)
		}
		d := site.Device{ID: "till-1", Class: site.LinuxServer, HostKey: "k"}
		f := policy.Facts{Store: site.Store{ID: store, Ring: site.RingFleet}, Catalog: now, Inventory: site.Inventory{"till-1": {Device: "till-1"}}, Now: at}
		if v := f.Judge(now.Patches[0], d); v.Reason.String() != want {
			t.Errorf("store %s at %s says %s %q, want %q", store, at, v.State, v.Reason, want)
		}
	}
	says(noon(), "0423", "")
	at := noon().Add(time.Minute)
	if err := desk.HoldStores(t.Context(), []string{"0423", "0424"}, "the power is cut", "kim", at); err != nil {
		t.Fatal(err)
	}
	const held = "the store is held by headquarters: the power is cut [held by=kim since=2026-11-22T12:01:00Z]"
	says(at, "0423", held)
	says(at, "0424", held)
	says(at, "0142", "")
	if err := repo.LiftStores([]string{"0423"}, at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := desk.HoldStores(t.Context(), []string{"0425"}, "flood", "", at.Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	says(at.Add(2*time.Minute), "0423", held) // the lift is not signed
	ring, err := keyfile.Open(filepath.Join(dir, "keys"), keyfile.FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Publish(t.Context(), publish.Options{Out: filepath.Join(dir, "out"), Keys: ring, Now: at.Add(3 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	says(at.Add(3*time.Minute), "0423", "")
	says(at.Add(3*time.Minute), "0424", held)
	for want, stores := range map[string][]string{`"a/b" is not the id of a store`: {"0142", "a/b"}, "a hold is of one patch in every store, or of whole stores: name either": nil} {
		if err := desk.HoldStores(t.Context(), stores, "flood", "kim", at.Add(4*time.Minute)); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	says(at.Add(4*time.Minute), "0142", "")
}

func TestHoldStoresWithoutAKey(t *testing.T) {
	dir, repo, desk := folder(t, false)
	hq := filepath.Join(dir, "hq")
	want := "headquarters has no key of holds: hold them with `nightfill catalog hold " + hq + " OUT --stores 0423,0424 --reason TEXT`, or give headquarters catalog.out and catalog.keys with the keys of holds, snapshot and timestamp (`nightfill catalog role add-holds " + hq + "` makes the role)"
	if err := desk.HoldStores(t.Context(), []string{"0423", "0424"}, "flood", "kim", noon()); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if s, err := repo.Status(); err != nil || len(s.HeldStores) > 0 {
		t.Errorf("%+v, %v", s.HeldStores, err)
	}
}

// TestWatchIsWrittenDown: what was stopped is in the audit log although the time is over before every store was told.
func TestWatchIsWrittenDown(t *testing.T) {
	_, _, desk := folder(t, true)
	h := broken()
	h.board.Patches["p-1"] = site.Patch{ID: "p-1"}
	ctx, cancel := context.WithCancel(t.Context())
	slow := hinter(func(ctx context.Context, store string) error {
		if store == "2" {
			cancel()
		}
		return ctx.Err()
	})
	w := catalogdesk.Watch{Source: h, Register: h, Hinter: slow, Desk: desk, Policy: breaker.DefaultPolicy(), Approved: func() (site.Catalog, map[string]time.Time, error) {
		return site.Catalog{}, nil, errors.New("the folder is away")
	}}
	done, err := w.Check(ctx, noon().Add(time.Minute))
	want := "patches are judged by what the stores told of them: the folder is away\np-1 is held, but only 2 of 4 stores could be told to look: context canceled"
	if err == nil || err.Error() != want || len(done) != 1 || done[0].How != breaker.Held {
		t.Errorf("did %+v, %v", done, err)
	}
	if want := []string{"breaker patch.stop p-1 ok: held at once: " + why}; !slices.Equal(h.deeds, want) {
		t.Errorf("deeds are %q", h.deeds)
	}
	notes, err := h.Notes(t.Context(), breaker.NoteKind)
	if kept := breaker.Read(notes); err != nil || len(kept) != 1 || kept[0].How != breaker.Held {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

// hinter is a Hinter of one function.
type hinter func(ctx context.Context, store string) error

func (h hinter) Hint(ctx context.Context, store, _ string) error { return h(ctx, store) }

func TestWatchDrafts(t *testing.T) {
	_, repo, desk := folder(t, false)
	h := broken()
	h.board.Patches["p-1"] = site.Patch{ID: "p-1"}
	w := catalogdesk.Watch{Source: h, Register: h, Hinter: h, Desk: desk, Policy: breaker.DefaultPolicy()}
	done, err := w.Check(t.Context(), noon())
	if err != nil || len(done) != 1 || done[0].How != breaker.Drafted {
		t.Fatalf("did %+v, %v", done, err)
	}
	status, err := repo.Status()
	if err != nil || status.Withdrawn["p-1"].Reason != why || len(h.hints) != 0 || len(status.Waiting) != 1 {
		t.Errorf("status %+v, %v; hints %v", status, err, h.hints)
	}
	if err := repo.Drop("p-1"); err != nil { // people see it otherwise
		t.Fatal(err)
	}
	if status, err = repo.Status(); err != nil || len(status.Withdrawn)+len(status.Waiting) != 0 {
		t.Errorf("status %+v, %v", status, err)
	}
	for range 2 { // it is written down once, and proposed no more
		if again, err := w.Check(t.Context(), noon().Add(time.Hour)); err != nil || len(again) != 0 {
			t.Errorf("proposed again: %+v, %v", again, err)
		}
	}
	notes, err := h.Notes(t.Context(), breaker.NoteKind)
	if kept := breaker.Read(notes); err != nil || len(kept) != 1 || kept[0].How != breaker.Dropped || !kept[0].Settled(site.Catalog{}) {
		t.Errorf("kept %+v, %v", kept, err)
	}
	want := []string{"breaker patch.stop p-1 ok: a withdrawal is drafted: " + why, "breaker patch.drop p-1 ok: the draft of its withdrawal is gone from the working folder, nobody has to sign it: " + why}
	if !slices.Equal(h.deeds, want) {
		t.Errorf("deeds are %q", h.deeds)
	}
}

// TestADraftThatIsThereWaits: as long as the draft is in the working folder, signed or not, or the folder cannot
// be read, the decision stays as it is.
func TestADraftThatIsThereWaits(t *testing.T) {
	dir, repo, desk := folder(t, false)
	h := broken()
	h.board.Patches["p-1"] = site.Patch{ID: "p-1"}
	w := catalogdesk.Watch{Source: h, Register: h, Hinter: h, Desk: desk, Policy: breaker.DefaultPolicy()}
	check := func(what, want string) {
		t.Helper()
		_, err := w.Check(t.Context(), noon())
		notes, nerr := h.Notes(t.Context(), breaker.NoteKind)
		kept := breaker.Read(notes)
		if nerr != nil || len(kept) != 1 || kept[0].How != breaker.Drafted || len(h.deeds) != 1 {
			t.Errorf("%s: kept %+v, %v, deeds %q", what, kept, nerr, h.deeds)
		}
		if got := fmt.Sprint(err); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	check("proposed", "<nil>")
	check("it waits", "<nil>")
	ring, err := keyfile.Open(filepath.Join(dir, "keys"), keyfile.FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Publish(t.Context(), publish.Options{Out: filepath.Join(dir, "out"), Keys: ring, Now: noon()}); err != nil {
		t.Fatal(err)
	}
	check("it is signed", "<nil>")
	if err := os.Rename(filepath.Join(dir, "hq"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	check("the folder is away", "whether drafted withdrawals still wait for people is not known: ")
}

// TestWatchFallsBack: when the hold cannot be given out, the withdrawal is drafted, and it is said why.
func TestWatchFallsBack(t *testing.T) {
	dir, repo, desk := folder(t, true)
	if err := os.Remove(filepath.Join(dir, "online", "timestamp-1")); err != nil {
		t.Fatal(err)
	}
	h := broken()
	h.board.Patches["p-1"] = site.Patch{ID: "p-1"}
	done, err := catalogdesk.Watch{Source: h, Register: h, Hinter: h, Desk: desk, Policy: breaker.DefaultPolicy()}.Check(t.Context(), noon().Add(time.Minute))
	if err == nil || !strings.Contains(err.Error(), "cannot hold p-1 at once: cannot publish: timestamp must be signed by 1 of timestamp-1") || len(done) != 1 || done[0].How != breaker.Drafted {
		t.Errorf("did %+v, %v", done, err)
	}
	if status, serr := repo.Status(); serr != nil || status.Withdrawn["p-1"].Reason != why {
		t.Errorf("status %+v, %v", status, serr)
	}
	if len(h.deeds) != 1 || !strings.HasPrefix(h.deeds[0], "breaker patch.stop p-1 failed: a withdrawal is drafted: ") {
		t.Errorf("deeds are %q", h.deeds)
	}
}

// TestTimes: the working folder remembers when a patch was acquired, approved and first published.
func TestTimes(t *testing.T) {
	dir, repo, desk := folder(t, false)
	times, err := desk.Times()
	one := times["p-1"]
	if err != nil || one.Acquired.IsZero() || one.Approved.Before(one.Acquired) || !one.Published.Equal(noon()) || len(times) != 1 {
		t.Errorf("times are %+v, %v", times, err)
	}
	ring, err := keyfile.Open(filepath.Join(dir, "keys"), keyfile.FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Add(site.Patch{ID: "p-2", Title: "Two", Owner: "owner"}, nil); err != nil {
		t.Fatal(err)
	}
	owner, err := keyfile.Read(filepath.Join(dir, "keys", "owner-1"), keyfile.FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Sign(owner, noon(), nil); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{noon().Add(time.Hour), noon().Add(2 * time.Hour)} { // signed, and released only then
		if _, err := repo.Publish(t.Context(), publish.Options{Out: filepath.Join(dir, "out"), Keys: ring, Now: at}); err != nil {
			t.Fatal(err)
		}
		if times, err = desk.Times(); err != nil || at.Equal(noon().Add(time.Hour)) && !times["p-2"].Published.IsZero() {
			t.Errorf("times are %+v, %v", times, err)
		}
		if err := repo.Release("p-2", site.RingLab, nil); err != nil {
			t.Fatal(err)
		}
	}
	if two := times["p-2"]; two.Approved.IsZero() || !two.Published.Equal(noon().Add(2*time.Hour)) || !times["p-1"].Published.Equal(noon()) {
		t.Errorf("times are %+v", times)
	}
}
