// Package storescmd holds the commands of nightfill-hq about one store: ask it to look, or take it off the board.
package storescmd

import (
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
)

// Command returns `store`.
func Command(k session.Keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "store",
		Short:   "Ask a store to look, or take one that is closed off the board",
		Long:    "Ask a store to look or to repeat what it told, or take one that is closed off the board. Nothing in a store is changed by it.",
		Example: k.Examples("store hint 0142 refresh"),
	}
	cmd.AddCommand(storeHint(k), storeForget(k))
	return cmd
}

func storeHint(k session.Keeper) *cobra.Command {
	return k.Action(&cobra.Command{
		Use:   "hint STORE refresh|resend",
		Short: "Ask a store to look for a new catalog, or to repeat what is missing",
		Long: `Ask a store over MQTT to look for a new catalog and to tell how it stands (refresh), or to repeat the events that are
missing here (resend). It returns when the broker has the hint; a store without a line gets none.`,
		Example: k.Examples("store hint 0142 refresh"),
	}, cobra.ExactArgs(2), func(s *session.Session, args []string) error {
		done, err := s.Client.HintStore(s.Ctx(), args[0], args[1])
		if err != nil {
			return err
		}
		return s.Show(done, func(p *printout.Printer) { p.Line("Store %s is asked: %s.", done.Store, done.Verb) })
	})
}

func storeForget(k session.Keeper) *cobra.Command {
	return k.Action(&cobra.Command{
		Use:   "forget STORE",
		Short: "Take a store that is closed off the board",
		Long: `Take a store that is closed off the board, and clear what it left at the broker. Its events stay in the database. A
store that speaks again comes back; take it off the list of stores too, or it is expected.`,
		Example: k.Examples("store forget 0142"),
	}, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		done, err := s.Client.ForgetStore(s.Ctx(), args[0])
		if err != nil {
			return err
		}
		return s.Show(done, func(p *printout.Printer) {
			p.Line("Store %s is off the board, by %s. What it told stays.", done.Store, done.Actor)
		})
	})
}
