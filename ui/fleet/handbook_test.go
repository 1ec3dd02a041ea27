package fleet

import (
	"net/http"
	"strings"
	"testing"
)

// shelf is a handbook of one page.
type shelf struct{}

func (shelf) HTML(topic, base string) (title, body string, ok bool) {
	switch topic {
	case "":
		return "Handbook", `<ul class="pages"><li><a href="` + base + `red-till">A till is red</a></li></ul>`, true
	case "red-till":
		return "A <till> is red", `<p class="task">Find out. <span class="for">For you.</span></p><p>Look at it.</p><h2>Then</h2><pre><code>nightfill why till-1 --state /a/path/that/is/longer/than/the/line/of/a/telephone</code></pre>`, true
	}
	return "", "", false
}

func TestHandbook(t *testing.T) {
	o := newWorld(chain(10), morning()).options()
	if _, body := get(t, New(o), "/"); strings.Contains(body, `href="/handbook"`) {
		t.Error("a page links to a handbook that is not there")
	}
	o.Handbook = shelf{}
	h := New(o)
	want(t, h, "/", `<a href="/handbook">Handbook</a>`)
	want(t, h, "/handbook", `<a href="/handbook/red-till">A till is red</a>`, "<h1>Handbook</h1>")
	want(t, h, "/handbook/red-till", "<h1>A &lt;till&gt; is red</h1>", "<p>Look at it.</p>", `<a href="/handbook">All pages of the handbook</a>`)
	if status, body := get(t, h, "/handbook/none"); status != http.StatusNotFound || !strings.Contains(body, "The handbook has no such page. All of them are at /handbook.") {
		t.Errorf("%d %s", status, body)
	}
}
