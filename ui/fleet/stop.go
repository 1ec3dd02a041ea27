package fleet

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
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
func (s *server) stopping(patch string) stopOffer {
	var catalog site.Catalog
	if s.Comply != nil {
		o := s.Comply()
		catalog.Patches, catalog.Issued = o.Catalog, o.Issued
	}
	offer := stopOffer{Offered: s.Stopper != nil, AtOnce: s.canHold()}
	if i := slices.IndexFunc(catalog.Patches, func(a site.Approved) bool { return a.Patch.ID == patch }); i >= 0 {
		offer.Held, offer.Withdrawn = catalog.Patches[i].Held, catalog.Patches[i].Withdrawn
	}
	d, ok := s.looks.decision(patch)
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

// decision is the newest one about a patch.
func (l *looks) decision(patch string) (breaker.Decision, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.decided { // the newest first
		if d.Patch == patch {
			return d, true
		}
	}
	return breaker.Decision{}, false
}

// Stopped is what came of stopping a patch.
type Stopped struct {
	Patch string `json:"patch"`
	How   string `json:"how"` // held, drafted
	Say   string `json:"say"`
}

func (p Stopped) title() string { return p.Patch }

// stop carries a form of the page of a patch out.
func (s *server) stop(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, refuse(http.StatusBadRequest, "bad_form", "The form cannot be read: "+err.Error()+"."))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actLimit)
	defer cancel()
	done, err := s.stopAndRecord(ctx, r)
	if err == nil && strings.HasPrefix(r.URL.Path, "/api/") {
		s.json(w, r, http.StatusOK, done)
		return
	}
	var q *query
	if err == nil {
		q, err = s.ask(r)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.html(w, r, http.StatusOK, "stopped", frame{Title: done.title(), Q: q, Body: done})
}

// stopAndRecord stops a patch, and writes it down whether it may be or not.
func (s *server) stopAndRecord(ctx context.Context, r *http.Request) (Stopped, error) {
	if s.Register == nil {
		return Stopped{}, refuse(http.StatusConflict, "no_register", "This headquarters keeps nothing: start it with a database.")
	}
	name, role := s.who(r)
	id, reason := r.PathValue("id"), strings.TrimSpace(r.PostForm.Get("reason"))
	deed := board.Deed{At: s.Now(), Actor: name, Origin: originOf(r), Verb: "patch.stop", Subject: id, Outcome: "ok"}
	done, outcome, err := Stopped{Patch: id}, "refused", error(nil)
	switch {
	case role != Manager && role != Admin:
		err = refuse(http.StatusForbidden, "not_allowed", "The role "+role+" may look, and not change anything. Ask a manager.")
	case s.Stopper == nil:
		err = refuse(http.StatusConflict, "no_desk", "Headquarters has no working folder of the catalog: people hold a patch with nightfill catalog hold.")
	case reason == "":
		err = refuse(http.StatusBadRequest, "no_reason", "Say in the reason why it is stopped: stores show it.")
	case len(reason) > site.MaxHoldReason:
		err = refuse(http.StatusBadRequest, "bad_reason", "The reason is too long: 500 characters at most.")
	default:
		done, outcome, err = s.stopPatch(ctx, id, reason, cmp.Or(name, "somebody"))
	}
	deed.Outcome, deed.Text = outcome, strings.TrimSpace(done.Say+" "+reason)
	if err != nil {
		deed.Text = err.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), registerLimit)
	defer cancel()
	if _, noted := s.Register.Record(ctx, deed); noted != nil && err == nil {
		err = noted
	}
	return done, err
}

func (s *server) stopPatch(ctx context.Context, id, reason, by string) (Stopped, string, error) {
	defer s.looks.stale()
	how, err := s.Stopper.Stop(ctx, id, reason, by, s.Now())
	done := Stopped{Patch: id, How: how}
	switch {
	case how == "":
		text := "nothing was done"
		if err != nil {
			text = strings.TrimSuffix(err.Error(), ".")
		}
		return done, "refused", refuse(http.StatusConflict, "not_stopped", "It was not stopped: "+text+".")
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
