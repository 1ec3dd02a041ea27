package catalogcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/patchfile"
	"github.com/nightfill/nightfill/sync/publish"
)

var start = time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)

// fault answers a request in the place of the server; false lets the server answer.
type fault func(http.ResponseWriter, *http.Request) bool

// template is a headquarters that published patch p1, made once and copied for each world.
var template = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "nightfill-template-")
	if err != nil {
		return "", err
	}
	hq, err := makeCatalog(filepath.Join(dir, "hq"), start)
	if err != nil {
		return "", err
	}
	return dir, publishPatch(dir, hq, filepath.Join(dir, "hq-keys"), filepath.Join(dir, "out"), 1, start.Add(time.Minute))
})

// world is a headquarters and a store with a server between them that can be made to lie.
type world struct {
	t      *testing.T
	dir    string
	hq     *publish.Repo
	url    string
	now    time.Time
	fault  atomic.Pointer[fault]
	served atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, dir: t.TempDir(), now: start.Add(time.Minute)}
	made, err := template()
	w.must(err)
	w.must(os.CopyFS(w.dir, os.DirFS(made)))
	config := w.path("hq/nightfill.json")
	w.must(os.WriteFile(config, bytes.ReplaceAll(w.read("hq/nightfill.json"), []byte(made), []byte(w.dir)), 0o600))
	w.hq, err = publish.Open(w.path("hq"))
	w.must(err)
	files := http.FileServer(http.Dir(w.path("out")))
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.served.Add(1)
		if f := w.fault.Load(); f == nil || !(*f)(rw, r) {
			files.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	w.must(os.WriteFile(w.path("root.json"), w.read("out/root.json"), 0o600))
	return w
}

// lie lets the server answer with f from now on; nil makes it honest again.
func (w *world) lie(f fault) {
	if f == nil {
		w.fault.Store(nil)
		return
	}
	w.fault.Store(&f)
}

func makeCatalog(dir string, now time.Time) (*publish.Repo, error) {
	keys, err := keyfile.Open(dir+"-keys", keyfile.FixedPassword(""))
	if err != nil {
		return nil, err
	}
	if err := publish.Init(publish.InitOptions{Dir: dir, KeyDir: dir + "-keys", Keys: keys, Now: now}); err != nil {
		return nil, err
	}
	return publish.Open(dir)
}

func (w *world) newCatalog(name string) *publish.Repo {
	w.t.Helper()
	hq, err := makeCatalog(w.path(name), w.now)
	w.must(err)
	return hq
}

// publishPatch adds, signs, releases and publishes patch number n.
func publishPatch(dir string, hq *publish.Repo, keys, out string, n int, now time.Time) error {
	deb, yaml := filepath.Join(dir, "a.deb"), filepath.Join(dir, "p.yaml")
	text := fmt.Appendf(nil, "id: p%d\ntitle: t\ninstall: {kind: deb}\nartifacts: [a.deb]\napplies: {package: a, below: %q}\n", n, fmt.Sprint(n))
	if err := errors.Join(os.WriteFile(deb, fmt.Appendf(nil, "bytes %d", n), 0o600), os.WriteFile(yaml, text, 0o600)); err != nil {
		return err
	}
	patch, files, err := patchfile.Read(yaml)
	if err != nil {
		return err
	}
	if err := hq.Add(patch, files); err != nil {
		return err
	}
	owner, err := filepath.Glob(filepath.Join(keys, "owner-*"))
	if err != nil {
		return err
	}
	key, err := keyfile.Read(owner[len(owner)-1], keyfile.FixedPassword(""))
	if err != nil {
		return err
	}
	if _, err := hq.Sign(key, now, nil); err != nil {
		return err
	}
	if err := hq.Release(fmt.Sprintf("p%d", n), site.RingFleet, nil); err != nil {
		return err
	}
	ring, err := keyfile.Open(hq.KeyDir(), keyfile.FixedPassword(""))
	if err != nil {
		return err
	}
	_, err = hq.Publish(context.Background(), publish.Options{Out: out, Keys: ring, Verify: verifyAsStore, Now: now})
	return err
}

