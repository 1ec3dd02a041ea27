package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// shownText is everything that the terminal of the page has.
const shownText = `(function () { var b = nightfill.terminal.buffer.active, s = ''; for (var i = 0; i < b.length; i++) s += b.getLine(i).translateToString(true) + '\n'; return s; })()`

// openTerminal opens one on a device, after the night.
func (p *consolePage) openTerminal(device string) {
	p.t.Helper()
	p.login("/console?device=" + device + "&tab=terminal")
	p.Await(`!nightfill.night.open && document.querySelector('.terminal button.main')`)
	p.click(".terminal button.main")
	p.Await(`document.querySelector('dialog[open]')`)
	p.Do(chromedp.SendKeys(chromedp.CSS("dialog label:last-of-type input"), "printer\r"))
	p.Await(`document.activeElement.closest('.screen')`)
}

// during writes records into the journal for a while.
func (p *consolePage) during(d time.Duration) {
	p.t.Helper()
	for began := time.Now(); time.Since(began) < d; {
		p.l.must(p.d.ledger.Add(run.Event{Kind: run.LookAsked, At: time.Now(), Actor: "bob", Text: "meanwhile"}))
		<-time.After(100 * time.Millisecond)
	}
}

// realSSHD puts an OpenSSH server of this machine before the first device, in whose directory its shells are.
func realSSHD(t *testing.T) func(*lab, *config.Config) {
	t.Helper()
	const sshd = "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil {
		t.Skip("sshd is not installed: apt-get install openssh-server")
	}
	return func(l *lab, cfg *config.Config) {
		m, me := l.hosts[0].Machine, must(user.Current())
		dir := filepath.Join(m.Dir(), "etc")
		free := must(net.Listen("tcp", "127.0.0.1:0"))
		at := free.Addr().(*net.TCPAddr)
		l.must(free.Close())
		key := must(fakessh.HostKey(filepath.Join(dir, "real_key")))
		l.must(os.WriteFile(filepath.Join(dir, "authorized"), ssh.MarshalAuthorizedKey(l.public), 0o600))
		env := m.Env()
		file := filepath.Join(dir, "sshd_config")
		l.must(os.WriteFile(file, fmt.Appendf(nil, "ListenAddress 127.0.0.1\nPort %d\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"+
			"PasswordAuthentication no\nSetEnv %s %s HOME=%s\n", at.Port, filepath.Join(dir, "real_key"), filepath.Join(dir, "authorized"), env[0], env[1], filepath.Join(m.Dir(), "root")), 0o600))
		cmd := exec.Command(sshd, "-D", "-e", "-f", file)
		if os.Getuid() == 0 { // which wants a directory of its own that others have not changed
			cmd = exec.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec "$@"`, "sh", sshd, "-D", "-e", "-f", file)
		}
		l.must(cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		d := &cfg.Store.Devices[0]
		d.Address, d.User, d.HostKey = at.String(), me.Username, fakessh.PinnedForm(key.PublicKey())
		for {
			line, err := ssh.Dial("tcp", d.Address, &ssh.ClientConfig{User: "nobody", HostKeyCallback: ssh.FixedHostKey(key.PublicKey()), Timeout: time.Second})
			if err == nil {
				_ = line.Close()
			}
			if conn, err := net.Dial("tcp", d.Address); err == nil {
				_ = conn.Close()
				return
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestUITerminalOnOpenSSH works in a shell of a real sshd: it is the same shell when the line was cut for half a
// minute and when the page was loaded anew, and no record of the journal is lost or doubled.
func TestUITerminalOnOpenSSH(t *testing.T) {
	if testing.Short() {
		t.Skip("the tests in a browser are in make ui-test")
	}
	p := openConsolePage(t, realSSHD(t))
	p.Screen(1280, 800)
	p.openTerminal("till-1")
	p.Type("uname -a; echo pid=$$= over=${SSH_CONNECTION% *}\r")
	p.Await(shownText + `.match(/Linux.*\n?.*GNU\/Linux[^]*pid=[0-9]+= over=127.0.0.1/)`)
	pid := pagetest.Eval[string](p.Tab, shownText+`.match(/pid=([0-9]+)=/)[1]`)
	p.cable.set(true)
	p.Await(`document.body.classList.contains('stale')`)
	p.during(30 * time.Second)
	p.cable.set(false)
	p.Await(`nightfill.line.state === 'live'`)
	p.nothingLost()
	p.Type("echo again=$$=\r")
	p.Await(shownText + `.includes('again=` + pid + `=')`)
	if n := pagetest.Eval[int](p.Tab, shownText+`.split('pid=`+pid+`=').length - 1`); n != 1 {
		t.Errorf("after the cut the screen shows the output %d times:\n%s", n, pagetest.Eval[string](p.Tab, shownText))
	}
	p.Do(chromedp.Reload())
	p.Await(`nightfill.terminal && ` + shownText + `.includes('again=` + pid + `=') && document.activeElement === nightfill.terminal.textarea`)
	p.Type("echo anew=$$=\r")
	p.Await(shownText + `.includes('anew=` + pid + `=')`)
	p.Type("exit 3\r")
	p.Await(`document.querySelector('.terminal').textContent.includes('ended with exit code 3')`)
}

// TestUIAsleep lets the machine sleep with a socket that stays open and hears nothing: when it wakes up the page
// takes the socket for dead, and has every record once.
func TestUIAsleep(t *testing.T) {
	p := openConsolePage(t)
	p.login("/console?device=till-1")
	p.Await(`nightfill.log.entries.length > 3`)
	pagetest.Eval[bool](p.Tab, `(window.deaf = nightfill.line.ws).onmessage = function () {}, true`)
	p.during(2 * time.Second)
	if !pagetest.Eval[bool](p.Tab, `deaf === nightfill.line.ws && deaf.readyState === WebSocket.OPEN && nightfill.line.state === 'live'`) {
		t.Fatal("the socket that hears nothing is not open any more")
	}
	began := time.Now()
	pagetest.Eval[bool](p.Tab, `(function () { var now = Date.now; Date.now = function () { return now() + 3600000; }; document.dispatchEvent(new Event('visibilitychange')); return true; }())`)
	p.Await(`nightfill.line.ws && nightfill.line.ws !== deaf && deaf.readyState !== WebSocket.OPEN && nightfill.line.state === 'live'`)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("live again after %v", took)
	}
	p.nothingLost()
}

// flood is how the page does while a device shows without end.
type flood struct{ Frame, Heap, Answer float64 } // median ms between frames, MB, ms

// TestUIFlood lets a device show without end: the page goes on, its memory does not grow for ever, and Ctrl-C
// stops it at once.
func TestUIFlood(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.openTerminal("till-1")
	p.Type("yes nightfill\r")
	p.Await(shownText + `.split('nightfill').length > 1000`)
	got := pagetest.Eval[flood](p.Tab, `new Promise(function (done) {
  var frames = [], last = performance.now(), began = last;
  function frame(now) {
    frames.push(now - last);
    last = now;
    if (now - began < 8000) return requestAnimationFrame(frame);
    var heap = performance.memory.usedJSHeapSize / 1048576, asked = performance.now();
    document.querySelector('.strip [aria-label=Ctrl-C]').click();
    (function look() {
      var b = nightfill.terminal.buffer.active, text = '';
      for (var i = Math.max(0, b.length - 5); i < b.length; i++) text += b.getLine(i).translateToString(true);
      if (text.indexOf('^C') < 0) return setTimeout(look, 5);
      frames.sort(function (a, b) { return a - b; });
      done({Frame: frames[frames.length >> 1], Heap: heap, Answer: performance.now() - asked});
    }());
  }
  requestAnimationFrame(frame);
})`)
	t.Logf("yes for 8 s: %.1f ms from frame to frame, %.0f MB, Ctrl-C answered after %.0f ms", got.Frame, got.Heap, got.Answer)
	if got.Answer > 3000 {
		t.Errorf("Ctrl-C was answered after %.0f ms", got.Answer)
	}
	if got.Heap > 150 {
		t.Errorf("the page holds %.0f MB", got.Heap)
	}
	p.Type("echo over=$((6*7))\r")
	p.Await(shownText + `.includes('over=42')`)
}

// TestUITerminalTools finds text in a session and copies it, types with Ctrl on a phone, and does without the real
// terminal where it does not load.
func TestUITerminalTools(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.openTerminal("till-1")
	p.Type("seq 1 300; echo nee''dle\r")
	p.Await(shownText + `.includes('\nneedle')`)
	pagetest.Eval[bool](p.Tab, `nightfill.terminal.textarea.dispatchEvent(new KeyboardEvent('keydown', {key: 'F', code: 'KeyF', keyCode: 70, ctrlKey: true, shiftKey: true, bubbles: true, cancelable: true})); true`)
	p.Await(`document.activeElement.matches('.terminal input[type=search]')`)
	p.Type("123")
	p.Await(`nightfill.terminal.getSelection() === '123'`)
	p.Type("nowhere")
	p.Await(`document.querySelector('.terminal').textContent.includes('Not found')`)
	p.see("", "terminal-find")
	pagetest.Eval[bool](p.Tab, `navigator.clipboard.writeText = function (t) { window.copied = t; return Promise.resolve(); }; true`)
	pagetest.Eval[bool](p.Tab, `Array.from(document.querySelectorAll('.terminal button')).find(function (b) { return b.textContent === 'Copy session as text'; }).click(), true`)
	p.Await(`/\n299\n300\nneedle\n/.test(window.copied)`)
	p.Screen(360, 740)
	p.Await(`document.documentElement.scrollWidth <= innerWidth`)
	p.click(".strip [aria-pressed]")
	p.Await(`document.querySelector('.strip [aria-pressed=true]') && document.activeElement === nightfill.terminal.textarea`)
	p.Type("d") // the end of the input, which ends the shell
	p.Await(`document.querySelector('.terminal').textContent.includes('The terminal has ended')`)

	p.Screen(1280, 800)
	p.Block("https://*:*/console/vendor/xterm.mjs")
	p.Do(chromedp.Reload())
	p.Await(`document.querySelector('.terminal button.main')`)
	p.click(".terminal button.main")
	p.Await(`document.querySelector('dialog[open]')`)
	p.Do(chromedp.SendKeys(chromedp.CSS("dialog label:last-of-type input"), "printer\r"))
	p.Await(`document.activeElement.matches('.screen form input')`)
	p.Type("echo over=$((6*7))\r")
	p.Await(`document.querySelector('pre.plain').textContent.includes('\nover=42\n')`)
	p.see("", "terminal-plain")
}

// TestUITerminalOpensSlowly has a page learn that a terminal is being opened long before there is a shell.
func TestUITerminalOpensSlowly(t *testing.T) {
	p := openConsolePage(t)
	shell, slow := p.d.desk.Shell, make(chan struct{})
	p.d.desk.Shell = func(ctx context.Context, d site.Device, size terminal.Size) (terminal.Shell, error) {
		<-slow
		return shell(ctx, d, size)
	}
	p.Screen(1280, 800)
	p.login("/console?device=till-1&tab=terminal")
	p.Await(`!nightfill.night.open && document.querySelector('.terminal button.main')`)
	p.click(".terminal button.main")
	p.Await(`document.querySelector('dialog[open]')`)
	p.Do(chromedp.SendKeys(chromedp.CSS("dialog label:last-of-type input"), "printer\r"))
	p.Await(`document.querySelector('.terminal').textContent.includes('there is no such terminal')`)
	close(slow)
	p.Await(`document.querySelector('.terminal').textContent.includes('Shift+Tab leaves the terminal') && document.activeElement.closest('.screen')`)
	p.Type("echo over=$((6*7))\r")
	p.Await(shownText + `.includes('over=42')`)
}

// TestUIKeyboardOnly goes from the login to a device that failed, its log, a look, a retry, and into a terminal and
// out of it, by keys alone.
func TestUIKeyboardOnly(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.Do(chromedp.Navigate(p.base + "/console"))
	p.TabTo("[name=name]")
	p.Type("a.khan")
	p.TabTo("[name=password]")
	p.Type("three blue bicycles\r")
	p.Await(`nightfill.synced && !nightfill.night.open && nightfill.devices.get('till-3').state === 'rolled_back'`)
	p.Type("/till-3\r")
	p.Await(`document.querySelector('.detail h1').textContent === 'till-3'`)
	p.Type("l")
	p.Await(`document.querySelector('#tab-logs[aria-selected=true]')`)
	p.Type("d")
	p.TabTo("[data-verb=diagnose]")
	p.Type("\r")
	p.Await(`document.querySelector('#panel').textContent.includes('boot id')`)
	if out, err := p.l.hosts[2].Run(t.Context(), `rm "$NIGHTFILL_ROOT/etc/broken"`); err != nil {
		t.Fatal(err, out)
	}
	p.TabTo("[data-verb=retry]")
	p.Type("\r")
	p.Await(`nightfill.devices.get('till-3').state === 'done' && !nightfill.night.open && document.querySelector('[data-verb=shell]').getAttribute('aria-disabled') === 'false'`)
	p.TabTo("[data-verb=shell]")
	p.Type("\r")
	p.Await(`document.querySelector('dialog[open]')`)
	p.TabTo("dialog input")
	p.Type("printer\r")
	p.Await(`nightfill.terminal && nightfill.terminal.textarea === document.activeElement`)
	p.Type("echo over=$((6*7))\r")
	p.Await(shownText + `.includes('over=42')`)
	p.TabKey(true)
	p.Await(`document.activeElement.textContent === 'End session'`)
	p.Type("\r")
	p.Await(`document.querySelector('.terminal').textContent.includes('The terminal has ended')`)
}
