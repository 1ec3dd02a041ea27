package catalogcmd

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish"
)

func exceptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "except DIR PATCH --owner NAME --reason TEXT --until T [--devices A,B] [--groups G] [--stores S], or --end",
		Short: "Leave devices without a patch for a time",
		Long: `Until T the patch is held, with the owner and the reason, on the devices named and those
of the groups named; without both, on every device; without --stores, in every store. T is
a date, at whose first moment (UTC) it ends, or RFC 3339; at most a year ahead. From T on
the patch is due again by itself.

The same devices, groups and stores again replace the exception. --end ends it before its
time: the one with the same devices, groups and stores, or all of the patch when none is
named. Both take effect with the next publish.`,
		Example: `  nightfill catalog except hq pos-app-4.2.1 --owner pos-owner --reason "till 3 prints twice" --until 2026-12-15 --devices till-3 --stores 0142
  nightfill catalog except hq pos-app-4.2.1 --end`,
	}
	e := site.Exception{}
	f := cmd.Flags()
	f.StringVar(&e.Owner, "owner", "", "who answers for it")
	f.StringVar(&e.Reason, "reason", "", "why; stores show it")
	until := f.String("until", "", "when it ends: a date, or RFC 3339")
	f.StringSliceVar(&e.Devices, "devices", nil, "only these devices")
	f.StringSliceVar(&e.Groups, "groups", nil, "only the devices of these groups")
	f.StringSliceVar(&e.Stores, "stores", nil, "only these stores")
	f.StringVar(&e.Risk, "risk", "", "what may happen meanwhile")
	f.StringVar(&e.Controls, "controls", "", "what is done against that meanwhile")
	end := f.Bool("end", false, "end it now")
	return finish(cmd, action(cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) (report, error) {
		r, err := open(args[0])
		if err != nil {
			return report{}, err
		}
		e.Patch = args[1]
		if *end {
			return endException(r, e, *until)
		}
		if err := requireException(e, *until); err != nil {
			return report{}, exit.With(exit.Usage, err)
		}
		if e.Expires, err = endOf(*until); err != nil {
			return report{}, exit.With(exit.Usage, err)
		}
		if err := r.Except(e, time.Now()); err != nil {
			return report{}, err
		}
		return report{
			v: map[string]any{"excepted": e},
			text: fmt.Sprintf("Excepted %s %s until %s by %s; it takes effect with the next publish.\n", e.Patch, e.Scope(),
				e.Expires.Format(time.RFC3339), e.Owner),
		}, nil
	}))
}

// requireException names the first flag that is missing.
func requireException(e site.Exception, until string) error {
	switch {
	case strings.TrimSpace(e.Owner) == "":
		return errors.New("--owner is missing: say who answers for the exception")
	case strings.TrimSpace(e.Reason) == "":
		return errors.New("--reason is missing: say why, stores show it")
	case until == "":
		return errors.New("--until is missing: say when it ends, like 2026-12-15")
	}
	return nil
}

// endOf reads when an exception ends: a date is its first moment, in UTC.
func endOf(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("--until %q is neither a date like 2026-12-15 nor RFC 3339 like 2026-12-15T05:00:00Z", text)
}

func endException(r *publish.Repo, scope site.Exception, until string) (report, error) {
	if scope.Owner != "" || scope.Reason != "" || until != "" || scope.Risk != "" || scope.Controls != "" {
		return report{}, exit.With(exit.Usage, errors.New("--end ends an exception: beside it only --devices, --groups and --stores have a meaning"))
	}
	ended, err := r.EndException(scope)
	if err != nil {
		return report{}, err
	}
	var text strings.Builder
	for _, e := range ended {
		fmt.Fprintf(&text, "Ended the exception of %s %s; it takes effect with the next publish.\n", e.Patch, e.Scope())
	}
	return report{v: map[string]any{"ended": ended}, text: text.String()}, nil
}

// exceptionText is one line of the status about an exception.
func exceptionText(e site.Exception, now time.Time) string {
	return fmt.Sprintf("except  %-24s %s, %s, %s: %s\n", e.Patch, e.Owner, e.Scope(), expiryText(e.Expires, now), e.Reason)
}
