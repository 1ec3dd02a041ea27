package catalogcmd

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
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
