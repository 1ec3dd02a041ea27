package fleet

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/nightfill/nightfill/site/board"
)

// The audit log is read from its end, page by page, without a gap.
func TestAuditIsReadFromItsEnd(t *testing.T) {
	w := newWorld(chain(3), morning())
	h := New(w.options())
	read := func(address string) AuditPage {
		t.Helper()
		var p AuditPage
		if err := json.Unmarshal([]byte(want(t, h, address)), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := read("/api/v1/audit"); p.Total != 0 || len(p.Deeds) != 0 || p.Older != 0 {
		t.Errorf("an empty log: %+v", p)
	}
	const lines = 2*deedsShown + 50
	for range lines {
		if _, err := w.Record(t.Context(), board.Deed{Actor: "kim", Verb: "look"}); err != nil {
			t.Fatal(err)
		}
	}
	next, address, pages := int64(lines), "/api/v1/audit", 0
	for address != "" {
		p := read(address)
		if pages++; p.Total != lines {
			t.Errorf("%s: the newest is %d", address, p.Total)
		}
		for _, d := range p.Deeds {
			if d.Seq != next {
				t.Fatalf("%s: line %d stands at %d", address, d.Seq, next)
			}
			next--
		}
		if address = ""; p.Older > 0 {
			address = fmt.Sprintf("/api/v1/audit?before=%d", p.Older)
		}
	}
	if next != 0 || pages != 3 {
		t.Errorf("%d lines are on no page, of %d pages", next, pages)
	}
	if p := read("/api/v1/audit?before=1"); len(p.Deeds) != 0 || p.Older != 0 || p.Total != lines {
		t.Errorf("below the first line: %+v", p)
	}
	if status, body := get(t, h, "/api/v1/audit?before=x"); status != 400 {
		t.Errorf("%d %s", status, body)
	}
}
