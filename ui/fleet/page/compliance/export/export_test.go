package export

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
)

func morning() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC) }

// TestRow: a row names what proves it, and the columns are named as in JSON.
func TestRow(t *testing.T) {
	names := reflect.TypeOf(Row{})
	for i, c := range columns() {
		if tag, _, _ := strings.Cut(names.Field(i).Tag.Get("json"), ","); tag != c.name {
			t.Errorf("column %d is %s, the JSON has %s", i, c.name, tag)
		}
	}
	b := board.NewBoard("acme")
	s := b.Store("0142")
	d := s.Device("till-1")
	d.Observed.At = morning()
	*d.Job("p-1") = board.Job{Patch: "p-1", State: site.Done, Installed: board.At(morning()), Verified: board.At(morning()), Proof: board.Mark{Stream: 2, Seq: 77}}
	p := site.Patch{ID: "p-1", Owner: "pos", Approval: site.Approval{Change: "CHG-1"}}
	v := comply.Look(b, comply.Options{Catalog: []site.Approved{{Patch: p, Release: &site.Release{Ring: site.RingFleet}}}, Policy: comply.DefaultPolicy(), Now: morning()})
	for r := range v.Rows(comply.Filter{}) {
		e := Of(v, r, morning())
		if e.Asset != "0142/till-1" || e.Evidence != "2/77" || e.Proof != "verified" || e.ApprovedBy != "pos (CHG-1)" || e.Result != comply.Installed {
			t.Errorf("row is %+v", e)
		}
	}
}

// recorded is a history that has the hashes of its records.
type recorded struct {
	asked []board.Query
}

func (r *recorded) EachEvent(_ context.Context, q board.Query, do func(board.Event) error) error {
	r.asked = append(r.asked, q)
	for seq := range uint64(100) {
		if err := do(board.Event{Store: q.Store, No: 2, Seq: seq, Hash: fmt.Sprintf("%s-%d", q.Store, seq)}); err != nil {
			return err
		}
	}
	return nil
}

// TestProve finds the hash of the record that proves each row, store by store.
func TestProve(t *testing.T) {
	h := &recorded{}
	at := func(n int) time.Time { return morning().Add(time.Duration(n) * time.Minute) }
	rows := []Row{
		{Store: "a", proof: board.Mark{Stream: 2, Seq: 7}, VerifiedAt: at(5)},
		{Store: "a", proof: board.Mark{Stream: 2, Seq: 9}, VerifiedAt: at(3)},
		{Store: "a"},
		{Store: "b", proof: board.Mark{Stream: 1, Seq: 7}, VerifiedAt: at(1)},
		{Store: "c"},
	}
	if err := Prove(t.Context(), h, rows); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a-7", "a-9", "", "", ""} {
		if rows[i].EvidenceHash != want {
			t.Errorf("row %d: %q, want %q", i, rows[i].EvidenceHash, want)
		}
	}
	if len(h.asked) != 2 || h.asked[0].Store != "a" || !h.asked[0].From.Equal(at(3)) || h.asked[1].Store != "b" {
		t.Errorf("asked %+v", h.asked)
	}
}

// TestForms: both forms write the same rows, and only CSV names its columns.
func TestForms(t *testing.T) {
	rows := []Row{{Store: "0142", Device: "till-1", Patch: "a<b"}, {Store: "0143", Device: "=1", Patch: "p"}}
	for _, c := range []struct {
		form   Form
		suffix string
		starts []string
	}{
		{CSV{}, "csv", []string{"store,device,", "0142,till-1,,a<b,", "0143,'=1,,p,"}},
		{JSONLines{}, "jsonl", []string{`{"store":"0142","device":"till-1","asset_id":"","patch":"a<b"`, `{"store":"0143","device":"=1"`}},
	} {
		var b strings.Builder
		if err := errors.Join(c.form.Begin(&b), c.form.Write(&b, rows)); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimRight(b.String(), "\r\n"), "\n")
		if _, suffix := c.form.Kind(); suffix != c.suffix || len(lines) != len(c.starts) {
			t.Errorf("%s: %q", suffix, lines)
			continue
		}
		for i, start := range c.starts {
			if !strings.HasPrefix(lines[i], start) {
				t.Errorf("%s: line %d is %q, want it to start with %q", c.suffix, i, lines[i], start)
			}
		}
	}
}
