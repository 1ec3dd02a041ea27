package catalogcmd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/sync/changes"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish"
)

// passwordVar holds the password of the keys; set and empty it means unencrypted.
const passwordVar = "NIGHTFILL_KEY_PASSWORD"

// password answers from the environment, or asks on the terminal: once for all keys of
// the command, twice when a new key is made with the answer.
func password(cmd *cobra.Command, isNew bool) keyfile.Password {
	if word, ok := os.LookupEnv(passwordVar); ok {
		return keyfile.FixedPassword(word)
	}
	var answer []byte
	return func(key string) ([]byte, error) {
		if answer != nil {
			return answer, nil
		}
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			return nil, exit.With(exit.Usage, fmt.Errorf("the password of key %s is needed and there is no terminal to ask on: set %s (empty means unencrypted, for labs)", key, passwordVar))
		}
		word, err := ask(cmd, "Password for "+key+": ")
		if err != nil {
			return nil, err
		}
		if isNew {
			if len(word) == 0 {
				return nil, exit.With(exit.Usage, fmt.Errorf("the password is empty: keys without a password are only for labs, set %s= for that", passwordVar))
			}
			again, err := ask(cmd, "The same password again: ")
			if err != nil {
				return nil, err
			}
			if !bytes.Equal(word, again) {
				return nil, exit.With(exit.Usage, errors.New("the two passwords differ: nothing was made, try again"))
			}
		}
		answer = word
		return answer, nil
	}
}

func ask(cmd *cobra.Command, question string) ([]byte, error) {
	fmt.Fprint(cmd.ErrOrStderr(), question)
	word, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	if err != nil {
		return nil, fmt.Errorf("cannot read the password: %w", err)
	}
	return word, nil
}

// confirm shows a change and asks, unless yes was given on the command line. The answer may
// come through a pipe: one line for each change.
func confirm(cmd *cobra.Command, yes bool) func(publish.Change) (bool, error) {
	answers := bufio.NewReader(cmd.InOrStdin())
	return func(c publish.Change) (bool, error) {
		fmt.Fprint(cmd.ErrOrStderr(), changes.Signing{
			Key: c.Key, Role: c.Role, Version: c.Version, Since: c.Since, Expires: c.Expires,
			Before: changes.Content(c.Before), After: changes.Content(c.After),
		})
		if yes {
			return true, nil
		}
		fmt.Fprint(cmd.ErrOrStderr(), "Sign this? Type yes: ")
		line, err := answers.ReadString('\n')
		if err == io.EOF && line == "" {
			fmt.Fprintln(cmd.ErrOrStderr())
			return false, exit.With(exit.Usage, errors.New("nothing was signed: nobody answered; read what is shown above and give --yes"))
		}
		if err != nil && err != io.EOF {
			return false, fmt.Errorf("cannot read the answer: %w", err)
		}
		return strings.EqualFold(strings.TrimSpace(line), "yes"), nil
	}
}
