package daemon

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/ui/pagetest"
)

// TestUIPhoneAndPaper works with the actions on a phone, where they come from below, and prints the sheet of a
// device, with the proof of each step and the newest diagnostic and without what is only for the screen.
func TestUIPhoneAndPaper(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(360, 740)
	p.login("/console?list=1")
	p.Await(`!nightfill.night.open && nightfill.devices.get('till-3').state === 'rolled_back'`)
	p.click(`[data-device="till-3"]`)
	p.Await(`document.querySelector('.detail h1').textContent === 'till-3' && getComputedStyle(document.querySelector('.actions')).display === 'none'`)
	p.click(".more")
	p.Await(`document.activeElement.dataset.verb === 'retry' && document.querySelector('.more').getAttribute('aria-expanded') === 'true'`)
	p.see("", "phone-actions")
	p.Do(chromedp.KeyEvent("\x1b"))
	p.Await(`getComputedStyle(document.querySelector('.actions')).display === 'none' && document.activeElement.className.includes('more')`)
	p.click(".more")
	p.click(`[data-verb=hold]`)
	p.Await(`document.querySelector('dialog[open] input')`)
	p.see("", "phone-hold")
	p.click("dialog button[type=button]")
	p.click(".more")
	p.click(`[data-verb=diagnose]`)
	p.Await(`document.querySelector('.said').textContent.includes('was looked at')`)
	p.click("#tab-diagnostics")
	p.Await(`[...document.querySelectorAll('#panel button')].some(function (b) { return b.textContent === 'Download bundle'; })`)
	pagetest.Eval[bool](p.Tab, `URL.createObjectURL = function (b) { b.text().then(function (t) { window.saved = t; }); return '#'; };
  [...document.querySelectorAll('#panel button')].find(function (b) { return b.textContent === 'Download bundle'; }).click(); true`)
	p.Await(`document.querySelector('.said').textContent.startsWith('The bundle has ') && window.saved.startsWith('PK') && window.saved.includes('manifest.json')`)
	p.click("#tab-overview")
	p.click(".back")
	p.Await(`document.body.classList.contains('on-list')`)
	p.click(`[data-select="till-3"]`)
	p.Await(`document.querySelector('.count').textContent === '1 device selected'`)
	p.see("", "phone-many")
	p.click(`[data-device="till-3"]`)

	p.Screen(800, 1100)
	p.Await(`document.querySelector('#tab-overview[aria-selected=true]')`)
	p.Print(true)
	text := p.Text("body")
	for _, want := range []string{"Store 7", "till-3", "rolled back", "till-menu", "verify failed", "proof", "Checks", "POS-3", "Newest look", "boot id", "as of"} {
		if !strings.Contains(text, want) {
			t.Errorf("the sheet has no %q:\n%s", want, text)
		}
	}
	for _, not := range []string{"Log out", "Hold", "Diagnostics", "Whole store", "Look at the device now", "Download", "Why, and what comes next", "live", "What was asked here"} {
		if strings.Contains(text, not) {
			t.Errorf("the sheet has %q:\n%s", not, text)
		}
	}
	if open := pagetest.Eval[bool](p.Tab, `[...document.querySelectorAll('.steps details pre')].every(function (e) { return e.checkVisibility({contentVisibilityAuto: true}); })`); !open {
		t.Error("what the steps printed is not on the sheet")
	}
	p.Picture(screens, "console-print.png")
	if n := p.Sheets(); n < 1 || n > 3 {
		t.Errorf("%d sheets of paper", n)
	}
}
