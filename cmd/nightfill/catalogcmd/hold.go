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
		Use:   "hold DIR OUT (PATCH | --stores LIST) --reason TEXT [--key FILE]...",
		Short: "Stop a patch everywhere, or whole stores, at once, with the online key of holds",
		Long: `Signs one more hold with the key of the role holds and gives it out to OUT at once, with
the keys of snapshot and timestamp; no other key is needed and nothing else is given out.
Stores begin the patch nowhere from their next refresh on; with --stores, those stores
begin nothing at all, in one publish. What is under way finishes. A hold ends only by lift,
or withdraw of the patch, which the role fleet signs.`,
		Example: `  nightfill catalog hold hq /srv/catalog pos-app-4.2.1 --reason "tills do not come back"
  nightfill catalog hold hq /srv/catalog --stores 0423,0424 --reason "the power is cut tonight"`,
	}
	stores := cmd.Flags().StringSlice("stores", nil, "hold these stores whole, instead of a patch")
	by := cmd.Flags().String("by", "", "who asks for it, shown beside the reason of a store")
	reason := cmd.Flags().String("reason", "", "why; stores show it")
	keys := cmd.Flags().StringArray("key", nil, "key file that is not in KEYDIR")
	return finish(cmd, action(cobra.RangeArgs(2, 3), func(cmd *cobra.Command, args []string) (report, error) {
		patch, err := either(args[2:], *stores, "hold")
		if err != nil {
			return report{}, err
		}
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
		p, err := r.Hold(cmd.Context(), publish.HoldOptions{Patch: patch, Stores: *stores, By: *by, Reason: *reason, Out: args[1], Keys: ring, Verify: verifyAsStore, Now: time.Now()})
		if err != nil {
			return report{}, err
		}
		if patch == "" {
			return report{
				v:    map[string]any{"held_stores": *stores, "reason": *reason, "version": p.Version},
				text: fmt.Sprintf("Held %s: version %d in %s. Lift it with `nightfill catalog lift %s --stores %s`.\n", storesText(*stores), p.Version, args[1], args[0], strings.Join(*stores, ",")),
			}, nil
		}
		return report{
			v:    map[string]any{"held": patch, "reason": *reason, "version": p.Version},
			text: fmt.Sprintf("Held %s: version %d in %s. Lift it with `nightfill catalog lift`, or withdraw the patch.\n", patch, p.Version, args[1]),
		}, nil
	}))
}

func liftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lift DIR (PATCH | --stores LIST)",
		Short: "End the hold of a patch, or of stores",
		Long: `The patch may be begun again where it is released; with --stores, those stores begin
patches again. It takes effect with the next publish, once the role fleet has signed.`,
		Example: "  nightfill catalog lift hq pos-app-4.2.1\n  nightfill catalog lift hq --stores 0423,0424",
	}
	stores := cmd.Flags().StringSlice("stores", nil, "end the holds of these stores, instead of a patch's")
	return finish(cmd, action(cobra.RangeArgs(1, 2), func(cmd *cobra.Command, args []string) (report, error) {
		patch, err := either(args[1:], *stores, "lift")
		if err != nil {
			return report{}, err
		}
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		if patch == "" {
			if err := r.LiftStores(*stores, time.Now()); err != nil {
				return report{}, err
			}
			return report{v: map[string]any{"lifted_stores": *stores}, text: fmt.Sprintf("Lifted the hold of %s; it takes effect with the next publish.\n", storesText(*stores))}, nil
		}
		if err := r.Lift(patch, time.Now()); err != nil {
			return report{}, err
		}
		return report{v: map[string]string{"lifted": patch}, text: fmt.Sprintf("Lifted the hold of %s; it takes effect with the next publish.\n", patch)}, nil
	}))
}

// either returns the patch that is named; "" when stores are named instead.
func either(args, stores []string, verb string) (patch string, err error) {
	switch {
	case len(args) == 0 && len(stores) == 0:
		return "", exit.With(exit.Usage, errors.New("name a patch, or stores with --stores"))
	case len(args) == 1 && len(stores) > 0:
		return "", exit.With(exit.Usage, fmt.Errorf("name a patch or --stores, not both: a hold of a patch is for every store, a hold of a store for every patch; %s one after the other", verb))
	case len(args) == 0:
		return "", nil
	}
	return args[0], nil
}

func storesText(stores []string) string {
	if len(stores) == 1 {
		return "store " + stores[0]
	}
	return fmt.Sprintf("%d stores", len(stores))
}

func roleCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "role", Short: "Add roles to a catalog", Example: "  nightfill catalog role add-holds hq"}
	add := &cobra.Command{
		Use:   "add-holds DIR",
		Short: "Let an online key stop patches and stores",
		Long: `Makes the role holds and its key holds-1 in KEYDIR. It can only stop: it cannot
approve or release a patch, and not lift a hold. The change of targets is signed with the keys
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
