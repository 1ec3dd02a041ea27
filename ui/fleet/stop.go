package fleet

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Stopper stops a patch in every store.
type Stopper interface {
	// Stop says how: breaker.Held, at once, where the online key of holds is at hand; else breaker.Drafted, a withdrawal that
	// people sign. An error beside breaker.Drafted says why it is not held although the key is there; one alone means
	// that nothing was done.
	Stop(ctx context.Context, patch, reason, by string, now time.Time) (how string, err error)
}

// stopOffer is what the page of a patch says about stopping it.
type stopOffer struct {
	Held      *site.PatchHold  // it is held already
	Withdrawn *site.Withdrawal // or withdrawn
	Waits     string           // what people are asked to decide about it; "" = nothing
	Offered   bool
	AtOnce    bool // it will be held; else a withdrawal is drafted
}

// stopping says what can be done to stop a patch.
func (s *whole) stopping(patch string) stopOffer {
	var catalog site.Catalog
	if s.compliance.Comply != nil {
		o := s.compliance.Comply()
		catalog.Patches, catalog.Issued = o.Catalog, o.Issued
	}
	offer := stopOffer{Offered: s.Stopper != nil, AtOnce: s.canHold()}
	if i := slices.IndexFunc(catalog.Patches, func(a site.Approved) bool { return a.Patch.ID == patch }); i >= 0 {
		offer.Held, offer.Withdrawn = catalog.Patches[i].Held, catalog.Patches[i].Withdrawn
	}
	d, ok := s.overviews.Decision(patch)
	switch {
	case !ok || d.Settled(catalog):
	case d.How == breaker.Held && offer.Held == nil:
		offer.Held = &site.PatchHold{Reason: d.Text, At: d.At} // the catalog that tells it is not read yet
	case d.How == breaker.Drafted:
		offer.Waits = "A withdrawal is drafted, which people sign or drop: " + d.Text + "."
		offer.Offered = offer.Offered && offer.AtOnce
	}
	return offer
}

// Stopped is what came of stopping a patch.
type Stopped struct {
	Patch string `json:"patch"`
	How   string `json:"how"` // held, drafted
	Say   string `json:"say"`
}

// stopForm stops a patch everywhere, for a reason.
func (s *whole) stopForm() page.Form {
	return page.Form{Body: page.FormBody, Limit: page.ActLimit, Read: func(c *page.Change) (page.Task, error) {
		return page.Task{Verb: "patch.stop", Subject: c.PathValue("id"), Do: s.stop}, nil
	}}
}

// stop stops the patch that a form means.
func (s *whole) stop(c *page.Change) (page.Reply, error) {
	id, reason := c.PathValue("id"), strings.TrimSpace(c.Field("reason"))
	switch {
	case s.Stopper == nil:
		return page.Reply{}, page.Refuse(http.StatusConflict, "no_desk", "Headquarters has no working folder of the catalog: people hold a patch with nightfill catalog hold.")
	case reason == "":
		return page.Reply{}, page.Refuse(http.StatusBadRequest, "no_reason", "Say in the reason why it is stopped: stores show it.")
	case len(reason) > site.MaxHoldReason:
		return page.Reply{}, page.Refuse(http.StatusBadRequest, "bad_reason", "The reason is too long: 500 characters at most.")
	}
	done, outcome, err := s.stopPatch(c.Context(), id, reason, c.By())
	if err != nil {
		return page.Reply{}, err
	}
	c.Deed.Outcome, c.Deed.Text = outcome, done.Say+" "+reason
	return page.Reply{Data: done, Page: "stopped", Title: id, Body: done}, nil
}

// stopPatch stops a patch; an outcome that is no error says that not everything was done.
func (s *whole) stopPatch(ctx context.Context, id, reason, by string) (Stopped, string, error) {
	defer s.overviews.Stale()
	how, err := s.Stopper.Stop(ctx, id, reason, by, s.Now())
	done := Stopped{Patch: id, How: how}
	switch {
	case how == "":
		text := "nothing was done"
		if err != nil {
			text = strings.TrimSuffix(err.Error(), ".")
		}
		return done, "", page.Refuse(http.StatusConflict, "not_stopped", "It was not stopped: "+text+".")
	case how == breaker.Held:
		done.Say = "Held " + id + " everywhere: stores learn it at their next contact."
	case err != nil:
		done.Say = "It is not held: " + strings.TrimSuffix(err.Error(), ".") + ". A withdrawal is drafted instead: it stops nothing until people sign it."
	default:
		done.Say = "A withdrawal of " + id + " is drafted: it stops nothing until people sign it."
	}
	if err != nil {
		s.Log.Error("not everything that stops a patch was done", "patch", id, "how", how, "err", err)
		return done, "failed", nil
	}
	return done, "ok", nil
}