// ring is the keys of a headquarters.
func (w *world) ring(hq *publish.Repo) *keyfile.Folder {
	w.t.Helper()
	keys, err := keyfile.Open(hq.KeyDir(), keyfile.FixedPassword(""))
	w.must(err)
	return keys
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *world) read(name string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(w.path(name))
	w.must(err)
	return data
}

// publish adds, signs, releases and publishes patch number n, a minute later than the last.
func (w *world) publish(n int) {
	w.t.Helper()
	w.publishFrom(w.hq, "hq-keys", "out", n)
}

func (w *world) publishFrom(hq *publish.Repo, keys, out string, n int) {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	w.must(publishPatch(w.dir, hq, w.path(keys), w.path(out), n, w.now))
}

func (w *world) republish(hq *publish.Repo, out string) {
	w.t.Helper()
	_, err := hq.Publish(w.t.Context(), publish.Options{Out: w.path(out), Keys: w.ring(hq), Verify: verifyAsStore, Now: w.now})
	w.must(err)
}

func (w *world) rotate(role string) {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	_, err := w.hq.Rotate(publish.RotateOptions{Role: role, Keys: w.ring(w.hq), Now: w.now})
	w.must(err)
}

// store opens the store's catalog, as after a restart of the box.
func (w *world) store() *catalog.Catalog {
	w.t.Helper()
	c, err := catalog.New(catalog.Options{Dir: w.path("state"), URL: w.url, Root: w.path("root.json"), Timeout: 500 * time.Millisecond})
	w.must(err)
	return c
}

// refreshed is a store that has what is published.
func (w *world) refreshed() *catalog.Catalog {
	w.t.Helper()
	c := w.store()
	_, err := c.Refresh(w.t.Context(), w.now)
	w.must(err)
	return c
}

// holds demands that a store approves exactly the patches p1 to pn.
func (w *world) holds(c *catalog.Catalog, n int) {
	w.t.Helper()
	got, err := c.Current(w.now)
	if err != nil || len(got.Patches) != n {
		w.t.Errorf("the store approves %d patches (%v), want %d", len(got.Patches), err, n)
	}
}

func (w *world) demand(err error, code site.Code, text string) {
	w.t.Helper()
	var why *site.Reason
	if !errors.As(err, &why) || why.Code != code || !strings.Contains(err.Error(), text) {
		w.t.Errorf("error is %v, want %s %q", err, code, text)
	}
}

func TestNewStore(t *testing.T) {
	w := newWorld(t)
	c := w.store()
	_, err := c.Current(w.now)
	w.demand(err, site.CodeNoCatalog, "this store never had a catalog: it is fetched from "+w.url)
	changed, err := c.Refresh(t.Context(), w.now)
	w.must(err)
	if !changed {
		t.Error("the first refresh changed nothing")
	}
	w.holds(c, 1)
	w.holds(w.store(), 1)
	before := w.served.Load()
	changed, err = c.Refresh(t.Context(), w.now)
	w.must(err)
	if asked := w.served.Load() - before; changed || asked != 2 {
		t.Errorf("with nothing new: changed %v, %d requests", changed, asked)
	}
	got, err := c.Current(w.now)
	w.must(err)
	p := got.Patches[0]
	if p.Patch.ID != "p1" || p.Release == nil || p.Release.Ring != site.RingFleet || !got.Issued.Equal(w.now) || got.Version < 20261122000000 {
		t.Errorf("catalog is %+v", got)
	}
}

