package database

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver named sqlite
)

//go:embed migrations/*.sql
var migrations embed.FS

// serverConns is how many connections to PostgreSQL are open at most.
const serverConns = 8

// DB is a database of headquarters. It may be used by several goroutines.
type DB struct {
	log      *slog.Logger
	postgres bool
	url      string
	write    *sql.DB
	read     *sql.DB  // the same as write in PostgreSQL
	texts    sync.Map // statements as PostgreSQL wants them

	// SQLite has one writer: the rest is used by whoever holds writing.
	writing     sync.Mutex
	conn        *sql.Conn // of write
	prepared    map[string]*sql.Stmt
	known       map[string]*storeRow // what the rows hold, while dataVersion stands
	dataVersion int64
}

// Open opens the database at an address, sqlite:PATH or postgres://..., makes it if it is an
// SQLite file that does not exist, and brings its schema up to date.
func Open(ctx context.Context, address string, log *slog.Logger) (*DB, error) {
	return open(ctx, address, log, (*DB).migrate)
}

// Beside opens a database that a running nightfill-hq may be using. It makes none and changes no schema: one that
// is of another version of the program is an error.
func Beside(ctx context.Context, address string, log *slog.Logger) (*DB, error) {
	if path, isFile := strings.CutPrefix(address, "sqlite:"); isFile && path != "" {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("cannot open the database %s: %w", Shown(address), err)
		}
	}
	return open(ctx, address, log, (*DB).current)
}

// open opens a database and has its schema seen to.
func open(ctx context.Context, address string, log *slog.Logger, schema func(*DB, context.Context) error) (*DB, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db := &DB{log: log, url: address, known: map[string]*storeRow{}, prepared: map[string]*sql.Stmt{}}
	var err error
	switch path, isFile := strings.CutPrefix(address, "sqlite:"); {
	case isFile && path != "":
		err = db.openFile(path)
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		db.postgres = true
		if db.write, err = sql.Open("pgx", address); err == nil {
			db.write.SetMaxOpenConns(serverConns)
			db.write.SetMaxIdleConns(serverConns)
			db.read = db.write
		}
	default:
		return nil, fmt.Errorf("cannot use %q as a database: write sqlite:PATH or postgres://user@host/name", Shown(address))
	}
	if err == nil {
		err = schema(db, ctx)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("cannot open the database %s: %w", Shown(address), err)
	}
	return db, nil
}

// openFile opens an SQLite file with one connection that writes and several that read.
func (db *DB) openFile(path string) error {
	full, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	at := "file:" + (&url.URL{Path: full}).EscapedPath()
	common := "?_pragma=busy_timeout(10000)&_pragma=temp_store(memory)"
	if db.write, err = sql.Open("sqlite", at+common+"&_txlock=immediate&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(32000)"); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open("sqlite", at+common+"&_pragma=query_only(1)&_pragma=cache_size(-8192)"); err != nil {
		return err
	}
	db.read.SetMaxOpenConns(4)
	return nil
}

// Close closes the database. A batch that is being stored ends first.
func (db *DB) Close() error {
	db.writing.Lock()
	defer db.writing.Unlock()
	var err error
	for _, s := range db.prepared {
		s.Close()
	}
	if db.conn != nil {
		db.conn.Close()
	}
	if db.write != nil {
		err = db.write.Close()
	}
	if db.read != nil && db.read != db.write {
		if err2 := db.read.Close(); err == nil {
			err = err2
		}
	}
	return err
}

// Shared reports whether other processes may write to the same database.
func (db *DB) Shared() bool { return db.postgres }

// migrate brings the schema up to date.
func (db *DB) migrate(ctx context.Context) error {
	provider, err := db.migrations()
	if err != nil {
		return err
	}
	unlock, err := db.lockSchema(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err = provider.Up(ctx); err != nil {
		return err
	}
	return db.connect(ctx)
}

// current fails where the schema is not that of this program.
func (db *DB) current(ctx context.Context) error {
	provider, err := db.migrations()
	if err != nil {
		return err
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have != want {
		return fmt.Errorf("its schema is version %d and this program knows %d: use the nightfill-hq that runs on it", have, want)
	}
	return db.connect(ctx)
}

// connect takes the connection that writes, which SQLite has one of.
func (db *DB) connect(ctx context.Context) (err error) {
	if !db.postgres {
		db.conn, err = db.write.Conn(ctx)
	}
	return err
}

// migrations are the steps of the schema.
func (db *DB) migrations() (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	var options []goose.ProviderOption
	if db.postgres {
		dialect = goose.DialectPostgres
	}
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var steps []*goose.Migration
	for i, f := range files {
		text, err := migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			return nil, err
		}
		up := db.dialect(string(text))
		steps = append(steps, goose.NewGoMigration(int64(i+1), &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, up)
			return err
		}}, nil))
	}
	options = append(options, goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true))
	return goose.NewProvider(dialect, db.write, nil, options...)
}

// dialect writes out what the two databases call differently.
func (db *DB) dialect(text string) string {
	words := []string{"{{key}}", "integer primary key", "{{id}}", "integer primary key", "{{clustered}}", "without rowid"}
	if db.postgres {
		words = []string{"{{key}}", "bigint generated by default as identity primary key", "{{id}}", "bigint primary key", "{{clustered}}", ""}
	}
	return strings.NewReplacer(words...).Replace(text)
}

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
