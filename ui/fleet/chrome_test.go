package fleet

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// shop is headquarters behind a line that can be cut.
type shop struct {
	*httptest.Server
	*world
	gone atomic.Bool
}

func newShop(t *testing.T, c boardtest.Chain) *shop {
	t.Helper()
	pagetest.Chromium(t)
	now := morning()
	s := &shop{world: newWorld(c, now)}
	s.tell("0001")
	o := s.options()
	o.Logout, o.Handbook = "/logout", shelf{}
	h := New(o)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.gone.Load() {
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return s
}

// addresses are the pages and the names of their pictures.
func addresses() [][2]string {
	return [][2]string{
		{"tonight", "/"}, {"wall", "/?tv=1"}, {"stores", "/stores"}, {"stores-filter", "/stores?bucket=needs_someone&region=North"}, {"store", "/stores/0001"},
		{"night", "/stores/0001/nights/2026-11-21"}, {"device", "/stores/0001/devices/till-1"}, {"patches", "/patches"}, {"patch", "/patches/pos-app-4.2.1?state=broke"},
		{"failures", "/failures"}, {"attention", "/attention"}, {"attention-kind", "/attention?kind=not_ready"}, {"search", "/search?q=till-1"}, {"audit", "/audit"},
		{"compliance", "/compliance"}, {"compliance-rows", "/compliance/rows?standing=failed"}, {"exceptions", "/exceptions"}, {"clocks", "/patches/pos-app-4.2.1/clocks"}, {"nothing", "/stores?region=East"}, {"missing", "/stores/9999"},
		{"handbook", "/handbook"}, {"handbook-page", "/handbook/red-till"},
	}
}

// TestUIEveryPage looks at every page on a telephone and on a desk, light and dark.
func TestUIEveryPage(t *testing.T) {
	s := newShop(t, chain(300))
	s.world.board.Stores["0001"].Streams[0].Lost = nil
	post(New(s.options()), "/attention", map[string][]string{"verb": {"acknowledge"}, "item": {"x"}}) // a line for the audit log
	tab := pagetest.Open(t, s.URL+"/")
	for _, dark := range []bool{false, true} {
		tab.Dark(dark)
		for _, wide := range []int64{360, 1280} {
			tab.Screen(wide, 900)
			for _, a := range addresses() {
				at := fmt.Sprintf("%s, %d wide, dark %t", a[1], wide, dark)
				tab.Do(chromedp.Navigate(s.URL + a[1]))
				picture(tab, a[0], wide, dark)
				if apart := pagetest.Eval[bool](tab, rowsApart); !apart {
					t.Errorf("%s: the regions of the grid lie on each other", at)
				}
				sound(t, tab, at)
			}
		}
	}
	if foreign := tab.Foreign(); len(foreign) > 0 {
		t.Errorf("asked elsewhere: %q", foreign)
	}
}

// sound holds what every page must: it is not wider than the screen, and axe-core finds nothing.
func sound(t *testing.T, tab *pagetest.Tab, at string) {
	t.Helper()
	if over := pagetest.Eval[float64](tab, `document.documentElement.scrollWidth / window.innerWidth`); over > 1 {
		t.Errorf("%s: the page is %.2f screens wide", at, over)
	}
	for _, fault := range tab.Violations() {
		t.Errorf("%s: %.600s", at, fault)
	}
}

// rowsApart is whether the parts of the grid lie one below the other, and no cell on another.
const rowsApart = `[...document.querySelectorAll('.grid > div')].every((d, i, all) => i === 0 || d.offsetTop >= all[i - 1].offsetTop + all[i - 1].offsetHeight) &&
  new Set([...document.querySelectorAll('.grid a')].map(a => a.offsetLeft + ' ' + a.offsetTop)).size === document.querySelectorAll('.grid a').length`

// picture keeps pictures of the pages that show most.
func picture(tab *pagetest.Tab, name string, wide int64, dark bool) {
	switch {
	case slices.Contains([]string{"missing", "nothing", "compliance-rows", "exceptions", "clocks", "handbook", "handbook-page"}, name):
		return
	case dark && wide == 1280 && (name == "tonight" || name == "stores"):
		name += "-dark"
	case dark:
		return
	case wide == 360 && name != "tonight" && name != "store" && name != "stores":
		return
	case wide == 360:
		name += "-phone"
	}
	tab.Picture("..", "testdata", "screens", "fleet-"+name+".png")
}

// TestUIKeyboard walks through the grid with the keys, and opens a store.
func TestUIKeyboard(t *testing.T) {
	s := newShop(t, chain(300))
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 900)
	tab.Do(chromedp.Navigate(s.URL + "/stores"))
	tab.Await(`document.getElementById('times').hidden === false`)
	tab.TabTo(".grid a")
	first := pagetest.Eval[string](tab, `document.activeElement.getAttribute('href')`)
	at := func() string { return pagetest.Eval[string](tab, `document.activeElement.getAttribute('href')`) }
	for _, k := range []struct{ key, is string }{
		{"ArrowRight", ""}, {"ArrowLeft", first}, {"ArrowDown", ""}, {"ArrowUp", first}, {"End", ""}, {"Home", first},
	} {
		before := at()
		tab.Key(k.key)
		if now := at(); now == before || k.is != "" && now != k.is {
			t.Errorf("after %s the focus is on %s, before on %s", k.key, now, before)
		}
	}
	if n := pagetest.Eval[int](tab, `document.querySelectorAll('.grid a[tabindex="0"]').length`); n != 1 {
		t.Errorf("%d cells are reached with the tab key", n)
	}
	if line := tab.Text("#cell"); len(line) < 10 {
		t.Errorf("the line below the grid says %q", line)
	}
	tab.Type("\r")
	tab.Await(`location.pathname === '` + first + `'`)
	if title := pagetest.Eval[string](tab, `document.querySelector('h1').textContent`); title == "" {
		t.Error("the store has no title")
	}
}

