// Package terminalcmd holds the commands of `nightfill` for terminals on devices: a shell, and what was recorded of shells.
package terminalcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/terminal"
)

// Shell returns `shell`.
func Shell() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shell DEVICE --reason R",
		Short: "Work on a device in a recorded terminal",
		Long: `Open a shell on a device over the box's own SSH. What it shows is recorded, what you type is not.
While it is open, the night and other people keep off the device. Your login name goes into the journal.

The box owns the terminal: when your line is lost, or you leave with ~. at the beginning of a line, it goes on
for 10 minutes, and nightfill shell DEVICE brings you back. exit in the shell ends it, or --end from elsewhere;
so does the box after 15 minutes in which nothing is typed. ~? at the beginning of a line lists what ~ can do.
When the input is no terminal, its end ends the shell.

Exit code 0: the shell ended by itself, and its own exit code is told; or you left it. 1: anything else ended it.`,
		Example: "  nightfill shell srv-1 --reason \"receipts print twice\"\n  nightfill shell srv-1\n  nightfill shell srv-1 --end",
	}
	why := cmd.Flags().String("reason", "", "why, for the next person who asks; not needed to go back")
	end := cmd.Flags().Bool("end", false, "end the terminal that you left")
	return session.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		if *end {
			info, err := s.Client.EndTerminal(s.Ctx(), args[0])
			if err != nil {
				return err
			}
			return s.Show(info, func(p *printout.Printer) {
				p.Line("The terminal on %s is ended.", info.Device)
				p.Next("nightfill recordings " + info.ID)
			})
		}
		return shell(s, wire.ShellAsked{Device: args[0], Reason: *why})
	})
}

// shellEnded is what --json prints when a terminal was left or has ended.
type shellEnded struct {
	Device    string        `json:"device"`
	Recording string        `json:"recording"`
	Left      bool          `json:"left"` // it goes on
	End       *terminal.End `json:"end,omitempty"`
}

// shell connects the person's own terminal with one on a device.
func shell(s *session.Session, ask wire.ShellAsked) error {
	ctx, cancel := context.WithCancel(s.Ctx())
	defer cancel()
	mine := ownTerminal(s.Cmd.InOrStdin())
	ask.Size = mine.size()
	shell, err := s.Client.Shell(ctx, ask)
	if err != nil {
		return err
	}
	leave := sync.OnceFunc(func() { _ = shell.Close() })
	defer leave()
	shown, told := s.Cmd.OutOrStdout(), s.Cmd.ErrOrStderr()
	if s.JSON {
		shown = told
	}
	greet(told, shell)
	restore, err := mine.raw()
	if err != nil {
		return fmt.Errorf("cannot take over your terminal: %w", err)
	}
	var typing sync.WaitGroup
	typist := &typist{to: shell, told: told, leave: leave, whole: !mine.is()}
	typing.Go(func() { typist.run(ctx, s.Cmd.InOrStdin()) })
	typing.Go(func() { follow(ctx, mine, shell) })
	end, err := watch(s, shell, shown, told)
	cancel()
	leave()
	typing.Wait()
	restore()
	return ended(s, shell.Info, end, typist.left(), err)
}

func greet(told io.Writer, shell *client.Shell) {
	if shell.Back {
		fmt.Fprintf(told, "You are back on %s (%s). ~. leaves it, exit ends it.\r\n", shell.Info.Device, printout.Clean(shell.Info.Reason))
		return
	}
	fmt.Fprintf(told, "You work on %s. What is shown is recorded as %s. ~. leaves it for 10 minutes, exit ends it.\r\n", shell.Info.Device, shell.Info.ID)
}

// watch shows what the device shows until the terminal ends or the connection does. What it tells
// itself is on lines of its own.
func watch(s *session.Session, shell *client.Shell, shown, told io.Writer) (*terminal.End, error) {
	for {
		f, err := shell.Next()
		switch {
		case err != nil:
			return nil, err
		case f.Kind == wire.FrameEnded:
			return f.End, nil
		case f.Kind == wire.FrameOutput:
			if _, err := shown.Write(f.Data); err != nil {
				return nil, err
			}
		case f.Kind == wire.FrameGap:
			fmt.Fprintf(told, "\r\n[%d bytes were shown too fast and are missing here; the recording has them]\r\n", f.Missed)
		case f.Kind == wire.FrameIdle && !f.Ends.IsZero():
			fmt.Fprintf(told, "\r\n[this terminal ends at %s unless you type something]\r\n", f.Ends.In(s.Client.Zone()).Format("15:04:05"))
		}
	}
}

// ended says how it went.
func ended(s *session.Session, info terminal.Info, end *terminal.End, left bool, lost error) error {
	switch {
	case end == nil && !left:
		return fmt.Errorf("the connection to the box was lost (%w), and your terminal on %s is kept for 10 minutes: go back with: nightfill shell %s", lost, info.Device, info.Device)
	case end != nil && end.Reason != nil:
		return exit.With(exit.Failed, fmt.Errorf("the terminal on %s is over: %w; see: nightfill recordings %s", info.Device, end.Reason, info.ID))
	}
	return s.Show(shellEnded{info.Device, info.ID, end == nil, end}, func(p *printout.Printer) {
		p.Line("")
		switch {
		case end == nil:
			p.Line("You left the terminal on %s. It is kept for 10 minutes.", info.Device)
			p.Next("nightfill shell "+info.Device, "nightfill shell "+info.Device+" --end")
			return
		case end.Exit != nil:
			p.Line("The shell on %s ended with exit code %d after %s.", info.Device, *end.Exit, printout.Length(end.Lasted))
		default:
			p.Line("The terminal on %s was ended after %s.", info.Device, printout.Length(end.Lasted))
		}
		p.Next("nightfill recordings " + info.ID)
	})
}

// own is the terminal in which the command runs, if it does in one.
type own struct{ fd int }

func ownTerminal(in io.Reader) own {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return own{int(f.Fd())}
	}
	return own{-1}
}

func (o own) is() bool { return o.fd >= 0 }

func (o own) size() terminal.Size {
	if cols, rows, err := term.GetSize(o.fd); o.is() && err == nil {
		return terminal.Size{Cols: cols, Rows: rows}
	}
	return terminal.Size{}
}

// raw lets every key through to the device, until what it returns is called.
func (o own) raw() (restore func(), err error) {
	if !o.is() {
		return func() {}, nil
	}
	before, err := term.MakeRaw(o.fd)
	return func() { _ = term.Restore(o.fd, before) }, err
}

// follow passes on every change of the terminal's size until ctx ends.
func follow(ctx context.Context, mine own, shell *client.Shell) {
	if !mine.is() {
		return
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	for {
		select {
		case <-ctx.Done():
			return
		case <-resized:
			if err := shell.Resize(mine.size()); err != nil && !errors.Is(err, os.ErrClosed) {
				return
			}
		}
	}
}
