package accountcmd

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
)

// Tokens returns `token`, for the tokens of k.
func Tokens(k session.Keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Look after the tokens with which scripts ask",
		Long: `Look after the tokens with which scripts ask the API, in the header "Authorization: Bearer TOKEN". A token is
shown once, when it is made, and kept as a hash.`,
		Example: k.Examples("token add grafana --role viewer"),
	}
	cmd.AddCommand(tokenAdd(k), tokenRemove(k), tokenList(k))
	return cmd
}

func tokenAdd(k session.Keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add NAME --role " + k.Roles + " [--for DURATION]",
		Short:   "Make a token",
		Long:    "Make a token and show it, this once.",
		Example: k.Examples("token add grafana --role viewer", "token add audit --role viewer --for 720h"),
	}
	role := cmd.Flags().String("role", "", k.InWords())
	lasts := cmd.Flags().Duration("for", 0, "how long it is good; without it, until it is removed")
	return k.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		switch {
		case *role == "":
			return s.Usage(errors.New("--role is missing: write " + k.InWords()))
		case *lasts < 0:
			return s.Usage(errors.New("--for is negative: write a length of time like 720h"))
		}
		ask := wire.Token{Name: args[0], Role: site.UserRole(*role)}
		if *lasts > 0 {
			ask.Until = time.Now().Add(*lasts).UTC().Truncate(time.Second)
		}
		made, err := s.Client.AddToken(s.Ctx(), ask)
		if err != nil {
			return err
		}
		return s.Show(made, func(p *printout.Printer) {
			p.Line("%s", made.Secret)
			p.Line("\nThis is the token %s with the role %s. It is not shown again.", made.Name, made.Role)
		})
	})
}

func tokenRemove(k session.Keeper) *cobra.Command {
	return k.Action(&cobra.Command{
		Use:     "remove NAME",
		Short:   "Take a token away",
		Long:    "Take a token away. It opens nothing from then on.",
		Example: k.Examples("token remove grafana"),
	}, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		gone, err := s.Client.RemoveToken(s.Ctx(), args[0])
		if err != nil {
			return err
		}
		return s.Show(gone, func(p *printout.Printer) { p.Line("The token %s is removed, by %s.", gone.Name, gone.Actor) })
	})
}

func tokenList(k session.Keeper) *cobra.Command {
	return k.Action(&cobra.Command{
		Use:     "list",
		Short:   "List the tokens",
		Long:    "List the tokens with their roles, who made them and until when they are good.",
		Example: k.Examples("token list"),
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		list, err := s.Client.Tokens(s.Ctx())
		if err != nil {
			return err
		}
		return s.Show(wire.TokenList{Tokens: list}, func(p *printout.Printer) { printTokens(p, list) })
	})
}

func printTokens(p *printout.Printer, list []wire.Token) {
	if len(list) == 0 {
		p.Line("There are no tokens.")
		return
	}
	var rows [][]printout.Cell
	for _, t := range list {
		until := "no end"
		if !t.Until.IsZero() {
			until = p.Moment(t.Until)
		}
		rows = append(rows, []printout.Cell{printout.Text("%s", t.Name), printout.Text("%s", t.Role), printout.Text("%s", t.By), printout.Text("%s", p.Moment(t.Created)), printout.Text("%s", until)})
	}
	p.Table([]string{"NAME", "ROLE", "MADE BY", "MADE", "GOOD UNTIL"}, rows)
}