// TestUILive waits for a change of the board on the page, and for the bar when the line is cut.
func TestUILive(t *testing.T) {
	c := chain(300)
	s := newShop(t, c)
	early := morning().Add(-3 * time.Hour)
	s.become(c.Board(early), early)
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 900)
	tab.Do(chromedp.Navigate(s.URL + "/"))
	sentence := tab.Text("#sentence")
	cells := pagetest.Eval[int](tab, `document.querySelectorAll('.grid .k-done').length`)
	begun := time.Now()
	s.become(c.Board(morning()), morning())
	tab.Await(`document.getElementById('sentence').textContent !== ` + fmt.Sprintf("%q", sentence))
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("a change was seen after %v", took)
	}
	tab.Await(fmt.Sprintf(`document.querySelectorAll('.grid .k-done').length > %d`, cells))
	_, v := needing(t, s.world)
	tab.Await(fmt.Sprintf(`document.querySelector('[data-n="bucket/done"]').textContent.replaceAll(',', '') === '%d'`, v.Buckets[0].Count))
	tab.Await(`document.querySelector('#needs .u-now') !== null`) // the list was fetched anew

	s.gone.Store(true)
	s.CloseClientConnections()
	tab.Await(`/^Numbers are from \d\d:\d\d:\d\d \(\d+ s ago\)\. Reconnecting\.$/.test(document.getElementById('stale').textContent)`)
	tab.Picture("..", "testdata", "screens", "fleet-cut.png")
	s.gone.Store(false)
	tab.Await(`document.getElementById('stale').textContent === ''`)
}

// TestUIWithoutScripts takes something on with forms alone, and reads every number.
func TestUIWithoutScripts(t *testing.T) {
	s := newShop(t, chain(300))
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 900)
	tab.Script(false)
	g, _ := needing(t, s.world)
	tab.Do(chromedp.Navigate(s.URL + page.Link("/attention", "group", g.ID)))
	tab.TabTo("main button[value=acknowledge]")
	tab.Type("\r")
	tab.Await(`document.body.innerText.includes('taken on by kim')`)
	tab.Do(chromedp.Navigate(s.URL + "/"))
	if n := pagetest.Eval[int](tab, `document.querySelectorAll('.grid a').length`); n != 300 {
		t.Errorf("%d cells without scripts", n)
	}
}

// TestUITimes reads times of the stores, of the reader and in UTC.
func TestUITimes(t *testing.T) {
	s := newShop(t, chain(40))
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 900)
	tab.Do(chromedp.Navigate(s.URL + "/stores/0001"))
	tab.Await(`document.getElementById('times').hidden === false`)
	own := tab.Text("dl time")
	for _, want := range []string{"Times: mine", "Times: UTC", "Times: store"} {
		pagetest.Eval[bool](tab, `document.getElementById('times').click() || true`)
		if got := tab.Text("#times"); got != want {
			t.Errorf("the button says %q, want %q", got, want)
		}
		if got := tab.Text("dl time"); want == "Times: store" && got != own || want == "Times: UTC" && got == own {
			t.Errorf("%s: the time is %q, the store's was %q", want, got, own)
		}
	}
}

// TestUIFirstScreen opens the first page of 2,000 stores with 36 devices each on a machine that is four times
// slower than this one. It is tried up to twenty times: others use this machine too.
func TestUIFirstScreen(t *testing.T) {
	c := chain(2000)
	c.Devices = 36
	s := newShop(t, c)
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 900)
	tab.Slow(4)
	const tries, limit = 6, 10 * time.Second // a figure to read, not to pass: machines differ
	best := time.Hour
	for range tries {
		tab.Do(chromedp.Navigate(s.URL + "/"))
		tab.Await(`performance.getEntriesByType('navigation')[0].loadEventEnd > 0 && document.getElementById('times').hidden === false`)
		took := pagetest.Eval[float64](tab, `performance.getEntriesByType('navigation')[0].loadEventEnd`)
		best = min(best, time.Duration(took*float64(time.Millisecond)))
	}
	t.Logf("2000 stores: the first screen is there after %v on a processor slowed four times", best)
	if best > limit {
		t.Errorf("the first screen took %v", best)
	}
	if n := pagetest.Eval[int](tab, `document.querySelectorAll('.grid a').length`); n != 2000 {
		t.Errorf("%d cells", n)
	}
}

// TestUIPrint prints what is told and leaves out what is for hands.
func TestUIPrint(t *testing.T) {
	s := newShop(t, chain(40))
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 900)
	tab.Do(chromedp.Navigate(s.URL + "/stores"))
	tab.Print(true)
	if shown := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('nav, form, button')].filter(e => e.offsetParent).map(e => e.outerHTML.slice(0, 80))`); len(shown) > 0 {
		t.Errorf("on paper are %q", shown)
	}
	if rows := pagetest.Eval[int](tab, `[...document.querySelectorAll('tr[data-row]')].filter(e => e.offsetParent).length`); rows != 40 {
		t.Errorf("%d stores are on paper", rows)
	}
}
