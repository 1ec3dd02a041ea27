package storecmd

import "github.com/spf13/cobra"

func storeCommand(k keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "store",
		Short:   "Ask a store to look, or take one that is closed off the board",
		Long:    "Ask a store to look or to repeat what it told, or take one that is closed off the board. Nothing in a store is changed by it.",
		Example: k.examples("store hint 0142 refresh"),
	}
	cmd.AddCommand(k.storeHint(), k.storeForget())
	return cmd
}

func (k keeper) storeHint() *cobra.Command {
	return k.action(&cobra.Command{
		Use:   "hint STORE refresh|resend",
		Short: "Ask a store to look for a new catalog, or to repeat what is missing",
		Long: `Ask a store over MQTT to look for a new catalog and to tell how it stands (refresh), or to repeat the events that are
missing here (resend). It returns when the broker has the hint; a store without a line gets none.`,
		Example: k.examples("store hint 0142 refresh"),
	}, cobra.ExactArgs(2), func(s *session, args []string) error {
		done, err := s.client.HintStore(s.ctx(), args[0], args[1])
		if err != nil {
			return err
		}
		return s.show(done, func(p *printer) { p.line("Store %s is asked: %s.", done.Store, done.Verb) })
	})
}

func (k keeper) storeForget() *cobra.Command {
	return k.action(&cobra.Command{
		Use:   "forget STORE",
		Short: "Take a store that is closed off the board",
		Long: `Take a store that is closed off the board, and clear what it left at the broker. Its events stay in the database. A
store that speaks again comes back; take it off the list of stores too, or it is expected.`,
		Example: k.examples("store forget 0142"),
	}, cobra.ExactArgs(1), func(s *session, args []string) error {
		done, err := s.client.ForgetStore(s.ctx(), args[0])
		if err != nil {
			return err
		}
		return s.show(done, func(p *printer) {
			p.line("Store %s is off the board, by %s. What it told stays.", done.Store, done.Actor)
		})
	})
}
