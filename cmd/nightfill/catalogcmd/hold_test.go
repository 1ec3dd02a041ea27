package catalogcmd

import (
	"os"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish"
)

// withHolds is a world whose stores know the holds role, and which has patch p2 too.
func withHolds(t *testing.T) *world {
	w := newWorld(t)
	_, err := w.hq.AddHolds(w.ring(w.hq), w.now)
	w.must(err)
	w.publish(2)
	return w
}

func (w *world) hold(patch string) error {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	_, err := w.hq.Hold(w.t.Context(), publish.HoldOptions{Patch: patch, Reason: "tills do not come back", Out: w.path("out"), Keys: w.ring(w.hq), Verify: verifyAsStore, Now: w.now})
	return err
}

// TestHoldReachesStores: at its next contact a store stops the patch, and keeps that over a restart
// and while the line is down; it begins again only once people lifted it.
func TestHoldReachesStores(t *testing.T) {
	w := withHolds(t)
	c := w.refreshed()
	stopped := func(want bool) {
		t.Helper()
		got, err := c.Current(w.now)
		w.must(err)
		if (got.Patches[0].Held != nil) != want || got.Patches[1].Held != nil {
			t.Errorf("held: %+v and %+v, want p1 held %t", got.Patches[0].Held, got.Patches[1].Held, want)
		}
	}
	stopped(false)
	w.must(w.hold("p1"))
	stopped(false) // the store did not look yet
	c = w.refreshed()
	stopped(true)
	c = w.store()
	stopped(true)
	w.must(w.hq.Lift("p1", w.now))
	w.republish(w.hq, "out")
	c = w.refreshed()
	stopped(false)
	if err := w.hold("p1"); err != nil { // and again
		t.Fatal(err)
	}
	c = w.refreshed()
	stopped(true)
}

// TestHoldRollback gives out an older list of holds, as it was and under a new version.
func TestHoldRollback(t *testing.T) {
	w := withHolds(t)
	w.must(os.CopyFS(w.path("old"), os.DirFS(w.path("out"))))
	w.must(os.CopyFS(w.path("hq-old"), os.DirFS(w.path("hq"))))
	w.must(w.hold("p1"))
	c := w.refreshed()

	w.must(os.RemoveAll(w.path("out")))
	w.must(os.Rename(w.path("old"), w.path("out")))
	_, err := c.Refresh(t.Context(), w.now)
	w.demand(err, site.CodeCatalogRefused, "new timestamp version")

	// Whoever has the online keys signs what was before, with a newer version and nothing held.
	old, err := publish.Open(w.path("hq-old"))
	w.must(err)
	w.now = w.now.Add(time.Minute)
	_, err = old.Hold(t.Context(), publish.HoldOptions{Patch: "p2", Reason: "none", Out: w.path("out"), Keys: w.ring(w.hq), Now: w.now})
	w.must(err)
	_, err = c.Refresh(t.Context(), w.now)
	w.demand(err, site.CodeCatalogRefused, "it ends the hold of p1 (tills do not come back), which only the role fleet may; tell headquarters")
	got, err := c.Current(w.now)
	w.must(err)
	if got.Patches[0].Held == nil || got.Patches[1].Held != nil {
		t.Errorf("the store now holds %+v", got.Patches)
	}
}

// TestHoldsOfARotatedKey: when the key of holds is replaced, the holds stay.
func TestHoldsOfARotatedKey(t *testing.T) {
	w := withHolds(t)
	w.must(w.hold("p1"))
	c := w.refreshed()
	w.rotate(site.HoldsRole)
	w.republish(w.hq, "out")
	_, err := c.Refresh(t.Context(), w.now)
	w.must(err)
	w.must(w.hold("p2"))
	_, err = c.Refresh(t.Context(), w.now)
	w.must(err)
	got, err := c.Current(w.now)
	w.must(err)
	if got.Patches[0].Held == nil || got.Patches[1].Held == nil {
		t.Errorf("patches are %+v", got.Patches)
	}
}

// TestHoldOfANewKeyWaits: a key that stores do not know yet cannot hold, and nothing is given out.
func TestHoldOfANewKeyWaits(t *testing.T) {
	w := withHolds(t)
	w.rotate(site.HoldsRole)
	before := w.read("out/metadata/timestamp.json")
	if err := w.hold("p1"); err == nil {
		t.Error("a key that is not published could hold")
	}
	if string(w.read("out/metadata/timestamp.json")) != string(before) {
		t.Error("something was given out")
	}
	w.now = w.now.Add(time.Minute)
	w.republish(w.hq, "out")
	c := w.refreshed()
	got, err := c.Current(w.now)
	w.must(err)
	if got.Patches[0].Held == nil {
		t.Error("the hold that waited was lost")
	}
}

// TestHoldBesideADraft: a withdrawal that nobody has signed yet stops nothing, so a hold may. One that is
// signed has stopped the patch for good.
func TestHoldBesideADraft(t *testing.T) {
	w := withHolds(t)
	w.must(w.hq.Withdraw("p1", "it breaks tills", w.now))
	w.must(w.hold("p1"))
	c := w.refreshed()
	if got, err := c.Current(w.now); err != nil || got.Patches[0].Held == nil || got.Patches[0].Withdrawn != nil {
		t.Errorf("%+v, %v: want p1 held, and not withdrawn", got.Patches[0], err)
	}
	w.republish(w.hq, "out")
	want := "patch p1 was withdrawn on " + w.now.Format(time.DateOnly) + " already (it breaks tills)"
	if err := w.hold("p1"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
