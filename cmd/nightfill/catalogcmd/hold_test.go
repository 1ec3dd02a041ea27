package catalogcmd

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog"
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

func (w *world) holdStores(stores ...string) error {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	_, err := w.hq.Hold(w.t.Context(), publish.HoldOptions{Stores: stores, Reason: "the power is cut", By: "kim", Out: w.path("out"), Keys: w.ring(w.hq), Verify: verifyAsStore, Now: w.now})
	return err
}

// TestStoreHoldReachesStores is the whole way of a hold of stores, and back.
func TestStoreHoldReachesStores(t *testing.T) {
	w := withHolds(t)
	sees := func(c *catalog.Catalog, want ...string) {
		t.Helper()
		got, err := c.Current(w.now)
		w.must(err)
		if ids := slices.Sorted(maps.Keys(got.HeldStores)); !slices.Equal(ids, want) || got.Patches[0].Held != nil {
			t.Errorf("held are %v and %+v, want %v", ids, got.Patches[0].Held, want)
		}
	}
	before := w.refreshed()
	w.must(w.holdStores("0424", "0423", "0424"))
	at := w.now
	sees(before) // the store did not look yet
	sees(w.refreshed(), "0423", "0424")
	sees(w.store(), "0423", "0424") // over a restart
	status, err := w.hq.Status()
	w.must(err)
	if h := status.HeldStores["0423"]; len(status.HeldStores) != 2 || h.Reason != "the power is cut" || h.By != "kim" || !h.At.Equal(at) {
		t.Errorf("status is %+v", status.HeldStores)
	}
	w.must(w.hq.LiftStores([]string{"0423"}, w.now))
	w.must(w.holdStores("0425")) // the lift is not signed: nobody may forget the hold
	sees(w.refreshed(), "0423", "0424", "0425")
	w.republish(w.hq, "out")
	c := w.refreshed()
	sees(c, "0424", "0425")
	w.must(w.holdStores("0423"))
	_, err = c.Refresh(t.Context(), w.now)
	w.must(err)
	sees(c, "0423", "0424", "0425")
	w.must(w.hq.LiftStores([]string{"0423", "0424", "0425"}, w.now))
	w.republish(w.hq, "out")
	sees(w.refreshed())
	w.must(w.holdStores("0426")) // what everybody sees lifted is not listed any more
	listed, err := filepath.Glob(w.path("out/targets/holds/*"))
	w.must(err)
	if !slices.ContainsFunc(listed, func(path string) bool {
		data, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(data), `"stores":{"0426":{"reason":"the power is cut","at":"`) && !strings.Contains(string(data), "0425")
	}) {
		t.Errorf("no list of %q holds 0426 alone", listed)
	}
	c = w.refreshed()
	sees(c, "0426")
	sees(before)
	_, err = before.Refresh(t.Context(), w.now) // a store that was away all the time
	w.must(err)
	sees(before, "0426")
}

// TestStoreHoldRollback has whoever has the online keys give out a newer list without the hold.
func TestStoreHoldRollback(t *testing.T) {
	w := withHolds(t)
	w.must(os.CopyFS(w.path("hq-old"), os.DirFS(w.path("hq"))))
	w.must(w.holdStores("0423"))
	c := w.refreshed()
	old, err := publish.Open(w.path("hq-old"))
	w.must(err)
	w.now = w.now.Add(time.Minute)
	_, err = old.Hold(t.Context(), publish.HoldOptions{Stores: []string{"0424"}, Reason: "none", Out: w.path("out"), Keys: w.ring(w.hq), Now: w.now})
	w.must(err)
	_, err = c.Refresh(t.Context(), w.now)
	w.demand(err, site.CodeCatalogRefused, "it ends the hold of store 0423 (the power is cut), which only the role fleet may; tell headquarters")
	if got, err := c.Current(w.now); err != nil || len(got.HeldStores) != 1 {
		t.Errorf("the store now goes by %+v, %v", got.HeldStores, err)
	}
}

// TestStoreHoldsRefused: what stores would refuse is not signed, so that the next publish goes on.
func TestStoreHoldsRefused(t *testing.T) {
	w := withHolds(t)
	many, big := []string{}, []string{}
	for i := range site.MaxStoreHolds + 1 {
		many = append(many, fmt.Sprint(i))
	}
	for i := range 2000 {
		big = append(big, fmt.Sprint(i))
	}
	keys := w.ring(w.hq)
	for _, c := range []struct {
		o    publish.HoldOptions
		want string
	}{
		{publish.HoldOptions{Stores: []string{"0423"}, Reason: " "}, "a hold needs a reason: stores show it"},
		{publish.HoldOptions{Reason: "r"}, "a hold is of one patch in every store, or of whole stores: name either"},
		{publish.HoldOptions{Patch: "p1", Stores: []string{"0423"}, Reason: "r"}, "a hold is of one patch in every store, or of whole stores: name either"},
		{publish.HoldOptions{Stores: []string{"0423", "a/b"}, Reason: "r"}, `"a/b" is not the id of a store`},
		{publish.HoldOptions{Stores: []string{"0423"}, Reason: "r\ns"}, "the reason for the hold of store 0423 must be one line of 1 to 500 bytes"},
		{publish.HoldOptions{Stores: many, Reason: "r"}, "5001 stores would be held, and stores take 5000: lift holds that are over, and publish"},
		{publish.HoldOptions{Stores: big, Reason: strings.Repeat("r", 500)}, "the list of holds would have "},
	} {
		c.o.Out, c.o.Keys, c.o.Verify, c.o.Now = w.path("out"), keys, verifyAsStore, w.now.Add(time.Minute)
		if _, err := w.hq.Hold(t.Context(), c.o); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	for want, stores := range map[string][]string{"store 0423 is not held": {"0423"}, "no store is named whose hold is to be lifted": nil} {
		if err := w.hq.LiftStores(stores, w.now); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	w.must(w.holdStores("0423"))
	want := "the clock of this machine says " + w.now.Add(-time.Hour).Format(time.RFC3339) + ", but store 0423 is held since " + w.now.Format(time.RFC3339) + ": set the clock first"
	if err := w.hq.LiftStores([]string{"0423"}, w.now.Add(-time.Hour)); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	w.must(w.hq.LiftStores([]string{"0423"}, w.now))
	_, err := w.hq.Hold(t.Context(), publish.HoldOptions{Stores: []string{"0423"}, Reason: "r", Out: w.path("out"), Keys: keys, Now: w.now})
	want = "the hold of store 0423 was lifted at " + w.now.Format(time.RFC3339) + ": a hold set now would be over already; try again in a second"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	w.republish(w.hq, "out")
	w.refreshed()
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
