package storecmd

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/site"
)

// HeadquartersCommands returns the commands that look after who may ask nightfill-hq, and after its stores. Their errors carry
// exit codes; Report prints them.
func HeadquartersCommands() []*cobra.Command {
	return []*cobra.Command{userCommand(headquarters()), tokenCommand(headquarters()), storeCommand(headquarters())}
}

func tokenCommand(k keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Look after the tokens with which scripts ask",
		Long: `Look after the tokens with which scripts ask the API, in the header "Authorization: Bearer TOKEN". A token is
shown once, when it is made, and kept as a hash.`,
		Example: k.examples("token add grafana --role viewer"),
	}
	cmd.AddCommand(k.tokenAdd(), k.tokenRemove(), k.tokenList())
	return cmd
}

func (k keeper) tokenAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add NAME --role " + k.roles + " [--for DURATION]",
		Short:   "Make a token",
		Long:    "Make a token and show it, this once.",
		Example: k.examples("token add grafana --role viewer", "token add audit --role viewer --for 720h"),
	}
	role := cmd.Flags().String("role", "", k.inWords())
	lasts := cmd.Flags().Duration("for", 0, "how long it is good; without it, until it is removed")
	return k.action(cmd, cobra.ExactArgs(1), func(s *session, args []string) error {
		switch {
		case *role == "":
			return usage(s.cmd, errors.New("--role is missing: write "+k.inWords()))
		case *lasts < 0:
			return usage(s.cmd, errors.New("--for is negative: write a length of time like 720h"))
		}
		ask := control.Token{Name: args[0], Role: site.UserRole(*role)}
		if *lasts > 0 {
			ask.Until = time.Now().Add(*lasts).UTC().Truncate(time.Second)
		}
		made, err := s.client.AddToken(s.ctx(), ask)
		if err != nil {
			return err
		}
		return s.show(made, func(p *printer) {
			p.line("%s", made.Secret)
			p.line("\nThis is the token %s with the role %s. It is not shown again.", made.Name, made.Role)
		})
	})
}

func (k keeper) tokenRemove() *cobra.Command {
	return k.action(&cobra.Command{
		Use:     "remove NAME",
		Short:   "Take a token away",
		Long:    "Take a token away. It opens nothing from then on.",
		Example: k.examples("token remove grafana"),
	}, cobra.ExactArgs(1), func(s *session, args []string) error {
		gone, err := s.client.RemoveToken(s.ctx(), args[0])
		if err != nil {
			return err
		}
		return s.show(gone, func(p *printer) { p.line("The token %s is removed, by %s.", gone.Name, gone.Actor) })
	})
}

func (k keeper) tokenList() *cobra.Command {
	return k.action(&cobra.Command{
		Use:     "list",
		Short:   "List the tokens",
		Long:    "List the tokens with their roles, who made them and until when they are good.",
		Example: k.examples("token list"),
	}, cobra.NoArgs, func(s *session, _ []string) error {
		list, err := s.client.Tokens(s.ctx())
		if err != nil {
			return err
		}
		return s.show(control.TokenList{Tokens: list}, func(p *printer) { p.tokens(list) })
	})
}

func (p *printer) tokens(list []control.Token) {
	if len(list) == 0 {
		p.line("There are no tokens.")
		return
	}
	var rows [][]cell
	for _, t := range list {
		until := "no end"
		if !t.Until.IsZero() {
			until = p.moment(t.Until)
		}
		rows = append(rows, []cell{text("%s", t.Name), text("%s", t.Role), text("%s", t.By), text("%s", p.moment(t.Created)), text("%s", until)})
	}
	p.table([]string{"NAME", "ROLE", "MADE BY", "MADE", "GOOD UNTIL"}, rows)
}
