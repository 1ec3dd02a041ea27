package fleet

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// shot keeps a picture of chosen stores where NIGHTFILL_SHOTS names a folder.
func shot(tab *pagetest.Tab, name string) {
	if dir := os.Getenv("NIGHTFILL_SHOTS"); dir != "" {
		tab.Picture(filepath.Join(dir, name+".png"))
	}
}

// chosenCells are the ids of the stores whose cells bear the mark, in the order of the grid.
const chosenCells = `[...document.querySelectorAll('.grid a')].filter(a => a.getAttribute('aria-selected') === 'true').map(a => a.getAttribute('href').split('/').pop())`

// marksFit is whether what is seen of the cells is what is said of them: the mark is a second picture.
const marksFit = `[...document.querySelectorAll('.grid a')].every(a =>
  (a.getAttribute('aria-selected') === 'true') === (getComputedStyle(a).backgroundImage.split('url(').length === 3))`

func chosenNow(tab *pagetest.Tab) []string { return pagetest.Eval[[]string](tab, chosenCells) }

// spot is where the middle of a cell is on the screen.
func spot(tab *pagetest.Tab, cell int) (x, y float64) {
	at := pagetest.Eval[[]float64](tab, fmt.Sprintf(`(() => { const a = document.querySelectorAll('.grid a')[%d]; a.scrollIntoView({ block: 'nearest' }); const r = a.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, cell))
	return at[0], at[1]
}

func mods(m chromedp.Modifier) chromedp.MouseOption {
	return func(p *input.DispatchMouseEventParams) { p.Modifiers = int64(m) }
}

// drag draws a lasso from one point to another, as a hand does.
func drag(tab *pagetest.Tab, x1, y1, x2, y2 float64, m chromedp.Modifier) {
	pen := []chromedp.MouseOption{chromedp.ButtonLeft, mods(m)}
	tab.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x1, y1, append(pen, chromedp.ClickCount(1))...))
	for i := 1; i <= 8; i++ {
		f := float64(i) / 8
		tab.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x1+(x2-x1)*f, y1+(y2-y1)*f, append(pen, func(p *input.DispatchMouseEventParams) { p.Buttons = 1 })...))
	}
	tab.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x2, y2, append(pen, chromedp.ClickCount(1))...))
}

func click(tab *pagetest.Tab, cell int, m chromedp.Modifier) {
	x, y := spot(tab, cell)
	tab.Do(chromedp.MouseClickXY(x, y, mods(m)))
}

func chosenSay(tab *pagetest.Tab) string { return strings.TrimSpace(tab.Text("#chosen")) }

// TestUIChooseByMouse draws a lasso, adds to it, and takes from it.
func TestUIChooseByMouse(t *testing.T) {
	s := newShop(t, chain(300))
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 1000)
	tab.Do(chromedp.Navigate(s.URL + "/stores"))
	tab.Await(`document.getElementById('unpick').hidden === false`)
	if n := chosenNow(tab); len(n) > 0 || pagetest.Eval[bool](tab, `document.getElementById('picks').offsetParent !== null`) {
		t.Errorf("%q are chosen before anybody chose", n)
	}
	ids := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('.grid a')].map(a => a.getAttribute('href').split('/').pop())`)
	x1, y1 := spot(tab, 2)
	x2, y2 := spot(tab, 6)
	drag(tab, x1, y1, x2, y2, 0)
	if got := chosenNow(tab); !slices.Equal(got, ids[2:7]) {
		t.Fatalf("the lasso chose %q, want %q", got, ids[2:7])
	}
	if at := pagetest.Eval[string](tab, `location.pathname`); at != "/stores" {
		t.Fatalf("the lasso opened %s", at)
	}
	if say := chosenSay(tab); say != "5 stores chosen" {
		t.Errorf("the bar says %q", say)
	}
	click(tab, 20, chromedp.ModifierCtrl)
	click(tab, 24, chromedp.ModifierShift)
	if got, want := chosenNow(tab), slices.Concat(ids[2:7], ids[20:25]); !slices.Equal(got, want) {
		t.Errorf("a range is %q, want %q", got, want)
	}
	click(tab, 4, chromedp.ModifierCtrl)
	if got, want := chosenNow(tab), slices.Concat(ids[2:4], ids[5:7], ids[20:25]); !slices.Equal(got, want) {
		t.Errorf("after one was taken out there are %q, want %q", got, want)
	}
	if !pagetest.Eval[bool](tab, marksFit) {
		t.Error("the marks are not what is chosen")
	}
	rows := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('input[name=store]:checked')].map(b => b.value)`)
	if slices.Sort(rows); len(rows) != len(chosenNow(tab)) {
		t.Errorf("in the table are chosen %q", rows)
	}
	x2, y2 = spot(tab, 30)
	drag(tab, x2, y2, x2+3, y2+60, 0) // without a key it begins anew
	if got := chosenNow(tab); slices.Contains(got, ids[2]) || !slices.Contains(got, ids[30]) {
		t.Errorf("a new lasso chose %q", got)
	}
	tab.Key("Escape")
	if got := chosenNow(tab); len(got) > 0 {
		t.Errorf("Escape left %q", got)
	}
	click(tab, 3, 0) // and a click opens, as ever
	tab.Await(`location.pathname === '/stores/` + ids[3] + `'`)
}

// TestUIChooseByKeys does the same with the keyboard alone, and acts.
func TestUIChooseByKeys(t *testing.T) {
	s := newShop(t, chain(300))
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 1000)
	tab.Do(chromedp.Navigate(s.URL + "/"))
	tab.Await(`document.getElementById('unpick').hidden === false`)
	tab.TabTo(".grid a")
	ids := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('.grid a')].map(a => a.getAttribute('href').split('/').pop())`)
	press := tab.Press
	press(" ", 0)
	if line := tab.Text("#cell"); !strings.HasSuffix(line, "Chosen.") {
		t.Errorf("the line below the grid says %q", line)
	}
	press("ArrowRight", chromedp.ModifierShift)
	press("ArrowRight", chromedp.ModifierShift)
	if got := chosenNow(tab); !slices.Equal(got, ids[:3]) {
		t.Errorf("chosen are %q, want %q", got, ids[:3])
	}
	press("ArrowLeft", chromedp.ModifierShift)
	press("ArrowRight", 0)
	press("ArrowRight", 0)
	press(" ", 0)
	if got, want := chosenNow(tab), []string{ids[0], ids[1], ids[3]}; !slices.Equal(got, want) {
		t.Errorf("chosen are %q, want %q", got, want)
	}
	press("a", chromedp.ModifierCtrl)
	if say := chosenSay(tab); say != "300 stores chosen" {
		t.Errorf("the bar says %q", say)
	}
	press("Escape", 0)
	press(" ", 0)
	press("ArrowRight", chromedp.ModifierShift)
	tab.TabTo("#picks button[value=hold]")
	tab.Type("\r")
	tab.Await(`document.activeElement.name === 'reason'`)
	if head := tab.Text("dialog h1"); head != "Hold 2 stores" {
		t.Errorf("it is asked: %q", head)
	}
	for _, fault := range tab.Violations() {
		t.Errorf("the dialog: %.600s", fault)
	}
	tab.Type("the power is cut\r")
	tab.Await(`document.querySelector('dialog h1').textContent === 'Held 2 stores: they learn it at their next contact.'`)
	if len(s.held) != 2 || s.held[ids[3]] != "the power is cut (kim)" {
		t.Errorf("held are %q, want %s and the next", s.held, ids[3])
	}
	if got := chosenNow(tab); len(got) != 2 {
		t.Errorf("chosen are %q after it was done", got)
	}
}

