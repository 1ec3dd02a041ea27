package database_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/sync/fleet/database/databasetest"
)

// TestBeside opens a database that is in use, and makes or changes none.
func TestBeside(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone.db")
	if _, err := database.Beside(t.Context(), "sqlite:"+gone, nil); err == nil || err.Error() != "cannot open the database sqlite:"+gone+": stat "+gone+": no such file or directory" {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("it made a database")
	}
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		address := fresh()
		if strings.HasPrefix(address, "sqlite:") {
			if err := os.WriteFile(strings.TrimPrefix(address, "sqlite:"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := database.Beside(t.Context(), address, nil); err == nil || !strings.HasSuffix(err.Error(), "use the nightfill-hq that runs on it") {
			t.Errorf("an empty one: got %v", err)
		}
		first := databasetest.Open(t, address)
		beside, err := database.Beside(t.Context(), address, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer beside.Close()
		for i, db := range []*database.DB{beside, first, beside} {
			if d, err := db.Record(t.Context(), board.Deed{At: time.Now(), Actor: "kim"}); err != nil || d.Seq != int64(i+1) {
				t.Errorf("%v %+v", err, d)
			}
		}
	})
}