// TestTransport breaks each kind of file in each way during a refresh: what was approved
// stays, nothing new appears by halves, and the next refresh heals.
func TestTransport(t *testing.T) {
	kinds := map[string]string{
		"root": ".root.json", "timestamp": "timestamp.json", "snapshot": ".snapshot.json", "targets": ".targets.json",
		"owner": ".owner.json", "fleet": ".fleet.json", "manifest": ".p2.json", "rules": ".rules.json",
	}
	answer := func(code int, body string) func(http.ResponseWriter, *http.Request) {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(code)
			rw.Write([]byte(body))
		}
	}
	faults := map[string]func(http.ResponseWriter, *http.Request){
		"503": answer(503, "busy"), "500": answer(500, ""), "html": answer(200, "<html>log in</html>"), "empty": answer(200, ""),
		"null": answer(200, "null"), "garbage": answer(200, "\x00\xff{"), "deep": answer(200, strings.Repeat("[", 200000)),
		"null target":   answer(200, `{"signatures":[],"signed":{"_type":"targets","spec_version":"1.0.31","version":9,"expires":"2030-01-01T00:00:00Z","targets":{"a":null}}}`),
		"null snapshot": answer(200, `{"signatures":[],"signed":{"_type":"timestamp","spec_version":"1.0.31","version":99999999999999,"expires":"2030-01-01T00:00:00Z","meta":{"snapshot.json":null}}}`),
		"null key":      answer(200, `{"signatures":[],"signed":{"_type":"root","spec_version":"1.0.31","version":2,"expires":"2030-01-01T00:00:00Z","keys":{"a":null},"roles":{"root":null}}}`),
		"endless":       func(rw http.ResponseWriter, r *http.Request) { rw.Write(make([]byte, 9<<20)) },
		"truncated": func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Length", "5000")
			rw.Write([]byte(`{"signed":`))
		},
		"drop": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"other host": func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://127.0.0.2:1/", http.StatusFound)
		},
		"compressed": func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Encoding", "gzip")
			rw.Write([]byte("x"))
		},
		"not there":    answer(404, ""),
		"not for you":  answer(403, ""),
		"endless loop": func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, r.URL.Path, http.StatusFound) },
	}
	for kind, suffix := range kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			c := w.refreshed()
			if kind == "targets" {
				w.rotate("fleet")
			}
			w.publish(2)
			for name, f := range faults {
				if kind == "root" && (name == "not there" || name == "not for you") {
					continue // that is how a server says that there is no newer root
				}
				w.lie(func(rw http.ResponseWriter, r *http.Request) bool {
					hit := strings.HasSuffix(r.URL.Path, suffix)
					if hit {
						f(rw, r)
					}
					return hit
				})
				if changed, err := c.Refresh(t.Context(), w.now); err == nil || changed {
					t.Errorf("%s: refresh says changed %v, %v", name, changed, err)
				} else if why := (*site.Reason)(nil); !errors.As(err, &why) {
					t.Errorf("%s: the error has no reason: %v", name, err)
				}
				w.holds(c, 1)
			}
			w.holds(w.store(), 1)
			w.lie(nil)
			changed, err := c.Refresh(t.Context(), w.now)
			w.must(err)
			if !changed {
				t.Error("the next refresh did not heal")
			}
			w.holds(c, 2)
			w.holds(w.store(), 2)
		})
	}
}

func TestStalledServer(t *testing.T) {
	w := newWorld(t)
	c := w.refreshed()
	w.publish(2)
	end := make(chan struct{})
	defer close(end)
	w.lie(func(rw http.ResponseWriter, r *http.Request) bool {
		rw.Write([]byte("{"))
		rw.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-end:
		}
		return true
	})
	_, err := c.Refresh(t.Context(), w.now)
	w.demand(err, site.CodeCatalogUnreachable, "no complete answer within 500ms")
	w.holds(c, 1)
}

// TestRollback gives old files out again.
func TestRollback(t *testing.T) {
	w := newWorld(t)
	old := os.DirFS(w.path("out"))
	oldTimestamp, err := fs.ReadFile(old, "metadata/timestamp.json")
	w.must(err)
	w.publish(2)
	c := w.refreshed()
	w.lie(func(rw http.ResponseWriter, r *http.Request) bool {
		hit := strings.HasSuffix(r.URL.Path, "timestamp.json")
		if hit {
			rw.Write(oldTimestamp)
		}
		return hit
	})
	for _, c := range []*catalog.Catalog{c, w.store()} {
		_, err = c.Refresh(t.Context(), w.now)
		w.demand(err, site.CodeCatalogRefused, "new timestamp version")
		w.holds(c, 2)
	}
	w.must(os.RemoveAll(w.path("state/journal")))
	_, err = w.store().Refresh(t.Context(), w.now)
	w.demand(err, site.CodeCatalogRefused, "new timestamp version")
}

