package storecmd

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
	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/site"
)

func userCommand(k keeper) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Look after who may log in at " + k.where,
		Long: `Look after the accounts of ` + k.where + `. Whoever may use the daemon's socket on its machine may
always do this, also without any password.

` + k.about,
		Example: k.examples("user add a.khan --role " + k.act),
	}
	cmd.AddCommand(k.userAdd(), k.userRemove(), k.userList(), k.userPassword(), k.userRole(), k.userTOTP())
	return cmd
}

const aboutPasswords = `The password is asked for twice, or read from the first line of stdin with --password-stdin. It has at least 12
characters, is not one of the commonest and does not contain the name.`

func (k keeper) userAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add NAME --role " + k.roles + " [--totp]",
		Short:   "Make an account",
		Long:    "Make an account for " + k.where + ".\n\n" + aboutPasswords + "\n\nWith --totp the account gets an authenticator app: what is to be entered there is shown once.",
		Example: k.examples("user add a.khan --role "+k.act, "user add boss --role admin --totp --password-stdin < password.txt"),
	}
	role := cmd.Flags().String("role", "", k.inWords())
	totp := cmd.Flags().Bool("totp", false, "with an authenticator app")
	stdin := passwordFlag(cmd)
	return k.action(cmd, cobra.ExactArgs(1), func(s *session, args []string) error {
		if *role == "" {
			return usage(s.cmd, errors.New("--role is missing: write "+k.inWords()))
		}
		word, err := s.newPassword(args[0], *stdin)
		if err != nil {
			return err
		}
		made, err := s.client.AddUser(s.ctx(), control.UserAsked{Name: args[0], Role: site.UserRole(*role), Password: word, TOTP: *totp})
		if err != nil {
			return err
		}
		return s.show(made, func(p *printer) {
			p.line("%s may log in at %s with the role %s.", made.User.Name, k.where, made.User.Role)
			p.app(made)
		})
	})
}

// examples writes commands of the program, a line each.
func (k keeper) examples(commands ...string) string {
	for i, c := range commands {
		commands[i] = "  " + k.program + " " + c
	}
	return strings.Join(commands, "\n")
}

// inWords lists the roles for a sentence.
func (k keeper) inWords() string {
	roles := strings.Split(k.roles, "|")
	return strings.Join(roles[:len(roles)-1], ", ") + " or " + roles[len(roles)-1]
}

// app shows what is to be entered in an authenticator app.
func (p *printer) app(made control.UserMade) {
	if made.OTPAuth == "" {
		return
	}
	p.line("\nEnter this in the authenticator app now. It is not shown again.")
	p.line("  %s", made.OTPAuth)
	if u, err := url.Parse(made.OTPAuth); err == nil {
		p.line("By hand: account %s, key %s, based on time.", made.User.Name, grouped(u.Query().Get("secret")))
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

func (k keeper) userRemove() *cobra.Command {
	return k.action(&cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove an account and end its sessions",
		Long:    "Remove an account and end its sessions at once. The last admin cannot be removed.",
		Example: k.examples("user remove a.khan"),
	}, cobra.ExactArgs(1), func(s *session, args []string) error {
		gone, err := s.client.RemoveUser(s.ctx(), args[0])
		if err != nil {
			return err
		}
		return s.show(gone, func(p *printer) { p.line("%s is removed, by %s.", gone.Name, gone.Actor) })
	})
}

func (k keeper) userList() *cobra.Command {
	return k.action(&cobra.Command{
		Use:     "list",
		Short:   "List the accounts",
		Long:    "List the accounts of " + k.where + " with their roles and when each logged in last.",
		Example: k.examples("user list", "user list --json | jq -r '.users[].name'"),
	}, cobra.NoArgs, func(s *session, _ []string) error {
		users, err := s.client.Users(s.ctx())
		if err != nil {
			return err
		}
		return s.show(control.UserList{Users: users}, func(p *printer) { p.users(k, users) })
	})
}

func (p *printer) users(k keeper, users []accounts.Account) {
	if len(users) == 0 {
		p.line("Nobody can log in at %s yet.", k.where)
		p.next(k.program + " user add NAME --role admin")
		return
	}
	var rows [][]cell
	for _, u := range users {
		app := "no"
		if u.TOTP {
			app = "yes"
		}
		rows = append(rows, []cell{text("%s", u.Name), text("%s", u.Role), text("%s", app), text("%s", p.moment(u.LastLogin)), text("%s", p.moment(u.Changed))})
	}
	p.table([]string{"NAME", "ROLE", "APP", "LAST LOGIN", "CHANGED"}, rows)
}

func (k keeper) userPassword() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "password NAME",
		Short:   "Give an account a new password",
		Long:    "Give an account a new password. Its sessions end at once, and so does a lock after wrong passwords.\n\n" + aboutPasswords,
		Example: k.examples("user password a.khan"),
	}
	stdin := passwordFlag(cmd)
	return k.action(cmd, cobra.ExactArgs(1), func(s *session, args []string) error {
		word, err := s.newPassword(args[0], *stdin)
		if err != nil {
			return err
		}
		made, err := s.client.SetUserPassword(s.ctx(), args[0], word)
		if err != nil {
			return err
		}
		return s.show(made, func(p *printer) { p.line("%s has a new password. Sessions with the old one are over.", made.User.Name) })
	})
}

