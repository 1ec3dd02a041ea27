package fleet

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/site/run"
)

func TestPages(t *testing.T) {
	w := newWorld(chain(120), morning())
	w.tell("0001")
	h := New(w.options())
	want(t, h, "/stores/0001", "Store 0001", "What the manager sees", "Headquarters has everything up to event", "2 events missing here", "picture.svg", "till-1")
	want(t, h, "/stores/0001/nights/2026-11-21", "night of 2026-11-21", "Patches on devices")
	want(t, h, "/stores/0001/nights/2026-11-21/picture.svg", "<svg")
	want(t, h, "/stores/0001/nights/2026-09-01", "night of 2026-09-01", "35 done", "picture.svg") // it is not on the board any more
	want(t, h, "/stores/0001/devices/till-1", "till-1 of store 0001", "2 packages", "openssl")
	want(t, h, "/patches", "Pause patch pos-app-4.2.1")
	want(t, h, "/patches/pos-app-4.2.1", "By model", "ncr-7606")
	want(t, h, "/patches/pos-app-4.2.1?state=broke", "that fit")
	want(t, h, "/failures", "By cause")
	want(t, h, "/attention", "need someone")
	want(t, h, "/attention?kind=rolled_back", "I take it on")
	want(t, h, "/attention?shelved=1", "0 things shelved")
	want(t, h, "/search?q=till-1", "119 things found")
	want(t, h, "/audit", "Nobody has changed anything yet.")
	for _, api := range []string{"/stores/0001", "/stores/0001/nights/2026-11-21", "/stores/0001/devices/till-1", "/patches", "/patches/pos-app-4.2.1", "/failures", "/attention", "/search?q=x", "/audit"} {
		want(t, h, "/api/v1"+api, `"as_of":"2026-11-22T09:30:00Z"`)
	}
}

// A store's word stands once on its page, whether its text says it again or says nothing else.
func TestAWordStandsOnce(t *testing.T) {
	tags := regexp.MustCompile(`<[^>]*>|\s+`)
	for _, c := range []struct {
		verdict    site.Verdict
		text, want string
		event      string
	}{
		{site.Ready, "READY", "READY The store can open.", "ready"},
		{site.Ready, "READY: You can open.", "READY You can open.", "ready · You can open."},
		{site.NotReady, "NOT READY: Till 3 cannot take cards", "NOT READY Till 3 cannot take cards", "not ready · Till 3 cannot take cards"},
		{site.NotReady, "NOT READY", "NOT READY The store did not say why.", "not ready"},
		{site.CannotTell, "DON'T KNOW", "DON'T KNOW The store did not say why.", "unknown"},
	} {
		w := newWorld(chain(3), morning())
		s := w.board.Store("0001")
		s.Ready.Verdict, s.Ready.Text, s.Ready.AsOf, s.Ready.MaxAge, s.Ready.Fix = c.verdict, c.text, morning(), 900, nil
		s.Contact.Heard = morning()
		w.events = append(w.events, boardtest.Event("0001", 1, run.Event{Kind: run.VerdictChanged, At: morning(), Verdict: c.verdict, Text: c.text}))
		page := want(t, New(w.options()), "/stores/0001")
		_, page, _ = strings.Cut(page, `<div class="verdict`)
		_, page, _ = strings.Cut(page, ">")
		shown, _, _ := strings.Cut(page, "</div>")
		if got := strings.TrimSpace(strings.ReplaceAll(tags.ReplaceAllString(shown, " "), "&#39;", "'")); strings.Join(strings.Fields(got), " ") != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
		if got := detail(w.events[0].Event()); got != c.event {
			t.Errorf("%s as an event: %q, want %q", c.text, got, c.event)
		}
	}
}
