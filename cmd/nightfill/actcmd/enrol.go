package actcmd

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
	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
)

// Enrol returns `enrol`.
func Enrol() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "enrol DEVICE [--accept SHA256:...] [--reason R]",
		Short: "Pin the host key of a device, after you compared its fingerprint",
		Long: `Ask the device for its host key, show the fingerprint, and pin the key when you say that it is
the right one. Before a key is pinned, nothing is ever sent to the device. Read the fingerprint on the device itself:

  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub

Without a terminal, give the fingerprint that you expect with --accept.`,
		Example: "  nightfill enrol srv-1\n  nightfill enrol srv-1 --accept SHA256:k1l2m3n4o5p6q7r8s9t0u1v2w3x4y5z6A7B8C9D0E1F",
	}
	accept := cmd.Flags().String("accept", "", "pin the key if this is its fingerprint")
	why := cmd.Flags().String("reason", "", "why, for the next person who asks")
	return session.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		k, err := s.Client.HostKey(s.Ctx(), args[0])
		if err != nil {
			return err
		}
		if err := agree(s, k, *accept); err != nil {
			return err
		}
		e, err := s.Client.Enrol(s.Ctx(), k.Device, k.Key, *why)
		if err != nil {
			return err
		}
		return s.Show(e, func(p *printout.Printer) {
			p.Line("%s is enrolled with %s, by %s.", e.Device, k.Fingerprint, e.Actor)
			p.Line("A new journal does not know it; the store file can keep it: host_key: %q", k.Key)
			p.Next("nightfill diagnose " + e.Device)
		})
	})
}

// agree lets a person, or --accept, say whether the key is the right one.
func agree(s *session.Session, k wire.HostKey, accept string) error {
	if accept != "" {
		if accept != k.Fingerprint {
			return fmt.Errorf("%s offers the key %s, not %s: nothing was pinned; find out which machine answers there", k.Device, k.Fingerprint, accept)
		}
		return nil
	}
	offer := fmt.Sprintf("%s offers the host key %s\n", k.Device, k.Fingerprint)
	switch k.Pinned {
	case wire.PinnedSame:
		offer += "It is the key that is pinned already.\n"
	case wire.PinnedOther:
		offer += fmt.Sprintf("WARNING: another key is pinned for %s. Go on only if you know why it changed.\n", k.Device)
	}
	in, isFile := s.Cmd.InOrStdin().(*os.File)
	if isFile && !term.IsTerminal(int(in.Fd())) {
		return exit.With(exit.Usage, &wire.Error{Code: session.CodeUsage, Message: offer + "nothing was pinned: there is no terminal to ask on",
			WhatToDo: fmt.Sprintf("compare the fingerprint with the one on the device, then: nightfill enrol %s --accept %s", k.Device, k.Fingerprint)})
	}
	ask := s.Cmd.ErrOrStderr()
	fmt.Fprint(ask, offer+"Compare it with the one on the device. Is it the same? Type yes: ")
	line, err := bufio.NewReader(s.Cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	if !strings.EqualFold(strings.TrimSpace(line), "yes") {
		return errors.New("nothing was pinned: the answer was not yes")
	}
	return nil
}
