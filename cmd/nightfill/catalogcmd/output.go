package catalogcmd

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish"
)

func publishCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "publish DIR OUT [--key FILE]...",
		Short: "Write what is signed for the stores",
		Long: `Writes OUT/metadata, OUT/targets and OUT/root.json, to be served by any web server or
copied to a stick. The fleet's rules, snapshot and timestamp are signed with the keys
that are in KEYDIR. Before stores can see the result it is verified as a store would.

Stores accept a publish for 72 hours: publish at least daily, for example from a timer.
Exit code 3 means: published, but a patch or a role waits for signatures.`,
		Example: "  nightfill catalog publish hq /srv/catalog",
	}
	keys := cmd.Flags().StringArray("key", nil, "key file that is not in KEYDIR")
	return finish(cmd, action(cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) (report, error) {
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		ring, err := keyfile.Open(r.KeyDir(), password(cmd, false), *keys...)
		if err != nil {
			return report{}, err
		}
		p, err := r.Publish(cmd.Context(), publish.Options{Out: args[1], Keys: ring, Verify: verifyAsStore, Now: time.Now()})
		if err != nil {
			return report{}, err
		}
		out := report{v: p, text: publishedText(p, args[1])}
		if len(p.Waiting) > 0 {
			out.code = exit.NotAllGood
		}
		return out, nil
	}))
}

func publishedText(p publish.Published, out string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Published version %d to %s: %s. Publish again before %s.\n", p.Version, out, patches(len(p.Patches)), p.Expires.Format(time.RFC3339))
	for _, w := range p.Waiting {
		b.WriteString("Not published: " + waitingText(w) + "\n")
	}
	return b.String()
}

// patches counts patches in words.
func patches(n int) string {
	if n == 1 {
		return "1 patch"
	}
	return fmt.Sprintf("%d patches", n)
}

func waitingText(w publish.Waiting) string {
	what := "the new version of " + w.Role
	if len(w.Patches) > 0 {
		what = strings.Join(w.Patches, ", ") + " of " + w.Role
	}
	return what + ": " + w.Text + "."
}

func statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status DIR",
		Short:   "Show drafts, signatures, releases and expiries",
		Example: "  nightfill catalog status hq",
	}
	return finish(cmd, action(cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) (report, error) {
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		s, err := r.Status()
		if err != nil {
			return report{}, err
		}
		return report{v: s, text: statusText(s, time.Now())}, nil
	}))
}

func statusText(s publish.Status, now time.Time) string {
	var b strings.Builder
	for _, p := range s.Drafts {
		fmt.Fprintf(&b, "draft   %-24s %d of %d signatures of %s, %s\n", p.ID, p.Have, p.Need, p.Owner, releaseText(p.Release))
	}
	for _, p := range s.Patches {
		state := releaseText(p.Release)
		if w, gone := s.Withdrawn[p.ID]; gone {
			state = "withdrawn " + w.At.Format(time.DateOnly) + ": " + w.Reason
		} else if h, held := s.Held[p.ID]; held {
			state += ", HELD since " + h.At.Format(time.RFC3339) + ": " + h.Reason
		}
		fmt.Fprintf(&b, "signed  %-24s %s, %s\n", p.ID, p.Owner, state)
	}
	if len(s.Drafts)+len(s.Patches) == 0 {
		b.WriteString("No patches. Add one with: nightfill catalog add " + s.Dir + " patch.yaml\n")
	}
	b.WriteString(heldStoresText(s.HeldStores))
	for _, e := range s.Exceptions {
		b.WriteString(exceptionText(e, now))
	}
	for _, w := range s.Waiting {
		b.WriteString("waiting " + waitingText(w) + "\n")
	}
	for _, r := range s.Roles {
		fmt.Fprintf(&b, "role    %-24s %d of %s, %s\n", r.Role, r.Threshold, strings.Join(r.Keys, " "), expiryText(r.Expires, now))
	}
	if s.Issued.IsZero() {
		b.WriteString("Never published.\n")
	} else {
		fmt.Fprintf(&b, "Last published %s.\n", s.Issued.Format(time.RFC3339))
	}
	return b.String()
}

