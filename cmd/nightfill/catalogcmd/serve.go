package catalogcmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// serve serves the files below dir until ctx ends. ready is told the address.
func serve(ctx context.Context, addr, dir string, ready func(addr string)) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	srv := &http.Server{
		Handler:           static(dir),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		WriteTimeout:      6 * time.Hour, // a store on a thin line fetches gigabytes
		MaxHeaderBytes:    16 << 10,
	}
	ready(l.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("cannot serve: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if srv.Shutdown(end) != nil {
		srv.Close() // downloads that do not end are cut; stores resume them
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}

// static serves regular files with ranges, and nothing else: no listing, no hidden files.
// Only files that never change may be cached for long; the others have an ETag that tells two
// publishes of one second apart, which Last-Modified cannot.
func static(dir string) http.Handler {
	files := http.FileServerFS(os.DirFS(dir))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		path := strings.TrimPrefix(r.URL.Path, "/")
		st, err := os.Stat(dir + "/" + path)
		hidden := strings.HasPrefix(path, ".") || strings.Contains(path, "/.")
		if err != nil || hidden || !st.Mode().IsRegular() {
			w.Header().Set("Cache-Control", "no-store") // the next root may come any time
			http.NotFound(w, r)
			return
		}
		cache := "public, max-age=31536000, immutable"
		if path == "metadata/timestamp.json" || path == "root.json" {
			cache = "no-cache"
		}
		w.Header().Set("Cache-Control", cache)
		w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, st.ModTime().UnixNano(), st.Size()))
		files.ServeHTTP(w, r)
	})
}
