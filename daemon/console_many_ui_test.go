package daemon

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// TestUIMany chooses several devices with mouse and keys, and gives one order to each: one reason for all, a
// line for each, and whoever it cannot be asked of is named. A device that changed meanwhile is left as it is.
func TestUIMany(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.login("/console?device=till-3")
	p.Await(`!nightfill.night.open && nightfill.devices.get('till-3').state === 'rolled_back'`)
	p.Await(`document.querySelector('.choice').textContent.includes('Select 1 failed')`)
	p.click(".choice button")
	p.Await(`document.querySelector('.count').textContent === '1 device selected' && document.querySelector('[data-many=retry]').textContent === 'Retry 1 failed'`)
	p.click(`[data-select="till-1"]`)
	pagetest.Eval[bool](p.Tab, `document.querySelector('[data-select="till-2"]').dispatchEvent(new MouseEvent('click', {shiftKey: true, bubbles: true, cancelable: true})); true`)
	p.Await(`document.querySelector('.count').textContent === '3 devices selected' && document.querySelectorAll('[data-select]:checked').length === 3`)
	p.see("", "many")
	p.click(`[data-many=retry]`)
	p.Await(`document.querySelector('dialog[open] h2').textContent === 'Retry 1 failed device'`)
	if text := p.Text("dialog"); !pagetest.Eval[bool](p.Tab, `/Left out[^]*till-1: [^]*till-2: /.test(document.querySelector('dialog').innerText)`) {
		t.Errorf("the dialog says\n%s", text)
	}
	p.see("", "many-retry")
	p.click("dialog button[type=button]")
	pagetest.Eval[bool](p.Tab, `document.querySelector('[data-device="till-3"]').focus(); true`)
	p.Type(" ") // takes till-3 out of the choice
	p.Await(`document.querySelector('.count').textContent === '2 devices selected'`)
	p.Type("x")
	p.Await(`document.querySelector('.count').textContent === '3 devices selected'`)
	p.click(`[data-many=hold]`)
	p.Await(`document.querySelector('dialog[open] h2').textContent === 'Hold 3 devices'`)
	p.l.must(p.d.ledger.Add(run.Event{Kind: run.HoldSet, At: time.Now(), Device: "till-2", Actor: "bob", Text: "mine",
		Hold: &site.Hold{Device: "till-2", Until: time.Now().Add(time.Hour), Actor: "bob", Reason: "mine"}}))
	p.Do(chromedp.SendKeys(chromedp.CSS("dialog label:last-of-type input"), "stock taking\r"))
	p.Await(`document.querySelector('.said').textContent.startsWith('Hold: 2 of 3 done; refused: till-2: ')`)
	p.see("", "many-done")
	holds := p.d.State().Holds
	for _, id := range []string{"till-1", "till-3"} {
		if h := holds[id]; h.Actor != "a.khan" || h.Reason != "stock taking" {
			t.Errorf("%s: %+v", id, h)
		}
	}
	if h := holds["till-2"]; h.Actor != "bob" {
		t.Errorf("till-2: %+v", h)
	}
	if n := pagetest.Eval[int](p.Tab, `document.querySelectorAll('.results li').length`); n != 3 {
		t.Errorf("%d lines of results", n)
	}
	if text := p.Text(".results"); !pagetest.Eval[bool](p.Tab, `/till-2 · refused: .*bob/.test(document.querySelector('.results').textContent)`) {
		t.Errorf("the results say\n%s", text)
	}
}
