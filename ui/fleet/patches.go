package fleet

import (
	"net/http"
	"strings"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
)

// PatchList is the patches of all stores.
type PatchList struct {
	AsOf string `json:"as_of"`
	Page
	Patches []overview.Patch `json:"patches"`

	listing
}

func (l PatchList) title() string { return "Patches" }

// patches answers how the patches fare.
func (s *server) patches(q *query) (any, error) {
	skip, size, err := q.paging()
	if err != nil {
		return nil, err
	}
	f := q.filter()
	if rest := (overview.Filter{Q: f.Q, Severity: f.Severity}); len(q.chipsOf(f)) > len(q.chipsOf(rest)) {
		return nil, refuse(http.StatusBadRequest, "bad_filter", "Patches are filtered by severity and q only. The devices of one patch have the other filters.")
	}
	found := []overview.Patch{}
	for _, p := range q.overview.Patches {
		if (len(f.Severity) == 0 || contains(f.Severity, string(p.Severity))) && has(p, f.Q) {
			found = append(found, p)
		}
	}
	l := PatchList{AsOf: q.AsOf(), Page: pageOf(len(found), skip, size), Patches: part(found, skip, size)}
	l.listing = listing{q, f, l.Page}
	return l, nil
}

func contains(list []string, value string) bool {
	for _, v := range list {
		if v == value {
			return true
		}
	}
	return false
}

// has reports whether a patch is named so, in any letters.
func has(p overview.Patch, text string) bool {
	return strings.Contains(strings.ToLower(p.ID+" "+p.Title+" "+p.Owner+" "+strings.Join(p.CVEs, " ")), strings.ToLower(text))
}

// PatchPage is one patch, and the devices that a filter means.
type PatchPage struct {
	AsOf string `json:"as_of"`
	Page
	Patch  overview.Patch   `json:"patch"`
	About  site.Patch       `json:"about"` // as the newest plan or the catalog has it; its id is empty where neither does
	Models []overview.Model `json:"models"`
	Jobs   []overview.Job   `json:"jobs"` // of this page

	listing
}

// Stopping is what can be done to stop it.
func (p PatchPage) Stopping() stopOffer { return p.query.server.stopping(p.Patch.ID) }

func (p PatchPage) title() string { return p.Patch.ID }

// patch answers how one patch fares on every device.
func (s *server) patch(q *query) (any, error) {
	id := q.PathValue("id")
	known, ok := q.overview.Patch(id)
	if !ok {
		return nil, refuse(http.StatusNotFound, "no_patch", "There is no patch "+id+": no store was ever to put it on.")
	}
	skip, size, err := q.paging()
	if err != nil {
		return nil, err
	}
	f := q.filter()
	f.Patch = []string{id}
	p := PatchPage{AsOf: q.AsOf(), Patch: known}
	total := 0
	q.view(func(b *board.Board) {
		p.About, p.Models = b.Patches[id], q.overview.Models(b, id)
		p.Jobs, total = q.overview.Jobs(b, f, skip, size)
	})
	p.Page = pageOf(total, skip, size)
	f.Patch = nil
	p.listing = listing{q, f, p.Page}
	return p, nil
}

// FailureList is the failures by signature, or the devices of those that a filter means.
type FailureList struct {
	AsOf string `json:"as_of"`
	Page
	Failures []overview.Failure `json:"failures"`
	Jobs     []overview.Job     `json:"jobs"` // when a filter is set: what broke

	listing
}

func (l FailureList) title() string { return "Failures" }

// failures answers what broke, by what is the same where the cause is the same.
func (s *server) failures(q *query) (any, error) {
	skip, size, err := q.paging()
	if err != nil {
		return nil, err
	}
	f := q.filter()
	l := FailureList{AsOf: q.AsOf(), Jobs: []overview.Job{}, Failures: []overview.Failure{}}
	total := len(q.overview.Failures)
	if len(q.chipsOf(f)) == 0 {
		l.Failures = part(q.overview.Failures, skip, size)
	} else {
		broke := f
		if len(f.State) == 0 {
			broke.State = []string{"broke"}
		}
		q.view(func(b *board.Board) { l.Jobs, total = q.overview.Jobs(b, broke, skip, size) })
	}
	l.Page = pageOf(total, skip, size)
	l.listing = listing{q, f, l.Page}
	return l, nil
}

func (q *query) chipsOf(f overview.Filter) []chip { return listing{query: q, filter: f}.Chips() }
