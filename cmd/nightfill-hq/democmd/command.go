// Package democmd is `nightfill-hq demo`: a broker, headquarters, a fleet of simulated stores and one
// real store with simulated devices, all in one process and one temporary folder.
package democmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/cmd/nightfill/demobroker"
	storedemo "github.com/nightfill/nightfill/cmd/nightfill/democmd"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/daemon/fleetsim"
	"github.com/nightfill/nightfill/daemon/hq"
)

// Command is `nightfill-hq demo`.
func Command(version string) *cobra.Command {
	d := demo{version: version}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run headquarters over 300 simulated stores and a real one",
		Long: `demo runs headquarters with an MQTT broker of its own, a fleet of simulated stores whose night is under way,
and the store of "nightfill demo", which is real but for its devices. Nobody has to log in: everything listens on
loopback. Nothing outside a temporary folder is touched; no rights are needed.`,
		Example: "  nightfill-hq demo\n  nightfill-hq demo --stores 2000 --exit",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	cmd.Flags().IntVar(&d.stores, "stores", 300, "how many simulated stores")
	cmd.Flags().IntVar(&d.devices, "devices", 12, "how many devices each of them has")
	cmd.Flags().DurationVar(&d.live, "live", 20*time.Minute, "how long the simulated stores' maintenance window is")
	cmd.Flags().BoolVar(&d.exit, "exit", false, "end when the real store's night is over and headquarters has all of it")
	cmd.Flags().StringVar(&d.dir, "dir", "", "keep everything in this folder (default: a temporary one, removed at the end)")
	cmd.Flags().BoolVar(&d.verbose, "verbose", false, "show headquarters' log")
	return cmd
}

type demo struct {
	version, dir    string
	stores, devices int
	live            time.Duration
	exit, verbose   bool
}

