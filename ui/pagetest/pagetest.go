// Package pagetest looks at a page in Chromium as a person would: on screens of several sizes,
// with time passing, with axe-core asking what is wrong for people who see or move badly. It is
// for tests only and judges no page by itself.
package pagetest

import (
	"context"
	_ "embed" // axe-core, as ui/vendor.json describes it
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

//go:embed axe/axe.min.js
var axe string

// limit is how long one test may use the browser.
const limit = 8 * time.Minute

// Tab is one tab of a browser that belongs to one test and is closed after it.
type Tab struct {
	t   *testing.T
	ctx context.Context
	own string // what every address that is asked must begin with

	mu      sync.Mutex
	foreign []string
}

// Chromium returns where Chromium is. It skips the test under -short and where it is not installed: a test calls it
// before it makes pages that take a while.
func Chromium(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the tests in a browser are in make ui-test")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	return path
}

// Open starts Chromium with one tab, for pages whose addresses begin with own. It skips the test
// under -short and where Chromium is not installed.
func Open(t *testing.T, own string) *Tab {
	t.Helper()
	path := Chromium(t)
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("disable-lcd-text", true),
		chromedp.Flag("ignore-certificate-errors", true)) // a box has its own certificate
	ctx, stop := context.WithTimeout(context.Background(), limit)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	tab := &Tab{t: t, own: own}
	tab.ctx, stop = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf), chromedp.WithListener(tab.listen))
	t.Cleanup(stop)
	call(tab, network.Enable, network.EnableParams{})
	return tab
}

func (tab *Tab) listen(event any) {
	e, ok := event.(*network.EventRequestWillBeSent)
	if !ok || strings.HasPrefix(e.Request.URL, tab.own) || strings.HasPrefix(e.Request.URL, "data:") {
		return
	}
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.foreign = append(tab.foreign, e.Request.URL)
}

// Foreign are the addresses that were asked although they are not the page's own.
func (tab *Tab) Foreign() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return slices.Clone(tab.foreign)
}

// Do carries out actions; an action that fails ends the test.
func (tab *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	if err := chromedp.Do(tab.ctx, actions...); err != nil {
		tab.t.Fatal(err)
	}
}

// Screen makes the screen as large as this.
func (tab *Tab) Screen(wide, high int64) {
	tab.t.Helper()
	tab.Do(chromedp.EmulateViewport(wide, high))
}

// Script switches JavaScript on or off for the pages that are opened from now on.
func (tab *Tab) Script(on bool) {
	tab.t.Helper()
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// Dark makes the browser that of somebody who wants dark pages, or light ones again.
func (tab *Tab) Dark(on bool) {
	tab.t.Helper()
	want := map[bool]string{true: "dark", false: "light"}[on]
	call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: want}},
	})
}

// Slow makes the processor of the browser as many times slower.
func (tab *Tab) Slow(times float64) {
	tab.t.Helper()
	call(tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: times})
}

// Print shows the page as it is printed, or as it is on the screen again.
func (tab *Tab) Print(on bool) {
	tab.t.Helper()
	media := ""
	if on {
		media = "print"
	}
	call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media})
}

// Await waits until an expression is true in the page; an error counts as not yet, as while a page is loaded.
func (tab *Tab) Await(expression string) {
	tab.t.Helper()
	is := chromedp.Evaluate[bool]("(function () { try { return !!(" + expression + "); } catch (e) { return false; } })()")
	limit, pause := time.NewTimer(patience), time.NewTicker(50*time.Millisecond)
	defer limit.Stop()
	defer pause.Stop()
	for {
		if yes, err := chromedp.Run(tab.ctx, is); err == nil && yes {
			return
		}
		select {
		case <-pause.C:
		case <-limit.C:
			tab.t.Fatalf("never came to: %s\nthe page says\n%s", expression, Eval[string](tab, "document.body.innerText"))
		}
	}
}

// Type presses keys as a person does, one after another, where the focus is. A carriage return is Enter.
func (tab *Tab) Type(text string) {
	tab.t.Helper()
	for _, r := range text {
		key := string(r)
		if r == '\r' {
			key = "Enter"
		}
		down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Text: string(r), Key: key}
		if r == '\r' {
			down.WindowsVirtualKeyCode = 13
		}
		call(tab, input.DispatchKeyEvent, down)
		call(tab, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: key})
	}
}

// Press presses a key by its name with others held down, such as Shift, where the focus is.
func (tab *Tab) Press(name string, with chromedp.Modifier) {
	tab.t.Helper()
	key := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: name, Code: name, Modifiers: int64(with)}
	call(tab, input.DispatchKeyEvent, key)
	key.Type = input.DispatchKeyEventTypeKeyUp
	call(tab, input.DispatchKeyEvent, key)
}

