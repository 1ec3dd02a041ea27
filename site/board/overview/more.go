package overview

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/register"
)

// proposalDays is how long a patch that the breaker stopped needs a person where no catalog tells what
// people decided.
const proposalDays = 14 * 24 * time.Hour

// OfExceptions are the entries of the register of exceptions that need a person, for Options.More.
func OfExceptions(entries []register.Entry, now time.Time) []Item {
	var items []Item
	for _, i := range register.Items(entries, now) {
		items = append(items, Item{
			ID: string(KindException) + "/" + i.Entry.ID, Kind: KindException, Urgency: Today, Patch: i.Entry.Patch, Cause: i.Entry.ID, Text: i.Text, Since: i.Since,
			Owner: i.Entry.Owner,
		})
	}
	return items
}

// OfDecisions are what the breaker did about patches that people did not settle yet, by the catalog
// that stores see, for Options.More. A withdrawal that nobody signed stops nothing: it is for now.
func OfDecisions(decisions []breaker.Decision, catalog site.Catalog, now time.Time) []Item {
	var items []Item
	for _, d := range decisions {
		if d.Settled(catalog) || len(catalog.Patches) == 0 && now.Sub(d.At) >= proposalDays {
			continue
		}
		i := Item{ID: string(KindProposal) + "/" + d.Key, Kind: KindProposal, Urgency: Now, Patch: d.Patch, Cause: d.Key, Since: d.At}
		switch d.How {
		case breaker.Held:
			i.Urgency, i.Text = Today, "Held everywhere: "+d.Text+". Withdraw it, or lift the hold."
		case breaker.Drafted:
			i.Text = "Sign the withdrawal, or drop it: " + d.Text + "."
		default:
			i.Text = "Withdraw " + d.Patch + ", nothing was done yet: " + d.Text + "."
		}
		items = append(items, i)
	}
	return items
}

// more takes in the items that are of no store.
func (v *Overview) more(o Options) {
	for _, i := range o.More {
		if kept, ok := o.Kept[i.ID]; ok {
			kept.onto(&i, o.Now)
		}
		i.escalate(o)
		v.Items = append(v.Items, i)
	}
}
