package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed app vendor
var appFiles embed.FS

// asset is a file of the app, as it is sent. It is squeezed when it is first asked for: the box starts at once,
// and most files are never asked for.
type asset struct {
	kind  string
	plain []byte
	gzip  func() []byte
}

// assets serves the files of the app. They hold no secret: the login page needs some of them.
func (c *Console) assets(mux *http.ServeMux) {
	err := fs.WalkDir(appFiles, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(appFiles, name)
		if err != nil {
			return err
		}
		a := asset{kind: kindOf(name), plain: body, gzip: sync.OnceValue(func() []byte { return squeezed(body) })}
		mux.HandleFunc("GET /console/"+name, func(w http.ResponseWriter, r *http.Request) { c.asset(w, r, a) })
		return nil
	})
	if err != nil {
		panic("internal error: the app is not embedded: " + err.Error())
	}
}

// asset sends a file. It is asked for anew each time: after an update the page and its scripts fit together.
func (c *Console) asset(w http.ResponseWriter, r *http.Request, a asset) {
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		c.send(w, http.StatusOK, a.kind, a.gzip())
		return
	}
	c.send(w, http.StatusOK, a.kind, a.plain)
}

func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

func squeezed(body []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(body)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic("internal error: memory cannot be written: " + err.Error())
	}
	return b.Bytes()
}
