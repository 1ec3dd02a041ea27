package database

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"github.com/nightfill/nightfill/sync/fleet/database/tables"
	"github.com/nightfill/nightfill/sync/fleet/database/tables/history"
	"github.com/nightfill/nightfill/sync/fleet/database/tables/notebook"
	"github.com/nightfill/nightfill/sync/fleet/database/tables/stores"
	"github.com/nightfill/nightfill/sync/fleet/database/tables/stores/intake"
	"github.com/nightfill/nightfill/sync/fleet/database/tables/told"
)

// DB is a database of headquarters. It may be used by several goroutines.
type DB struct {
	tables *tables.DB
	*intake.Intake
	*history.History
	*notebook.Notebook
	*stores.Directory
	*told.Reader
}

// Open opens the database at an address, sqlite:PATH or postgres://..., makes it if it is an
// SQLite file that does not exist, and brings its schema up to date.
func Open(ctx context.Context, address string, log *slog.Logger) (*DB, error) {
	return open(ctx, address, log, (*tables.DB).Migrate)
}

// Beside opens a database that a running nightfill-hq may be using. It makes none and changes no schema: one that
// is of another version of the program is an error.
func Beside(ctx context.Context, address string, log *slog.Logger) (*DB, error) {
	if path, isFile := strings.CutPrefix(address, "sqlite:"); isFile && path != "" {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("cannot open the database %s: %w", Shown(address), err)
		}
	}
	return open(ctx, address, log, (*tables.DB).Current)
}

// open opens a database and has its schema seen to.
func open(ctx context.Context, address string, log *slog.Logger, schema func(*tables.DB, context.Context) error) (*DB, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var t *tables.DB
	var err error
	switch path, isFile := strings.CutPrefix(address, "sqlite:"); {
	case isFile && path != "":
		t, err = tables.OpenFile(path, log)
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		t, err = tables.OpenServer(address, log)
	default:
		return nil, fmt.Errorf("cannot use %q as a database: write sqlite:PATH or postgres://user@host/name", Shown(address))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the database %s: %w", Shown(address), err)
	}
	if err := schema(t, ctx); err != nil {
		t.Close()
		return nil, fmt.Errorf("cannot open the database %s: %w", Shown(address), err)
	}
	return &DB{t, intake.New(t), history.New(t), notebook.New(t), stores.NewDirectory(t), told.New(t)}, nil
}

// Close closes the database. A batch that is being stored ends first.
func (db *DB) Close() error { return db.tables.Close() }

// Shared reports whether other processes may write to the same database.
func (db *DB) Shared() bool { return db.tables.Shared() }

// Lead makes this process the one that leads, if no other is. term ends with ctx or when the
// process cannot be sure any more to lead; nil: another one leads. end gives the lead back, and
// must be called. In SQLite there is only one process.
func (db *DB) Lead(ctx context.Context) (term context.Context, end func(), err error) {
	return db.tables.Lead(ctx)
}

// Refused reports whether the database refuses what was to be stored for what it is, so that
// trying again is of no use. Every other error is of the moment.
func Refused(err error) bool { return tables.Refused(err) }

// Shown is an address as it may be shown: without a password. Of one that cannot be read only the kind is left.
func Shown(address string) string {
	if strings.HasPrefix(address, "sqlite:") {
		return address
	}
	kind, _, _ := strings.Cut(address, ":")
	u, err := url.Parse(address)
	if err != nil {
		return kind + "://..."
	}
	q := u.Query()
	for _, secret := range []string{"password", "sslpassword"} {
		if q.Has(secret) {
			q.Set(secret, "xxxxx")
			u.RawQuery = q.Encode()
		}
	}
	return u.Redacted()
}
