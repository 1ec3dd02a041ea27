// Package accountcmd holds the commands that look after who may log in and which tokens may ask, of a box and of
// headquarters alike.
package accountcmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
)

// Users returns `user`, for the accounts of k.
func Users(k session.Keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Look after who may log in at " + k.Where,
		Long: `Look after the accounts of ` + k.Where + `. Whoever may use the daemon's socket on its machine may
always do this, also without any password.

` + k.About,
		Example: k.Examples("user add a.khan --role " + k.Act),
	}
	cmd.AddCommand(userAdd(k), userRemove(k), userList(k), userPassword(k), userRole(k), userTOTP(k))
	return cmd
}

const aboutPasswords = `The password is asked for twice, or read from the first line of stdin with --password-stdin. It has at least 12
characters, is not one of the commonest and does not contain the name.`

func userAdd(k session.Keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add NAME --role " + k.Roles + " [--totp]",
		Short:   "Make an account",
		Long:    "Make an account for " + k.Where + ".\n\n" + aboutPasswords + "\n\nWith --totp the account gets an authenticator app: what is to be entered there is shown once.",
		Example: k.Examples("user add a.khan --role "+k.Act, "user add boss --role admin --totp --password-stdin < password.txt"),
	}
	role := cmd.Flags().String("role", "", k.InWords())
	totp := cmd.Flags().Bool("totp", false, "with an authenticator app")
	stdin := passwordFlag(cmd)
	return k.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		if *role == "" {
			return s.Usage(errors.New("--role is missing: write " + k.InWords()))
		}
		word, err := newPassword(s, args[0], *stdin)
		if err != nil {
			return err
		}
		made, err := s.Client.AddUser(s.Ctx(), wire.UserAsked{Name: args[0], Role: site.UserRole(*role), Password: word, TOTP: *totp})
		if err != nil {
			return err
		}
		return s.Show(made, func(p *printout.Printer) {
			p.Line("%s may log in at %s with the role %s.", made.User.Name, k.Where, made.User.Role)
			printApp(p, made)
		})
	})
}

// printApp shows what is to be entered in an authenticator app.
func printApp(p *printout.Printer, made wire.UserMade) {
	if made.OTPAuth == "" {
		return
	}
	p.Line("\nEnter this in the authenticator app now. It is not shown again.")
	p.Line("  %s", made.OTPAuth)
	if u, err := url.Parse(made.OTPAuth); err == nil {
		p.Line("By hand: account %s, key %s, based on time.", made.User.Name, grouped(u.Query().Get("secret")))
	}
}

// grouped writes a key in groups of four, as people type it.
func grouped(key string) string {
	var b strings.Builder
	for i, r := range key {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func userRemove(k session.Keeper) *cobra.Command {
	return k.Action(&cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove an account and end its sessions",
		Long:    "Remove an account and end its sessions at once. The last admin cannot be removed.",
		Example: k.Examples("user remove a.khan"),
	}, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		gone, err := s.Client.RemoveUser(s.Ctx(), args[0])
		if err != nil {
			return err
		}
		return s.Show(gone, func(p *printout.Printer) { p.Line("%s is removed, by %s.", gone.Name, gone.Actor) })
	})
}

func userList(k session.Keeper) *cobra.Command {
	return k.Action(&cobra.Command{
		Use:     "list",
		Short:   "List the accounts",
		Long:    "List the accounts of " + k.Where + " with their roles and when each logged in last.",
		Example: k.Examples("user list", "user list --json | jq -r '.users[].name'"),
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		users, err := s.Client.Users(s.Ctx())
		if err != nil {
			return err
		}
		return s.Show(wire.UserList{Users: users}, func(p *printout.Printer) { printUsers(p, k, users) })
	})
}

func printUsers(p *printout.Printer, k session.Keeper, users []accounts.Account) {
	if len(users) == 0 {
		p.Line("Nobody can log in at %s yet.", k.Where)
		p.Next(k.Program + " user add NAME --role admin")
		return
	}
	var rows [][]printout.Cell
	for _, u := range users {
		app := "no"
		if u.TOTP {
			app = "yes"
		}
		rows = append(rows, []printout.Cell{printout.Text("%s", u.Name), printout.Text("%s", u.Role), printout.Text("%s", app), printout.Text("%s", p.Moment(u.LastLogin)), printout.Text("%s", p.Moment(u.Changed))})
	}
	p.Table([]string{"NAME", "ROLE", "APP", "LAST LOGIN", "CHANGED"}, rows)
}

