package provecmd

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

// maxReason is how long a reason may be, in bytes.
const maxReason = 500

// renaming is what a person said of a store.
type renaming struct{ from, to, reason string }

func renameCommand() *cobra.Command {
	var r renaming
	cmd := &cobra.Command{
		Use:   "rename --from ORG/ID --to ORG/ID --reason R [--state DIR]",
		Short: "Say that the store of this journal has a new id",
		Long: `Say that the store of this journal has a new id. A journal knows its store, and a box with another id in
its store file does not start with it. This is for a store that really was given another id, and not for a state directory that
came from another store: that one belongs back to its box. Your login name, the reason and both ids go into the journal.

It refuses while a daemon runs. The journal keeps its stream and its numbers. When nightfilld next meets the broker it
clears what it had posted under the old id, once, unless another box reports there.`,
		Example: "  nightfill journal rename --from acme/0142 --to acme/0242 --reason \"new numbers in the region\"",
	}
	cmd.Flags().StringVar(&r.from, "from", "", "the id that the store had, with its organisation, like acme/0142")
	cmd.Flags().StringVar(&r.to, "to", "", "the id that it has now")
	cmd.Flags().StringVar(&r.reason, "reason", "", "why, for the next person who asks")
	return session.Action(cmd, cobra.NoArgs, func(s *session.Session, _ []string) error {
		r.reason = strings.TrimSpace(r.reason)
		if err := r.check(); err != nil {
			return s.Usage(err)
		}
		if s.Place.State == "" {
			return exit.With(exit.Usage, errors.New("the state directory is not known: name it with --state DIR"))
		}
		event := run.Event{Kind: run.StoreRenamed, At: time.Now(), Renamed: &run.Renaming{From: r.from, To: r.to}, Actor: me(), Text: r.reason}
		record, err := journal.Rename(s.Ctx(), journal.Options{Dir: s.Place.State, Store: r.from}, r.to, event)
		switch {
		case errors.Is(err, journal.ErrOtherStore):
			return &wire.Error{Code: wire.CodeBadJournal, Message: err.Error(), WhatToDo: "look at it with: nightfill journal verify --state " + s.Place.State}
		case err != nil:
			return badJournal(err, "stop the daemon first: systemctl stop nightfilld")
		}
		return s.Show(record, func(p *printout.Printer) {
			p.Line("The journal in %s was of %s and is of %s now, by %s: %s", s.Place.State, r.from, r.to, event.Actor, r.reason)
			p.Line("Write the new id into the store file and start nightfilld.")
			p.Next("nightfill config validate /etc/nightfill/store.yaml", "nightfill journal verify")
		})
	})
}

// check says what is wrong with what was said.
func (r renaming) check() error {
	for _, f := range []struct{ flag, id string }{{"--from", r.from}, {"--to", r.to}} {
		org, id, _ := strings.Cut(f.id, "/")
		switch {
		case f.id == "":
			return fmt.Errorf("%s is missing: write an organisation and a store, like acme/0142", f.flag)
		case !strict.IsName(org) || !strict.IsName(id):
			return fmt.Errorf("%s %q is not an organisation and a store, like acme/0142", f.flag, f.id)
		}
	}
	switch {
	case r.from == r.to:
		return fmt.Errorf("--from and --to are both %s", r.to)
	case r.reason == "":
		return errors.New("--reason is missing: say why, for the next person who asks")
	case len(r.reason) > maxReason:
		return fmt.Errorf("the reason has %d bytes and may have %d", len(r.reason), maxReason)
	}
	return nil
}

// me is the login name of the person at the keyboard, as the daemon tells it of one who asks over its socket.
func me() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}
