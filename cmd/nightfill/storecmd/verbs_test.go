package storecmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/ui/console/live/order"
)

// What may be asked at the console has a command of the same name, which takes a reason where the console wants one, the
// moment where the console wants that, and names a device, a patch or the store as the console does.
func TestVerbsOfTheConsole(t *testing.T) {
	commands := append(Commands(), CatalogCommands()...) // refresh is one of nightfill catalog
	for _, v := range order.Verbs() {
		i := slices.IndexFunc(commands, func(c *cobra.Command) bool { return c.Name() == v.Name })
		if i < 0 {
			t.Errorf("there is no nightfill %s", v.Name)
			continue
		}
		c := commands[i]
		if v.NeedsReason("srv-1", false) && c.Flags().Lookup("reason") == nil {
			t.Errorf("nightfill %s takes no reason, which the console wants", v.Name)
		}
		if v.Until != (c.Flags().Lookup("until") != nil) {
			t.Errorf("until: nightfill %s and the console differ", v.Name)
		}
		if named := strings.Contains(c.Use, "DEVICE"); named != v.Device || v.Patch && !strings.Contains(c.Use, "PATCH") || v.Device && v.Store && !strings.Contains(c.Use, "all") {
			t.Errorf("nightfill %s is asked of something else than at the console", c.Use)
		}
		if c.Example == "" || c.Flags().Lookup("json") == nil {
			t.Errorf("nightfill %s has no example, or no --json", v.Name)
		}
	}
}
