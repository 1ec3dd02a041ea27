package page

import (
	"errors"
	"strings"
	"testing"
)

// TestLines: no text of a store is a formula to a spreadsheet, and lines end as RFC 4180 has it.
func TestLines(t *testing.T) {
	for text, want := range map[string]string{"": "", "till-1": "till-1", "=1+1": "'=1+1", "+1": "'+1", "-2": "'-2", "@x": "'@x", "a,\"b\"": `"a,""b"""`} {
		var b strings.Builder
		l := NewLines(&b)
		if err := errors.Join(l.Write("x", text), l.Flush()); err != nil {
			t.Fatal(err)
		}
		if b.String() != "x,"+want+"\r\n" {
			t.Errorf("%q is written as %q", text, b.String())
		}
	}
	l := NewLines(full{})
	if err := errors.Join(l.Write("x"), l.Flush()); !errors.Is(err, errFull) {
		t.Errorf("a disk that is full is no error of Flush: %v", err)
	}
}

var errFull = errors.New("the disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