// TestUIChoiceLasts changes the board and the width while stores are chosen.
func TestUIChoiceLasts(t *testing.T) {
	c := chain(300)
	s := newShop(t, c)
	early := morning().Add(-3 * time.Hour)
	s.become(c.Board(early), early)
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 1000)
	tab.Do(chromedp.Navigate(s.URL + "/"))
	tab.Await(`document.getElementById('unpick').hidden === false`)
	x1, y1 := spot(tab, 0)
	drag(tab, x1, y1, x1+250, y1+80, 0)
	before := chosenNow(tab)
	done := pagetest.Eval[int](tab, `document.querySelectorAll('.grid .k-done').length`)
	s.become(c.Board(morning()), morning())
	tab.Await(fmt.Sprintf(`document.querySelectorAll('.grid .k-done').length > %d`, done))
	tab.Screen(390, 900)
	tab.Await(`document.querySelector('.grid').offsetWidth < 900`)
	if got := chosenNow(tab); len(before) < 10 || !slices.Equal(got, before) || !pagetest.Eval[bool](tab, marksFit) {
		t.Errorf("chosen were %q, and are %q", before, got)
	}
}

// TestUIChosenLooks looks at chosen stores and the bar on a telephone and on a desk, light and dark.
func TestUIChosenLooks(t *testing.T) {
	s := newShop(t, chain(300))
	tab := pagetest.Open(t, s.URL+"/")
	for _, dark := range []bool{false, true} {
		tab.Dark(dark)
		for _, wide := range []int64{390, 1280} {
			tab.Screen(wide, 900)
			for _, page := range []string{"/", "/stores"} {
				at := fmt.Sprintf("%s %d dark %t", page, wide, dark)
				tab.Do(chromedp.Navigate(s.URL + page))
				tab.Await(`document.getElementById('unpick').hidden === false`)
				x1, y1 := spot(tab, 70)
				drag(tab, x1, y1, x1+160, y1-90, 0)
				if n := len(chosenNow(tab)); n < 5 {
					t.Errorf("%s: %d chosen", at, n)
				}
				sound(t, tab, at)
				pagetest.Eval[bool](tab, `(document.querySelector('.grid').scrollIntoView({ block: 'start' }), true)`)
				name := strings.NewReplacer("/", "", " ", "-").Replace(map[string]string{"/": "tonight", "/stores": "stores"}[page] + at[len(page):])
				shot(tab, name)
			}
			pagetest.Eval[bool](tab, `document.querySelector('#picks [value=hold]').click() || true`)
			tab.Await(`document.querySelector('dialog[open]') !== null`)
			shot(tab, fmt.Sprintf("hold-%d-dark-%t", wide, dark))
			for _, fault := range tab.Violations() {
				t.Errorf("hold %d dark %t: %.900s", wide, dark, fault)
			}
		}
	}
}

