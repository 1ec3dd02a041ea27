// Package democmd is `nightfill demo`: a catalog with real signatures, a broker, a store of
// eight simulated devices that run real commands, and the real appliance, all in one process
// and one temporary folder.
package democmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/demobroker"
	"github.com/nightfill/nightfill/daemon"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// Command is `nightfill demo`.
func Command(version string) *cobra.Command {
	d := demo{version: version}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a whole night on a simulated store",
		Long: `demo makes a signed catalog, an MQTT broker and a store of eight simulated devices, and runs the
real appliance on them with a maintenance window that is open now. The devices answer SSH on loopback
and install real Debian packages, each in a folder of its own. One till cannot run the new version of
its application: it is taken back. Nothing outside a temporary folder is touched; no rights are needed.`,
		Example: "  nightfill demo\n  nightfill demo --exit",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if d.json {
				d.data = cmd.OutOrStdout()
				return d.run(cmd.Context(), cmd.ErrOrStderr())
			}
			return d.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&d.exit, "exit", false, "end when the night is over and the store is judged")
	cmd.Flags().StringVar(&d.mqtt, "mqtt", "", "report to this broker, at which a headquarters listens, such as mqtt://127.0.0.1:1883 (default: one of its own)")
	cmd.Flags().StringVar(&d.dir, "dir", "", "keep everything in this folder (default: a temporary one, removed at the end)")
	cmd.Flags().BoolVar(&d.json, "json", false, "print what happened as JSON at the end; all else goes to the error output")
	cmd.Flags().BoolVar(&d.verbose, "verbose", false, "show the appliance's log")
	return cmd
}

type demo struct {
	version, dir  string
	mqtt          string
	exit, verbose bool
	json          bool
	data          io.Writer // where the JSON goes
	catalog       *Catalog  // nil: one of its own
}

// Options are what Run plays with.
type Options struct {
	Version string
	MQTT    string   // a broker at which a headquarters listens
	Catalog *Catalog // published, with the demo's own patches; everything is kept in its folder
}

// Run plays the demo with what is there already, until ctx ends.
func Run(ctx context.Context, out io.Writer, o Options) error {
	d := demo{version: o.Version, mqtt: o.MQTT, catalog: o.Catalog}
	return d.run(ctx, out)
}

// result is what --json prints.
type result struct {
	Night        *view.Night    `json:"night"`
	Ready        ready.Document `json:"ready"`
	Headquarters received       `json:"headquarters"`
}

// received is how much of the journal came to headquarters.
type received struct {
	Events  uint64 `json:"events"`
	Of      uint64 `json:"of"`
	Gaps    int    `json:"gaps"`
	Repeats int    `json:"repeats"`
}

// patience is how long the demo waits for its own night and for the judgement after it.
const patience = 5 * time.Minute

func (d demo) run(ctx context.Context, out io.Writer) error {
	dir, remove, err := d.folder()
	if err != nil {
		return err
	}
	defer remove()
	catalog, err := d.signed(ctx, out, dir)
	if err != nil {
		return fmt.Errorf("cannot make the demo's catalog: %w", err)
	}
	fmt.Fprintln(out, "Opening a store: 2 servers and 6 tills that answer SSH, each with yesterday's packages.")
	shop, err := openShop(ctx, dir, catalog.debs)
	if err != nil {
		return err
	}
	defer shop.close()
	brokerURL, stopBroker, err := d.broker()
	if err != nil {
		return err
	}
	defer stopBroker()
	hq, err := listenTo(brokerURL, d.mqtt != "")
	if err != nil {
		return err
	}
	defer hq.close()
	address, err := freeAddress("8080")
	if err != nil {
		return err
	}
	console, err := d.consoleAddress()
	if err != nil {
		return err
	}
	file, err := shop.storeFile("file://"+catalog.Out+"/", brokerURL, address, console, time.Now())
	if err != nil {
		return fmt.Errorf("cannot write the demo's store file: %w", err)
	}
	fmt.Fprintf(out, "READY page: http://%s/   store file: %s   MQTT: %s\n", address, file, brokerURL)
	if !d.exit {
		fmt.Fprintf(out, "Console: https://%s/console, with a certificate that the box makes itself\n", console)
	}
	screen := &screen{}
	box, err := d.box(ctx, file, screen)
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	return d.night(ctx, out, box, hq, screen)
}

