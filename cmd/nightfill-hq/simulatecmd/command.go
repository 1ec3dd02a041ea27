// Package simulatecmd is `nightfill-hq simulate`: a fleet of simulated stores that report to a broker
// as real ones do, for demonstrations and loads.
package simulatecmd

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/fleetsim"
	"github.com/nightfill/nightfill/site/board"
)

// Command is `nightfill-hq simulate`.
func Command() *cobra.Command {
	s := simulation{}
	cmd := &cobra.Command{
		Use:   "simulate --mqtt URL",
		Short: "Let a fleet of simulated stores report to a broker",
		Long: `simulate runs simulated stores that report to an MQTT broker as real ones do: each has its own connection,
its own journal and nights that the real rules play with drawn devices, by the same odds as rehearsals.
Past nights are reported at once; with --live, a night is under way now and is played in real time.
The same seed gives the same nights. Never point it at the broker of real stores: use an organisation of its own.`,
		Example: "  nightfill-hq simulate --mqtt mqtt://127.0.0.1:1883 --org demo --stores 300 --live 10m\n" +
			"  nightfill-hq simulate --mqtt mqtt://127.0.0.1:1883 --org load --stores 2000 --devices 36 --nights 1 --exit",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.opts.Broker, "mqtt", "", "broker, such as mqtt://127.0.0.1:1883")
	f.StringVar(&s.opts.CA, "ca", "", "file with the roots to trust, with mqtts://")
	f.StringVar(&s.opts.Username, "username", "", "account at the broker")
	f.StringVar(&s.opts.PasswordFile, "password-file", "", "file with the account's password")
	f.StringVar(&s.opts.Org, "org", "demo", "organisation of the stores")
	f.IntVar(&s.opts.Stores, "stores", 300, "how many stores")
	f.IntVar(&s.opts.Devices, "devices", 12, "how many devices each has")
	f.IntVar(&s.opts.Nights, "nights", 2, "how many nights are over already")
	f.DurationVar(&s.opts.Live, "live", 0, "length of a maintenance window that opens now and is played in real time")
	f.IntVar(&s.opts.Absent, "absent", 0, "of 1000 stores, how many are never heard")
	f.IntVar(&s.opts.Silent, "silent", 0, "of 1000 stores, how many lose their line when their window opens")
	f.Uint64Var(&s.opts.Seed, "seed", 1, "what is drawn: the same seed gives the same nights")
	f.Float64Var(&s.opts.Luck, "luck", 1, "how much of the usual misfortune there is, from 0.001 on; 1 is as published figures have it")
	f.Float64Var(&s.opts.Rate, "rate", -1, "events a second that a store sends; negative: as quick as they go")
	f.StringVar(&s.list, "list", "", "write the list of stores, as hq.yaml's stores takes it, to this file")
	f.BoolVar(&s.exit, "exit", false, "end when headquarters has stored everything")
	f.BoolVar(&s.json, "json", false, "print the progress as JSON lines")
	return cmd
}

type simulation struct {
	opts fleetsim.Options
	list string
	exit bool
	json bool
}

func (s simulation) run(ctx context.Context, out, errOut io.Writer) error {
	if s.opts.Broker == "" {
		return exit.With(exit.Usage, errors.New("cannot simulate without a broker: name it with --mqtt, for example --mqtt mqtt://127.0.0.1:1883"))
	}
	s.opts.Now = time.Now()
	s.opts.Run = s.opts.Now.UTC().Format(time.RFC3339Nano)
	s.opts.Log = slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelError}))
	fleet, err := fleetsim.New(s.opts)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	if s.list != "" {
		if err := WriteList(s.list, s.opts.Expected()); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- fleet.Run(ctx) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
		}
		p := fleet.Progress()
		if err := s.show(out, p); err != nil {
			stop()
			return errors.Join(fmt.Errorf("cannot show the progress: %w", err), <-ended)
		}
		if s.exit && p.Played == p.Stores && p.Waiting == 0 {
			stop()
			return <-ended
		}
	}
}

func (s simulation) show(out io.Writer, p fleetsim.Progress) error {
	if s.json {
		return json.NewEncoder(out).Encode(p)
	}
	_, err := fmt.Fprintf(out, "[%d/%d] stores have ended their nights; %d connected; %d events, %d stored at headquarters\n", p.Played, p.Stores, p.Connected, p.Events, p.Stored)
	return err
}

// WriteList writes the list of stores to a CSV file, as headquarters reads it.
func WriteList(path string, stores []board.Expected) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write the list of stores: %w", err)
	}
	w := csv.NewWriter(file)
	rows := [][]string{{"id", "name", "region"}}
	for _, s := range stores {
		rows = append(rows, []string{s.ID, s.Name, s.Region})
	}
	err = w.WriteAll(rows)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("cannot write the list of stores to %s: %w", path, err)
	}
	return nil
}