// TestUIChooseByFinger holds a finger still, draws on, and taps one more cell; a finger that moves at once scrolls.
func TestUIChooseByFinger(t *testing.T) {
	s := newShop(t, chain(300))
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(390, 900)
	tab.Do(chromedp.Navigate(s.URL + "/stores"))
	tab.Await(`document.getElementById('unpick').hidden === false`)
	x1, y1 := spot(tab, 16)
	tab.Touch(x1, y1)
	tab.TouchMove(x1, y1+90)
	tab.TouchEnd()
	if got := chosenNow(tab); len(got) > 0 {
		t.Errorf("scrolling chose %q", got)
	}
	x1, y1 = spot(tab, 16)
	x2, y2 := spot(tab, 18)
	tab.Touch(x1, y1)
	tab.Await(`document.querySelector('.lasso') !== null`)
	tab.TouchMove(x2, y2)
	tab.Await(`document.getElementById('chosen').textContent === '3 stores chosen'`)
	tab.TouchEnd()
	x2, y2 = spot(tab, 20)
	tab.Touch(x2, y2)
	tab.TouchEnd()
	tab.Await(`document.getElementById('chosen').textContent === '4 stores chosen'`)
	if at := pagetest.Eval[string](tab, `location.pathname`); at != "/stores" {
		t.Errorf("a tap opened %s", at)
	}
}

