package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/alarm"
	"github.com/nightfill/nightfill/daemon/certificate"
	"github.com/nightfill/nightfill/daemon/checker"
	"github.com/nightfill/nightfill/daemon/clock"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/logs"
	"github.com/nightfill/nightfill/daemon/mqttline"
	"github.com/nightfill/nightfill/daemon/notify"
	"github.com/nightfill/nightfill/daemon/repair"
	"github.com/nightfill/nightfill/daemon/runner"
	"github.com/nightfill/nightfill/daemon/serve"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/depot"
	"github.com/nightfill/nightfill/sync/uplink"
	"github.com/nightfill/nightfill/ui/console"
)

// Options are what the appliance is made from.
type Options struct {
	Config       config.Config
	Version      string
	Built        time.Time // when the program was built; zero = not known
	Log          *slog.Logger
	CheckCommand []string  // checks the journal file in a process of its own; see journal.Options
	Console      io.Writer // the box's own screen, where the claim code is shown; nil = there is none
}

// Daemon is one store's appliance.
type Daemon struct {
	Options
	store   site.Store
	started time.Time
	recent  *logs.Recent // of the log

	journal     *journal.Journal
	ledger      *ledger.Ledger
	hosts       *sshhost.Driver
	devices     devices.Driver
	catalog     *catalog.Catalog // nil: the store file names none
	depot       *depot.Depot
	runner      *runner.Runner
	hands       *hands.Hands
	desk        *terminal.Desk
	checker     *checker.Checker
	uplink      *uplink.Uplink // nil: the store file names no broker
	users       *accounts.Accounts
	control     *control.Server
	console     *console.Console    // nil: the store file wants none
	certificate *certificate.Keeper // of the console
	notify      *notify.Notifier
	alarm       *alarm.Escalator
	mender      *repair.Mender

	refresh  chan struct{} // asks for a look at the catalog now
	relook   chan struct{} // asks for a look at the devices now
	bundling chan struct{} // holds one while a support bundle is made
	supplied chan struct{} // closed when the catalog was looked for once
	checked  chan struct{} // closed when the checks were carried out once
	ready    chan struct{} // closed when a night may be planned

	judged    judgements
	readyTook prometheus.Histogram

	mu        sync.Mutex        // guards what follows; held for memory only
	unfetched map[string]string // digest -> why it could not be fetched, or has no room
	inventory site.Inventory
	results   map[string]site.CheckResult
	since     map[string]time.Time
	rounds    uint64     // how often the checks were carried out
	tonight   *plan.Plan // what the store is told of the coming night; nil = it is not told yet
}

// New makes the appliance and opens its journal. Everything that is wrong with the state
// directory, the keys or the catalog's root is an error here, before anything runs.
func New(ctx context.Context, o Options) (*Daemon, error) {
	d := &Daemon{
		Options: o, store: o.Config.Store, started: time.Now(), refresh: make(chan struct{}, 1), relook: make(chan struct{}, 1), bundling: make(chan struct{}, 1), supplied: make(chan struct{}),
		checked: make(chan struct{}), ready: make(chan struct{}),
		readyTook: newReadyTook(), unfetched: map[string]string{}, inventory: site.Inventory{}, results: map[string]site.CheckResult{}, since: map[string]time.Time{},
	}
	d.Log, d.recent = logs.Remember(o.Log)
	if err := os.MkdirAll(o.Config.State, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the state directory: %w", err)
	}
	var err error
	if d.journal, err = journal.Open(ctx, journal.Options{Dir: o.Config.State, Store: d.store.FullID(), Log: d.Log, CheckCommand: o.CheckCommand}); err != nil {
		return nil, err
	}
	if err := d.assemble(); err != nil {
		return nil, errors.Join(err, d.journal.Close())
	}
	return d, nil
}

