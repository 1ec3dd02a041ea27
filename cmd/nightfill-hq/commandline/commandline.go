// Package commandline is the command line of nightfill-hq, where its manual pages and the tests of the
// handbook find it too.
package commandline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill-hq/democmd"
	"github.com/nightfill/nightfill/cmd/nightfill-hq/evidencecmd"
	"github.com/nightfill/nightfill/cmd/nightfill-hq/exceptionscmd"
	"github.com/nightfill/nightfill/cmd/nightfill-hq/simulatecmd"
	"github.com/nightfill/nightfill/cmd/nightfill-hq/storescmd"
	"github.com/nightfill/nightfill/cmd/nightfill/accountcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/configcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/helpcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/manual"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/cmd/nightfill/storecmd"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/daemon/hq"
	"github.com/nightfill/nightfill/daemon/hq/audit"
	"github.com/nightfill/nightfill/daemon/logs"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/ui/handbook"
)

// Main runs nightfill-hq with the arguments of the process, prints what went wrong, and ends the process. built is
// when it was built (RFC 3339), or empty.
func Main(version, built string) {
	exit.CrashBySignal()
	// The board is most of the memory and hardly changes: to collect it four times as often costs little, and
	// keeps the program small beside a broker and a database.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	ctx, stop := signal.NotifyContext(context.Background(), exit.Stops()...)
	err := Command(version, built).ExecuteContext(ctx)
	stop()
	switch {
	case err != nil && slices.Contains(os.Args, "--json"):
		session.Report(os.Stderr, err, true)
	case err != nil:
		fmt.Fprintf(os.Stderr, "nightfill-hq: %v\n", err)
	}
	os.Exit(exit.Code(err))
}

// flags are what may be said on the command line. They win over the file.
type flags struct {
	config, mqtt, db, listen, metrics, org, state, login string
	level, format                                        string

	version string
}

// Command is the whole program. Its errors carry exit codes.
func Command(version, built string) *cobra.Command {
	f := flags{version: version}
	root := &cobra.Command{
		Use:   "nightfill-hq --config FILE",
		Short: "Run headquarters",
		Long: `nightfill-hq hears the stores of a chain over MQTT, keeps what they tell, and shows which stores open ready,
what failed and why, what is overdue, and who needs someone.

It needs a broker; everything else has a default. In a lab, flags are enough: the pages are then in the clear on
loopback, and the first start logs a code with which the first account is made. With --login off nobody logs in,
which is refused where others can listen.

Exit codes: 0 stopped when told to, 1 failed, 2 wrong usage or headquarters file.`,
		Example: "  nightfill-hq --config /etc/nightfill/hq.yaml\n" +
			"  nightfill-hq --mqtt mqtt://127.0.0.1:1883 --db sqlite:hq.db --listen 127.0.0.1:8444 --state . --login off",
		Version: version, Annotations: map[string]string{storecmd.Built: built},
		Args:          cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.With(exit.Usage, err) })
	s := root.Flags().StringVar
	s(&f.config, "config", "", "the headquarters file (hq.yaml)")
	s(&f.mqtt, "mqtt", "", "the broker, such as mqtt://127.0.0.1:1883")
	s(&f.db, "db", "", "the database: sqlite:PATH or postgres://USER@HOST/NAME")
	s(&f.listen, "listen", "", "address of the pages and the API")
	s(&f.metrics, "metrics", "", "address of /metrics, or off")
	s(&f.org, "org", "", "the chain whose stores are heard (default acme)")
	s(&f.state, "state", "", "where to keep the accounts and the own certificate (without a file: beside the database)")
	s(&f.login, "login", "", "off: nobody logs in; only on loopback")
	s(&f.level, "log-level", "info", "debug, info, warn or error")
	s(&f.format, "log-format", "text", "text or json")
	keeper := session.Headquarters()
	root.AddCommand(accountcmd.Users(keeper), accountcmd.Tokens(keeper), storescmd.Command(keeper))
	root.AddCommand(configcmd.Headquarters(), simulatecmd.Command(), democmd.Command(version), exceptions(), evidence(version))
	root.SetHelpCommand(helpcmd.Command(handbook.Open(), helpcmd.Program{
		Name: "nightfill-hq", Section: manual.Daemons, Topic: "fleet-morning", Subcommand: "token add",
	}))
	storecmd.Strict(root)
	return root
}