// TestUIChooseWithoutScripts chooses in the table and holds, with forms alone.
func TestUIChooseWithoutScripts(t *testing.T) {
	s := newShop(t, chain(300))
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(1280, 1000)
	tab.Script(false)
	tab.Do(chromedp.Navigate(s.URL + "/stores?size=20"))
	tab.TabTo("input[name=store]")
	tab.Type(" ")
	tab.TabKey(false)
	tab.TabTo("input[name=store]")
	tab.Type(" ")
	chosen := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('input[name=store]:checked')].map(b => b.value)`)
	if len(chosen) != 2 || !pagetest.Eval[bool](tab, `document.querySelector('#picks button').getBoundingClientRect().height > 20`) {
		t.Fatalf("chosen are %q, and the bar is not seen", chosen)
	}
	shot(tab, "stores-1280-without-scripts")
	tab.TabTo("#picks button[value=hold]")
	tab.Type("\r")
	tab.Await(`document.querySelector('h1').textContent === 'Hold 2 stores'`)
	shot(tab, "hold-1280-without-scripts")
	tab.Script(true) // axe-core is one
	for _, fault := range tab.Violations() {
		t.Errorf("without scripts: %.600s", fault)
	}
	tab.Script(false)
	tab.TabTo("input[name=reason]")
	tab.Type("the power is cut\r")
	tab.Await(`document.querySelector('h1').textContent === 'Held 2 stores: they learn it at their next contact.'`)
	if len(s.held) != 2 {
		t.Errorf("held are %q", s.held)
	}
}

// TestUIHoldPatch holds a patch from its page, and looks at it before and after.
func TestUIHoldPatch(t *testing.T) {
	s := newShop(t, chain(150))
	tab := pagetest.Open(t, s.URL+"/")
	for _, dark := range []bool{false, true} {
		tab.Dark(dark)
		for _, wide := range []int64{390, 1280} {
			tab.Screen(wide, 900)
			tab.Do(chromedp.Navigate(s.URL + badPatch + "#hold"))
			shot(tab, fmt.Sprintf("patch-%d-dark-%t", wide, dark))
			for _, fault := range tab.Violations() {
				t.Errorf("%d wide, dark %t: %.600s", wide, dark, fault)
			}
		}
	}
	tab.TabTo("#hold input")
	tab.Type("tills do not come back\r")
	tab.Await(`document.querySelector('h1').textContent === 'Held pos-app-4.2.1 everywhere: stores learn it at their next contact.'`)
	for _, fault := range tab.Violations() {
		t.Errorf("held: %.600s", fault)
	}
	tab.Do(chromedp.Navigate(s.URL + badPatch + "#hold"))
	tab.Await(`document.querySelector('#hold h2').textContent === 'Held everywhere'`)
	shot(tab, "patch-1280-held")
}

// TestUIViews keeps a view, and looks at the menu with it.
func TestUIViews(t *testing.T) {
	s := newShop(t, chain(40))
	if rec := post(withLogin(s.world, page.Manager), "/views", map[string][]string{"verb": {"keep"}, "page": {"/stores"}, "query": {"region=North"}, "name": {"The north"}, "shared": {"1"}}); rec.Code != http.StatusSeeOther {
		t.Fatal(rec.Code, rec.Body)
	}
	tab := pagetest.Open(t, s.URL+"/")
	for _, dark := range []bool{false, true} {
		tab.Dark(dark)
		for _, wide := range []int64{390, 1280} {
			tab.Screen(wide, 900)
			tab.Do(chromedp.Navigate(s.URL + "/stores?region=North"))
			pagetest.Eval[bool](tab, `document.querySelectorAll('.views, .views details').forEach(d => { d.open = true; }) || true`)
			shot(tab, fmt.Sprintf("views-%d-dark-%t", wide, dark))
			sound(t, tab, fmt.Sprintf("%d wide, dark %t", wide, dark))
		}
	}
}
