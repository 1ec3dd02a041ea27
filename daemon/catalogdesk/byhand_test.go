package catalogdesk_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/catalogdesk"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/breaker"
)

func byHand(t *testing.T, h *hq, desk *catalogdesk.Desk) catalogdesk.Watch {
	return catalogdesk.Watch{Source: h, Register: h, Hinter: h, Desk: desk, Policy: breaker.DefaultPolicy(), Approved: func() (site.Catalog, map[string]time.Time, error) {
		return desk.Approved(t.Context(), noon().Add(2*time.Minute))
	}}
}

// A patch that a person stops is held at once, every store is told, and the breaker does not propose it again.
func TestStopByHand(t *testing.T) {
	_, repo, desk := folder(t, true)
	h := broken()
	w := byHand(t, h, desk)
	h.deaf = true
	how, err := w.Stop(t.Context(), "p-1", "tills do not come back", "kim", noon().Add(time.Minute))
	if how != breaker.Held || err != nil {
		t.Fatalf("%q, %v", how, err)
	}
	c, _, err := desk.Approved(t.Context(), noon().Add(2*time.Minute))
	if err != nil || c.Patches[0].Held == nil || c.Patches[0].Held.Reason != "tills do not come back" || c.Patches[0].Held.Digest != "" {
		t.Errorf("stores see %+v, %v", c.Patches, err)
	}
	h.deaf = false
	if made, err := w.Check(t.Context(), noon().Add(2*time.Minute)); len(made) != 0 || err != nil {
		t.Errorf("the breaker proposes %+v, %v", made, err)
	}
	if len(h.hints) != 4 || h.hints[0] != "0 refresh" {
		t.Errorf("hints are %q", h.hints)
	}
	if status, err := repo.Status(); err != nil || len(status.Withdrawn) != 0 || len(status.Held) != 1 {
		t.Errorf("status %+v, %v", status, err)
	}
	if how, err := w.Stop(t.Context(), "p-1", "again", "kim", noon().Add(2*time.Minute)); how != "" || err == nil || !strings.HasPrefix(err.Error(), "p-1 is held already, since ") {
		t.Errorf("%q, %v", how, err)
	}
	all := decisions(t, h)
	if len(all) != 1 || all[0].How != breaker.Held || all[0].Text != "p-1, by kim: tills do not come back" || all[0].Told.IsZero() {
		t.Errorf("kept are %+v", all)
	}
}

// Without the key a withdrawal is drafted. What the breaker said about the same bytes is the same decision.
func TestStopByHandDrafts(t *testing.T) {
	_, repo, desk := folder(t, false)
	h := broken()
	w := byHand(t, h, desk)
	for range 2 {
		if how, err := w.Stop(t.Context(), "p-1", "tills do not come back", "kim", noon().Add(time.Minute)); how != breaker.Drafted || err != nil {
			t.Fatalf("%q, %v", how, err)
		}
	}
	if made, err := w.Check(t.Context(), noon().Add(2*time.Minute)); len(made) != 0 || err != nil {
		t.Errorf("the breaker proposes %+v, %v", made, err)
	}
	if status, err := repo.Status(); err != nil || status.Withdrawn["p-1"].Reason != "tills do not come back" || len(h.hints) != 0 || len(h.notes) != 1 {
		t.Errorf("status %+v, %v; hints %q, %d notes", status, err, h.hints, len(h.notes))
	}
}

func decisions(t *testing.T, h *hq) []breaker.Decision {
	notes, err := h.Notes(t.Context(), breaker.NoteKind)
	if err != nil {
		t.Fatal(err)
	}
	return breaker.Read(notes)
}

// A patch that there is not is refused, and so is every patch without a folder.
func TestStopByHandRefused(t *testing.T) {
	_, _, desk := folder(t, true)
	h := broken()
	w := byHand(t, h, desk)
	if how, err := w.Stop(t.Context(), "p-9", "x", "kim", noon()); how != "" || err == nil || err.Error() != "there is no patch p-9" {
		t.Errorf("%q, %v", how, err)
	}
	w.Desk = nil
	if how, err := w.Stop(t.Context(), "p-1", "x", "kim", noon()); how != "" || err == nil || err.Error() != "headquarters has no working folder of the catalog: hold it with `nightfill catalog hold`" {
		t.Errorf("%q, %v", how, err)
	}
	h.board.Patches["p-1"] = site.Patch{ID: "p-1"}
	w.Desk, w.Approved = catalogdesk.New(catalogdesk.Options{Dir: t.TempDir()}), nil
	if how, err := w.Stop(t.Context(), "p-1", "x", "kim", noon()); how != "" || err == nil {
		t.Errorf("%q, %v", how, err)
	}
	// What could not be done at all is left to people.
	if left := decisions(t, h); len(left) != 1 || left[0].How != "" || left[0].Text != "p-1, by kim: x" {
		t.Errorf("kept are %+v", left)
	}
}
