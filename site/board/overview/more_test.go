package overview

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/register"
)

// TestMore: what headquarters itself needs a person for is in the list beside the items of stores, is
// taken on and goes higher as they do, and is of no store.
func TestMore(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	e, err := register.New("e-1", register.Entry{Exception: site.Exception{Patch: "p-1", Owner: "ann", Reason: "r", Risk: "r", Expires: now.AddDate(0, 0, 20)}}, "kim", now)
	if err != nil {
		t.Fatal(err)
	}
	decisions := []breaker.Decision{
		{Proposal: breaker.Proposal{Patch: "p-1", Key: "p-1@a", At: now}, How: breaker.Drafted, Text: "p-1 broke 9 of 40 stores"},
		{Proposal: breaker.Proposal{Patch: "p-2", Key: "p-2@b", At: now}, How: breaker.Held, Text: "p-2 broke 4 of 4 stores"},
		{Proposal: breaker.Proposal{Patch: "p-3", Key: "p-3@c", At: now}, Text: "p-3 broke 4 of 4 stores"},
		{Proposal: breaker.Proposal{Patch: "p-4", Key: "p-4@d", At: now}, How: breaker.Dropped, Text: "p-4 broke 4 of 4 stores"},
	}
	for _, c := range []struct {
		name    string
		now     time.Time
		catalog []site.Approved
		issued  time.Time
		want    []string // urgency, then text
	}{
		{"nothing decided", now, nil, now, []string{
			"now Sign the withdrawal, or drop it: p-1 broke 9 of 40 stores.", "now Withdraw p-3, nothing was done yet: p-3 broke 4 of 4 stores.",
			"today Held everywhere: p-2 broke 4 of 4 stores. Withdraw it, or lift the hold.",
		}},
		{"decided", now, []site.Approved{{Patch: site.Patch{ID: "p-1"}, Withdrawn: &site.Withdrawal{}}, {Patch: site.Patch{ID: "p-2"}}, {Patch: site.Patch{ID: "p-3"}, Withdrawn: &site.Withdrawal{}}}, now, nil},
		{"still held", now, []site.Approved{{Patch: site.Patch{ID: "p-1"}, Withdrawn: &site.Withdrawal{}}, {Patch: site.Patch{ID: "p-2"}, Held: &site.PatchHold{}}, {Patch: site.Patch{ID: "p-3"}, Withdrawn: &site.Withdrawal{}}}, now,
			[]string{"today Held everywhere: p-2 broke 4 of 4 stores. Withdraw it, or lift the hold."}},
		{"read before the hold", now, []site.Approved{{Patch: site.Patch{ID: "p-1"}, Withdrawn: &site.Withdrawal{}}, {Patch: site.Patch{ID: "p-2"}}, {Patch: site.Patch{ID: "p-3"}, Withdrawn: &site.Withdrawal{}}}, now.Add(-time.Second),
			[]string{"today Held everywhere: p-2 broke 4 of 4 stores. Withdraw it, or lift the hold."}},
		{"later, without a catalog", now.AddDate(0, 0, 14), nil, now, []string{"today The exception of p-1 everywhere (ann) ends on 2026-12-12: put the patch on, or renew it."}},
	} {
		more := append(OfExceptions([]register.Entry{e}, c.now), OfDecisions(decisions, site.Catalog{Patches: c.catalog, Issued: c.issued}, c.now)...)
		v := Look(board.NewBoard("acme"), Options{Now: c.now, More: more})
		var got []string
		for _, g := range v.Groups {
			if g.Stores != 0 || g.Items != 1 {
				t.Errorf("%s: %+v", c.name, g)
			}
			got = append(got, string(g.Urgency)+" "+g.Title)
		}
		if len(got) != len(c.want) {
			t.Fatalf("%s: %q, want %q", c.name, got, c.want)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %q, want %q", c.name, got[i], c.want[i])
			}
		}
	}
	said := map[string]Attention{"proposal/p-1@a": {Acked: &Said{By: "sam", At: now}}}
	v := Look(board.NewBoard("acme"), Options{Now: now.Add(20 * time.Minute), Kept: said, More: OfDecisions(decisions[:2], site.Catalog{}, now)})
	if v.Items[0].Owner != "sam" || !v.Items[0].Next.IsZero() || !v.Items[1].Next.Equal(now.Add(24*time.Hour)) {
		t.Errorf("items are %+v", v.Items)
	}
}
