package hq

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish"
)

// broker takes hints until it is away.
type broker struct {
	mu    sync.Mutex
	took  map[string]string
	limit int
}

func (b *broker) Hint(_ context.Context, store, verb string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.took) == b.limit {
		return errors.New("there is no connection to the broker")
	}
	b.took[store] = verb
	return nil
}

func TestLook(t *testing.T) {
	var stores []string
	for i := range 500 {
		stores = append(stores, fmt.Sprint(i))
	}
	for _, limit := range []int{1000, 120, 0} {
		b := &broker{took: map[string]string{}, limit: limit}
		n, err := hinter{b}.Look(t.Context(), stores)
		if n != min(limit, 500) || n != len(b.took) || (err != nil) != (limit < 500) {
			t.Errorf("%d of %d stores were asked, %d are said to be: %v", len(b.took), limit, n, err)
		}
		for store, verb := range b.took {
			if verb != "refresh" {
				t.Errorf("%s was told to %s", store, verb)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := (hinter{&broker{took: map[string]string{}, limit: 1000}}).Look(ctx, stores); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d were asked although nobody waits: %v", n, err)
	}
}

// catalogFolder makes a catalog with one patch, published, and returns where it is as the file of headquarters says it.
func catalogFolder(t *testing.T) *hqfile.CatalogRead {
	t.Helper()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, now := t.TempDir(), time.Now().Add(-time.Minute)
	c := &hqfile.CatalogRead{Work: filepath.Join(dir, "hq"), Out: filepath.Join(dir, "out"), Keys: filepath.Join(dir, "keys")}
	c.URL, c.Root = "file://"+c.Out+"/", filepath.Join(dir, "root.json")
	ring, err := keyfile.Open(c.Keys, keyfile.FixedPassword(""))
	do(err)
	do(publish.Init(publish.InitOptions{Dir: c.Work, KeyDir: c.Keys, Keys: ring, Holds: true, Now: now}))
	repo, err := publish.Open(c.Work)
	do(err)
	do(repo.Add(site.Patch{ID: "p-1", Title: "One", Owner: "owner"}, nil))
	owner, err := keyfile.Read(filepath.Join(c.Keys, "owner-1"), keyfile.FixedPassword(""))
	do(err)
	_, err = repo.Sign(owner, now, nil)
	do(err)
	do(repo.Release("p-1", site.RingFleet, nil))
	_, err = repo.Publish(t.Context(), publish.Options{Out: c.Out, Keys: ring, Now: now})
	do(err)
	root, err := os.ReadFile(filepath.Join(c.Out, "root.json"))
	do(err)
	do(os.WriteFile(c.Root, root, 0o600))
	return c
}

// What is pressed in the pages is what stores see in the catalog, and the pages show it.
func TestHoldFromThePages(t *testing.T) {
	h := open(t, func(c *hqfile.Headquarters) { c.Catalog, c.Login.Off = catalogFolder(t), true })
	h.fleet.View(func(b *board.Board) {
		b.Patches["p-1"] = site.Patch{ID: "p-1", Title: "One"}
		b.Store("0142").Device("till-1").Job("p-1").State = site.Done
		b.Store("0143")
	})
	send := func(method, address, body string) string {
		r := httptest.NewRequest(method, address, strings.NewReader(body))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		if !strings.HasPrefix(body, "{") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		rec := httptest.NewRecorder()
		h.pages.ServeHTTP(rec, r)
		return rec.Body.String()
	}
	h.readCatalog(t.Context())
	for _, c := range []struct{ method, address, body, want string }{
		{"GET", "/patches/p-1", "", "It is held at once"},
		{"POST", "/api/v1/stores/act", `{"verb":"look","stores":["0142","0143"]}`, "No store was asked: cannot hint store 014"},
		{"POST", "/api/v1/stores/act", `{"verb":"hold","stores":["0142","0143"],"reason":"the power is cut"}`, "Held 2 stores: they learn it at their next contact."},
		{"POST", "/api/v1/patches/p-1/hold", "reason=tills+do+not+come+back", `"how":"held"`},
		{"GET", "/patches/p-1", "", "Since "},
		{"GET", "/patches/p-1", "", "tills do not come back. Withdraw it, or lift the hold."},
		{"GET", "/attention", "", "Held everywhere: p-1, by anyone: tills do not come back. Withdraw it, or lift the hold."},
		{"POST", "/api/v1/patches/p-1/hold", "reason=again", "It was not stopped: p-1 is held already, since "},
		{"GET", "/api/v1/audit", "", `"verb":"stores.hold","subject":"0142 0143","outcome":"ok"`},
		{"GET", "/api/v1/audit", "", `"verb":"patch.stop","subject":"p-1","outcome":"refused"`},
	} {
		if got := send(c.method, c.address, c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s %s %s: no %q in %.2000s", c.method, c.address, c.body, c.want, got)
		}
	}
	seen, _, err := h.desk().Approved(t.Context(), time.Now().Add(time.Second))
	if err != nil || seen.Patches[0].Held == nil || len(seen.HeldStores) != 2 || seen.HeldStores["0142"].By != "anyone" {
		t.Errorf("stores see %+v, %v", seen, err)
	}
}
