// Package boardtest makes boards as a chain of shops would fill them on a night, for tests,
// benchmarks and pictures. The same Chain gives the same night, and asked at a later moment the
// same night further on. It talks to nothing and is no part of any program that runs a store.
package boardtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Chain says which shops there are and how their night goes. Zero rates are the usual ones of a good
// night; a negative rate is none.
type Chain struct {
	Seed    uint64
	Stores  int                // default 200
	Devices int                // in each store, default 36
	Patches int                // of those in Patches, default 3
	Night   window.Date        // default 2026-11-21
	Fails   float64            // share of patches that break, default 0.004
	Silent  float64            // share of stores that lose their line before the window, default 0.015
	Off     float64            // share of handhelds that do not answer, default 0.01
	Bad     map[string]float64 // "patch" or "patch/model" -> share of devices that it breaks
}

// Patches returns the patches of the chain, the one that matters most first.
func Patches() []site.Patch {
	of := func(id, title, owner string, severity site.Severity, released window.Date, cves []string, classes ...site.Class) site.Patch {
		return site.Patch{ID: id, Title: title, Owner: owner, Severity: severity, VendorReleased: released, CVEs: cves, Classes: classes}
	}
	day := func(month, day int) window.Date { return window.Date{Year: 2026, Month: time.Month(month), Day: day} }
	return []site.Patch{
		of("pos-app-4.2.1", "POS application 4.2.1", "pos-app", site.Critical, day(11, 10), []string{"CVE-2026-1234"}, site.LinuxServer),
		of("scan-os-11.8", "Scanner firmware 11.8", "handhelds", site.High, day(11, 3), []string{"CVE-2026-2001", "CVE-2026-2002"}, site.Handheld),
		of("openssl-3.5.4", "OpenSSL 3.5.4", "platform", site.High, day(11, 12), []string{"CVE-2026-3100"}, site.LinuxServer),
		of("win-cu-2026-11", "Windows cumulative update 2026-11", "platform", site.Critical, day(11, 10), []string{"CVE-2026-4400"}, site.WindowsServer),
		of("scan-app-7.3", "Scanner application 7.3", "handhelds", site.Medium, day(10, 28), nil, site.Handheld),
	}
}

// place is where shops are: their region, IANA zone and hours from UTC in winter.
type place struct {
	region, zone string
	offset       int
	towns        []string
}

func places() []place {
	return []place{
		{"North", "America/New_York", -5, []string{"Albany", "Boston", "Buffalo", "Concord", "Hartford", "Syracuse"}},
		{"South", "America/Chicago", -6, []string{"Austin", "Dallas", "Memphis", "Mobile", "Springfield", "Tulsa"}},
		{"Mountain", "America/Denver", -7, []string{"Boise", "Boulder", "Denver", "Helena", "Ogden", "Provo"}},
		{"West", "America/Los_Angeles", -8, []string{"Eugene", "Fresno", "Oakland", "Portland", "Reno", "Tacoma"}},
	}
}

// models are the machines of a class.
func models(class site.Class) []string {
	switch class {
	case site.LinuxServer:
		return []string{"hp-rp5810", "ncr-7606"}
	case site.WindowsServer:
		return []string{"dell-t150"}
	case site.Handheld:
		return []string{"zebra-tc52", "zebra-mc33", "honeywell-ct40"}
	}
	return []string{"verifone-p400"}
}

// share returns a number of [0,1) that belongs to the seed and the names for ever.
func (c Chain) share(names ...string) float64 {
	h := c.Seed*0x9E3779B97F4A7C15 + 0x1234567
	for _, name := range names {
		for i := range len(name) {
			h = (h ^ uint64(name[i])) * 0x100000001B3
		}
	}
	h = (h ^ h>>30) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>27) * 0x94D049BB133111EB
	return float64((h^h>>31)>>11) / (1 << 53)
}

// rate is what the chain says, or what is usual.
func rate(said, usual float64) float64 {
	if said < 0 {
		return 0
	}
	return cmp.Or(said, usual)
}

func (c Chain) complete() Chain {
	c.Stores, c.Devices = cmp.Or(c.Stores, 200), cmp.Or(c.Devices, 36)
	c.Patches = min(cmp.Or(c.Patches, 3), len(Patches()))
	c.Night = cmp.Or(c.Night, window.Date{Year: 2026, Month: 11, Day: 21})
	c.Fails, c.Silent, c.Off = rate(c.Fails, 0.004), rate(c.Silent, 0.015), rate(c.Off, 0.01)
	return c
}

// Board returns what headquarters knows at a moment when every message came at once.
func (c Chain) Board(now time.Time) *board.Board {
	c = c.complete()
	b := board.NewBoard("acme")
	for _, p := range Patches()[:c.Patches] {
		b.Patches[p.ID] = p
	}
	for i := range c.Stores {
		s := &shop{Chain: c, place: places()[i*len(places())/c.Stores], id: fmt.Sprintf("%04d", i+1), now: now}
		s.put(b)
	}
	return b
}

// Event returns an event as headquarters keeps it, for a history beside the board.
func Event(store string, seq uint64, e run.Event) board.Event {
	data, err := json.Marshal(e)
	if err != nil {
		panic("internal error: an event cannot be written: " + err.Error())
	}
	return board.Event{Store: store, Stream: "s-" + store, No: 1, Seq: seq, Received: e.At.Add(time.Second), Data: data}
}
