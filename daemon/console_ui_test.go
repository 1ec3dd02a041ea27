package daemon

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// screens is where pictures of pages are kept.
const screens = "../ui/testdata/screens"

// cable is the line between a browser and the box, which can be cut.
type cable struct {
	net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	lines map[net.Conn]bool
	ended sync.WaitGroup
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l, to: to, lines: map[net.Conn]bool{}}
	c.ended.Go(c.run)
	t.Cleanup(func() {
		_ = l.Close()
		c.set(true)
		c.ended.Wait()
	})
	return c
}

func (c *cable) run() {
	for {
		near, err := c.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.to)
		if err != nil || !c.keep(near, far) {
			_ = near.Close()
			continue
		}
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			c.ended.Go(func() {
				_, _ = io.Copy(way[0], way[1])
				_, _ = way[0].Close(), way[1].Close()
			})
		}
	}
}

func (c *cable) keep(ends ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range ends {
		if c.cut {
			_ = e.Close()
		}
		c.lines[e] = true
	}
	return !c.cut
}

// set cuts the cable, or mends it.
func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	for e := range c.lines {
		if cut {
			_ = e.Close()
		}
	}
}

// consolePage is a console in a browser, of a box that patches devices.
type consolePage struct {
	*pagetest.Tab
	t     *testing.T
	l     *lab
	d     *Daemon
	cable *cable
	base  string
}

// openConsolePage starts a box with three devices and a night in which one patch breaks on till-3.
func openConsolePage(t *testing.T, change ...func(*lab, *config.Config)) *consolePage {
	t.Helper()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &consolePage{t: t, cable: newCable(t, at.Addr().String())}
	p.base = "https://" + p.cable.Addr().String()
	p.Tab = pagetest.Open(t, p.base)
	if err := at.Close(); err != nil {
		t.Fatal(err)
	}
	l := newLab(t, 3)
	p.l = l
	l.script("terminal-settings", "echo settings; sleep 1")
	l.script("till-menu", "echo new menu; sleep 1")
	l.write("patches/till-menu-back.sh", "#!/bin/sh\necho old menu\n")
	l.write("patches/till-menu.yaml", `id: till-menu
title: New menu of the tills
install: {kind: script}
artifacts: [till-menu.sh]
verify: [{command: ["sh", "-c", "test ! -e $NIGHTFILL_ROOT/etc/broken"]}]
rollback: {class: script, artifacts: [till-menu-back.sh]}
duration: {install: 30s, verify: 5s, rollback: 10s}
owner: owner
`)
	l.publish()
	if out, err := l.hosts[2].Run(t.Context(), `mkdir -p "$NIGHTFILL_ROOT/etc" && touch "$NIGHTFILL_ROOT/etc/broken"`); err != nil {
		t.Fatal(err, out)
	}
	cfg := l.storeFile()
	cfg.Listen.Console = at.Addr().String()
	for _, c := range change {
		c(l, &cfg)
	}
	p.d, _ = l.start(cfg)
	for { // until the box listens
		if line, err := net.Dial("tcp", cfg.Listen.Console); err == nil {
			_ = line.Close()
			break
		}
	}
	_, err = p.d.users.Add(t.Context(), accounts.New{Name: "a.khan", Role: site.UserTech, Password: "three blue bicycles"}, "me", time.Now())
	l.must(err)
	return p
}

// login opens a place of the console.
func (p *consolePage) login(place string) {
	p.t.Helper()
	p.Do(chromedp.Navigate(p.base+place), chromedp.SendKeys(chromedp.CSS("[name=name]"), "a.khan"), chromedp.SendKeys(chromedp.CSS("[name=password]"), "three blue bicycles\r"))
	p.Await(`nightfill.synced`)
}

func (p *consolePage) click(css string) {
	p.t.Helper()
	p.Do(chromedp.Click(chromedp.CSS(css)))
}

