package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live"
)

// shelf is a handbook of one page.
type shelf struct{}

func (shelf) HTML(topic, base string) (title, body string, ok bool) {
	switch topic {
	case "":
		return "Handbook", `<a href="` + base + `red-till">A till is red</a>`, true
	case "red-till":
		return "A <till> is red", "<p>Look at it.</p>", true
	}
	return "", "", false
}

// Everybody who has logged in reads the handbook; nobody else gets a word of it.
func TestHandbook(t *testing.T) {
	r := newRig(t, live.Usual())
	for _, path := range []string{"/console/handbook", "/console/handbook/red-till", "/console/handbook/none"} {
		if got := r.do("GET", path, nil); got.StatusCode != http.StatusUnauthorized || strings.Contains(body(t, got), "Look at it") {
			t.Errorf("%s without a login: %s", path, got.Status)
		}
	}
	r.login(site.UserViewer)
	for _, tt := range []struct {
		path, want string
		status     int
	}{
		{"/console/handbook", `<a href="/console/handbook/red-till">A till is red</a>`, http.StatusOK},
		{"/console/handbook/red-till", "<h1>A &lt;till&gt; is red</h1>\n<p>Look at it.</p>", http.StatusOK},
		{"/console/handbook/red-till", `<a href="/console/handbook">All pages of the handbook</a>`, http.StatusOK},
		{"/console/handbook/none", "The handbook has no such page. All of them are at /console/handbook.", http.StatusNotFound},
		{"/console", `<a href="/console/handbook">Handbook</a>`, http.StatusOK},
	} {
		got := r.do("GET", tt.path, nil)
		if text := body(t, got); got.StatusCode != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %s\n%s", tt.path, got.Status, text)
		}
	}
}
