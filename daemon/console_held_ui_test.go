package daemon

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// TestUIHeldByHeadquarters: the console of a store that headquarters holds says so at its head and why, at
// once, and that nobody in the store can release it.
func TestUIHeldByHeadquarters(t *testing.T) {
	p := openConsolePage(t)
	p.Screen(1280, 800)
	p.login("/console")
	p.Await(`nightfill.line.hello && !document.body.textContent.includes('eld by headquarters')`)
	note := p.d.State().Catalog
	note.Version, note.StoreHeld = note.Version+1, &site.StoreHold{Reason: "the power is cut tonight", At: time.Now(), By: "kim"}
	p.l.must(p.d.ledger.Add(run.Event{Kind: run.CatalogUpdated, At: time.Now(), Catalog: &note}))
	p.Await(`/Held by headquarters since .*: the power is cut tonight \(nothing is begun until people there lift it\)/.test(document.body.textContent) && document.body.textContent.includes(' · held by headquarters')`)
	p.Await(`nightfill.store.may.release.no.text === 'headquarters holds the store, and only people there lift that: the power is cut tonight'`)
	p.see("", "held")
}
