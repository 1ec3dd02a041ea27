package hq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/certificate"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/stores"
	"github.com/nightfill/nightfill/daemon/control/users"
	"github.com/nightfill/nightfill/daemon/hq/escalate"
	"github.com/nightfill/nightfill/daemon/mqttline"
	"github.com/nightfill/nightfill/daemon/notify"
	"github.com/nightfill/nightfill/daemon/serve"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/fleet"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/ui/signin"
)

// Options are what headquarters is made from.
type Options struct {
	Config  hqfile.Headquarters // settled
	Version string
	Log     *slog.Logger
	Screen  io.Writer // where the claim code is shown besides the log; nil = nowhere
}

// HQ is headquarters.
type HQ struct {
	Options
	started time.Time
	loaded  time.Duration // how long the board took

	db          *database.DB
	fleet       *fleet.Fleet
	users       *accounts.Accounts
	tokens      *tokens
	catalog     *catalog.Catalog // nil: the file names none
	control     *socket.Server
	signin      *signin.SignIn
	pages       http.Handler
	certificate *certificate.Keeper // nil: the pages are served in the clear
	escalate    *escalate.Escalator
	announcer   *announcer
	notify      *notify.Notifier
	counters    counters
}

// New makes headquarters: it opens the database and loads the board. Everything that is wrong with the
// state directory, the database or the files is an error here, before anything runs.
func New(ctx context.Context, o Options) (*HQ, error) {
	h := &HQ{Options: o, started: time.Now()}
	if err := os.MkdirAll(o.Config.State, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the state directory: %w", err)
	}
	if err := h.makePlace(); err != nil {
		return nil, err
	}
	var err error
	if h.db, err = database.Open(ctx, o.Config.DB, o.Log); err != nil {
		return nil, err
	}
	if err := h.assemble(ctx); err != nil {
		return nil, errors.Join(err, h.db.Close())
	}
	return h, nil
}

// makePlace makes the folder of an SQLite file.
func (h *HQ) makePlace() error {
	const scheme = "sqlite:"
	if len(h.Config.DB) <= len(scheme) || h.Config.DB[:len(scheme)] != scheme {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(h.Config.DB[len(scheme):]), 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the database: %w", err)
	}
	return nil
}

// assemble is the wiring.
func (h *HQ) assemble(ctx context.Context) error {
	began := time.Now()
	m := h.Config.MQTT
	line, err := mqttline.New(mqttline.Options{URL: m.URL, CA: m.CA, Cert: m.Cert, Key: m.Key, Username: m.Username, PasswordFile: m.PasswordFile})
	if err != nil {
		return err
	}
	h.fleet, err = fleet.Open(ctx, fleet.Options{
		DB: h.db, Org: h.Config.Org, Shared: m.Shared, Expected: expected(h.Config.Stores), Version: "nightfill-hq " + h.Version, Log: h.Log,
		Broker: line,
	})
	if err != nil {
		return err
	}
	h.loaded = time.Since(began)
	debug.FreeOSMemory() // reading the board leaves as much behind as the board is large
	h.notify = notify.New(h.Log)
	h.tokens = newTokens(h.db, h.db)
	if err := h.openAccounts(); err != nil {
		return err
	}
	if h.catalog, err = OpenCatalog(h.Config, h.Log); err != nil {
		return err
	}
	if err := h.openCertificate(); err != nil {
		return err
	}
	h.announcer = newAnnouncer(h)
	h.escalate = h.newEscalator()
	h.signin = h.newSignIn()
	h.pages = h.signin.Handler(h.fleetPages())
	h.control = socket.New(socket.Options{
		Path: filepath.Join(h.Config.State, "control.sock"), Log: h.Log, Version: h.Version,
		Routes: slices.Concat(users.Routes(h.users, func(context.Context) time.Time { return time.Now() }, h.Log), users.TokenRoutes(h.tokens, h.Log), stores.Routes(shops{h})),
	})
	return nil
}

// openCertificate makes or reads the certificate of the pages.
func (h *HQ) openCertificate() error {
	t := h.Config.TLS
	if t.Off {
		return nil
	}
	names := []string{"nightfill-hq"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	var err error
	h.certificate, err = certificate.Open(certificate.Options{Dir: h.Config.State, Names: names, Cert: t.Cert, Key: t.Key, Log: h.Log, Of: certificate.Headquarters()}, time.Now())
	return err
}

// Run runs headquarters until ctx ends, and then stops every part and closes the database. What was heard
// by then is stored, and the stores are told that headquarters is away.
func (h *HQ) Run(ctx context.Context) error {
	defer func() {
		if err := h.db.Close(); err != nil {
			h.Log.Error("cannot close the database", "err", err)
		}
	}()
	listeners, err := h.listen()
	if err != nil {
		return err
	}
	if err := h.showClaim(); err != nil {
		return err
	}
	h.record(ctx, board.Deed{At: time.Now(), Actor: "nightfill-hq", Origin: "program", Verb: "start", Subject: h.Config.Org, Outcome: "ok", Text: "nightfill-hq " + h.Version})
	group, ctx := errgroup.WithContext(ctx)
	parts := []func(context.Context) error{
		h.fleet.Run, h.users.Run, h.tokens.Run, h.control.Run, h.settled(h.escalate.Run), h.notify.Run, h.beat, h.keepCatalog, h.settled(h.watchPatches), h.settled(h.prepareExceptions), h.compact, h.keepDays, h.tellStatus, h.announcer.Run, h.keepStores,
	}
	if h.certificate != nil {
		parts = append(parts, h.certificate.Run)
	}
	for _, part := range parts {
		group.Go(func() error { return part(ctx) })
	}
	for _, l := range listeners {
		group.Go(func() error { return serve.Serve(ctx, l) })
	}
	h.Log.Info("nightfill-hq runs", "org", h.Config.Org, "version", h.Version, "db", database.Shown(h.Config.DB), "state", h.Config.State, "supervision", h.notify.String())
	_ = h.notify.Ready() // without systemd there is nobody to tell
	<-ctx.Done()
	_ = h.notify.Stopping()
	err = group.Wait()
	h.record(context.WithoutCancel(ctx), board.Deed{At: time.Now(), Actor: "nightfill-hq", Origin: "program", Verb: "stop", Subject: h.Config.Org, Outcome: "ok"})
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// recordLimit is how long a line of the audit log may take.
const recordLimit = 5 * time.Second

// record writes a line of the audit log. What was done is done: when it cannot be written, the log says so.
func (h *HQ) record(ctx context.Context, d board.Deed) {
	ctx, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	if _, err := h.db.Record(ctx, d); err != nil {
		h.Log.Error("cannot write a line of the audit log", "actor", d.Actor, "verb", d.Verb, "subject", d.Subject, "text", d.Text, "err", err)
	}
}