// Touch puts a finger on the screen.
func (tab *Tab) Touch(x, y float64) {
	tab.t.Helper()
	tab.touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
}

// TouchMove moves the finger that is on the screen.
func (tab *Tab) TouchMove(x, y float64) {
	tab.t.Helper()
	tab.touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: x, Y: y})
}

// TouchEnd lifts the finger.
func (tab *Tab) TouchEnd() {
	tab.t.Helper()
	tab.touch(input.DispatchTouchEventTypeTouchEnd)
}

func (tab *Tab) touch(what input.DispatchTouchEventType, at ...*input.TouchPoint) {
	tab.t.Helper()
	if at == nil {
		at = []*input.TouchPoint{}
	}
	call(tab, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: what, TouchPoints: at})
}

// TabKey presses the tabulator, which moves the focus on, or with shift back.
func (tab *Tab) TabKey(shift bool) {
	tab.t.Helper()
	key := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: "Tab", Code: "Tab", WindowsVirtualKeyCode: 9}
	if shift {
		key.Modifiers = 8
	}
	call(tab, input.DispatchKeyEvent, key)
	key.Type = input.DispatchKeyEventTypeKeyUp
	call(tab, input.DispatchKeyEvent, key)
}

// Key presses a key by its name, such as ArrowRight or Home, where the focus is.
func (tab *Tab) Key(name string) {
	tab.t.Helper()
	tab.Press(name, 0)
}

// TabTo moves the focus on until it is on what a CSS selector finds. A person who uses a keyboard gets there
// or the test ends.
func (tab *Tab) TabTo(selector string) {
	tab.t.Helper()
	for range 100 {
		if Eval[bool](tab, "document.activeElement.matches("+strconv.Quote(selector)+")") {
			return
		}
		tab.TabKey(false)
	}
	tab.t.Fatalf("the keyboard does not get to %s", selector)
}

// Block lets the page not have what is at an address: a pattern such as https://*:*/x.js.
func (tab *Tab) Block(pattern string) {
	tab.t.Helper()
	call(tab, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: pattern, Block: true}}})
}

// patience is how long a page may take to become what a test waits for.
const patience = 90 * time.Second

// Eval evaluates an expression in the page and returns its value. A promise is waited for.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	return get(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Text is what a person reads in the part of the page that a CSS selector finds.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	return get(tab, chromedp.Text(chromedp.CSS(selector)))
}

// Violations are what axe-core finds wrong with the page. No rule is off.
func (tab *Tab) Violations() []string {
	tab.t.Helper()
	Eval[bool](tab, axe+"; true")
	// A page that changes under axe-core makes it stumble over what is gone: then it looks anew.
	return Eval[[]string](tab, `(function look(tries) { return axe.run().catch(function (e) {
  if (!tries) throw e;
  return new Promise(requestAnimationFrame).then(function () { return look(tries - 1); });
}); })(5).then(function (r) { return r.violations.map(function (v) {
  return v.id + ': ' + v.help + ': ' + v.nodes.map(function (n) { return n.html; }).join(' '); }); })`)
}

var sheet = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// Sheets is how many sheets of A4 the page takes in print.
func (tab *Tab) Sheets() int {
	tab.t.Helper()
	pdf := get(tab, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), func(p *page.PrintToPDFParams) {
		p.PaperWidth, p.PaperHeight = 8.27, 11.69
	}))
	return len(sheet.FindAll(pdf, -1))
}

// Pass lets time go on in the page, as fast as it can, while the box answers as it does.
func (tab *Tab) Pass(d time.Duration) {
	tab.t.Helper()
	over := make(chan struct{}, 1)
	listening, stop := context.WithCancel(tab.ctx)
	defer stop()
	err := chromedp.Listen(listening, func(event any) {
		if _, ok := event.(*emulation.EventVirtualTimeBudgetExpired); ok {
			over <- struct{}{}
		}
	})
	if err != nil {
		tab.t.Fatal(err)
	}
	budget := float64(d.Milliseconds())
	call(tab, emulation.SetVirtualTimePolicy, emulation.SetVirtualTimePolicyParams{
		Policy: emulation.VirtualTimePolicyPauseIfNetworkFetchesPending, Budget: &budget, MaxVirtualTimeTaskStarvationCount: 1000,
	})
	select {
	case <-over:
	case <-tab.ctx.Done():
		tab.t.Fatal(errors.New("time stood still in the page"))
	}
}

func get[T any](tab *Tab, a chromedp.Action[T]) T {
	tab.t.Helper()
	v, err := chromedp.Run(tab.ctx, a)
	if err != nil {
		tab.t.Fatal(err)
	}
	return v
}

func call[P, R any](tab *Tab, command cdp.Command[P, R], params P) {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, command, params); err != nil {
		tab.t.Fatal(err)
	}
}
