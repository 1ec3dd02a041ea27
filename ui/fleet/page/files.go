package page

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed html/*.html
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

// files serves the style and the scripts. They hold no secret.
func (s *Server) files(mux *http.ServeMux) {
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(staticFiles, name)
		if err != nil {
			return err
		}
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { s.Send(w, r, http.StatusOK, kindOf(name), body) })
		return nil
	})
	if err != nil {
		panic("internal error: the files of the pages are not embedded: " + err.Error())
	}
}

func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json":
		return "application/json"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// OpenAPI describes the API.
func (s *Server) OpenAPI(w http.ResponseWriter, r *http.Request) {
	body, err := staticFiles.ReadFile("static/openapi.json")
	if err != nil {
		panic("internal error: the description of the API is not embedded")
	}
	s.Send(w, r, http.StatusOK, "application/json", body)
}
