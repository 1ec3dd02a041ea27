package catalogcmd

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish"
)

func holdCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold DIR OUT PATCH --reason TEXT [--key FILE]...",
		Short: "Stop a patch everywhere at once, with the online key of holds",
		Long: `Signs one more hold with the key of the role holds and gives it out to OUT at once, with
the keys of snapshot and timestamp; no other key is needed and nothing else is given out.
Stores begin the patch nowhere from their next refresh on; what is under way finishes. A
hold ends only by lift or withdraw, which the role fleet signs.`,
		Example: `  nightfill catalog hold hq /srv/catalog pos-app-4.2.1 --reason "tills do not come back"`,
	}
	reason := cmd.Flags().String("reason", "", "why; stores show it")
	keys := cmd.Flags().StringArray("key", nil, "key file that is not in KEYDIR")
	return finish(cmd, action(cobra.ExactArgs(3), func(cmd *cobra.Command, args []string) (report, error) {
		if strings.TrimSpace(*reason) == "" {
			return report{}, exit.With(exit.Usage, errors.New("--reason is missing: say why, stores show it"))
		}
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		ring, err := keyfile.Open(r.KeyDir(), password(cmd, false), *keys...)
		if err != nil {
			return report{}, err
		}
		p, err := r.Hold(cmd.Context(), publish.HoldOptions{Patch: args[2], Reason: *reason, Out: args[1], Keys: ring, Verify: verifyAsStore, Now: time.Now()})
		if err != nil {
			return report{}, err
		}
		return report{
			v:    map[string]any{"held": args[2], "reason": *reason, "version": p.Version},
			text: fmt.Sprintf("Held %s: version %d in %s. Lift it with `nightfill catalog lift`, or withdraw the patch.\n", args[2], p.Version, args[1]),
		}, nil
	}))
}

func liftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "lift DIR PATCH",
		Short:   "End the hold of a patch",
		Long:    `The patch may be begun again where it is released. It takes effect with the next publish.`,
		Example: "  nightfill catalog lift hq pos-app-4.2.1",
	}
	return finish(cmd, action(cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) (report, error) {
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		if err := r.Lift(args[1], time.Now()); err != nil {
			return report{}, err
		}
		return report{v: map[string]string{"lifted": args[1]}, text: fmt.Sprintf("Lifted the hold of %s; it takes effect with the next publish.\n", args[1])}, nil
	}))
}

func roleCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "role", Short: "Add roles to a catalog", Example: "  nightfill catalog role add-holds hq"}
	add := &cobra.Command{
		Use:   "add-holds DIR",
		Short: "Let an online key stop patches",
		Long: `Makes the role holds and its key holds-1 in KEYDIR. It can only stop patches: it cannot
approve or release one, and not lift a hold. The change of targets is signed with the keys
that are in KEYDIR; what other people must sign is named. Stores learn of it with the next
publish. Stores that run a version without this role refuse the catalog from then on and
stay with the one they have: update every store first.`,
		Example: "  nightfill catalog role add-holds hq",
	}
	cmd.AddCommand(finish(add, action(cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) (report, error) {
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		ring, err := keyfile.Open(r.KeyDir(), password(cmd, true))
		if err != nil {
			return report{}, err
		}
		waiting, err := r.AddHolds(ring, time.Now())
		if err != nil {
			return report{}, err
		}
		out := report{v: map[string]any{"role": "holds", "waiting": waiting}, text: "Added the role holds with its key holds-1; stores learn of it with the next publish.\n"}
		for _, w := range waiting {
			out.text += "Not in force yet: " + waitingText(w) + "\n"
			out.code = exit.NotAllGood
		}
		return out, nil
	})))
	return cmd
}