func (d demo) run(ctx context.Context, out io.Writer) error {
	began := time.Now()
	dir, remove, err := d.folder()
	if err != nil {
		return err
	}
	defer remove()
	broker, url, err := demobroker.Start("127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	defer broker.Close()
	o := fleetsim.Options{
		Org: "acme", Stores: d.stores, Devices: d.devices, Nights: 1, Live: d.live, Absent: 7, Silent: 12, Seed: 1, Luck: 0.25, Now: began,
		Run: began.UTC().Format(time.RFC3339Nano), Broker: url, Rate: 50, Log: slog.New(slog.DiscardHandler),
	}
	var signed signed
	o.Catalog = signed.at
	fleet, err := fleetsim.New(o)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Making a signed catalog for all stores.")
	if err := signed.make(ctx, dir, o); err != nil {
		return fmt.Errorf("cannot make the demo's catalog: %w", err)
	}
	c, err := d.config(dir, url, signed.Catalog, o)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	if d.verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	headquarters, err := hq.New(ctx, hq.Options{Config: c, Version: d.version, Log: log})
	if err != nil {
		return err
	}
	signed.now = headquarters.Approved
	fmt.Fprintf(out, "Headquarters: http://%s/   %d simulated stores and store 0142 report over %s\n", c.Listen, d.stores, url)
	s := show{demo: d, out: out, listen: c.Listen, began: began, fleet: fleet, headquarters: headquarters}
	s.store = storedemo.Options{Version: d.version, MQTT: url, Catalog: signed.Catalog}
	return s.play(ctx)
}

// show is a demo of which everything is made.
type show struct {
	demo
	out          io.Writer
	listen       string // where headquarters answers
	began        time.Time
	fleet        *fleetsim.Fleet
	headquarters *hq.HQ
	store        storedemo.Options
}

// play runs everything until it is over or ctx ends.
func (s show) play(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.headquarters.Run(ctx) })
	g.Go(func() error {
		if err := answers(ctx, s.listen, s.began); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "Headquarters answers after %s.\n", time.Since(s.began).Round(100*time.Millisecond))
		g.Go(func() error { return s.fleet.Run(ctx) })
		g.Go(func() error { return s.own(ctx) })
		if err := s.watch(ctx); err != nil {
			return err
		}
		if s.exit {
			stop()
		}
		return nil
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// folder is where everything is kept, and what removes it.
func (d demo) folder() (string, func(), error) {
	if d.dir != "" {
		dir, err := filepath.Abs(d.dir)
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		return dir, func() {}, err
	}
	dir, err := os.MkdirTemp("", "nightfill-hq-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot make a folder for the demo: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// config is the headquarters file of the demo.
func (d demo) config(dir, url string, signed *storedemo.Catalog, o fleetsim.Options) (hqfile.Headquarters, error) {
	c := hqfile.Lab()
	c.Org, c.MQTT.URL, c.State, c.Login.Off = "acme", url, stateOf(dir), true
	c.DB = "sqlite:" + filepath.Join(c.State, "hq.db")
	c.Metrics = ""
	c.Catalog = reads(signed)
	for _, s := range o.Expected() {
		c.Stores = append(c.Stores, hqfile.ExpectedStore{ID: s.ID, Name: s.Name, Region: s.Region})
	}
	c.Stores = append(c.Stores, hqfile.ExpectedStore{ID: "0142", Name: "Springfield East", Region: "Midwest"})
	var err error
	if c.Listen, err = freeAddress("8444"); err != nil {
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

// freeAddress is a loopback address with the port that is wanted, or any other where it is taken.
func freeAddress(port string) (string, error) {
	for _, p := range []string{port, "0"} {
		l, err := net.Listen("tcp", "127.0.0.1:"+p)
		if err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", errors.New("cannot find a free port on loopback for headquarters' pages")
}

// own runs the demo of a store, which reports to the same broker, until ctx ends.
func (s show) own(ctx context.Context) error {
	reader, writer := io.Pipe()
	var g errgroup.Group
	g.Go(func() error {
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			if lines.Text() != "" {
				fmt.Fprintln(s.out, "store "+ownStore+": "+lines.Text())
			}
		}
		return nil
	})
	g.Go(func() error {
		err := storedemo.Run(ctx, writer, s.store)
		_ = writer.Close()
		if ctx.Err() != nil {
			return nil
		}
		return err
	})
	return g.Wait()
}

// summary is what the demo reads of headquarters' answers.
type summary struct {
	Sentence string `json:"sentence"`
}

// patience is how long the demo waits for its stores. On a machine that is too busy to answer itself, the real store
// asks a device that it did not hear again after five minutes, and finishes its night then.
const patience = 9 * time.Minute

// answers waits until the pages are there.
func answers(ctx context.Context, listen string, began time.Time) error {
	for time.Since(began) < patience {
		var s summary
		if ask(ctx, "http://"+listen+"/api/v1/summary", &s) == nil {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("headquarters does not answer on %s after %s", listen, patience)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// watch says now and then how the stores stand, until the real store's night is over.
func (s show) watch(ctx context.Context) error {
	last := ""
	for time.Since(s.began) < patience {
		if err := pause(ctx, 3*time.Second); err != nil {
			return err
		}
		var now summary
		if ask(ctx, "http://"+s.listen+"/api/v1/summary", &now) == nil && now.Sentence != last {
			last = now.Sentence
			fmt.Fprintln(s.out, last)
		}
		if over(ctx, s.listen) {
			fmt.Fprintf(s.out, "Headquarters has the whole night of store 0142: http://%s/stores/0142\n", s.listen)
			return nil
		}
	}
	return fmt.Errorf("headquarters does not have the night of store 0142 after %s", patience)
}

// over reports whether headquarters knows how the real store's night ended.
func over(ctx context.Context, listen string) bool {
	var s struct {
		Store struct {
			Bucket string `json:"bucket"`
		} `json:"store"`
	}
	return ask(ctx, "http://"+listen+"/api/v1/stores/0142", &s) == nil && s.Store.Bucket == "done"
}

// ask reads an answer of headquarters.
func ask(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
