package catalogcmd

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStatic(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"root.json": "{}", "metadata/timestamp.json": "{}", "metadata/1.root.json": "{}", "metadata/.next-timestamp.json": "{}",
		"targets/artifacts/abc": "0123456789",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		method, path, rng string
		code              int
		body, cache       string
	}{
		{"GET", "/metadata/timestamp.json", "", 200, "{}", "no-cache"},
		{"GET", "/root.json", "", 200, "{}", "no-cache"},
		{"GET", "/metadata/1.root.json", "", 200, "{}", "public, max-age=31536000, immutable"},
		{"GET", "/metadata/2.root.json", "", 404, "", "no-store"},
		{"GET", "/targets/artifacts/abc", "bytes=4-", 206, "456789", "public, max-age=31536000, immutable"},
		{"HEAD", "/targets/artifacts/abc", "", 200, "", "public, max-age=31536000, immutable"},
		{"GET", "/", "", 404, "", "no-store"},
		{"GET", "/metadata/", "", 404, "", "no-store"},
		{"GET", "/metadata/.next-timestamp.json", "", 404, "", "no-store"},
		{"GET", "/../root.json", "", 404, "", "no-store"},
		{"PUT", "/root.json", "", 405, "", ""},
	}
	h := static(dir)
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, "http://x/", nil)
		r.URL.Path = tt.path
		if tt.rng != "" {
			r.Header.Set("Range", tt.rng)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body := w.Body.String()
		if w.Code != tt.code || w.Code < 300 && body != tt.body || w.Header().Get("Cache-Control") != tt.cache {
			t.Errorf("%s %s: %d %q, cache %q", tt.method, tt.path, w.Code, body, w.Header().Get("Cache-Control"))
		}
	}
}

// TestStaticTag asks again for a file that was written anew within the same second.
func TestStaticTag(t *testing.T) {
	dir := t.TempDir()
	path, second := filepath.Join(dir, "root.json"), time.Unix(1_800_000_000, 0)
	tag := ""
	for i, want := range []int{200, 304, 200} {
		if i != 1 {
			err := os.WriteFile(path, []byte("{}"), 0o600)
			if err == nil {
				err = os.Chtimes(path, second, second.Add(time.Duration(i)))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		r := httptest.NewRequest("GET", "http://x/root.json", nil)
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
			r.Header.Set("If-Modified-Since", second.UTC().Format(http.TimeFormat))
		}
		w := httptest.NewRecorder()
		static(dir).ServeHTTP(w, r)
		if tag = w.Header().Get("ETag"); w.Code != want || tag == "" {
			t.Errorf("request %d: %d with ETag %q, want %d", i, w.Code, tag, want)
		}
	}
}

func TestServeEnds(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "root.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	addr := make(chan string, 1)
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, "127.0.0.1:0", dir, func(a string) { addr <- a }) }()
	resp, err := http.Get("http://" + <-addr + "/root.json")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(body) != "{}" {
		t.Errorf("got %q, %v", body, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
