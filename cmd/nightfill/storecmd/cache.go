package storecmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/view"
)

func cacheCommand() *cobra.Command {
	return action(&cobra.Command{
		Use:   "cache",
		Short: "Show what of tonight's plan is in the store already, and the catalog that it goes by",
		Long: `Show every artifact that this store needs: whether it is in the store, how large, since when, when its digest was
compared last, and what is missing and why. Above it the catalog: its version, its age, and until when it approves
anything unless it is refreshed. Nothing is asked of the line or of the devices.

Exit code 3: something of the night is not in the store, or the catalog approves nothing.`,
		Example: "  nightfill cache\n  nightfill cache --json | jq -r '.artifacts[] | select(.state != \"cached\").name'",
	}, cobra.NoArgs, func(s *session, _ []string) error {
		c, err := s.client.Cache(s.ctx())
		if err != nil {
			return err
		}
		if err := s.show(c, func(p *printer) { p.cache(c) }); err != nil {
			return err
		}
		missing := 0
		for _, a := range c.Artifacts {
			if a.Tonight && a.State != view.Cached {
				missing++
			}
		}
		switch {
		case missing > 0:
			return notAllGood("of the night %s not in the store", are(missing, "artifact", "artifacts"))
		case c.Catalog.Reason != nil:
			return notAllGood("the catalog approves nothing: %s", reason(c.Catalog.Reason))
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

func (p *printer) cache(c view.Cache) {
	row := func(name, format string, args ...any) { p.line("%-9s %s", name, clean(fmt.Sprintf(format, args...))) }
	if c.Catalog.Version == 0 {
		row("catalog", "none")
	} else {
		row("catalog", "version %d of %s, %s old", c.Catalog.Version, p.moment(c.Catalog.Issued), view.Brief(c.Now.Sub(c.Catalog.Issued)))
		row("good", "until %s unless it is refreshed%s", p.moment(c.Catalog.Until), role(c.Catalog.Role))
	}
	if c.Catalog.Reason != nil {
		row("", "%s", reason(c.Catalog.Reason))
	}
	row("from", "%s", or(c.Catalog.URL, "USB stick"))
	if !c.Night.IsZero() {
		row("night", "%s", c.Night)
	}
	row("room", "%s of %s used, %s needed, %s free on the disk", size(c.Used), size(c.Quota), size(c.Needed), size(c.Free))
	if c.Problem != "" {
		row("", "%s", c.Problem)
	}
	var rows [][]cell
	var missing []string
	for _, a := range c.Artifacts {
		t := map[string]tone{view.Cached: good, view.Missing: bad, view.Partly: bad}[a.State]
		use := "later"
		if a.Tonight {
			use = "the night"
		}
		if a.Pinned {
			use += ", pinned"
		}
		rows = append(rows, []cell{text("%s", a.Name), {a.State, t}, text("%s", use), text("%s", size(a.Size)), text("%s", p.moment(a.CachedAt)), text("%s", p.moment(a.Verified)),
			text("%.12s", a.SHA256), text("%s", strings.Join(a.Patches, " "))})
		if a.Reason != nil {
			missing = append(missing, a.Name+": "+reason(a.Reason))
		}
	}
	p.line("")
	if len(rows) == 0 {
		p.line("No artifact is needed.")
	} else {
		p.table([]string{"ARTIFACT", "STATE", "FOR", "SIZE", "CACHED", "VERIFIED", "SHA256", "PATCHES"}, rows)
	}
	if len(missing) > 0 {
		p.line("\n%s", p.paint(bad, "Not all there:"))
		for _, m := range missing {
			p.line("  %s", clean(m))
		}
	}
	if len(missing) > 0 || c.Catalog.Reason != nil {
		p.next("nightfill catalog refresh", "nightfill catalog import DIR")
	}
}

func role(name string) string {
	if name == "" {
		return ""
	}
	return " (then the signature of " + name + " ends)"
}

// size writes a number of bytes.
func size(n int64) string {
	for _, u := range []struct {
		of   int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.of {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/float64(u.of)), ".0") + " " + u.name
		}
	}
	return fmt.Sprintf("%d B", n)
}
