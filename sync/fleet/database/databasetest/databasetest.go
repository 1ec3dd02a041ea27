// Package databasetest gives tests the databases that headquarters can use: SQLite always, and
// PostgreSQL where NIGHTFILL_TEST_POSTGRES names a server.
package databasetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightfill/nightfill/sync/fleet/database"
)

// Each runs a test once for each kind of database. fresh gives the address of an empty one, which
// can be opened as often as is needed.
func Each(t *testing.T, test func(t *testing.T, fresh func() string)) {
	t.Run("sqlite", func(t *testing.T) {
		n := 0
		test(t, func() string {
			n++
			return "sqlite:" + filepath.Join(t.TempDir(), fmt.Sprintf("hq-%d.db", n))
		})
	})
	t.Run("postgres", func(t *testing.T) {
		server := Server(t)
		test(t, func() string { return schema(t, server) })
	})
}

// Server returns the address of the PostgreSQL server, or skips the test where there is none.
func Server(t *testing.T) string {
	server := os.Getenv("NIGHTFILL_TEST_POSTGRES")
	if server == "" {
		t.Skip("NIGHTFILL_TEST_POSTGRES names no server: scripts/hq-test starts one")
	}
	return server
}

// Schema returns the address of an empty database on the PostgreSQL server.
func Schema(t *testing.T) string { return schema(t, Server(t)) }

// schema makes a schema of its own for the test, which is dropped after it.
func schema(t *testing.T, server string) string {
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("t%d_%d", os.Getpid(), time.Now().UnixNano())
	if _, err := db.Exec("create schema " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db, err := sql.Open("pgx", server)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("drop schema " + name + " cascade"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// Open opens a database until the test ends.
func Open(t *testing.T, address string) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