// TestMixAndMatch gives the role of another day out under the name of the new one.
func TestMixAndMatch(t *testing.T) {
	for _, role := range []string{"owner", "fleet", "targets", "snapshot"} {
		t.Run(role, func(t *testing.T) {
			w := newWorld(t)
			c := w.refreshed()
			if role == "targets" {
				w.rotate("fleet")
			}
			first, err := filepath.Glob(w.path("out/metadata/*." + role + ".json"))
			w.must(err)
			old, err := os.ReadFile(first[len(first)-1])
			w.must(err)
			w.publish(2)
			w.lie(func(rw http.ResponseWriter, r *http.Request) bool {
				hit := strings.HasSuffix(r.URL.Path, "."+role+".json")
				if hit {
					rw.Write(old)
				}
				return hit
			})
			_, err = c.Refresh(t.Context(), w.now)
			w.demand(err, site.CodeCatalogRefused, "")
			w.holds(c, 1)
		})
	}
}

// TestTampered changes what is signed on the server, everywhere consistently but for the signatures.
func TestTampered(t *testing.T) {
	w := newWorld(t)
	c := w.refreshed()
	w.publish(2)
	w.lie(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "timestamp.json") {
			return false
		}
		rw.Write(bytes.Replace(w.read("out/metadata/timestamp.json"), []byte(`"expires":"2026`), []byte(`"expires":"2036`), 1))
		return true
	})
	_, err := c.Refresh(t.Context(), w.now)
	w.demand(err, site.CodeCatalogRefused, "not enough signatures, got 0, want 1")
	w.lie(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, ".p2.json") {
			return false
		}
		data, err := os.ReadFile(w.path("out" + r.URL.Path))
		if err != nil {
			t.Error(err)
		}
		rw.Write(bytes.Replace(data, []byte(`"medium"`), []byte(`"higher"`), 1))
		return true
	})
	_, err = c.Refresh(t.Context(), w.now)
	w.demand(err, site.CodeCatalogRefused, "patches/owner/p2.json")
	w.holds(c, 1)
}

// TestOtherCatalog offers a complete, consistent catalog of somebody else.
func TestOtherCatalog(t *testing.T) {
	w := newWorld(t)
	c := w.refreshed()
	foreign := w.newCatalog("foreign")
	w.publishFrom(foreign, "foreign-keys", "foreign-out", 7)
	_, err := c.RefreshFrom(t.Context(), "file://"+w.path("foreign-out"), w.now)
	w.demand(err, site.CodeCatalogRefused, "not enough signatures")
	w.holds(c, 1)

	// Planted on the disk of the store, roots and all.
	w.must(os.RemoveAll(w.path("state")))
	other, err := catalog.New(catalog.Options{Dir: w.path("state"), URL: "file://" + w.path("foreign-out"), Root: w.path("foreign-out/root.json")})
	w.must(err)
	_, err = other.Refresh(t.Context(), w.now)
	w.must(err)
	w.must(os.MkdirAll(w.path("state/roots"), 0o755))
	w.must(os.WriteFile(w.path("state/roots/2.root.json"), w.read("foreign-out/root.json"), 0o600))
	c = w.store()
	_, err = c.Current(w.now)
	w.demand(err, site.CodeCatalogRefused, "the stored catalog does not verify")
	_, err = c.Refresh(t.Context(), w.now)
	w.must(err)
	w.holds(c, 1)
}

func TestExpiry(t *testing.T) {
	w := newWorld(t)
	c := w.refreshed()
	hours := func(n int) time.Time { return w.now.Add(time.Duration(n) * time.Hour) }
	_, err := c.Refresh(t.Context(), hours(73))
	w.demand(err, site.CodeCatalogExpired, "timestamp.json is expired")
	if _, err := c.Current(hours(14 * 24)); err != nil {
		t.Errorf("exactly at max_offline: %v", err)
	}
	_, err = c.Current(hours(14*24 + 1))
	w.demand(err, site.CodeCatalogOld, "more than 336h0m0s")
	if len(c.Last().Patches) != 1 {
		t.Error("what is known was forgotten")
	}
	_, err = w.store().Refresh(t.Context(), hours(366*24))
	w.demand(err, site.CodeCatalogExpired, "final root.json is expired")
	// A clock that fell back to 1970 revives nothing and refuses nothing that is newer.
	w.publish(2)
	_, err = c.Refresh(t.Context(), time.Unix(0, 0))
	w.must(err)
	w.holds(c, 2)
}

