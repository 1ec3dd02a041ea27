package storecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

func journalCommand() *cobra.Command {
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
	action(cmd, cobra.NoArgs, func(s *session, _ []string) error {
		if *limit < 1 {
			return usage(s.cmd, fmt.Errorf("--limit %d is not a number of records: write 1 or more", *limit))
		}
		e := control.Excerpt{Limit: *limit, Follow: *follow}
		if s.cmd.Flags().Changed("since") {
			e.Since = since
		}
		err := s.client.Records(s.ctx(), e, s.record)
		if *follow && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	cmd.AddCommand(verifyCommand(), setAsideCommand())
	return cmd
}

// record prints one record, at once, so that a follower sees it.
func (s *session) record(r run.Record) error {
	if s.json {
		e := json.NewEncoder(s.cmd.OutOrStdout())
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	e := r.Event
	parts := []string{fmt.Sprintf("%6d  %s  %-16s", r.Seq, e.At.In(s.client.Zone()).Format("2006-01-02 15:04:05"), e.Kind)}
	for _, part := range []string{e.Device, e.Patch, string(e.Step), words(e.Outcome), change(e), told(e, s.client.Zone()), by(e)} {
		if part != "" {
			parts = append(parts, clean(part))
		}
	}
	_, err := fmt.Fprintln(s.cmd.OutOrStdout(), strings.TrimRight(strings.Join(parts, " "), " "))
	return err
}

func change(e run.Event) string {
	if e.To == "" {
		return ""
	}
	return "-> " + words(e.To)
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
		return reason(e.Reason)
	case e.Check != nil:
		return strings.TrimSpace(e.Check.Check + " " + words(e.Check.Outcome) + " " + e.Check.Seen)
	case e.Catalog != nil:
		return fmt.Sprintf("version %d, %s", e.Catalog.Version, count(len(e.Catalog.Patches), "patch", "patches"))
	case e.Plan != nil:
		return fmt.Sprintf("%s, %s, %d left out", e.Plan.Night, count(len(e.Plan.Lanes), "device", "devices"), len(e.Report))
	case e.Alarm != nil:
		who := e.Alarm.To
		if e.Alarm.Webhook != "" {
			who += " and " + e.Alarm.Webhook
		}
		return strings.Join(strings.Fields(e.Alarm.Code+" "+who+" "+words(e.Outcome)+" "+e.Text), " ")
	case e.Verdict != "":
		return strings.TrimSpace(words(e.Verdict) + " " + e.Text)
	}
	return e.Text
}

func verifyCommand() *cobra.Command {
	return action(&cobra.Command{
		Use:   "verify [--state DIR]",
		Short: "Check that no record was lost, changed or moved",
		Long: `Check the journal from beginning to end: every page, every hash, every seal. A running daemon checks
a copy of its own journal. When no daemon runs, the file in the state directory is checked; nothing is changed.

Exit code 0: the journal is whole. 1: it is not, and what is wrong with it is said.`,
		Example: "  nightfill journal verify\n  nightfill journal verify --state /mnt/old-box/var/lib/nightfill",
	}, cobra.NoArgs, func(s *session, _ []string) error {
		sum, err := s.client.Verify(s.ctx())
		var gone *control.Unreachable
		if errors.As(err, &gone) && s.place.state != "" {
			sum, err = journal.VerifyFile(s.ctx(), filepath.Join(s.place.state, journalName), nil)
			err = badJournal(err)
		}
		if err != nil {
			return err
		}
		return s.show(sum, func(p *printer) { p.summary(sum) })
	})
}

func setAsideCommand() *cobra.Command {
	return action(&cobra.Command{
		Use:   "set-aside [--state DIR]",
		Short: "Put a damaged journal out of the way, so that a new one is begun",
		Long: `Rename the journal in the state directory, so that the daemon begins a new one when it starts next.
Nothing is deleted: keep the old file, and the copies in the folder copies, as evidence. It refuses while a
daemon runs.

The new journal has a new stream. What was installed is asked of the devices, and work that they have taken
is not begun again. Holds, and host keys that were pinned with enrol, have to be given again.`,
		Example: "  nightfill journal set-aside --state /var/lib/nightfill",
	}, cobra.NoArgs, func(s *session, _ []string) error {
		if s.place.state == "" {
			return exit.With(exit.Usage, errors.New("the state directory is not known: name it with --state DIR"))
		}
		name, err := journal.Quarantine(s.place.state)
		if err != nil {
			return badJournal(err)
		}
		return s.show(map[string]string{"set_aside": name}, func(p *printer) {
			p.line("The journal is now %s.", name)
			p.line("Start nightfilld to begin a new one.")
		})
	})
}

// badJournal keeps apart a journal that is not good and one that could not be read.
func badJournal(err error) error {
	var refused *journal.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	what := "keep the file and tell headquarters"
	if errors.Is(err, journal.ErrInUse) {
		what = "a daemon holds it; ask that one with --socket PATH"
	}
	return &control.Error{Code: control.CodeBadJournal, Message: err.Error(), WhatToDo: what}
}

func (p *printer) summary(s journal.Summary) {
	p.line("The journal is %s: %s.", p.paint(good, "whole"), count(int(s.Records), "record", "records"))
	row := func(name, format string, args ...any) { p.line("%-8s %s", name, fmt.Sprintf(format, args...)) }
	row("file", "%s, %d KiB, format %d", s.Path, s.Bytes>>10, s.Format)
	row("stream", "%s", s.Stream)
	if s.Records > 0 {
		row("first", "%d, %s", s.First, p.moment(s.FirstAt))
		row("last", "%d, %s", s.Last, p.moment(s.LastAt))
		row("head", "%s", s.Head)
	}
}
