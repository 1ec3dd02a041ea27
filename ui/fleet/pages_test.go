package fleet

import (
	"testing"
)

func TestPages(t *testing.T) {
	w := newWorld(chain(120), morning())
	w.tell("0001")
	h := New(w.options())
	want(t, h, "/stores/0001", "Store 0001", "What the manager sees", "Headquarters has everything up to event", "2 events missing here", "picture.svg", "till-1")
	want(t, h, "/stores/0001/nights/2026-11-21", "night of 2026-11-21", "Patches on devices")
	want(t, h, "/stores/0001/nights/2026-11-21/picture.svg", "<svg")
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
