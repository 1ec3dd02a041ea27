package catalogcmd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/patchfile"
	"github.com/nightfill/nightfill/sync/publish"
)

// open opens the catalog directory; a directory that is none is a usage error.
func open(dir string) (*publish.Repo, error) {
	r, err := publish.Open(dir)
	return r, exit.With(exit.Usage, err)
}

func initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init DIR --keys KEYDIR [--owner NAME=THRESHOLD/KEYS]... [--root THRESHOLD/KEYS] [--holds]",
		Short: "Make a new catalog and its keys",
		Long: `Makes one key file for each key in KEYDIR: root-1, targets-1, snapshot-1,
timestamp-1, fleet-1 and NAME-1 and so on for each owner, with --holds holds-1 too.
Nothing is overwritten.
Keys are encrypted with the password in NIGHTFILL_KEY_PASSWORD or asked for; set and
empty it means unencrypted, for labs. Move the keys of root, targets and the owners to
the people whose they are, and copies of all keys to a safe.`,
		Example: "  nightfill catalog init hq --keys keys --owner pos-app=2/3 --root 2/3",
	}
	keys := cmd.Flags().String("keys", "", "directory for the new keys")
	owners := cmd.Flags().StringArray("owner", nil, "an owner of patches, NAME=THRESHOLD/KEYS (default owner=1/1)")
	root := cmd.Flags().String("root", "1/1", "how many of how many root keys must sign")
	holds := cmd.Flags().Bool("holds", false, "with the role holds, whose key may be online: it can stop patches, nothing else")
	return finish(cmd, action(cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) (report, error) {
		if *keys == "" {
			return report{}, exit.With(exit.Usage, errors.New("--keys is missing: say where the new keys are to be written"))
		}
		ring, err := keyfile.Open(*keys, password(cmd, true))
		if err != nil {
			return report{}, err
		}
		o := publish.InitOptions{Dir: args[0], KeyDir: *keys, Keys: ring, Holds: *holds, Now: time.Now()}
		if o.Root, err = quorum("--root", *root); err != nil {
			return report{}, err
		}
		for _, s := range *owners {
			name, q, ok := strings.Cut(s, "=")
			if !ok {
				return report{}, exit.With(exit.Usage, fmt.Errorf("--owner %q: write NAME=THRESHOLD/KEYS, like pos-app=2/3", s))
			}
			w := publish.Owner{Name: name}
			if w.Quorum, err = quorum("--owner "+s, q); err != nil {
				return report{}, err
			}
			o.Owners = append(o.Owners, w)
		}
		if err := publish.Init(o); err != nil {
			return report{}, misused(err)
		}
		return report{
			v:    map[string]string{"dir": args[0], "keys": *keys},
			text: fmt.Sprintf("Made catalog %s with its keys in %s.\nNext: nightfill catalog add %s patch.yaml\n", args[0], *keys, args[0]),
		}, nil
	}))
}

// misused makes a wrong owner, quorum or address an error of the command line.
func misused(err error) error {
	if errors.Is(err, publish.ErrAsked) {
		return exit.With(exit.Usage, err)
	}
	return err
}

func quorum(flag, s string) (publish.Quorum, error) {
	t, k, ok := strings.Cut(s, "/")
	threshold, terr := strconv.Atoi(t)
	keys, kerr := strconv.Atoi(k)
	if !ok || terr != nil || kerr != nil {
		return publish.Quorum{}, exit.With(exit.Usage, fmt.Errorf("%s: %q is not THRESHOLD/KEYS, like 2/3", flag, s))
	}
	return publish.Quorum{Threshold: threshold, Keys: keys}, nil
}

func addCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add DIR PATCH.yaml...",
		Short: "Read patch files and make drafts of them",
		Long: `Reads patch files, copies their artifacts into the catalog and makes drafts. The same
id again replaces a draft; what is signed never changes and needs a new id.`,
		Example: "  nightfill catalog add hq pos-app-4.2.1.yaml",
	}
	return finish(cmd, action(cobra.MinimumNArgs(2), func(cmd *cobra.Command, args []string) (report, error) {
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		var added []site.Patch
		var text strings.Builder
		for _, file := range args[1:] {
			p, files, err := patchfile.Read(file)
			var problems patchfile.Problems
			if errors.As(err, &problems) {
				return report{}, exit.With(exit.Usage, err)
			}
			if err != nil {
				return report{}, exit.With(exit.Usage, err)
			}
			if err := r.Add(p, files); err != nil {
				return report{}, err
			}
			added = append(added, p)
			fmt.Fprintf(&text, "Added draft %s (%s), to be signed by %s.\n", p.ID, p.Title, p.Owner)
		}
		return report{v: map[string]any{"added": added}, text: text.String()}, nil
	}))
}

func dropCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "drop DIR PATCH",
		Short:   "Throw a draft away: of a patch, or of a withdrawal",
		Example: "  nightfill catalog drop hq pos-app-4.2.1",
	}
	return finish(cmd, action(cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) (report, error) {
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		if err := r.Drop(args[1]); err != nil {
			return report{}, err
		}
		return report{v: map[string]string{"dropped": args[1]}, text: "Dropped draft " + args[1] + ".\n"}, nil
	}))
}

func signCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sign DIR --key FILE [--key FILE]... [--yes]",
		Short: "Sign what waits for a key",
		Long: `Shows what changed since the key last signed and asks. An owner's key signs the
drafts of that owner; keys of fleet, targets and root sign what changed there. With
nothing waiting the signature is renewed. Signatures of others are kept, so that
two people with two keys sign one after the other.`,
		Example: "  nightfill catalog sign hq --key keys/pos-app-1",
	}
	keys := cmd.Flags().StringArray("key", nil, "key file to sign with")
	yes := cmd.Flags().Bool("yes", false, "sign without asking")
	return finish(cmd, action(cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) (report, error) {
		if len(*keys) == 0 {
			return report{}, exit.With(exit.Usage, errors.New("--key is missing: say with which key file to sign"))
		}
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		all, ask := []publish.Signed{}, confirm(cmd, *yes)
		var text strings.Builder
		for i, file := range *keys {
			if slices.Contains((*keys)[:i], file) {
				continue // a key signs once
			}
			key, err := keyfile.Read(file, password(cmd, false))
			if err != nil {
				return report{}, err
			}
			done, err := r.Sign(key, time.Now(), ask)
			if err != nil {
				return report{}, err
			}
			for _, s := range done {
				text.WriteString(signedText(s))
			}
			all = append(all, done...)
		}
		return report{v: map[string]any{"signed": all}, text: text.String()}, nil
	}))
}

func signedText(s publish.Signed) string {
	text := fmt.Sprintf("%s signed version %d of %s: %d of %d signatures", s.Key, s.Version, s.Role, s.Have, s.Need)
	if s.Complete {
		text += ", complete; the next publish carries it"
	}
	text += ".\n"
	if len(s.Dropped) > 0 {
		text += fmt.Sprintf("The content changed after %s signed: they must sign again.\n", strings.Join(s.Dropped, ", "))
	}
	return text
}

func releaseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release DIR PATCH --ring lab|pilot|fleet [--stores A,B]",
		Short: "Put a patch into a ring",
		Long: `A store of a ring takes what is released to its own ring or a later one: lab, then
pilot, then fleet. It takes effect with the next publish, once the owner has signed.`,
		Example: "  nightfill catalog release hq pos-app-4.2.1 --ring pilot --stores 0142,0150",
	}
	ring := cmd.Flags().String("ring", "", "lab, pilot or fleet")
	stores := cmd.Flags().StringSlice("stores", nil, "only these stores of the ring")
	return finish(cmd, action(cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) (report, error) {
		if site.Ring(*ring).Order() == 0 {
			return report{}, exit.With(exit.Usage, fmt.Errorf("--ring %q does not exist: use lab, pilot or fleet", *ring))
		}
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		if err := r.Release(args[1], site.Ring(*ring), *stores); err != nil {
			return report{}, err
		}
		v, where := map[string]any{"patch": args[1], "ring": *ring}, "ring "+*ring
		if len(*stores) > 0 {
			v["stores"] = *stores
			where += ", stores " + strings.Join(*stores, " ")
		}
		return report{
			v:    v,
			text: fmt.Sprintf("Released %s to %s; it takes effect with the next publish.\n", args[1], where),
		}, nil
	}))
}

func withdrawCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "withdraw DIR PATCH --reason TEXT",
		Short:   "Take a patch back everywhere, for good",
		Example: `  nightfill catalog withdraw hq pos-app-4.2.1 --reason "receipts print twice"`,
	}
	reason := cmd.Flags().String("reason", "", "why; stores show it")
	return finish(cmd, action(cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) (report, error) {
		if strings.TrimSpace(*reason) == "" {
			return report{}, exit.With(exit.Usage, errors.New("--reason is missing: say why, stores show it"))
		}
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		if err := r.Withdraw(args[1], *reason, time.Now()); err != nil {
			return report{}, err
		}
		return report{
			v:    map[string]string{"withdrawn": args[1], "reason": *reason},
			text: fmt.Sprintf("Withdrew %s; it takes effect with the next publish.\n", args[1]),
		}, nil
	}))
}