func userPassword(k session.Keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "password NAME",
		Short:   "Give an account a new password",
		Long:    "Give an account a new password. Its sessions end at once, and so does a lock after wrong passwords.\n\n" + aboutPasswords,
		Example: k.Examples("user password a.khan"),
	}
	stdin := passwordFlag(cmd)
	return k.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		word, err := newPassword(s, args[0], *stdin)
		if err != nil {
			return err
		}
		made, err := s.Client.SetUserPassword(s.Ctx(), args[0], word)
		if err != nil {
			return err
		}
		return s.Show(made, func(p *printout.Printer) {
			p.Line("%s has a new password. Sessions with the old one are over.", made.User.Name)
		})
	})
}

func userRole(k session.Keeper) *cobra.Command {
	return k.Action(&cobra.Command{
		Use:     "role NAME " + k.Roles,
		Short:   "Change the role of an account",
		Long:    "Change the role of an account. Its sessions end at once. The last admin must stay one.",
		Example: k.Examples("user role a.khan admin"),
	}, cobra.ExactArgs(2), func(s *session.Session, args []string) error {
		made, err := s.Client.SetUserRole(s.Ctx(), args[0], site.UserRole(args[1]))
		if err != nil {
			return err
		}
		return s.Show(made, func(p *printout.Printer) { p.Line("%s has the role %s now.", made.User.Name, made.User.Role) })
	})
}

func userTOTP(k session.Keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "totp NAME --on|--off",
		Short: "Give an account an authenticator app, or take it away",
		Long: `With --on, make a new secret for the authenticator app of an account; an older one is good no more. With --off,
the account logs in with its password alone. The sessions of the account end at once.

A code is right for half a minute, and a step before and after: the clocks of the box and of the phone must agree.`,
		Example: k.Examples("user totp a.khan --on"),
	}
	on := cmd.Flags().Bool("on", false, "make a new secret")
	off := cmd.Flags().Bool("off", false, "take the secret away")
	return k.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		if *on == *off {
			return s.Usage(errors.New("it is not clear what to do: give one of --on and --off"))
		}
		made, err := s.Client.SetUserTOTP(s.Ctx(), args[0], *on)
		if err != nil {
			return err
		}
		return s.Show(made, func(p *printout.Printer) {
			if *off {
				p.Line("%s logs in with the password alone.", made.User.Name)
				return
			}
			p.Line("%s gives a code of an authenticator app at each login.", made.User.Name)
			printApp(p, made)
		})
	})
}

func passwordFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("password-stdin", false, "read the password from the first line of stdin")
}

// maxLine is how much of stdin is looked at for a password, in bytes.
const maxLine = 4096

// newPassword asks for a password twice, without showing it, or reads it from stdin.
func newPassword(s *session.Session, name string, stdin bool) (string, error) {
	if stdin {
		line, err := bufio.NewReader(io.LimitReader(s.Cmd.InOrStdin(), maxLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("cannot read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	in, isFile := s.Cmd.InOrStdin().(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		return "", exit.With(exit.Usage, &wire.Error{Code: session.CodeUsage, Message: "there is no terminal to ask for the password on", WhatToDo: "give it on stdin with --password-stdin"})
	}
	word, err := hidden(s, in, "New password for "+name+": ")
	if err != nil {
		return "", err
	}
	again, err := hidden(s, in, "The same password again: ")
	if err != nil {
		return "", err
	}
	if word != again {
		return "", exit.With(exit.Usage, &wire.Error{Code: session.CodeUsage, Message: "the two passwords differ", WhatToDo: "nothing was changed, try again"})
	}
	return word, nil
}

// hidden asks a question and reads an answer that is not shown.
func hidden(s *session.Session, in *os.File, question string) (string, error) {
	fmt.Fprint(s.Cmd.ErrOrStderr(), question)
	word, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(s.Cmd.ErrOrStderr())
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	return string(word), nil
}
