package fleet

import (
	"net/http"
	"strings"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// PatchList is the patches of all stores.
type PatchList struct {
	AsOf string `json:"as_of"`
	page.Page
	Patches []overview.Patch `json:"patches"`

	page.Listing
}

// PageTitle implements page.Titled.
func (l PatchList) PageTitle() string { return "Patches" }

// patches answers how the patches fare.
func (s *whole) patches(q *page.Query) (any, error) {
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	f := q.Filter()
	if rest := (overview.Filter{Q: f.Q, Severity: f.Severity}); len(chipsOf(q, f)) > len(chipsOf(q, rest)) {
		return nil, page.Refuse(http.StatusBadRequest, "bad_filter", "Patches are filtered by severity and q only. The devices of one patch have the other filters.")
	}
	found := []overview.Patch{}
	for _, p := range q.Overview.Patches {
		if (len(f.Severity) == 0 || contains(f.Severity, string(p.Severity))) && has(p, f.Q) {
			found = append(found, p)
		}
	}
	l := PatchList{AsOf: q.AsOf(), Page: page.Of(len(found), skip, size), Patches: page.Part(found, skip, size)}
	l.Listing = q.Listing(f, l.Page)
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
	page.Page
	Patch  overview.Patch   `json:"patch"`
	About  site.Patch       `json:"about"` // as the newest plan or the catalog has it; its id is empty where neither does
	Models []overview.Model `json:"models"`
	Jobs   []overview.Job   `json:"jobs"` // of this page

	page.Listing
	stopping func(patch string) any
}

// Stopping is what can be done to stop it.
func (p PatchPage) Stopping() any { return p.stopping(p.Patch.ID) }

// PageTitle implements page.Titled.
func (p PatchPage) PageTitle() string { return p.Patch.ID }

// patch answers how one patch fares on every device.
func (s *whole) patch(q *page.Query) (any, error) {
	id := q.PathValue("id")
	known, ok := q.Overview.Patch(id)
	if !ok {
		return nil, page.Refuse(http.StatusNotFound, "no_patch", "There is no patch "+id+": no store was ever to put it on.")
	}
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	f := q.Filter()
	f.Patch = []string{id}
	p := PatchPage{AsOf: q.AsOf(), Patch: known, stopping: func(patch string) any { return s.stopping(patch) }}
	total := 0
	q.View(func(b *board.Board) {
		p.About, p.Models = b.Patches[id], q.Overview.Models(b, id)
		p.Jobs, total = q.Overview.Jobs(b, f, skip, size)
	})
	p.Page = page.Of(total, skip, size)
	f.Patch = nil
	p.Listing = q.Listing(f, p.Page)
	return p, nil
}

// FailureList is the failures by signature, or the devices of those that a filter means.
type FailureList struct {
	AsOf string `json:"as_of"`
	page.Page
	Failures []overview.Failure `json:"failures"`
	Jobs     []overview.Job     `json:"jobs"` // when a filter is set: what broke

	page.Listing
}

// PageTitle implements page.Titled.
func (l FailureList) PageTitle() string { return "Failures" }

// failures answers what broke, by what is the same where the cause is the same.
func (s *whole) failures(q *page.Query) (any, error) {
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	f := q.Filter()
	l := FailureList{AsOf: q.AsOf(), Jobs: []overview.Job{}, Failures: []overview.Failure{}}
	total := len(q.Overview.Failures)
	if len(chipsOf(q, f)) == 0 {
		l.Failures = page.Part(q.Overview.Failures, skip, size)
	} else {
		broke := f
		if len(f.State) == 0 {
			broke.State = []string{"broke"}
		}
		q.View(func(b *board.Board) { l.Jobs, total = q.Overview.Jobs(b, broke, skip, size) })
	}
	l.Page = page.Of(total, skip, size)
	l.Listing = q.Listing(f, l.Page)
	return l, nil
}

func chipsOf(q *page.Query, f overview.Filter) []page.Chip { return q.Listing(f, page.Page{}).Chips() }