// see looks at a tab: axe-core finds nothing, and a picture is taken.
func (p *consolePage) see(tab, name string) {
	p.t.Helper()
	if tab != "" {
		p.click("#tab-" + tab)
		p.Await(fmt.Sprintf(`document.querySelector('#tab-%s[aria-selected=true]') && document.querySelector('#panel').textContent.length > 20`, tab))
	}
	for _, v := range p.Violations() {
		p.t.Errorf("%s: axe: %s", name, v)
	}
	if wide := pagetest.Eval[bool](p.Tab, `document.documentElement.scrollWidth <= innerWidth`); !wide {
		p.t.Errorf("%s is wider than the screen", name)
	}
	p.Picture(screens, "console-"+name+".png")
}

// TestUIConsole works in the console as a technician does: a live night, what went wrong, its log, a look, a
// hold, on a large screen, on a phone and in the dark.
func TestUIConsole(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.Do(chromedp.Navigate(p.base + "/console?device=till-3"))
	p.see("", "login")
	p.login("/console?device=till-3")
	p.Await(`document.querySelector('.detail h1').textContent === 'till-3'`)
	p.Await(`!nightfill.night.open && nightfill.devices.get('till-3').state === 'rolled_back'`)
	p.Await(`document.querySelector('.side .devices').textContent.includes('till-3')`)
	for _, tab := range []string{"overview", "logs", "history"} {
		p.see(tab, tab)
	}
	p.click("#tab-diagnostics")
	p.click(`[data-verb=diagnose]`)
	p.Await(`document.querySelector('#panel').textContent.includes('boot id')`)
	p.see("diagnostics", "diagnostics")
	check := pagetest.Eval[string](p.Tab, `(function () { var b = document.querySelector('#panel [data-check]'); b.focus(); return b.dataset.check; }())`)
	p.Do(chromedp.KeyEvent("\r"))
	p.Await(`document.querySelector('.said').textContent.includes('check ` + check + ` of till-3 was carried out')`)
	p.Await(`document.activeElement.dataset.check === '` + check + `'`)
	p.click(`[data-verb=hold]`)
	p.Await(`document.querySelector('dialog[open] input')`)
	p.see("", "hold")
	p.Do(chromedp.SendKeys(chromedp.CSS("dialog label:last-of-type input"), "till in use\r"))
	p.Await(`document.querySelector('.said').textContent.includes('is held until') && nightfill.devices.get('till-3').held`)
	if h, ok := p.d.State().Holds["till-3"]; !ok || h.Actor != "a.khan" || h.Reason != "till in use" {
		t.Errorf("the hold is %+v", h)
	}
	p.click(`[data-verb=release]`)
	p.Await(`document.querySelector('dialog[open] input')`)
	p.Do(chromedp.SendKeys(chromedp.CSS("dialog label:last-of-type input"), "till is free\r"))
	p.Await(`!nightfill.devices.get('till-3').held`)
	if out, err := p.l.hosts[2].Run(t.Context(), `rm "$NIGHTFILL_ROOT/etc/broken"`); err != nil {
		t.Fatal(err, out)
	}
	p.Await(`document.querySelector('[data-verb=retry]').getAttribute('aria-disabled') === 'false'`)
	p.click(`[data-verb=retry]`)
	p.Await(`nightfill.devices.get('till-3').state === 'done' && !nightfill.night.open`)
	p.click(`[data-device=""]`)
	for _, tab := range []string{"tonight", "logs", "cache", "audit"} {
		p.see(tab, "store-"+tab)
	}
	p.click("#tab-tonight")
	p.Await(`document.querySelector('img.night').naturalWidth > 100`)
	p.see("", "store-tonight")
	p.Type("/till-2\r") // the same by keys alone
	p.Await(`document.querySelector('.detail h1').textContent === 'till-2'`)
	p.Type("l")
	p.Await(`document.querySelector('#tab-logs[aria-selected=true]') && document.activeElement.className.includes('log')`)
	p.Type("d")
	p.Await(`document.querySelector('#tab-diagnostics[aria-selected=true]')`)
	p.Type("1")
	p.Await(`document.querySelector('#tab-overview[aria-selected=true]')`)
	pagetest.Eval[bool](p.Tab, `localStorage.setItem('nightfill.dark', 'yes'); true`)
	p.Do(chromedp.Navigate(p.base + "/console"))
	p.Do(chromedp.Navigate(p.base + "/console?device=till-3"))
	p.Await(`nightfill.synced && document.querySelector('.detail h1').textContent === 'till-3'`)
	p.see("overview", "dark")
	p.see("logs", "dark-logs")
	pagetest.Eval[bool](p.Tab, `localStorage.setItem('nightfill.dark', 'no'); true`)
	p.Screen(360, 740)
	p.Do(chromedp.Navigate(p.base + "/console?list=1"))
	p.Await(`nightfill.synced`)
	p.see("", "phone-list")
	p.click(`[data-device=""]`)
	p.see("cache", "phone-cache")
	p.click(`.back`)
	p.click(`[data-device="till-3"]`)
	p.see("overview", "phone")
	p.Script(false)
	p.Screen(1280, 800)
	for place, name := range map[string]string{"": "plain", "/device/till-3": "plain-device", "/journal": "plain-journal"} {
		p.Do(chromedp.Navigate(p.base + "/console" + place))
		if text := p.Text("main"); !strings.Contains(text, "till-3") {
			t.Errorf("without scripts %s says\n%s", place, text)
		}
		p.Picture(screens, "console-"+name+".png")
	}
	if foreign := p.Foreign(); len(foreign) > 0 {
		t.Errorf("other hosts were asked: %v", foreign)
	}
}

