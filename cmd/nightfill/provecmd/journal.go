// Package provecmd holds the commands of `nightfill` that look back and prove: the journal, a night asked again of today's
// rules, evidence packs and support bundles.
package provecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

// Journal returns `journal`.
func Journal() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal [--since N] [--follow]",
		Short: "Read the journal: everything that happened, was decided or ordered",
		Long: `Read the journal. Without --since, its newest records; with it, from record N on (0: the first one
kept). With --json, one record a line, as it was written.`,
		Example: "  nightfill journal --follow\n  nightfill journal --since 1200 --limit 50 --json",
	}
	since := cmd.Flags().Uint64("since", 0, "begin with the record of this number")
	limit := cmd.Flags().Int("limit", 50, "how many records at most; with --follow, how many old ones first")
	follow := cmd.Flags().BoolP("follow", "f", false, "go on with new records until Ctrl-C")
	session.Action(cmd, cobra.NoArgs, func(s *session.Session, _ []string) error {
		if *limit < 1 {
			return s.Usage(fmt.Errorf("--limit %d is not a number of records: write 1 or more", *limit))
		}
		e := client.Excerpt{Limit: *limit, Follow: *follow}
		if s.Cmd.Flags().Changed("since") {
			e.Since = since
		}
		err := s.Client.Records(s.Ctx(), e, func(r run.Record) error { return record(s, r) })
		if *follow && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	cmd.AddCommand(verifyCommand(), setAsideCommand(), renameCommand())
	return cmd
}

// record prints one record, at once, so that a follower sees it.
func record(s *session.Session, r run.Record) error {
	if s.JSON {
		e := json.NewEncoder(s.Cmd.OutOrStdout())
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	e := r.Event
	parts := []string{fmt.Sprintf("%6d  %s  %-16s", r.Seq, e.At.In(s.Client.Zone()).Format("2006-01-02 15:04:05"), e.Kind)}
	for _, part := range []string{e.Device, e.Patch, string(e.Step), printout.Words(e.Outcome), change(e), told(e, s.Client.Zone()), by(e)} {
		if part != "" {
			parts = append(parts, printout.Clean(part))
		}
	}
	_, err := fmt.Fprintln(s.Cmd.OutOrStdout(), strings.TrimRight(strings.Join(parts, " "), " "))
	return err
}

func change(e run.Event) string {
	if e.To == "" {
		return ""
	}
	return "-> " + printout.Words(e.To)
}

func by(e run.Event) string {
	switch {
	case e.Actor == "":
		return ""
	case e.Why != "":
		return "by " + e.Actor + ": " + e.Why
	}
	return "by " + e.Actor
}

// told is what a record says beyond its names.
func told(e run.Event, zone *time.Location) string {
	switch {
	case e.Hold != nil:
		return "until " + e.Hold.Until.In(zone).Format("2006-01-02 15:04") + ": " + e.Hold.Reason
	case e.Reason != nil:
		return printout.Reason(e.Reason)
	case e.Renamed != nil:
		return e.Renamed.From + " is now " + e.Renamed.To + ": " + e.Text
	case e.Check != nil:
		return strings.TrimSpace(e.Check.Check + " " + printout.Words(e.Check.Outcome) + " " + e.Check.Seen)
	case e.Catalog != nil:
		return fmt.Sprintf("version %d, %s", e.Catalog.Version, printout.Count(len(e.Catalog.Patches), "patch", "patches"))
	case e.Plan != nil:
		return fmt.Sprintf("%s, %s, %d left out", e.Plan.Night, printout.Count(len(e.Plan.Lanes), "device", "devices"), len(e.Report))
	case e.Alarm != nil:
		who := e.Alarm.To
		if e.Alarm.Webhook != "" {
			who += " and " + e.Alarm.Webhook
		}
		return strings.Join(strings.Fields(e.Alarm.Code+" "+who+" "+printout.Words(e.Outcome)+" "+e.Text), " ")
	case e.Verdict != "":
		return strings.TrimSpace(printout.Words(e.Verdict) + " " + e.Text)
	}
	return e.Text
}

func verifyCommand() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:   "verify [--state DIR]",
		Short: "Check that no record was lost, changed or moved",
		Long: `Check the journal from beginning to end: every page, every hash, every seal. A running daemon checks
a copy of its own journal. When no daemon runs, the file in the state directory is checked; nothing is changed.

Exit code 0: the journal is whole. 1: it is not, and what is wrong with it is said.`,
		Example: "  nightfill journal verify\n  nightfill journal verify --state /mnt/old-box/var/lib/nightfill",
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		sum, err := s.Client.Verify(s.Ctx())
		var gone *client.Unreachable
		if errors.As(err, &gone) && s.Place.State != "" {
			sum, err = journal.VerifyFile(s.Ctx(), filepath.Join(s.Place.State, session.JournalName), s.Place.Store, nil)
			err = badJournal(err, "ask the daemon that holds it: name its socket with --socket PATH")
		}
		if err != nil {
			return err
		}
		return s.Show(sum, func(p *printout.Printer) { printSummary(p, sum) })
	})
}