func releaseText(r *site.Release) string {
	switch {
	case r == nil:
		return "not released"
	case len(r.Stores) > 0:
		return fmt.Sprintf("released to %s, stores %s", r.Ring, strings.Join(r.Stores, " "))
	}
	return "released to " + string(r.Ring)
}

func expiryText(t, now time.Time) string {
	switch left := t.Sub(now); {
	case t.IsZero():
		return "not signed yet"
	case left <= 0:
		return "OVER since " + t.Format(time.DateOnly)
	case left < 48*time.Hour:
		return fmt.Sprintf("until %s (%d hours)", t.Format(time.RFC3339), int(left.Hours()))
	default:
		return fmt.Sprintf("until %s (%d days)", t.Format(time.DateOnly), int(left.Hours()/24))
	}
}

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "verify URL|DIR --root root.json",
		Short:   "Look at a published catalog exactly as a new store would",
		Example: "  nightfill catalog verify https://patches.example.com/catalog/ --root root.json",
	}
	rootFile := cmd.Flags().String("root", "", "the root.json that stores are provisioned with")
	return finish(cmd, action(cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) (report, error) {
		if *rootFile == "" {
			return report{}, exit.With(exit.Usage, errors.New("--root is missing: give the root.json that stores are provisioned with"))
		}
		root, err := os.ReadFile(*rootFile)
		if err != nil {
			return report{}, exit.With(exit.Usage, fmt.Errorf("cannot read the root: %w", err))
		}
		address := args[0]
		if !strings.Contains(address, "://") {
			if address, err = folderURL(address); err != nil {
				return report{}, exit.With(exit.Usage, err)
			}
		}
		c, err := catalog.Verify(cmd.Context(), address, nil, root, time.Now())
		if errors.Is(err, catalog.ErrRoot) {
			return report{}, exit.With(exit.Usage, fmt.Errorf("--root %s: %w", *rootFile, err))
		}
		if err != nil {
			return report{}, err
		}
		return report{v: c, text: catalogText(c)}, nil
	}))
}

// folderURL is the address of a folder on this machine.
func folderURL(dir string) (string, error) {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return "", fmt.Errorf("%q is neither a directory nor an address like https://HOST/PATH/", dir)
	}
	abs, err := filepath.Abs(dir)
	return (&url.URL{Scheme: "file", Path: abs + "/"}).String(), err
}

func catalogText(c site.Catalog) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Good: version %d, issued %s, %s.\n", c.Version, c.Issued.Format(time.RFC3339), patches(len(c.Patches)))
	for _, p := range c.Patches {
		state := releaseText(p.Release)
		if p.Withdrawn != nil {
			state = "withdrawn: " + p.Withdrawn.Reason
		} else if p.Held != nil {
			state += ", HELD since " + p.Held.At.Format(time.RFC3339) + ": " + p.Held.Reason
		}
		fmt.Fprintf(&b, "  %-24s %s\n", p.Patch.ID, state)
		for _, e := range p.Exceptions {
			fmt.Fprintf(&b, "  %-24s except %s, by %s until %s: %s\n", "", e.Scope(), e.Owner, e.Expires.Format(time.RFC3339), e.Reason)
		}
	}
	b.WriteString(heldStoresText(c.HeldStores))
	return b.String()
}

// heldStoresText lists the stores that are held, a line each.
func heldStoresText(stores map[string]site.StoreHold) string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(stores)) {
		h := stores[id]
		by := ""
		if h.By != "" {
			by = " by " + h.By
		}
		fmt.Fprintf(&b, "store   %-24s HELD since %s%s: %s\n", id, h.At.Format(time.RFC3339), by, h.Reason)
	}
	return b.String()
}

func rotateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate DIR --role ROLE [--replace KEY]",
		Short: "Replace a key of a role",
		Long: `Makes a new key in KEYDIR, takes the oldest key of the role (or the one named) out, and
signs the change with the keys that are in KEYDIR. What other people must sign is named;
until they have, stores go on with the old keys. Works for every role.`,
		Example: "  nightfill catalog rotate hq --role timestamp",
	}
	role := cmd.Flags().String("role", "", "root, targets, snapshot, timestamp, fleet, holds or an owner")
	replace := cmd.Flags().String("replace", "", "name of the key to take out, like pos-app-2")
	return finish(cmd, action(cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) (report, error) {
		if *role == "" {
			return report{}, exit.With(exit.Usage, errors.New("--role is missing: say whose key is to be replaced"))
		}
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		ring, err := keyfile.Open(r.KeyDir(), password(cmd, false))
		if err != nil {
			return report{}, err
		}
		o, err := r.Rotate(publish.RotateOptions{Role: *role, Replace: *replace, Keys: ring, Now: time.Now()})
		if err != nil {
			return report{}, err
		}
		text := fmt.Sprintf("Replaced %s by %s of role %s.\n", o.Old, o.New, *role)
		for _, w := range o.Waiting {
			text += "Not in force yet: " + waitingText(w) + "\n"
		}
		out := report{v: o, text: text}
		if len(o.Waiting) > 0 {
			out.code = exit.NotAllGood
		}
		return out, nil
	}))
}

func storeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Provision stores", Example: "  nightfill catalog store add hq 0142 --url https://patches.example.com/catalog/"}
	add := &cobra.Command{
		Use:   "add DIR ID [--url URL] [--out PATH]",
		Short: "Make the provisioning bundle of a store",
		Long: `Writes a directory, or a zip when --out ends in .zip, with root.json, the only thing the
store trusts, and a store.yaml to be filled in. The URL is remembered for the next store;
while nobody has given one, it is to be filled in too.`,
		Example: "  nightfill catalog store add hq 0142 --url https://patches.example.com/catalog/ --out 0142.zip",
	}
	out := add.Flags().String("out", "", "directory or .zip file (default DIR/stores/ID)")
	url := add.Flags().String("url", "", "address at which OUT of publish is served")
	cmd.AddCommand(finish(add, action(cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) (report, error) {
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		path := *out
		if path == "" {
			path = filepath.Join(args[0], "stores", args[1])
		}
		if err := bundle(r, args[1], *url, path); err != nil {
			return report{}, misused(err)
		}
		return report{
			v:    map[string]string{"store": args[1], "bundle": path},
			text: fmt.Sprintf("Wrote %s. Fill in store.yaml, then check it with: nightfill config validate\n", path),
		}, nil
	})))
	return cmd
}

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve OUT --listen ADDR",
		Short: "Serve a published catalog over HTTP",
		Long: `A plain static server for labs and small chains; any web server or object store will do
as well. What it serves is protected by its signatures, not by the connection.`,
		Example: "  nightfill catalog serve /srv/catalog --listen :8088",
	}
	listen := cmd.Flags().String("listen", "127.0.0.1:8088", "address to listen on")
	return finish(cmd, action(cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) (report, error) {
		if st, err := os.Stat(filepath.Join(args[0], "metadata")); err != nil || !st.IsDir() {
			return report{}, exit.With(exit.Usage, fmt.Errorf("%s holds no published catalog: run `nightfill catalog publish DIR %s` first", args[0], args[0]))
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return report{silent: true}, serve(ctx, *listen, args[0], func(addr string) {
			if asJSON(cmd) {
				_ = printJSON(cmd.OutOrStdout(), map[string]string{"dir": args[0], "url": "http://" + addr + "/"}) // it serves all the same
				return
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Serving %s on http://%s/\n", args[0], addr)
		})
	}))
}