// TestUIConsoleCut cuts the line for half a minute, and lets the machine sleep with a socket that looks open:
// the page says so, keeps moderate orders back, and has every record once when it is back.
func TestUIConsoleCut(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.login("/console?device=till-1")
	p.Await(`nightfill.log.entries.length > 3`)
	p.cable.set(true)
	began := time.Now()
	p.Await(`document.body.classList.contains('stale')`)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the page noticed after %v", took)
	}
	p.Await(`document.querySelector('[data-verb=hold]').getAttribute('aria-disabled') === 'true'`)
	p.click(`[data-verb=hold]`)
	p.Await(`document.querySelector('.said').textContent.includes('Not connected to the box')`)
	p.see("", "cut")
	for time.Since(began) < 30*time.Second {
		p.l.must(p.d.ledger.Add(run.Event{Kind: run.LookAsked, At: time.Now(), Actor: "bob", Text: "while the line was cut"}))
		<-time.After(100 * time.Millisecond)
	}
	p.cable.set(false)
	p.Await(`nightfill.line.state === 'live' && !document.body.classList.contains('stale')`)
	p.nothingLost()
	// Another site that a logged-in browser visits opens no socket.
	if foreign := p.foreignSocket(); foreign {
		t.Error("another site opened the websocket")
	}
}

// nothingLost wants every record of the journal once in the page.
func (p *consolePage) nothingLost() {
	p.t.Helper()
	p.Await(fmt.Sprintf(`nightfill.line.seen >= %d`, p.d.journal.Durable()))
	const count = `(function () { var s = nightfill.log.entries.map(function (x) { return x.seq; }), bad = 0;
  for (var i = 1; i < s.length; i++) if (s[i] !== s[i - 1] + 1) bad++;
  return bad + (nightfill.line.lost || 0) + (nightfill.line.doubled || 0); })()`
	if bad := pagetest.Eval[int](p.Tab, count); bad != 0 {
		p.t.Errorf("%d records were lost or doubled", bad)
	}
}

