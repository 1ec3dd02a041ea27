package depot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

const size = 300 << 10

func content() []byte {
	data := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(data)
	return data
}

func artifact(data []byte) site.Artifact {
	sum := sha256.Sum256(data)
	return site.Artifact{Name: "pos.deb", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
}

// honest serves data with ranges.
func honest(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// dropping cuts the connection after n bytes of body, every time.
func dropping(data []byte, n int, ranges bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil && ranges {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
			w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			from = 0
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		}
		end := min(len(data), from+n)
		w.Write(data[from:end])
		if end < len(data) {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func mustHold(t *testing.T, d *Depot, a site.Artifact, want []byte) {
	t.Helper()
	f, err := d.Open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the depot holds %d bytes that are not the artifact (%v)", len(got), err)
	}
	if _, err := os.Lstat(d.part(a)); err == nil {
		t.Error("a part file was left behind")
	}
}

func TestFetch(t *testing.T) {
	data := content()
	a := artifact(data)
	tests := []struct {
		name string
		h    http.HandlerFunc
	}{
		{"honest", honest(data)},
		{"drops", dropping(data, 70<<10, true)},
		{"chunked", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			w.Write(data)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := New(t.TempDir(), serve(t, tt.h), nil)
			if d.Has(a) {
				t.Fatal("the depot has what was never fetched")
			}
			if err := d.Fetch(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			mustHold(t, d, a, data)
			if err := d.Verify(t.Context(), a); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestResume begins with part of the file in the depot, as after a power cut.
func TestResume(t *testing.T) {
	data := content()
	a := artifact(data)
	for _, have := range []int{0, 1, 100 << 10, size - 1, size, size + 5} {
		for _, ranges := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d bytes, ranges %v", have, ranges), func(t *testing.T) {
				var sent atomic.Int64
				h := func(w http.ResponseWriter, r *http.Request) {
					if !ranges {
						r.Header.Del("Range")
					}
					c := &counter{ResponseWriter: w}
					honest(data)(c, r)
					sent.Add(c.n)
				}
				d := New(t.TempDir(), serve(t, h), nil)
				part := append(bytes.Clone(data), "extra"...)[:have]
				if err := os.WriteFile(d.part(a), part, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := d.Fetch(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				mustHold(t, d, a, data)
				if ranges && have <= size && sent.Load() != int64(size-have) {
					t.Errorf("%d bytes were sent, %d were missing", sent.Load(), size-have)
				}
			})
		}
	}
}

type counter struct {
	http.ResponseWriter
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}

// TestRefused offers what is not the artifact. have bytes of it are in the depot before.
func TestRefused(t *testing.T) {
	data := content()
	a := artifact(data)
	other := append([]byte("changed"), data[7:]...)
	header := func(k, v string, code int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(k, v)
			w.WriteHeader(code)
			w.Write(body)
		}
	}
	flushed := func(body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			w.Write(body)
		}
	}
	tests := []struct {
		name string
		have int
		h    http.HandlerFunc
		want string
		part int // bytes that stay; -1 = no part file
	}{
		{"other bytes", 0, honest(other), "the bytes have sha256", -1},
		{"changed after a drop", 100, honest(other[:size-1]), `the server sent range "bytes 100-307198/307199", asked was "bytes 100-307199/307200"`, 100},
		{"longer", 0, honest(append(bytes.Clone(data), 1)), "the server sends 307201 bytes, expected 307200", 0},
		{"longer, not announced", 10, flushed(append(bytes.Clone(data), 1)), "the file is longer than the 307200 bytes that were signed", 10},
		{"captive portal", 10, header("Content-Type", "text/html", 200, []byte("<html>log in</html>")), "the server sends 19 bytes, expected 307200", 10},
		{"captive portal, chunked", 0, flushed([]byte("<html>log in</html>")), "the file ends after 19 bytes, signed are 307200", 0},
		{"wrong range", 100, header("Content-Range", "bytes 0-9/10", 206, data[:10]), `the server sent range "bytes 0-9/10"`, 100},
		{"no range", 100, header("X", "y", 206, data[100:]), `the server sent range ""`, 100},
		{"range not satisfiable", 100, header("X", "y", 416, nil), "no more than 100 bytes", 100},
		{"compressed", 0, header("Content-Encoding", "gzip", 200, data), "compressed", 0},
		{"not there", 0, header("X", "y", 404, nil), "404 Not Found: headquarters must publish again", 0},
		{"busy", 5, header("X", "y", 503, nil), "503 Service Unavailable", 5},
		{"drop before the first byte", 5, dropping(data, 0, true), "interrupted after 5 of 307200 bytes", 5},
		{"damaged part", 9, honest(data), "", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := New(t.TempDir(), serve(t, tt.h), nil)
			part := data[:tt.have]
			if tt.name == "damaged part" {
				part, tt.want = []byte("123456789"), "thrown away"
			}
			if tt.have > 0 {
				if err := os.WriteFile(d.part(a), part, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := d.Fetch(t.Context(), a)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "cannot fetch pos.deb: ") {
				t.Fatalf("Fetch = %v, want %q", err, tt.want)
			}
			if d.Has(a) {
				t.Error("the depot claims to have it")
			}
			st, err := os.Stat(d.part(a))
			if got := partSize(st, err); got != tt.part {
				t.Errorf("%d bytes stay, want %d", got, tt.part)
			}
		})
	}
}

func partSize(st os.FileInfo, err error) int {
	if err != nil {
		return -1
	}
	return int(st.Size())
}

func TestStall(t *testing.T) {
	data := content()
	a := artifact(data)
	release := make(chan struct{})
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		if r.Header.Get("Range") == "" {
			w.Write(data[:1000])
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}
	address := serve(t, h)
	t.Cleanup(func() { close(release) })
	d := New(t.TempDir(), address, nil, WithStall(30*time.Millisecond))
	err := d.Fetch(t.Context(), a)
	if err == nil {
		t.Fatal("a stalled download ended well")
	}
	if st, err := os.Stat(d.part(a)); err != nil || st.Size() != 1000 {
		t.Errorf("what arrived is lost: %v", err)
	}
	d = New(d.dir, serve(t, honest(data)), nil)
	if err := d.Fetch(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	mustHold(t, d, a, data)
}

func TestCancelled(t *testing.T) {
	data := content()
	ctx, cancel := context.WithCancel(t.Context())
	h := func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}
	d := New(t.TempDir(), serve(t, h), nil)
	if err := d.Fetch(ctx, artifact(data)); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("Fetch = %v", err)
	}
}

func TestDiskFull(t *testing.T) {
	data := content()
	a := artifact(data)
	kept := artifact([]byte("kept"))
	d := New(t.TempDir(), serve(t, honest(data)), nil)
	for path, b := range map[string][]byte{d.path(kept): []byte("kept"), d.part(a): data[:1000]} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.free = func(string) (uint64, error) { return 1 << 10, nil }
	want := fmt.Sprintf("cannot fetch pos.deb: the disk is too full: 306200 more bytes are needed, 1024 are free in %s", d.dir)
	if err := d.Fetch(t.Context(), a); err == nil || err.Error() != want {
		t.Errorf("Fetch = %v, want %s", err, want)
	}
	if st, err := os.Stat(d.part(a)); err != nil || st.Size() != 1000 || !d.Has(kept) {
		t.Error("a full disk lost something")
	}
	d.free = freeSpace
	if err := d.Fetch(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	mustHold(t, d, a, data)
}

func TestTwoFetchesShareOneDownload(t *testing.T) {
	data := content()
	a := artifact(data)
	var sent atomic.Int64
	dir := t.TempDir()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c := &counter{ResponseWriter: w}
		honest(data)(c, r)
		sent.Add(c.n)
	})
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = New(dir, address, nil).Fetch(t.Context(), a) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	mustHold(t, New(dir, address, nil), a, data)
	if sent.Load() != size {
		t.Errorf("%d bytes were sent for a file of %d", sent.Load(), size)
	}
}

func TestRate(t *testing.T) {
	data := content()
	var asked atomic.Int64
	d := New(t.TempDir(), serve(t, honest(data)), nil, WithRate(func() int64 { asked.Add(1); return 3 << 20 }))
	begin := time.Now()
	if err := d.Fetch(t.Context(), artifact(data)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 90*time.Millisecond || asked.Load() < 3 {
		t.Errorf("300 KiB at 3 MiB/s took %s", took)
	}
}

func TestDamageInTheStore(t *testing.T) {
	data := content()
	a := artifact(data)
	d := New(t.TempDir(), serve(t, honest(data)), nil)
	if err := d.Fetch(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(data)
	bad[size/2] ^= 1
	if err := os.WriteFile(d.path(a), bad, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Verify(t.Context(), a); err == nil || !strings.Contains(err.Error(), "artifact pos.deb was damaged in the store") {
		t.Errorf("Verify = %v", err)
	}
	if d.Has(a) {
		t.Error("damaged bytes stay in the depot")
	}
	if err := d.Fetch(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	mustHold(t, d, a, data)
}

func TestOpenRefuses(t *testing.T) {
	data := content()
	a := artifact(data)
	d := New(t.TempDir(), "http://127.0.0.1:1/", nil)
	if _, err := d.Open(a); err == nil || err.Error() != "artifact pos.deb is not in the store: it must be fetched first" {
		t.Errorf("Open of nothing = %v", err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, d.path(a)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(a); err == nil || d.Has(a) {
		t.Error("a link in the depot was followed")
	}
	evil := site.Artifact{Name: "x", SHA256: "../../etc/passwd", Size: 1}
	if _, err := d.Open(evil); err == nil || d.Fetch(t.Context(), evil) == nil || d.Remove(evil) == nil || d.Has(evil) {
		t.Error("a digest that is a path was used")
	}
}

func TestKeep(t *testing.T) {
	d := New(t.TempDir(), "http://127.0.0.1:1/", nil)
	a, b := artifact([]byte("wanted")), artifact([]byte("old"))
	for path, data := range map[string]string{d.path(a): "wanted", d.path(b): "old", d.part(b): "ol", filepath.Join(d.dir, "README"): "stays"} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	freed, err := d.Keep([]site.Artifact{a})
	if err != nil || freed != 5 {
		t.Errorf("Keep freed %d, %v", freed, err)
	}
	left, err := os.ReadDir(d.dir)
	if err != nil || len(left) != 2 || !d.Has(a) {
		t.Errorf("left are %v, %v", left, err)
	}
	if err := d.Remove(a); err != nil || d.Has(a) {
		t.Errorf("Remove = %v", err)
	}
}

func TestFileAddress(t *testing.T) {
	data := content()
	a := artifact(data)
	usb := t.TempDir()
	path := filepath.Join(usb, filepath.FromSlash(site.ArtifactPath(a.SHA256)))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	d := New(t.TempDir(), "file://"+usb, nil)
	if err := os.WriteFile(d.part(a), data[:1234], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Fetch(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	mustHold(t, d, a, data)
}