func (f flags) run(cmd *cobra.Command) error {
	log, queue, err := logs.New(os.Stderr, f.format, f.level)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	defer queue.Start()()
	c, err := f.settle()
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	h, err := hq.New(cmd.Context(), hq.Options{Config: c, Version: f.version, Log: log})
	if err != nil {
		return err
	}
	return h.Run(cmd.Context())
}

// settle reads the file, lets the flags have their say, and looks at what is named.
func (f flags) settle() (hqfile.Headquarters, error) {
	c := hqfile.Lab()
	if f.config == "" {
		c.Listen = "127.0.0.1:8444"
	} else {
		var err error
		if c, err = hqfile.Load(f.config); err != nil {
			return c, err
		}
	}
	for _, one := range []struct {
		said string
		to   *string
	}{{f.mqtt, &c.MQTT.URL}, {f.db, &c.DB}, {f.listen, &c.Listen}, {f.org, &c.Org}, {f.state, &c.State}, {f.metrics, &c.Metrics}} {
		if one.said != "" {
			*one.to = one.said
		}
	}
	if c.Metrics == "off" {
		c.Metrics = ""
	}
	if path, ok := strings.CutPrefix(c.DB, "sqlite:"); ok && f.config == "" && f.state == "" {
		c.State = filepath.Dir(path) // a lab keeps everything in one place
	}
	switch f.login {
	case "":
	case "off":
		c.Login.Off = true
	default:
		return c, fmt.Errorf("--login is %q: write off, or leave it out", f.login)
	}
	if f.config == "" && f.mqtt == "" {
		return c, errors.New("nothing says where to listen: write nightfill-hq --config /etc/nightfill/hq.yaml, or in a lab nightfill-hq --mqtt mqtt://127.0.0.1:1883 --db sqlite:hq.db --listen 127.0.0.1:8444")
	}
	if err := f.usable(); err != nil {
		return c, err
	}
	if err := c.Settle(); err != nil {
		return c, err
	}
	if problems := hqfile.Check(c); len(problems) > 0 {
		return c, strict.Problems(problems)
	}
	return c, nil
}

// exceptions is the command of the register, which works on the database beside a headquarters that runs.
func exceptions() *cobra.Command {
	var f flags
	cmd := exceptionscmd.Command(func(cmd *cobra.Command) (exceptionscmd.Register, error) {
		c, err := f.stored()
		if err != nil {
			return nil, err
		}
		return database.Beside(cmd.Context(), c.DB, nil)
	})
	cmd.PersistentFlags().StringVar(&f.config, "config", "/etc/nightfill/hq.yaml", "the headquarters file, which names the database")
	cmd.PersistentFlags().StringVar(&f.db, "db", "", "the database; overrides the file")
	return cmd
}

// stored reads which database the file or the flag means.
func (f flags) stored() (hqfile.Headquarters, error) {
	c := hqfile.Lab()
	if err := f.usable(); err != nil {
		return c, exit.With(exit.Usage, err)
	}
	if f.db != "" {
		c.DB = f.db
	} else {
		var err error
		if c, err = hqfile.Load(f.config); err != nil {
			return c, exit.With(exit.Usage, err)
		}
	}
	if err := c.Settle(); c.DB == "" {
		return c, exit.With(exit.Usage, err)
	}
	return c, nil
}

// evidence is the command for auditors, which works on the database beside a headquarters that runs.
func evidence(version string) *cobra.Command {
	var f flags
	cmd := evidencecmd.Command(func(cmd *cobra.Command) (evidencecmd.Auditor, func() error, error) {
		c, err := f.stored()
		if err != nil {
			return nil, nil, err
		}
		if f.org != "" {
			c.Org = f.org
		}
		known, err := hq.OpenCatalog(c, nil)
		if err != nil {
			return nil, nil, err
		}
		db, err := database.Beside(cmd.Context(), c.DB, nil)
		if err != nil {
			return nil, nil, err
		}
		return audit.New(db, audit.OfFile(c, known, version)), db.Close, nil
	})
	cmd.Flags().StringVar(&f.config, "config", "/etc/nightfill/hq.yaml", "the headquarters file, which names the database and the state")
	cmd.Flags().StringVar(&f.db, "db", "", "the database alone, without a file: no catalog, no list of stores")
	cmd.Flags().StringVar(&f.org, "org", "", "with --db: the chain (default acme)")
	return cmd
}
