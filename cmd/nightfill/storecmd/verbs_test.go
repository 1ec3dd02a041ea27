package storecmd

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/ui/console"
)

// What may be asked at the console has a command of the same name.
func TestVerbsOfTheConsole(t *testing.T) {
	commands := append(Commands(), CatalogCommands()...) // refresh is one of nightfill catalog
	for _, v := range console.Verbs() {
		if !slices.ContainsFunc(commands, func(c *cobra.Command) bool { return c.Name() == v.Name }) {
			t.Errorf("there is no nightfill %s", v.Name)
		}
	}
}

func TestStatusShowsTheFingerprint(t *testing.T) {
	p := newPrinter(false)
	p.status(view.Status{Console: &view.Console{Address: ":8443", Fingerprint: "AB:CD", Until: time.Date(2028, 11, 21, 0, 0, 0, 0, time.UTC)}}, nil)
	if want := "console   :8443, HTTPS until 2028-11-21, SHA-256 AB:CD\n"; !bytes.Contains(p.Bytes(), []byte(want)) {
		t.Errorf("got\n%s", strings.TrimSpace(p.String()))
	}
}
