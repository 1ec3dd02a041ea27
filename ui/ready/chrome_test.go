package ready

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nightfill/nightfill/site/ready/words"
	"github.com/nightfill/nightfill/ui/pagetest"
)

// shop serves the states of the page, each below a path with its language and its name, as of morning.
type shop struct {
	*httptest.Server
	gone atomic.Bool // the line is cut
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s, mux := &shop{}, http.NewServeMux()
	static := Handler(options(reports(t)["ready"]))
	mux.Handle("GET /ready.css", static)
	mux.Handle("GET /ready.js", static)
	a := &asked{skip: Skip{CanStop: true, Opens: morning, Left: 2}}
	mux.Handle("GET /tonight", Handler(a.options(t, "tonight")))
	for _, l := range words.Languages() {
		for name, r := range reportsIn(t, l.Tag) {
			at := "/" + l.Tag + "/" + name
			for path, template := range map[string]string{at: "page", at + "/fragment": "fragment"} {
				body := strings.ReplaceAll(render(t, r, template), `data-poll="/ready?fragment=1"`, `data-poll="`+at+`/fragment"`)
				mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/html; charset=utf-8")
					w.Header().Set("Content-Security-Policy", policy)
					w.Header().Set("X-Ready", lookOf(r.Verdict).Class)
					_, _ = w.Write([]byte(body))
				})
			}
		}
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.gone.Load() {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// longestLanguage is the language, but for English, that needs the most room.
func longestLanguage(t *testing.T) string {
	t.Helper()
	size := func(l *words.Language) int {
		n := 0
		for _, r := range reportsIn(t, l.Tag) {
			n += len([]rune(source(render(t, r, "page"))))
		}
		return n
	}
	return slices.MaxFunc(words.Languages()[1:], func(a, b *words.Language) int { return size(a) - size(b) }).Tag
}

// seen is what a person sees before scrolling, in shares of the screen.
type seen struct {
	Word, First float64 // where the word and the first step end
	Banner, Cap float64 // how high the banner and the capital letters of the word are
	Wide        float64 // how wide everything is
	Text        string  // of the banner
}

const measure = `(function () {
  function end(e) { return e ? e.getBoundingClientRect().bottom / window.innerHeight : 0; }
  var word = document.getElementById('word'), banner = document.querySelector('.banner'), style = getComputedStyle(word), pen = document.createElement('canvas').getContext('2d');
  pen.font = style.fontWeight + ' ' + style.fontSize + ' ' + style.fontFamily;
  return {Word: end(word), First: end(document.querySelector('.red li, .grey:not([hidden]) li')),
    Banner: banner.getBoundingClientRect().height / window.innerHeight, Cap: pen.measureText('H').actualBoundingBoxAscent / window.innerHeight,
    Wide: document.documentElement.scrollWidth / window.innerWidth, Text: banner.innerText};
}())`

// TestUIEveryState looks at every state on a telephone, an old tablet and small screens in every language,
// by its own measure and with axe-core.
func TestUIEveryState(t *testing.T) {
	s := newShop(t)
	tab := pagetest.Open(t, s.URL+"/")
	for _, l := range words.Languages() {
		tag := l.Tag
		for _, name := range slices.Sorted(maps.Keys(reportsIn(t, tag))) {
			for _, size := range [][2]int64{{320, 640}, {768, 1024}, {1024, 600}, {1280, 800}} {
				at := fmt.Sprintf("%s in %s on %dx%d", name, tag, size[0], size[1])
				tab.Screen(size[0], size[1])
				tab.Do(chromedp.Navigate(s.URL + "/" + tag + "/" + name))
				if tag == words.Default && size[0] < 1280 {
					tab.Picture("..", "testdata", "screens", fmt.Sprintf("%s-%d.png", strings.ReplaceAll(name, "_", "-"), size[0]))
				}
				judgeLayout(t, at, size[0], pagetest.Eval[seen](tab, measure))
				for _, fault := range tab.Violations() {
					t.Errorf("%s: %s", at, fault)
				}
			}
		}
	}
	if foreign := tab.Foreign(); len(foreign) > 0 {
		t.Errorf("asked elsewhere: %q", foreign)
	}
}

// judgeLayout holds what is seen to what can be read at a glance from three metres; a telephone is held in the hand.
func judgeLayout(t *testing.T, at string, width int64, s seen) {
	t.Helper()
	if s.Banner < 0.295 {
		t.Errorf("%s: the banner takes %.3f of the screen", at, s.Banner)
	}
	if s.Word > 1 || s.First > 1 {
		t.Errorf("%s: the word ends at %.2f of the screen, the first step at %.2f", at, s.Word, s.First)
	}
	if s.Wide > 1 {
		t.Errorf("%s: the page is %.2f screens wide", at, s.Wide)
	}
	least := 0.06
	if width < 600 {
		least = 0.045
	}
	if s.Cap < least {
		t.Errorf("%s: the letters of the word take %.3f of the screen's height", at, s.Cap)
	}
	if n := len(strings.Fields(s.Text)); n > 20 {
		t.Errorf("%s: %d words in the banner: %s", at, n, s.Text)
	}
}

// TestUINotTonight looks at the form that stops a night.
func TestUINotTonight(t *testing.T) {
	s := newShop(t)
	tab := pagetest.Open(t, s.URL+"/")
	for _, tag := range []string{words.Default, longestLanguage(t)} {
		for _, size := range [][2]int64{{320, 640}, {768, 1024}} {
			tab.Screen(size[0], size[1])
			tab.Do(chromedp.Navigate(s.URL + "/tonight?lang=" + tag))
			if tag == words.Default {
				tab.Picture("..", "testdata", "screens", fmt.Sprintf("not-tonight-%d.png", size[0]))
			}
			for _, fault := range tab.Violations() {
				t.Errorf("in %s on %d: %s", tag, size[0], fault)
			}
			if wide := pagetest.Eval[float64](tab, `document.documentElement.scrollWidth / window.innerWidth`); wide > 1 {
				t.Errorf("in %s: %.2f screens wide", tag, wide)
			}
		}
	}
}

// TestUIPrint prints every state: one sheet of A4.
func TestUIPrint(t *testing.T) {
	s := newShop(t)
	tab := pagetest.Open(t, s.URL+"/")
	for _, tag := range []string{words.Default, longestLanguage(t)} {
		for name := range reportsIn(t, tag) {
			tab.Do(chromedp.Navigate(s.URL + "/" + tag + "/" + name))
			if n := tab.Sheets(); n != 1 {
				t.Errorf("%s in %s takes %d sheets", name, tag, n)
			}
		}
	}
}

// TestUIWithoutScript sees all that must be seen with JavaScript switched off.
func TestUIWithoutScript(t *testing.T) {
	s := newShop(t)
	tab := pagetest.Open(t, s.URL+"/")
	tab.Script(false)
	for name, r := range reports(t) {
		tab.Do(chromedp.Navigate(s.URL + "/en/" + name))
		text := tab.Text("main")
		if word := tab.Text("#word"); word != words.For("en").Word(r.Verdict) || !strings.Contains(text, r.Text) {
			t.Errorf("%s: %s: %s", name, word, text)
		}
		for i, f := range r.Fix {
			for _, step := range f.Steps {
				if i < openItems && !strings.Contains(text, step) {
					t.Errorf("%s: the step %q is missing", name, step)
				}
			}
		}
	}
}

// face is what the page says of itself.
type face struct{ Class, Word, Text, Title, Icon, Role string }

const look4 = `({Class: document.querySelector('main').className, Word: document.getElementById('word').innerText, Text: document.getElementById('text').innerText,
  Title: document.title, Icon: document.getElementById('icon').href})`

// TestUIGreyWithoutTheBox cuts the line: a page that was green is grey within 95 seconds, also in its
// title and icon, and green again when the box answers. A tablet that slept is grey at once.
func TestUIGreyWithoutTheBox(t *testing.T) {
	s := newShop(t)
	tab := pagetest.Open(t, s.URL+"/")
	tab.Screen(768, 1024)
	tab.Do(chromedp.Navigate(s.URL + "/en/ready"))
	see := func() face { return pagetest.Eval[face](tab, look4) }
	green := see()
	tab.Pass(5 * time.Minute)
	if now := see(); now != green || now.Word != "READY" {
		t.Fatalf("while the box answers: %+v", now)
	}
	s.gone.Store(true)
	tab.Pass(95 * time.Second)
	if now := see(); now.Class != "unknown lost" || now.Word != "DON'T KNOW" || !strings.HasPrefix(now.Title, "DON'T KNOW") || now.Icon == green.Icon ||
		now.Text != "This screen cannot reach the store box. What is below is from 07:40." {
		t.Errorf("after 95 s without the box: %+v", now)
	}
	if !pagetest.Eval[bool](tab, `document.querySelector('#lost li').getBoundingClientRect().bottom < window.innerHeight`) || !strings.Contains(tab.Text("#lost"), "Say code BOX-1") {
		t.Error("what to do about it is not on the screen")
	}
	tab.Picture("..", "testdata", "screens", "lost-768.png")
	s.gone.Store(false)
	tab.Pass(35 * time.Second)
	if now := see(); now != green {
		t.Errorf("when the box answers again: %+v", now)
	}
	s.gone.Store(true)
	pagetest.Eval[bool](tab, `(function () { var real = Date.prototype.getTime; Date.prototype.getTime = function () { return real.call(this) + 3600000; }; return true; }())`)
	tab.Pass(3 * time.Second)
	if now := see(); now.Class != "unknown lost" {
		t.Errorf("after an hour of sleep: %+v", now)
	}
}
