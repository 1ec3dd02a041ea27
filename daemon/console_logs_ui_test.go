package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// talk adds records that say a word and their number.
func (p *consolePage) talk(word string, n int) {
	p.t.Helper()
	var events []run.Event
	for i := range n {
		events = append(events, run.Event{Kind: run.LookAsked, At: time.Now(), Actor: "bob", Text: fmt.Sprintf("%s %04d", word, i)})
	}
	p.l.must(p.d.ledger.Add(events...))
	p.Await(fmt.Sprintf(`nightfill.line.seen >= %d`, p.d.journal.Durable()))
}

// TestUILogs reads the log as a technician does: who scrolls up is left where he is while a thousand lines arrive;
// what is downloaded is what is shown; a line is seen among its neighbours, and back.
func TestUILogs(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.login("/console?tab=logs")
	p.Await(`!nightfill.night.open`)
	p.talk("early", 300)
	p.Await(`document.querySelectorAll('.log .line').length > 300 && document.querySelector('.tools').textContent.includes('following')`)
	const top = `(function () { var l = document.querySelector('.log'), y = l.getBoundingClientRect().top;
  var r = [...l.children].find(function (c) { return c.getBoundingClientRect().bottom > y; }); return [r.entry.seq, r.getBoundingClientRect().top - y]; })()`
	pagetest.Eval[bool](p.Tab, `(function () { var l = document.querySelector('.log'); l.scrollTop = l.scrollHeight / 2; return true; })()`)
	p.Await(`document.querySelector('.tools').textContent.includes('paused')`)
	const still = `String(` + top + `) === window.rested || !(window.rested = String(` + top + `))` // lines are as high as they were taken to be only once they were shown
	p.Await(still)
	before := pagetest.Eval[[]float64](p.Tab, top)
	p.talk("late", 1000)
	p.Await(`document.querySelector('.pill').textContent === '1000 new lines ↓' && document.querySelector('.log').lastElementChild.textContent.includes('late 0999')`)
	p.Await(still)
	if after := pagetest.Eval[[]float64](p.Tab, top); after[0] < before[0]-1 || after[0] > before[0]+1 {
		t.Errorf("the line at the top was %v and is %v", before, after)
	}
	p.Do(chromedp.SendKeys(chromedp.CSS(".log"), "f"))
	p.Await(`document.querySelector('.pill').hidden && document.querySelector('.tools').textContent.includes('following')`)

	p.Do(chromedp.Navigate(p.base + "/console?tab=logs&text=" + `%2F(late+00[0-4]7|early+0001)%2F&level=notice`))
	const count = `document.querySelectorAll('.log .line').length`
	p.Await(`nightfill.synced && document.querySelector('.tools').textContent.includes('0 lines')`)
	for _, found := range []int{5, 6} { // each looks back until it finds something
		pagetest.Eval[bool](p.Tab, `[...document.querySelectorAll('.tools button')].find(function (b) { return b.textContent === 'Older'; }).click() || true`)
		p.Await(fmt.Sprintf("%s === %d", count, found))
	}
	pagetest.Eval[bool](p.Tab, `URL.createObjectURL = function (b) { b.text().then(function (t) { window.saved = t; }); return '#'; }; true`)
	for button, form := range map[string]string{"Download shown, .log": `s.split(' ')[0]`, ".jsonl": `String(JSON.parse(s).seq)`} {
		pagetest.Eval[bool](p.Tab, `window.saved = ''; [...document.querySelectorAll('.tools button')].find(function (b) { return b.textContent === '`+button+`'; }).click(); true`)
		p.Await(`window.saved`)
		same := `window.saved.trim().split('\n').map(function (s) { return ` + form + `; }).join() === [...document.querySelectorAll('.log .line')].map(function (r) { return String(r.entry.seq); }).join()`
		if !pagetest.Eval[bool](p.Tab, same) {
			t.Errorf("%s is not what is shown:\n%s", button, pagetest.Eval[string](p.Tab, `window.saved`))
		}
	}
	p.see("", "filtered")
	p.click(`.log .line:nth-child(3) .near`)
	p.Await(`document.querySelector('.line.here').textContent.includes('late 0017') && ` + count + ` > 100 && !document.querySelector('.context').hidden`)
	if shown := pagetest.Eval[bool](p.Tab, `(function () { var l = document.querySelector('.log').getBoundingClientRect(), r = document.querySelector('.line.here').getBoundingClientRect(); return r.top > l.top && r.bottom < l.bottom; })()`); !shown {
		t.Error("the line is not on the screen")
	}
	p.see("", "context")
	p.click(".context button")
	p.Await(count + ` === 6 && document.activeElement.dataset.near && document.activeElement.closest('.line').textContent.includes('late 0017')`)
	if at := pagetest.Eval[string](p.Tab, `location.search`); strings.Contains(at, "at=") || !strings.Contains(at, "level=notice") {
		t.Errorf("the address is %s", at)
	}
	p.click(`.log .line:nth-child(3) .near`)
	p.Await(`document.querySelector('.line.here')`)
	p.Do(chromedp.Reload())
	p.Await(`document.querySelector('.line.here').textContent.includes('late 0017')`)
	p.click(".context button")
	p.Await(`!document.querySelector('.line.here') && document.querySelector('.context').hidden`)
}
