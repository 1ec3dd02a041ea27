package fleet

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/ui/pagetest"
)

// TestUIReports looks at every report on a telephone and on a desk, light and dark: none is wider than
// its screen, none is hard to use for people who see or move badly, none asks elsewhere.
func TestUIReports(t *testing.T) {
	pagetest.Chromium(t)
	w := newWorld(chain(40), morning())
	remember(w)
	srv := httptest.NewServer(New(w.options()))
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	tab := pagetest.Open(t, srv.URL+"/")
	for _, dark := range []bool{false, true} {
		tab.Dark(dark)
		for _, wide := range []int64{390, 1280} {
			if dark && wide == 390 {
				continue // the colours are the same on both
			}
			tab.Screen(wide, 900)
			for _, address := range reportPages() {
				at := fmt.Sprintf("%s, %d wide, dark %t", address, wide, dark)
				tab.Do(chromedp.Navigate(srv.URL + address))
				sound(t, tab, at)
			}
		}
	}
	if foreign := tab.Foreign(); len(foreign) > 0 {
		t.Errorf("asked elsewhere: %q", foreign)
	}
}