func setAsideCommand() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:   "set-aside [--state DIR]",
		Short: "Put a damaged journal out of the way, so that a new one is begun",
		Long: `Rename the journal in the state directory, so that the daemon begins a new one when it starts next.
Nothing is deleted: keep the old file, and the copies in the folder copies, as evidence. It refuses while a
daemon runs.

The new journal has a new stream. What was installed is asked of the devices, and work that they have taken
is not begun again. Holds, and host keys that were pinned with enrol, have to be given again.

A journal that is gone needs this too: the daemon begins no new one in its place by itself.`,
		Example: "  nightfill journal set-aside --state /var/lib/nightfill",
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		if s.Place.State == "" {
			return exit.With(exit.Usage, errors.New("the state directory is not known: name it with --state DIR"))
		}
		name, err := journal.Quarantine(s.Place.State)
		if err != nil {
			return badJournal(err, "stop the daemon first: systemctl stop nightfilld")
		}
		return s.Show(map[string]string{"set_aside": name}, func(p *printout.Printer) {
			if name == "" {
				p.Line("There is no journal in %s any more, and the box may do without it.", s.Place.State)
			} else {
				p.Line("The journal is now %s.", name)
			}
			p.Line("Start nightfilld to begin a new one.")
		})
	})
}

// badJournal keeps apart a journal that is not good, one that is not there and one that could not be read. inUse is what
// to do about one that a daemon holds.
func badJournal(err error, inUse string) error {
	var refused *journal.Refusal
	switch {
	case err == nil:
		return nil
	case errors.Is(err, journal.ErrInUse):
		return &wire.Error{Code: wire.CodeBadJournal, Message: err.Error(), WhatToDo: inUse}
	case errors.Is(err, journal.ErrOtherStore):
		return &wire.Error{Code: wire.CodeBadJournal, Message: err.Error(), WhatToDo: "see: nightfill help renamed-store"}
	case errors.As(err, &refused):
		return &wire.Error{Code: wire.CodeBadJournal, Message: err.Error(), WhatToDo: wire.KeepJournal}
	case errors.Is(err, fs.ErrNotExist):
		return &wire.Error{Code: codeNoJournal, Message: err.Error(), WhatToDo: "name the state directory of the daemon with --state DIR"}
	case errors.Is(err, fs.ErrPermission):
		return &wire.Error{Code: codeNoJournal, Message: err.Error(), WhatToDo: "run this as root or as the user of the daemon"}
	}
	return err
}

// codeNoJournal is the code of a journal that is not there, or may not be read.
const codeNoJournal = "no_journal"

func printSummary(p *printout.Printer, s journal.Summary) {
	p.Line("The journal is %s: %s.", p.Paint(printout.Good, "whole"), printout.Count(int(s.Records), "record", "records"))
	row := func(name, format string, args ...any) { p.Line("%-8s %s", name, fmt.Sprintf(format, args...)) }
	row("file", "%s, %d KiB, format %d", s.Path, s.Bytes>>10, s.Format)
	row("stream", "%s", s.Stream)
	if s.Store != "" {
		row("store", "%s", s.Store)
	}
	if s.Records > 0 {
		row("first", "%d, %s", s.First, p.Moment(s.FirstAt))
		row("last", "%d, %s", s.Last, p.Moment(s.LastAt))
		row("head", "%s", s.Head)
	}
}