// foreignSocket opens a page of another origin, which tries to open the websocket of the box.
func (p *consolePage) foreignSocket() bool {
	p.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	p.l.must(err)
	evil := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>evil</title>")
	})}
	go func() { _ = evil.Serve(l) }()
	defer evil.Close()
	p.Do(chromedp.Navigate("http://" + l.Addr().String() + "/"))
	return pagetest.Eval[bool](p.Tab, fmt.Sprintf(`new Promise(function (done) { var w = new WebSocket('wss://%s/console/ws', 'nightfill.console.v1');
  w.onopen = function () { done(true); }; w.onclose = function () { done(false); }; })`, strings.TrimPrefix(p.base, "https://")))
}

// TestUITerminal works in a terminal as a technician does: it is the same shell after a cut of half a minute and
// after a reload, the keyboard gets out of it, and its recording plays.
func TestUITerminal(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.login("/console?device=till-1&tab=terminal")
	p.Await(`!nightfill.night.open && document.querySelector('.terminal button.main')`)
	p.see("", "terminal-before")
	p.click(".terminal button.main")
	p.Await(`document.querySelector('dialog[open]')`)
	p.Do(chromedp.SendKeys(chromedp.CSS("dialog label:last-of-type input"), "printer\r"))
	const screen = `(function () { var b = nightfill.terminal.buffer.active, s = ''; for (var i = 0; i < b.length; i++) s += b.getLine(i).translateToString(true) + '\n'; return s; })()`
	p.Await(`nightfill.terminal && nightfill.terminal.textarea === document.activeElement`)
	p.Type("uname -a; echo pid=$$=\r")
	p.Await(screen + `.match(/Linux.*\n?.*GNU\/Linux[^]*pid=[0-9]+=/)`)
	pid := pagetest.Eval[string](p.Tab, screen+`.match(/pid=([0-9]+)=/)[1]`)
	p.see("", "terminal")
	p.cable.set(true)
	p.Await(`document.body.classList.contains('stale')`)
	began := time.Now()
	for time.Since(began) < 30*time.Second {
		<-time.After(time.Second)
	}
	p.cable.set(false)
	p.Await(`nightfill.line.state === 'live'`)
	p.Type("echo again=$$=\r")
	p.Await(screen + `.includes('again=` + pid + `=')`)
	if n := pagetest.Eval[int](p.Tab, screen+`.split('pid=`+pid+`=').length - 1`); n != 1 {
		t.Errorf("after the cut the screen shows the output %d times:\n%s", n, pagetest.Eval[string](p.Tab, screen))
	}
	p.Do(chromedp.Reload())
	p.Await(`nightfill.terminal && ` + screen + `.includes('again=` + pid + `=')`)
	p.Await(`nightfill.terminal.textarea === document.activeElement`)
	pagetest.Eval[bool](p.Tab, `nightfill.terminal.textarea.dispatchEvent(new KeyboardEvent('keydown', {key: 'Tab', code: 'Tab', keyCode: 9, shiftKey: true, bubbles: true, cancelable: true})); true`)
	p.Await(`document.activeElement.textContent === 'End session'`)
	p.click(".terminal button.severe")
	p.Await(`document.querySelector('.terminal').textContent.includes('Its recording has the SHA-256')`)
	p.click(`[data-device=""]`)
	p.click("#tab-recordings")
	p.Await(`document.querySelector('#panel').textContent.includes('as the journal knows it')`)
	p.see("recordings", "recordings")
	p.click(`#panel a[href^="/console/play/"]`)
	p.Await(`document.querySelector('#player .ap-player')`)
	p.click(`#player .ap-overlay-start, #player .ap-player`)
	p.Await(`/0[1-9]/.test(document.querySelector('#player .ap-time-elapsed').textContent)`)
	p.Picture(screens, "console-play.png")
	if foreign := p.Foreign(); len(foreign) > 0 {
		t.Errorf("other hosts were asked: %v", foreign)
	}
}
