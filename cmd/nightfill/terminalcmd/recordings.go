package terminalcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/daemon/terminal/cast"
)

// longestPause is what a pause in a recording is cut to when it is played.
const longestPause = 2 * time.Second

// Recordings returns `recordings`.
func Recordings() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "recordings [ID]",
		Short: "List, play and take out what was recorded of terminals",
		Long: `List what was recorded of terminals, or show one recording. They are kept as long as the journal. Each
file is compared with the digest in the journal: only a recording that is whole is evidence.

--play shows it in this terminal as it was, with pauses cut to 2 seconds. --text prints what was shown as plain
text. --out FILE writes it to a file as an asciicast v2, or with --text as plain text.

Exit code 3: the recording that you asked for is not whole.`,
		Example: "  nightfill recordings\n  nightfill recordings 20261121-101500-srv-1-3fa29c --play\n" +
			"  nightfill recordings 20261121-101500-srv-1-3fa29c --out evidence.cast",
	}
	out := cmd.Flags().String("out", "", "write the recording to this file")
	asText := cmd.Flags().Bool("text", false, "as plain text, without colours and cursor movements")
	play := cmd.Flags().Bool("play", false, "show it as it was")
	return session.Action(cmd, cobra.MaximumNArgs(1), func(s *session.Session, args []string) error {
		switch {
		case len(args) == 0 && (*out != "" || *asText || *play):
			return s.Usage(errors.New("say which recording: nightfill recordings lists them"))
		case *play && (*out != "" || *asText):
			return s.Usage(errors.New("--play shows a recording: leave out --text and --out"))
		case len(args) == 0:
			return recordings(s)
		}
		r, err := s.Client.Recording(s.Ctx(), args[0])
		if err != nil {
			return err
		}
		switch {
		case *play:
			err = recording(s, r.ID, func(file io.Reader) error { return replayCast(s.Ctx(), s.Cmd.OutOrStdout(), file) })
		case *out != "":
			err = takeOut(s, r, *out, *asText)
		case *asText:
			err = recording(s, r.ID, func(file io.Reader) error { return cast.WriteText(s.Cmd.OutOrStdout(), file) })
		default:
			err = s.Show(r, func(p *printout.Printer) { printRecording(p, r) })
		}
		if err != nil {
			return err
		}
		return doubt(r)
	})
}

// doubt is the error of a recording that proves nothing.
func doubt(r terminal.Recording) error {
	switch r.State {
	case terminal.Changed:
		return session.NotAllGood("%s is not the recording that was made: its digest is not the one in the journal", r.ID)
	case terminal.Missing:
		return session.NotAllGood("the file of %s is gone", r.ID)
	}
	return nil
}

// recording gives the file of a recording to do.
func recording(s *session.Session, id string, do func(file io.Reader) error) error {
	file, err := s.Client.Cast(s.Ctx(), id)
	if err != nil {
		return err
	}
	defer file.Close()
	return do(file)
}

func recordings(s *session.Session) error {
	list, err := s.Client.Recordings(s.Ctx())
	if err != nil {
		return err
	}
	return s.Show(wire.RecordingList{Recordings: list}, func(p *printout.Printer) {
		if len(list) == 0 {
			p.Line("No terminal was recorded yet.")
			return
		}
		rows := make([][]printout.Cell, 0, len(list))
		for _, r := range list {
			rows = append(rows, []printout.Cell{printout.Text("%s", r.ID), printout.Text("%s", r.Device), printout.Text("%s", r.Actor), printout.Text("%s", p.Moment(r.Begun)),
				printout.Text("%s", printout.Length(r.Lasted)), printout.Toned(recordingTone(r.State), printout.Words(r.State)), printout.Text("%s", r.Reason)})
		}
		p.Table([]string{"RECORDING", "DEVICE", "BY", "BEGUN", "LASTED", "STATE", "REASON"}, rows)
		p.Next("nightfill recordings "+list[0].ID, "nightfill recordings "+list[0].ID+" --play")
	})
}

func recordingTone(s terminal.State) printout.Tone {
	switch s {
	case terminal.Whole:
		return printout.Good
	case terminal.Open:
		return printout.Busy
	}
	return printout.Bad
}

func printRecording(p *printout.Printer, r terminal.Recording) {
	p.Line("%s on %s is %s.", r.ID, r.Device, p.Paint(recordingTone(r.State), printout.Words(r.State)))
	row := func(name, format string, args ...any) {
		p.Line("%-8s %s", name, printout.Clean(fmt.Sprintf(format, args...)))
	}
	row("by", "%s: %s", r.Actor, r.Reason)
	row("begun", "%s", p.Moment(r.Begun))
	row("lasted", "%s", printout.Length(r.Lasted))
	if r.Exit != nil {
		row("exit", "%d", *r.Exit)
	}
	if r.Ended != nil {
		row("ended", "%s", printout.Reason(r.Ended))
	}
	row("size", "%d KiB", (r.Bytes+1023)>>10)
	if r.SHA256 != "" {
		row("sha256", "%s", r.SHA256)
	}
	if r.State != terminal.Missing {
		p.Next("nightfill recordings "+r.ID+" --play", "nightfill recordings "+r.ID+" --text")
	}
}

// takeOut writes a recording to a file, at once or not at all.
func takeOut(s *session.Session, r terminal.Recording, path string, asText bool) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600))
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer file.Cleanup()
	err = recording(s, r.ID, func(from io.Reader) error {
		if asText {
			return cast.WriteText(file, from)
		}
		_, err := io.Copy(file, from)
		return err
	})
	if err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return s.Show(r, func(p *printout.Printer) { p.Line("%s is written to %s.", r.ID, path) })
}

// replayCast shows a recording as it was, with pauses cut, until ctx ends.
func replayCast(ctx context.Context, to io.Writer, from io.Reader) error {
	r, err := cast.NewReader(from)
	if err != nil {
		return err
	}
	if f, isFile := to.(*os.File); isFile && term.IsTerminal(int(f.Fd())) {
		defer io.WriteString(to, "\x1b[0m\x1b[?25h\r\n") // colours and cursor as they were
	}
	at := time.Duration(0)
	for {
		e, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		pause := time.NewTimer(min(e.At-at, longestPause))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
		at = e.At
		if e.Kind != cast.Output {
			continue
		}
		if _, err := io.WriteString(to, e.Text); err != nil {
			return err
		}
	}
}