// TestOwnerExpiredOffline lets the store wait so long that an owner's signature ends.
func TestOwnerExpiredOffline(t *testing.T) {
	w := newWorld(t)
	c, err := catalog.New(catalog.Options{Dir: w.path("state"), URL: w.url, Root: w.path("root.json"), MaxOffline: 1000 * time.Hour * 24})
	w.must(err)
	_, err = c.Refresh(t.Context(), w.now)
	w.must(err)
	_, err = c.Current(w.now.Add(91 * 24 * time.Hour))
	w.demand(err, site.CodeCatalogExpired, "in the catalog ended on 2027-02-20")
}

// TestKeysReplaced follows every rotation, online at once and offline as far as it must.
func TestKeysReplaced(t *testing.T) {
	for _, role := range []string{"root", "targets", "snapshot", "timestamp", "fleet", "owner"} {
		t.Run(role, func(t *testing.T) {
			w := newWorld(t)
			c := w.refreshed()
			w.rotate(role)
			w.republish(w.hq, "out")
			w.lie(func(rw http.ResponseWriter, r *http.Request) bool {
				hit := strings.HasSuffix(r.URL.Path, "timestamp.json")
				if hit {
					rw.WriteHeader(503)
				}
				return hit
			})
			_, err := c.Refresh(t.Context(), w.now)
			w.demand(err, site.CodeCatalogUnreachable, "503")
			for _, c := range []*catalog.Catalog{c, w.store()} {
				if role == "targets" {
					_, err := c.Current(w.now)
					w.demand(err, site.CodeCatalogRefused, "headquarters replaced the keys of targets")
				} else {
					w.holds(c, 1)
				}
			}
			w.lie(nil)
			w.publish(2)
			_, err = c.Refresh(t.Context(), w.now)
			w.must(err)
			w.holds(c, 2)
			w.holds(w.store(), 2)
		})
	}
}

// TestStateDamaged zeroes, cuts, flips and removes every file of the store's state: nothing
// wrong is approved, most is approved still, and a refresh heals all of it.
func TestStateDamaged(t *testing.T) {
	w := newWorld(t)
	w.rotate("timestamp")
	w.publish(2)
	w.refreshed()
	var files []string
	w.must(filepath.WalkDir(w.path("state"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != ".lock" {
			files = append(files, path)
		}
		return err
	}))
	if len(files) < 15 {
		t.Fatalf("the state has only %d files", len(files))
	}
	damages := map[string]func(string, []byte) error{
		"missing":   func(p string, _ []byte) error { return os.Remove(p) },
		"empty":     func(p string, b []byte) error { return os.WriteFile(p, nil, 0o600) },
		"truncated": func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)/2], 0o600) },
		"flipped": func(p string, b []byte) error {
			b = bytes.Clone(b)
			b[len(b)/2] ^= 4
			return os.WriteFile(p, b, 0o600)
		},
	}
	for _, path := range files {
		for name, damage := range damages {
			link, _ := os.Readlink(path)
			data, err := os.ReadFile(path)
			if link != "" {
				data, err = []byte(link), nil
				w.must(os.Remove(path))
				name = "link " + name
			}
			w.must(err)
			if link == "" || !strings.Contains(name, "missing") {
				w.must(damage(path, data))
			}
			what := name + " " + strings.TrimPrefix(path, w.path("state"))
			c := w.store()
			if got, err := c.Current(w.now); err != nil && !strings.Contains(path, "roots") || err == nil && len(got.Patches) != 2 {
				t.Errorf("%s: the store approves %d patches, %v", what, len(got.Patches), err)
			}
			if _, err := c.Refresh(t.Context(), w.now); err != nil {
				t.Errorf("%s: refresh: %v", what, err)
			}
			w.holds(c, 2)
			if link == "" {
				w.must(os.WriteFile(path, data, 0o600))
			}
		}
	}
	w.holds(w.store(), 2)
}