// assemble is the wiring.
func (d *Daemon) assemble() error {
	start, err := checkpoint(d.journal)
	if err != nil {
		return err
	}
	if d.ledger, err = ledger.Resume(d.journal, start); err != nil {
		return err
	}
	var signer ssh.Signer
	if d.Config.NeedsSSH() {
		if signer, err = readKey(d.Config.SSH.Key); err != nil {
			return err
		}
	}
	latest := slices.MaxFunc([]time.Time{time.Now(), d.Built, d.ledger.State().TrustedAt}, time.Time.Compare)
	box, since, err := identity(filepath.Join(d.Config.State, "box"), latest)
	if err != nil {
		return err
	}
	owner := d.store.Org + "." + d.store.ID + "." + box
	d.hosts = sshhost.New(sshhost.Options{Signer: signer, Box: box, Since: since, Log: d.Log})
	d.devices = devices.Set{site.LinuxServer: d.hosts}
	if err := d.openCatalog(); err != nil {
		return err
	}
	d.notify = notify.New(d.Log)
	heart := d.notify.Heart("runner")
	d.runner = runner.New(runner.Options{
		Ledger: d.ledger, Devices: d.devices, Artifacts: artifacts{d.depot}, Facts: d.facts,
		Calendar: func() window.Calendar { return d.store.Calendar }, Device: d.device,
		Owner: owner, Log: d.Log, Beat: heart.Beat, BeatEvery: d.notify.Interval() / 2, Prepared: d.ready, Seen: d.saw,
	})
	d.checker = checker.New(checker.Options{
		Store: d.store, Devices: pinned{d}, Log: d.Log, Sink: d.keepResults,
		Interval: d.Config.Readiness.Every, Schedule: d.nextFixedCheck,
	})
	d.hands = hands.New(hands.Options{Ledger: d.ledger, Devices: d.devices, Device: d.device, Log: d.Log})
	d.desk = d.newDesk()
	d.mender = repair.New(repair.Options{
		Ledger: d.ledger, Devices: d.devices, Device: d.device, Store: d.store, Owner: owner + ".repair", Again: d.checker.Kick, Log: d.Log,
	})
	d.alarm = alarm.New(alarm.Options{Ledger: d.ledger, View: d.View, Log: d.Log})
	if err := d.openUplink(); err != nil {
		return err
	}
	if err := d.openAccounts(); err != nil {
		return err
	}
	if err := d.openConsole(); err != nil {
		return err
	}
	d.control = control.New(control.Options{
		Box: d, Journal: d.journal, Users: d.users, Terminals: d.desk, Evidence: d, Path: filepath.Join(d.Config.State, "control.sock"), Log: d.Log, Version: d.Version,
	})
	return nil
}

func readKey(path string) (ssh.Signer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key for the devices (ssh.key in the store file): %w; make one with: ssh-keygen -t ed25519 -N '' -f %s", err, path)
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s (ssh.key in the store file): %v; it must be a private key without a passphrase", path, err)
	}
	return signer, nil
}

func (d *Daemon) openCatalog() error {
	c := d.Config.Catalog
	if c == nil {
		d.depot = depot.New(d.depotDir(), "", nil)
		return nil
	}
	var err error
	d.catalog, err = catalog.New(catalog.Options{
		Dir: filepath.Join(d.Config.State, "catalog"), URL: c.URL, Root: c.Root, MaxOffline: c.MaxOffline, Log: d.Log,
	})
	d.depot = depot.New(d.depotDir(), c.URL, nil, depot.WithRate(d.rate))
	return err
}

func (d *Daemon) depotDir() string { return filepath.Join(d.Config.State, "depot") }

// rate is how fast artifacts may be fetched now: gently while the store trades.
func (d *Daemon) rate() int64 {
	if _, inside := d.store.Calendar.Contains(time.Now()); inside {
		return d.Config.Catalog.Rate.Closed
	}
	return d.Config.Catalog.Rate.Open
}

func (d *Daemon) openUplink() error {
	m := d.Config.MQTT
	if m == nil {
		return nil
	}
	line, err := mqttline.New(mqttline.Options{URL: m.URL, CA: m.CA, Cert: m.Cert, Key: m.Key, Username: m.Username, PasswordFile: m.PasswordFile})
	if err != nil {
		return err
	}
	d.uplink, err = uplink.New(uplink.Options{
		Broker: line, Org: d.store.Org, Store: d.store.ID, Version: "nightfilld " + d.Version,
		Births: filepath.Join(d.Config.State, "births"), Journal: d.journal, Snapshots: d.snapshot, Hint: d.hint, Log: d.Log,
		Left: func() []string { return d.ledger.State().Left },
		Cleared: func(id string) error {
			return d.ledger.Add(run.Event{Kind: run.OldTopicsCleared, At: time.Now(), Text: id})
		},
	})
	return err
}

// hint is what headquarters may ask for over MQTT: to look, never to act.
func (d *Daemon) hint(verb string) {
	if verb == "refresh" {
		ask(d.refresh)
	}
}