// signed is the catalog that the store reads.
func (d demo) signed(ctx context.Context, out io.Writer, dir string) (*Catalog, error) {
	if d.catalog != nil {
		return d.catalog, nil
	}
	fmt.Fprintln(out, "Making a signed catalog: two of three owners of the point-of-sale application sign four patches.")
	now := time.Now()
	c, err := NewCatalog(dir, nil, now)
	if err != nil {
		return nil, err
	}
	if err := c.AddOwn(nil); err != nil {
		return nil, err
	}
	return c, c.Publish(ctx, now)
}

// broker is the one that was named, or one of its own, and what stops that.
func (d demo) broker() (string, func(), error) {
	if d.mqtt != "" {
		return d.mqtt, func() {}, nil
	}
	own, url, err := demobroker.Start("127.0.0.1:0", nil)
	if err != nil {
		return "", nil, err
	}
	return url, func() { _ = own.Close() }, nil // nothing is left to lose
}

// folder is where everything is kept, and what removes it.
func (d demo) folder() (string, func(), error) {
	if d.catalog != nil {
		return d.catalog.dir, func() {}, nil
	}
	if d.dir != "" {
		dir, err := filepath.Abs(d.dir)
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if entries, readErr := os.ReadDir(dir); err == nil && readErr == nil && len(entries) > 0 {
			err = fmt.Errorf("%s is not empty: name an empty folder", dir)
		}
		return dir, func() {}, err
	}
	dir, err := os.MkdirTemp("", "nightfill-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot make a folder for the demo: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// consoleAddress is where the technician's console is, which nobody could use in a demo that ends by itself.
func (d demo) consoleAddress() (string, error) {
	if d.exit {
		return "off", nil
	}
	return freeAddress("8443")
}

// box makes the appliance. screen is its own: there it shows the code that claims the console.
func (d demo) box(ctx context.Context, file string, screen io.Writer) (*daemon.Daemon, error) {
	cfg, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if d.verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return daemon.New(ctx, daemon.Options{Config: cfg, Version: d.version, Log: log, Console: screen})
}

// night runs the appliance and shows what it does, until the night is over and the store is
// judged; then it ends, or goes on serving the READY page until it is interrupted.
func (d demo) night(ctx context.Context, out io.Writer, box *daemon.Daemon, hq *headquarters, screen *screen) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- box.Run(running) }()
	err := watch(running, out, box, ended)
	if err == nil {
		err = d.report(running, out, box, hq)
	}
	if err == nil && !d.exit {
		fmt.Fprintf(out, "\nOn the box's own screen: %s\nThe READY page and the console stay up. Press Ctrl-C to end the demo.\n", screen.text())
		<-ctx.Done()
	}
	stop()
	select {
	case stopped := <-ended:
		err = errors.Join(err, stopped)
	case <-time.After(patience):
		err = errors.Join(err, errors.New("the appliance did not stop"))
	}
	return err
}

// watch shows progress until the night is closed and the store is judged by a look after it.
func watch(ctx context.Context, out io.Writer, box *daemon.Daemon, ended chan error) error {
	show := newProgress(out)
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		state := box.State()
		show.show(state)
		if n := state.Night; n != nil && !n.Open() && box.Report().AsOf.After(n.Closed) {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- nil
			return errors.Join(errors.New("the appliance ended before the night did"), err)
		case <-limit.C:
			return fmt.Errorf("the demo's night is not over after %s", patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d demo) report(ctx context.Context, out io.Writer, box *daemon.Daemon, hq *headquarters) error {
	summary(out, view.NightOf(box.State(), true))
	report := box.Report()
	fmt.Fprintf(out, "The store: %s\n", report.Line())
	for _, note := range report.Notes {
		fmt.Fprintf(out, "  to know: %s\n", note.What)
	}
	want := box.State().Seq
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; {
		if last, _, _ := hq.counted(); last >= want {
			break
		}
		pause(ctx, 100*time.Millisecond)
	}
	last, repeats, gaps := hq.counted()
	got := received{Events: last, Of: box.State().Seq, Gaps: gaps, Repeats: repeats}
	fmt.Fprintf(out, "Headquarters: has %d of %d events over MQTT, %d gaps, %d repeats.\n", got.Events, got.Of, got.Gaps, got.Repeats)
	if d.json {
		encoder := json.NewEncoder(d.data)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(result{view.NightOf(box.State(), true), report.Document(), got}); err != nil {
			return err
		}
	}
	if report.Verdict != site.Ready && report.Verdict != site.ReadyNotes {
		return fmt.Errorf("the demo's store should open, but the judgement is %s: %s", report.Verdict, report.Text)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
