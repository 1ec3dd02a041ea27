package fleet

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/ui/pagetest"
)

// TestUICompliance looks at every page of compliance on a telephone and on a desk, light and dark: none
// is wider than its screen, none is hard to use for people who see or move badly, none asks elsewhere.
func TestUICompliance(t *testing.T) {
	pagetest.Chromium(t)
	w := newWorld(chain(40), morning())
	h := New(w.options())
	sent(h, "/exceptions", url.Values{"verb": {"open"}, "patch": {"pos-app-4.2.1"}, "owner": {"ann"}, "reason": {"prints twice"}, "risk": {"old receipts"}, "expires": {"2026-12-01"}, "objective": {"receipts are right"}})
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	tab := pagetest.Open(t, srv.URL+"/")
	for _, dark := range []bool{false, true} {
		tab.Dark(dark)
		for _, wide := range []int64{360, 1280} {
			tab.Screen(wide, 900)
			for _, address := range []string{
				"/compliance", "/compliance?region=North", "/compliance/rows?standing=failed", "/compliance/rows?view=devices&device_standing=behind", "/compliance/rows?patch=none-such",
				"/patches/pos-app-4.2.1/clocks", "/exceptions", "/exceptions?status=closed", "/export/report.html", "/attention?kind=exception",
			} {
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
