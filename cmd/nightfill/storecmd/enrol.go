package storecmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
)

func enrolCommand() *cobra.Command {
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
	return action(cmd, cobra.ExactArgs(1), func(s *session, args []string) error {
		k, err := s.client.HostKey(s.ctx(), args[0])
		if err != nil {
			return err
		}
		if err := s.agree(k, *accept); err != nil {
			return err
		}
		e, err := s.client.Enrol(s.ctx(), k.Device, k.Key, *why)
		if err != nil {
			return err
		}
		return s.show(e, func(p *printer) {
			p.line("%s is enrolled with %s, by %s.", e.Device, k.Fingerprint, e.Actor)
			p.next("nightfill diagnose " + e.Device)
		})
	})
}

// agree lets a person, or --accept, say whether the key is the right one.
func (s *session) agree(k control.HostKey, accept string) error {
	if accept != "" {
		if accept != k.Fingerprint {
			return fmt.Errorf("%s offers the key %s, not %s: nothing was pinned; find out which machine answers there", k.Device, k.Fingerprint, accept)
		}
		return nil
	}
	ask := s.cmd.ErrOrStderr()
	fmt.Fprintf(ask, "%s offers the host key %s\n", k.Device, k.Fingerprint)
	switch k.Pinned {
	case control.PinnedSame:
		fmt.Fprintf(ask, "It is the key that is pinned already.\n")
	case control.PinnedOther:
		fmt.Fprintf(ask, "WARNING: another key is pinned for %s. Go on only if you know why it changed.\n", k.Device)
	}
	in, isFile := s.cmd.InOrStdin().(*os.File)
	if isFile && !term.IsTerminal(int(in.Fd())) {
		return exit.With(exit.Usage, &control.Error{Code: codeUsage, Message: "nothing was pinned: there is no terminal to ask on",
			WhatToDo: fmt.Sprintf("compare the fingerprint with the one on the device, then: nightfill enrol %s --accept %s", k.Device, k.Fingerprint)})
	}
	fmt.Fprint(ask, "Compare it with the one on the device. Is it the same? Type yes: ")
	line, err := bufio.NewReader(s.cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	if !strings.EqualFold(strings.TrimSpace(line), "yes") {
		return errors.New("nothing was pinned: the answer was not yes")
	}
	return nil
}

func diagnoseCommand() *cobra.Command {
	check := ""
	cmd := action(&cobra.Command{
		Use:   "diagnose DEVICE [--check ID]",
		Short: "Look at a device now and show all that is known of it",
		Long: `Look at a device now, without changing anything on it, and show all that is known: whether it
answers, its system, its packages, its checks, its jobs of the newest night, and who holds it.
With --check nothing else is looked at than what this one check of the device asks, after those that it needs.

Exit code 0: the device answered. 3: it could not be looked at, a check of it failed, or a person must look at it.`,
		Example: "  nightfill diagnose srv-1\n  nightfill diagnose till-2 --check POS-2\n  nightfill diagnose srv-1 --json | jq .observation.packages",
	}, cobra.ExactArgs(1), func(s *session, args []string) error {
		v, err := s.client.Diagnose(s.ctx(), args[0], check)
		if err != nil {
			return err
		}
		if err := s.show(v, func(p *printer) { p.diagnosis(v) }); err != nil {
			return err
		}
		return ill(v)
	})
	cmd.Flags().StringVar(&check, "check", "", "carry out this check of the device alone")
	return cmd
}

// ill says that not all is good with a device.
func ill(v view.Diagnosis) error {
	switch {
	case v.Error != nil:
		return notAllGood("%s could not be looked at", v.Device)
	case v.Dirty != nil:
		return notAllGood("a person must look at %s", v.Device)
	}
	for _, c := range v.Checks {
		if c.Outcome == site.Fail {
			return notAllGood("check %s of %s failed", c.Check, v.Device)
		}
	}
	return nil
}

func (p *printer) diagnosis(v view.Diagnosis) {
	p.problems(v)
	p.line("%s", p.paint(heading, v.Device))
	row := func(name, text string) {
		if text != "" {
			p.line("  %-12s %s", name, clean(text))
		}
	}
	row("class", string(v.Class))
	row("address", v.Address)
	row("groups", strings.Join(v.Groups, " "))
	row("can", strings.Join(v.Capabilities, " "))
	if !v.Enrolled && v.Class != site.Observe {
		row("enrolled", "no: nothing is ever sent to it before its host key is pinned")
	}
	if v.Held != nil {
		row("held", "until "+p.moment(v.Held.Until)+" by "+v.Held.Actor+": "+v.Held.Reason)
	}
	row("looked at", p.moment(v.At))
	if o := v.Observation; o != nil {
		p.observation(row, *o)
	}
	if len(v.Checks) > 0 {
		p.line("")
		p.results(v.Checks)
	}
	if len(v.Jobs) > 0 {
		p.line("\nNight of %s:", v.Night)
		p.table([]string{"DEVICE", "PATCH", "OUTCOME", "AT", "TOOK", "VERSION", "WHY"}, p.nightRows(v.Jobs))
	}
	p.next(afterDiagnosis(v)...)
}

func (p *printer) problems(v view.Diagnosis) {
	before := p.Len()
	if v.Error != nil {
		p.line("%s %s", p.paint(bad, "PROBLEM"), reason(v.Error))
	}
	if v.Dirty != nil {
		p.line("%s a person must look first: %s", p.paint(bad, "PROBLEM"), reason(v.Dirty))
	}
	if v.Observation != nil && len(v.Observation.Broken) > 0 {
		p.line("%s packages left half-way: %s", p.paint(bad, "PROBLEM"), clean(strings.Join(v.Observation.Broken, " ")))
	}
	if p.Len() > before {
		p.line("")
	}
}

func (p *printer) observation(row func(name, text string), o site.Observation) {
	row("system", o.System)
	row("up", view.Brief(o.Uptime.Std()))
	row("boot", o.BootID)
	if !o.Clock.IsZero() {
		row("clock", p.moment(o.Clock)+", "+skew(o))
	}
	row("disk free", fmt.Sprintf("%d MiB", o.DiskFree>>20))
	if o.RebootPending {
		row("restart", "the device asks for one")
	}
	row("packages", fmt.Sprintf("%d seen; all of them with --json", len(o.Packages)))
}

// skew says how far the clock of the device is from that of the box.
func skew(o site.Observation) string {
	switch d := o.Clock.Sub(o.At); {
	case d.Abs() < 2*time.Second:
		return "like the box's"
	case d > 0:
		return view.Brief(d) + " ahead of the box's"
	default:
		return view.Brief(-d) + " behind the box's"
	}
}

func afterDiagnosis(v view.Diagnosis) []string {
	var commands []string
	if !v.Enrolled && v.Class != site.Observe {
		commands = append(commands, "nightfill enrol "+v.Device)
	}
	for _, j := range v.Jobs {
		if toneOf(j.State) == bad {
			commands = append(commands, "nightfill why "+v.Device+" "+j.Patch)
		}
	}
	if v.Dirty != nil || v.Held != nil && v.Held.Device == v.Device {
		commands = append(commands, "nightfill release "+v.Device)
	}
	return commands
}