// TestBothCopiesDamaged leaves nothing good on the disk.
func TestBothCopiesDamaged(t *testing.T) {
	w := newWorld(t)
	w.refreshed()
	for _, dir := range []string{"gen", "copy"} {
		w.must(os.WriteFile(w.path("state/"+dir+"/1/owner.json"), []byte("{}"), 0o600))
	}
	c := w.store()
	_, err := c.Current(w.now)
	w.demand(err, site.CodeCatalogRefused, "the stored catalog does not verify")
	_, err = c.Refresh(t.Context(), w.now)
	w.must(err)
	w.holds(c, 1)
}

// TestVersionReused gives a version out a second time with other content.
func TestVersionReused(t *testing.T) {
	w := newWorld(t)
	w.must(os.CopyFS(w.path("backup"), os.DirFS(w.path("hq"))))
	c := w.refreshed()
	w.publish(2)
	_, err := c.Refresh(t.Context(), w.now)
	w.must(err)
	w.now = w.now.Add(-time.Minute) // the restored headquarters publishes in the same second as the lost one
	restored, err := publish.Open(w.path("backup"))
	w.must(err)
	w.publishFrom(restored, "hq-keys", "out2", 3)
	_, err = c.RefreshFrom(t.Context(), "file://"+w.path("out2"), w.now)
	w.demand(err, site.CodeCatalogRefused, "was given out twice with different content")
	w.holds(c, 2)
	// Publishing over what the lost one wrote is refused, or overtakes it.
	_, err = restored.Publish(t.Context(), publish.Options{Out: w.path("out"), Keys: w.ring(restored), Verify: verifyAsStore, Now: w.now})
	if err == nil || !strings.Contains(err.Error(), "is there already with other content") {
		t.Errorf("a restored headquarters published over a newer catalog: %v", err)
	}
}

// TestStick imports from a stick that is older and one that is newer.
func TestStick(t *testing.T) {
	w := newWorld(t)
	w.must(os.CopyFS(w.path("stick"), os.DirFS(w.path("out"))))
	w.publish(2)
	c := w.refreshed()
	_, err := c.RefreshFrom(t.Context(), "file://"+w.path("stick"), w.now)
	w.demand(err, site.CodeCatalogRefused, "new timestamp version")
	w.holds(c, 2)
	w.publish(3)
	changed, err := c.RefreshFrom(t.Context(), "file://"+w.path("out"), w.now)
	w.must(err)
	if !changed {
		t.Error("the newer stick changed nothing")
	}
	w.holds(c, 3)
}

// TestPublisherVerifies breaks headquarters' own files: what stores would refuse is not published.
func TestPublisherVerifies(t *testing.T) {
	w := newWorld(t)
	before := w.read("out/metadata/timestamp.json")
	manifests, err := filepath.Glob(w.path("out/targets/patches/owner/*.p1.json"))
	w.must(err)
	w.must(os.Remove(manifests[0]))
	refuse := errors.New("refused")
	_, err = w.hq.Publish(t.Context(), publish.Options{Out: w.path("out"), Keys: w.ring(w.hq), Now: w.now,
		Verify: func(_ context.Context, files fs.FS, root []byte, now time.Time) error {
			var next struct{ Signed struct{ Version int64 } }
			data, err := fs.ReadFile(files, "metadata/timestamp.json")
			w.must(err)
			w.must(json.Unmarshal(data, &next))
			if bytes.Equal(data, before) || next.Signed.Version == 0 {
				t.Error("the verification saw the old timestamp")
			}
			return refuse
		}})
	if !errors.Is(err, refuse) || !bytes.Equal(w.read("out/metadata/timestamp.json"), before) {
		t.Errorf("a refused catalog was published: %v", err)
	}
	w.republish(w.hq, "out")
}

func TestLongChainOfRoots(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.rotate("root")
	}
	w.publish(2)
	c := w.refreshed()
	w.holds(c, 2)
	if c.RootVersion() != 6 {
		t.Errorf("root version is %d", c.RootVersion())
	}
	w.holds(w.store(), 2)
}
