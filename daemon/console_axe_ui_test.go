package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// clean lets axe-core look at what is shown, by day and in the dark.
func (p *consolePage) clean(what string) {
	p.t.Helper()
	for _, dark := range []bool{false, true} {
		p.Dark(dark)
		for _, v := range p.Violations() {
			p.t.Errorf("%s, dark %v: axe: %s", what, dark, v)
		}
		if wide := pagetest.Eval[bool](p.Tab, `document.documentElement.scrollWidth <= innerWidth`); !wide {
			p.t.Errorf("%s is wider than the screen", what)
		}
	}
	p.Dark(false)
}

// TestUIAxe has axe-core look at every page and every tab: claim, login, the own account, each tab of the store and of
// a device, dialogs, the player, and the pages without scripts.
func TestUIAxe(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.l.must(p.d.users.Remove("a.khan", "me", time.Now()))
	code, _, err := p.d.users.ClaimCode()
	p.l.must(err)
	p.Do(chromedp.Navigate(p.base + "/console"))
	p.Await(`document.querySelector('h1').textContent === 'Claim this box'`)
	p.clean("claim")
	p.Picture(screens, "console-claim.png")
	for _, f := range [][2]string{{"claim", code}, {"name", "boss"}, {"password", "three blue bicycles"}, {"again", "three blue bicycles\r"}} {
		p.Do(chromedp.SendKeys(chromedp.CSS("[name="+f[0]+"]"), f[1]))
	}
	p.Await(`document.querySelector('[role=status]').textContent.includes('The account boss was made')`)
	p.clean("claimed")
	p.Do(chromedp.SendKeys(chromedp.CSS("[name=password]"), "wrong\r"))
	p.Await(`document.querySelector('.error')`)
	p.clean("refused login")
	p.Do(chromedp.SendKeys(chromedp.CSS("[name=password]"), "three blue bicycles\r"))
	p.Await(`nightfill.synced && !nightfill.night.open`)
	p.d.users.Policy = accounts.Severe
	id := p.recorded()

	p.tabs("store")
	p.click(`[data-device="till-3"]`)
	p.Await(`document.querySelector('.detail h1').textContent === 'till-3'`)
	p.tabs("till-3")
	p.click(`[data-select="till-3"]`)
	p.click(`[data-many=hold]`)
	p.Await(`document.querySelector('dialog[open]')`)
	p.clean("dialog of several")
	p.click("dialog button[type=button]")
	p.Type("?")
	p.Await(`document.querySelector('dialog[open] kbd')`)
	p.clean("keys")

	p.Do(chromedp.Navigate(p.base + "/console/play/" + id))
	p.Await(`document.querySelector('#player .ap-player')`)
	p.clean("player")
	p.click(`#player .ap-overlay-start, #player .ap-player`)
	p.Await(`!document.querySelector('#player .ap-overlay-start')`)
	p.clean("player while it plays")

	p.Do(chromedp.Navigate(p.base + "/console/account"))
	p.clean("account")
	p.Picture(screens, "console-account.png")
	p.Screen(360, 740)
	p.clean("account on a phone")
	p.Picture(screens, "console-phone-account.png")
	p.Do(chromedp.SendKeys(chromedp.CSS(`form[action$=password] [name=old]`), "three blue bicycles"), chromedp.SendKeys(chromedp.CSS(`[name=password]`), "seven green lanterns"),
		chromedp.SendKeys(chromedp.CSS(`[name=again]`), "seven green lanterns\r"))
	p.Await(`document.querySelector('[role=status]').textContent === 'Your password is changed. Every other session of yours is over.'`)
	p.clean("changed password")
	p.Do(chromedp.SendKeys(chromedp.CSS(`form[action$=app] [name=old]`), "seven green lanterns\r"))
	p.Await(`document.querySelector('.secret').textContent.startsWith('otpauth://')`)
	p.clean("authenticator app")
	p.Screen(1280, 800)
	for _, place := range []string{"", "/device/till-3", "/journal"} { // as who has no scripts sees it; then axe-core may run
		p.Script(false)
		p.Do(chromedp.Navigate(p.base + "/console" + place))
		p.Script(true)
		if text := p.Text("main"); !strings.Contains(text, "till-3") {
			t.Errorf("without scripts %s says\n%s", place, text)
		}
		p.clean("without scripts " + place)
	}
}

// tabs looks at every tab that there is.
func (p *consolePage) tabs(what string) {
	p.t.Helper()
	for _, tab := range pagetest.Eval[[]string](p.Tab, `[...document.querySelectorAll('.tabs button')].map(function (b) { return b.id; })`) {
		p.click("#" + tab)
		p.Await(fmt.Sprintf(`document.querySelector('#%s[aria-selected=true]') && document.querySelector('#panel').textContent.length > 20 && !/Asking the box/.test(document.querySelector('#panel').textContent)`, tab))
		p.clean(what + " " + tab)
	}
}

// recorded makes a recording of a terminal.
func (p *consolePage) recorded() string {
	p.t.Helper()
	s, err := p.d.desk.Open(p.t.Context(), hands.Ask{Device: "till-1", Reason: "printer", Actor: "boss"}, terminal.Size{})
	p.l.must(err)
	s.End()
	p.l.until(p.d, "the terminal is closed", func(s run.State) bool { return len(s.Hands) == 0 })
	return s.Info().ID
}