// ask asks once for something that is done in its own time; asking again before it is done adds nothing.
func ask(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// Run runs the appliance until ctx ends, and then stops every part and closes the journal.
// Steps under way go on by themselves on their devices.
func (d *Daemon) Run(ctx context.Context) error {
	defer func() {
		if err := d.journal.Close(); err != nil {
			d.Log.Error("cannot close the journal", "err", err)
		}
	}()
	defer func() { _ = d.hosts.Close() }()
	listeners, err := d.listen()
	if err != nil {
		return err
	}
	d.judgeClock()
	d.judgeDisk()
	if err := d.ledger.Add(run.Event{Kind: run.DaemonStarted, At: time.Now(), Text: "nightfilld " + d.Version}); err != nil {
		return err
	}
	if err := errors.Join(d.closeTerminals(), d.showClaim()); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context) error{
		d.journal.Run, d.runner.Run, d.hands.Run, d.desk.Run, d.checker.Run, d.control.Run, d.notify.Run, d.pulse, d.timekeeper, d.supply, d.prepared, d.watch, d.tellStatus, d.watchVerdict, d.watchOpening, d.announce, d.alarm.Run, d.mender.Run, d.retain, d.copyJournal, d.users.Run,
	} {
		group.Go(func() error { return part(ctx) })
	}
	if d.console != nil {
		group.Go(func() error { return d.console.Run(ctx) })
		group.Go(func() error { return d.certificate.Run(ctx) })
	}
	if d.uplink != nil {
		group.Go(func() error { return d.uplink.Run(ctx) })
	}
	for _, l := range listeners {
		group.Go(func() error { return serve.Serve(ctx, l) })
	}
	d.Log.Info("nightfilld runs", "site", d.store.ID, "version", d.Version, "state", d.Config.State)
	_ = d.notify.Ready() // without systemd there is nobody to tell
	<-ctx.Done()
	_ = d.notify.Stopping()
	err = group.Wait()
	if err := d.ledger.Add(run.Event{Kind: run.DaemonStopped, At: time.Now()}); err != nil {
		d.Log.Error("cannot write the end of this run to the journal", "err", err)
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// State is what the box knows now.
func (d *Daemon) State() run.State { return d.ledger.State() }

// device finds a device with the host key that is pinned for it: the store file's, or the
// one that a person enrolled.
func (d *Daemon) device(id string) (site.Device, bool) {
	device, ok := d.store.Device(id)
	if key := d.ledger.State().HostKeys[id]; ok && key != "" {
		device.HostKey = key
	}
	return device, ok
}

// pinnedStore is the store with every device's pinned host key filled in.
func (d *Daemon) pinnedStore() site.Store {
	store := d.store
	store.Devices = make([]site.Device, 0, len(d.store.Devices))
	keys := d.ledger.State().HostKeys
	for _, device := range d.store.Devices {
		if key := keys[device.ID]; key != "" {
			device.HostKey = key
		}
		store.Devices = append(store.Devices, device)
	}
	return store
}

// worth judges the clock by a state.
func (d *Daemon) worth(state run.State) clock.Judgement {
	return clock.Reader{
		Asked: clock.Trust(d.Config.Clock.Trust), Built: d.Built, Kernel: clock.System,
		LastSeen: func() time.Time { return state.TrustedAt },
	}.Judge()
}

// judgeClock asks whether the time is to be trusted, and writes it down when that changed.
func (d *Daemon) judgeClock() {
	state := d.ledger.State()
	judgement := d.worth(state)
	event, changed := judgement.Change(state.Unsure)
	if !changed {
		return
	}
	if judgement.Reason != nil {
		d.Log.Warn("nothing is begun until the clock can be trusted", "reason", judgement.Reason.Text)
	}
	if err := d.ledger.Add(event); err != nil {
		d.Log.Error("cannot write down what the clock is worth", "err", err)
	}
}

// Changed is closed when the box next learns something. Ask for it before State.
func (d *Daemon) Changed() <-chan struct{} { return d.ledger.Changed() }

// judgeDisk asks whether the journal has its reserve of disk space, and writes it down when
// that changed. The reserve is given up on a full disk, so that what runs can still be ended.
func (d *Daemon) judgeDisk() {
	ballast := d.journal.Ballast()
	var reason *site.Reason
	if ballast.Size > 0 && !ballast.Held {
		reason = site.Because(site.CodeBoxFull, fmt.Sprintf("the disk of this box is full: %s lacks the %d MiB that the journal keeps in reserve; free some space there; nothing is begun until then",
			d.Config.State, ballast.Size>>20), "dir", d.Config.State)
	}
	if (reason == nil) == (d.ledger.State().Full == nil) {
		return
	}
	if reason != nil {
		d.Log.Error(reason.Text)
	}
	if err := d.ledger.Add(run.Event{Kind: run.DiskChanged, At: time.Now(), Reason: reason}); err != nil {
		d.Log.Error("cannot write down that the disk is full", "err", err)
	}
}