func (k keeper) userRole() *cobra.Command {
	return k.action(&cobra.Command{
		Use:     "role NAME " + k.roles,
		Short:   "Change the role of an account",
		Long:    "Change the role of an account. Its sessions end at once. The last admin must stay one.",
		Example: k.examples("user role a.khan admin"),
	}, cobra.ExactArgs(2), func(s *session, args []string) error {
		made, err := s.client.SetUserRole(s.ctx(), args[0], site.UserRole(args[1]))
		if err != nil {
			return err
		}
		return s.show(made, func(p *printer) { p.line("%s has the role %s now.", made.User.Name, made.User.Role) })
	})
}

func (k keeper) userTOTP() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "totp NAME --on|--off",
		Short: "Give an account an authenticator app, or take it away",
		Long: `With --on, make a new secret for the authenticator app of an account; an older one is good no more. With --off,
the account logs in with its password alone. The sessions of the account end at once.

A code is right for half a minute, and a step before and after: the clocks of the box and of the phone must agree.`,
		Example: k.examples("user totp a.khan --on"),
	}
	on := cmd.Flags().Bool("on", false, "make a new secret")
	off := cmd.Flags().Bool("off", false, "take the secret away")
	return k.action(cmd, cobra.ExactArgs(1), func(s *session, args []string) error {
		if *on == *off {
			return usage(s.cmd, errors.New("it is not clear what to do: give one of --on and --off"))
		}
		made, err := s.client.SetUserTOTP(s.ctx(), args[0], *on)
		if err != nil {
			return err
		}
		return s.show(made, func(p *printer) {
			if *off {
				p.line("%s logs in with the password alone.", made.User.Name)
				return
			}
			p.line("%s gives a code of an authenticator app at each login.", made.User.Name)
			p.app(made)
		})
	})
}

func passwordFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("password-stdin", false, "read the password from the first line of stdin")
}

// maxLine is how much of stdin is looked at for a password, in bytes.
const maxLine = 4096

// newPassword asks for a password twice, without showing it, or reads it from stdin.
func (s *session) newPassword(name string, stdin bool) (string, error) {
	if stdin {
		line, err := bufio.NewReader(io.LimitReader(s.cmd.InOrStdin(), maxLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("cannot read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	in, isFile := s.cmd.InOrStdin().(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		return "", exit.With(exit.Usage, &control.Error{Code: codeUsage, Message: "there is no terminal to ask for the password on", WhatToDo: "give it on stdin with --password-stdin"})
	}
	word, err := s.hidden(in, "New password for "+name+": ")
	if err != nil {
		return "", err
	}
	again, err := s.hidden(in, "The same password again: ")
	if err != nil {
		return "", err
	}
	if word != again {
		return "", exit.With(exit.Usage, &control.Error{Code: codeUsage, Message: "the two passwords differ", WhatToDo: "nothing was changed, try again"})
	}
	return word, nil
}

// hidden asks a question and reads an answer that is not shown.
func (s *session) hidden(in *os.File, question string) (string, error) {
	fmt.Fprint(s.cmd.ErrOrStderr(), question)
	word, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(s.cmd.ErrOrStderr())
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	return string(word), nil
}
