package daemon

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/site/ready"
)

// silence takes connections and never says a word, like a line that went dead. taken is told of each.
func silence(t *testing.T) (address string, taken <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told, ended := make(chan struct{}, 100), make(chan struct{})
	go func() {
		defer close(ended)
		var all []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				for _, c := range all {
					_ = c.Close()
				}
				return
			}
			all = append(all, c)
			select {
			case told <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l.Addr().String(), told
}

// TestReadyWithoutTheLine asks for the READY page while the catalog's server and the broker hold the box's requests and
// answer nothing: whatever waited for them would wait until this test ends. The page says of the store what it says
// with a line, in every form and language; only what is worth knowing may differ.
func TestReadyWithoutTheLine(t *testing.T) {
	l := newLab(t, 2)
	l.publish()
	file := l.storeFile()
	d, err := New(t.Context(), Options{Config: file, Version: "test", Log: quiet()})
	l.must(err)
	_, _, err = d.Refresh(t.Context())
	l.must(err)
	_, _, err = d.CheckNow(t.Context())
	l.must(err)
	with := documentOf(t, d.readyPage())
	l.must(d.journal.Close())

	server, asked := silence(t)
	broker, called := silence(t)
	text, err := os.ReadFile(l.dir + "/store.yaml")
	l.must(err)
	l.write("mqtt-password", "word\n")
	file, err = config.Load(l.write("store.yaml", strings.Replace(string(text), "file://"+l.dir+"/catalog/", "http://"+server+"/", 1)+
		"mqtt: {url: \"mqtt://"+broker+"\", username: store-7, password_file: mqtt-password}\n"))
	l.must(err)
	d, err = New(t.Context(), Options{Config: file, Version: "test", Log: quiet()})
	l.must(err)
	_, _, err = d.CheckNow(t.Context())
	l.must(err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- d.supply(ctx) }()
	go func() { ended <- d.uplink.Run(ctx) }()
	defer func() {
		stop()
		l.must(<-ended)
		l.must(<-ended)
		l.must(d.journal.Close())
	}()
	<-asked
	<-called
	h := d.readyPage()
	without := documentOf(t, h)
	if without.Ready != 1 || len(without.Fix) != 0 {
		t.Errorf("without the line: %+v\nwith it: %+v", without, with)
	}
	if with.Ready != 1 || len(with.Fix) != 0 {
		t.Errorf("with the line: %+v", with)
	}
	for _, path := range []string{"/", "/?lang=de", "/?lang=es", "/ready?fragment=1", "/ready.txt", "/ready.css", "/ready.js"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK || w.Header().Get("X-Ready") != "ready" {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("X-Ready"))
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/check", nil))
	if w.Code != http.StatusSeeOther {
		t.Errorf("another look: %d", w.Code)
	}
}

func documentOf(t *testing.T, h http.Handler) (doc ready.Document) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/ready.json", nil))
	body, err := io.ReadAll(w.Body)
	if err == nil {
		err = json.Unmarshal(body, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
