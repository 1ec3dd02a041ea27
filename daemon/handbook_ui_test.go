package daemon

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/ui/handbook"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// TestUIHandbook reads every page of the handbook in the console: on a large screen by day, on a phone in the
// dark, and on paper. No page has a script.
func TestUIHandbook(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1024, 768)
	p.login("/console")
	p.click(`.bar a[href="/console/handbook"]`)
	p.Await(`document.querySelector('h1').textContent === 'Handbook'`)
	for _, dark := range []bool{false, true} {
		p.Dark(dark)
		size, name := "1024", "light"
		if dark {
			p.Screen(360, 740)
			size, name = "360", "dark"
		}
		p.Do(chromedp.Navigate(p.base + "/console/handbook"))
		p.seePage("list", size+"-"+name)
		for _, page := range handbook.Open().Pages() {
			p.Do(chromedp.Navigate(p.base + "/console/handbook/" + page.Topic))
			if got := p.Text("h1"); got != page.Title {
				t.Fatalf("the page of %s is %q", page.Topic, got)
			}
			p.seePage(page.Topic, size+"-"+name)
			if n := p.Sheets(); page.For == handbook.Manager && n != 1 || n > 3 {
				t.Errorf("%s takes %d sheets of paper", page.Topic, n)
			}
		}
	}
	if foreign := p.Foreign(); len(foreign) > 0 {
		t.Errorf("other hosts were asked: %v", foreign)
	}
}

// seePage looks at a page of the handbook: axe-core finds nothing, all of it can be reached by keys and it fits.
func (p *consolePage) seePage(topic, how string) {
	p.t.Helper()
	for _, v := range p.Violations() {
		p.t.Errorf("%s, %s: axe: %s", topic, how, v)
	}
	if wide := pagetest.Eval[bool](p.Tab, `document.documentElement.scrollWidth <= innerWidth`); !wide {
		p.t.Errorf("%s, %s is wider than the screen", topic, how)
	}
	if n := pagetest.Eval[int](p.Tab, `document.scripts.length`); n != 0 {
		p.t.Errorf("%s, %s has %d scripts", topic, how, n)
	}
	if dead := pagetest.Eval[string](p.Tab, `[...document.querySelectorAll('main a')].filter(a => a.tabIndex < 0 || !a.textContent.trim()).map(a => a.outerHTML).join('\n')`); dead != "" {
		p.t.Errorf("%s, %s: these links cannot be reached or have no words: %s", topic, how, dead)
	}
	if strings.Contains("list red-till install-box", topic) {
		p.Picture(screens, "handbook-"+topic+"-"+how+".png")
	}
}
