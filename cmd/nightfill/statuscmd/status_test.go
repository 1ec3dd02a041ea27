package statuscmd

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/daemon/view"
)

func TestStatusShowsTheFingerprint(t *testing.T) {
	p := printout.New(time.UTC, false)
	printStatus(p, view.Status{Console: &view.Console{Address: ":8443", Fingerprint: "AB:CD", Until: time.Date(2028, 11, 21, 0, 0, 0, 0, time.UTC)}}, nil)
	if want := "console   :8443, HTTPS until 2028-11-21, SHA-256 AB:CD\n"; !bytes.Contains(p.Bytes(), []byte(want)) {
		t.Errorf("got\n%s", strings.TrimSpace(p.String()))
	}
}
