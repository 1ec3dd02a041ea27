package configcmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/accounts"
)

func hashPIN() *cobra.Command {
	c := &cobra.Command{
		Use:   "hash-pin",
		Short: "Hash the manager's PIN for the store file",
		Long: `Hash the PIN with which the manager of the store stops a night on the READY page, and print what to
write as not_tonight.pin. It is asked for twice on a terminal, or read from the first line of standard input.
A PIN has 4 to 12 digits. Nothing is written anywhere.`,
		Example: "  nightfill config hash-pin",
		Args:    usage(cobra.NoArgs),
	}
	js := asJSON(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		pin, err := readPIN(c)
		if err != nil {
			return err
		}
		hash, err := accounts.HashPIN(pin, nil)
		switch {
		case err != nil:
			return exit.With(exit.Usage, fmt.Errorf("%w; nothing was hashed", err))
		case *js:
			return printJSON(c.OutOrStdout(), map[string]string{"pin": hash})
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), hash)
		return err
	}
	return c
}

// readPIN asks for the PIN twice on a terminal, and reads one line elsewhere.
func readPIN(c *cobra.Command) (string, error) {
	in, ok := c.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(c.InOrStdin(), 1<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("cannot read the PIN: %w", err)
		}
		return strings.TrimSpace(line), nil
	}
	var pins []string
	for _, question := range []string{"PIN: ", "The same PIN again: "} {
		fmt.Fprint(c.ErrOrStderr(), question)
		word, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(c.ErrOrStderr())
		if err != nil {
			return "", fmt.Errorf("cannot read the PIN: %w", err)
		}
		pins = append(pins, string(word))
	}
	if pins[0] != pins[1] {
		return "", exit.With(exit.Usage, errors.New("the two PINs differ: nothing was hashed, try again"))
	}
	return pins[0], nil
}
