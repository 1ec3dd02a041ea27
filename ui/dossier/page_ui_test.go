package dossier_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/ui/dossier"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// TestUIDossier reads the front page of a pack on a screen and on paper.
func TestUIDossier(t *testing.T) {
	page, err := dossier.HTML(full())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	}))
	defer s.Close()
	tab := pagetest.Open(t, s.URL)
	for _, wide := range []int64{1024, 1440} {
		tab.Screen(wide, 900)
		tab.Do(chromedp.Navigate(s.URL + "/report.html"))
		for _, v := range tab.Violations() {
			t.Errorf("%d: axe: %s", wide, v)
		}
		if fits := pagetest.Eval[bool](tab, `document.documentElement.scrollWidth <= innerWidth`); !fits {
			t.Errorf("%d: the page is wider than the screen", wide)
		}
	}
	if n := tab.Sheets(); n > 2 {
		t.Errorf("it takes %d sheets of paper", n)
	}
	if foreign := tab.Foreign(); len(foreign) > 0 {
		t.Errorf("other hosts were asked: %v", foreign)
	}
}
