package statuscmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/cache"
)

// Cache returns `cache`.
func Cache() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:   "cache",
		Short: "Show what of tonight's plan is in the store already, and the catalog that it goes by",
		Long: `Show every artifact that this store needs: whether it is in the store, how large, since when, when its digest was
compared last, and what is missing and why. Above it the catalog: its version, its age, and until when it approves
anything unless it is refreshed. Nothing is asked of the line or of the devices.

Exit code 3: something of the night is not in the store, or the catalog approves nothing.`,
		Example: "  nightfill cache\n  nightfill cache --json | jq -r '.artifacts[] | select(.state != \"cached\").name'",
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		c, err := s.Client.Cache(s.Ctx())
		if err != nil {
			return err
		}
		if err := s.Show(c, func(p *printout.Printer) { printCache(p, c) }); err != nil {
			return err
		}
		missing := 0
		for _, a := range c.Artifacts {
			if a.Tonight && a.State != cache.Cached {
				missing++
			}
		}
		switch {
		case missing > 0:
			return session.NotAllGood("of the night %s not in the store", are(missing, "artifact", "artifacts"))
		case c.Catalog.Reason != nil:
			return session.NotAllGood("the catalog approves nothing: %s", printout.Reason(c.Catalog.Reason))
		}
		return nil
	})
}

// are counts, with the verb.
func are(n int, one, many string) string {
	if n == 1 {
		return "1 " + one + " is"
	}
	return fmt.Sprintf("%d %s are", n, many)
}

func printCache(p *printout.Printer, c cache.Cache) {
	row := func(name, format string, args ...any) {
		p.Line("%-9s %s", name, printout.Clean(fmt.Sprintf(format, args...)))
	}
	if c.Catalog.Version == 0 {
		row("catalog", "none")
	} else {
		row("catalog", "version %d of %s, %s old", c.Catalog.Version, p.Moment(c.Catalog.Issued), view.Brief(c.Now.Sub(c.Catalog.Issued)))
		row("good", "until %s unless it is refreshed%s", p.Moment(c.Catalog.Until), role(c.Catalog.Role))
	}
	if c.Catalog.Reason != nil {
		row("", "%s", printout.Reason(c.Catalog.Reason))
	}
	row("from", "%s", printout.Or(c.Catalog.URL, "USB stick"))
	if !c.Night.IsZero() {
		row("night", "%s", c.Night)
	}
	row("room", "%s of %s used, %s needed, %s free on the disk", printout.Size(c.Used), printout.Size(c.Quota), printout.Size(c.Needed), printout.Size(c.Free))
	if c.Problem != "" {
		row("", "%s", c.Problem)
	}
	var rows [][]printout.Cell
	var missing []string
	for _, a := range c.Artifacts {
		t := map[string]printout.Tone{cache.Cached: printout.Good, cache.Missing: printout.Bad, cache.Partly: printout.Bad}[a.State]
		use := "later"
		if a.Tonight {
			use = "the night"
		}
		if a.Pinned {
			use += ", pinned"
		}
		rows = append(rows, []printout.Cell{printout.Text("%s", a.Name), printout.Toned(t, a.State), printout.Text("%s", use), printout.Text("%s", printout.Size(a.Size)), printout.Text("%s", p.Moment(a.CachedAt)), printout.Text("%s", p.Moment(a.Verified)),
			printout.Text("%.12s", a.SHA256), printout.Text("%s", strings.Join(a.Patches, " "))})
		if a.Reason != nil {
			missing = append(missing, a.Name+": "+printout.Reason(a.Reason))
		}
	}
	p.Line("")
	if len(rows) == 0 {
		p.Line("No artifact is needed.")
	} else {
		p.Table([]string{"ARTIFACT", "STATE", "FOR", "SIZE", "CACHED", "VERIFIED", "SHA256", "PATCHES"}, rows)
	}
	if len(missing) > 0 {
		p.Line("\n%s", p.Paint(printout.Bad, "Not all there:"))
		for _, m := range missing {
			p.Line("  %s", printout.Clean(m))
		}
	}
	if len(missing) > 0 || c.Catalog.Reason != nil {
		p.Next("nightfill catalog refresh", "nightfill catalog import DIR")
	}
}

func role(name string) string {
	if name == "" {
		return ""
	}
	return " (then the signature of " + name + " ends)"
}
