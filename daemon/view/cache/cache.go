// Package cache shows what the store has of what it needs: its catalog and its artifacts.
package cache

import (
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// The states of an artifact in the store.
const (
	Cached  = "cached" // all of it is there
	Partly  = "partly" // a download was begun
	Missing = "missing"
)

// Cache is what the store has of what it needs: its catalog and its artifacts.
type Cache struct {
	Schema    string      `json:"schema"` // cache/1
	Now       time.Time   `json:"now"`
	Catalog   Catalog     `json:"catalog"`
	Night     window.Date `json:"night,omitzero"` // the open night, or the next one
	Used      int64       `json:"used"`           // bytes in the depot
	Quota     int64       `json:"quota"`          // catalog.cache of the store file; 0 = the store has no catalog
	Free      int64       `json:"free"`           // bytes that are free on the disk of the depot
	Needed    int64       `json:"needed"`         // bytes of everything below
	Problem   string      `json:"problem,omitempty"`
	Artifacts []Item      `json:"artifacts"` // those of tonight first, and of these what is missing
}

// Catalog is the catalog that the store goes by.
type Catalog struct {
	Version int64        `json:"version"` // 0 = there is none
	Issued  time.Time    `json:"issued,omitzero"`
	Until   time.Time    `json:"until,omitzero"`      // approves nothing new after that, unless it is refreshed
	Role    string       `json:"until_role,omitzero"` // whose signature ends then; absent: its age
	URL     string       `json:"url,omitempty"`       // absent: it comes by USB stick only
	Reason  *site.Reason `json:"reason,omitempty"`    // why it approves nothing
}

// Item is one artifact.
type Item struct {
	Name     string       `json:"name"`
	SHA256   string       `json:"sha256"`
	Size     int64        `json:"size"`
	Patches  []string     `json:"patches"` // that need it
	Tonight  bool         `json:"tonight"` // one of them is for the night
	Pinned   bool         `json:"pinned"`  // it is kept whatever the catalog says, for the open night
	State    string       `json:"state"`   // Cached, Partly or Missing
	Bytes    int64        `json:"bytes"`   // that are there
	CachedAt time.Time    `json:"cached_at,omitzero"`
	Verified time.Time    `json:"verified_at,omitzero"` // when its digest was compared last
	Reason   *site.Reason `json:"reason,omitempty"`     // why it is not all there
}

// Held is what a depot has of an artifact.
type Held struct {
	Whole           bool
	Bytes           int64
	Cached, Checked time.Time
}

// Facts is what a Cache is made of.
type Facts struct {
	view.Facts
	Patches []site.Patch // whose artifacts the store keeps
	Plan    plan.Plan    // of the open night, or of the next one
	Report  plan.Report
	Until   time.Time // of the catalog
	Role    string
	URL     string
	Held    func(a site.Artifact) Held
	Failed  map[string]string // digest -> why it could not be fetched
	Used    int64
	Quota   int64
	Free    int64
	Problem string // why the depot cannot be looked at
}

// Of shows what the store has of what it needs.
func Of(f Facts) Cache {
	c := Cache{
		Schema: "cache/1", Now: f.Now, Night: f.Plan.Night, Used: f.Used, Quota: f.Quota, Free: f.Free, Problem: f.Problem, Artifacts: []Item{},
		Catalog: Catalog{Version: f.Catalog.Version, Issued: f.Catalog.Issued, Until: f.Until, Role: f.Role, URL: f.URL, Reason: f.CatalogNo},
	}
	tonight, pinned := f.tonight()
	at := map[string]int{}
	for _, p := range f.Patches {
		for _, a := range policy.Needed(p) {
			i, known := at[a.SHA256]
			if !known {
				i = len(c.Artifacts)
				at[a.SHA256] = i
				c.Artifacts = append(c.Artifacts, f.item(a))
				c.Needed += a.Size
			}
			item := &c.Artifacts[i]
			if !slices.Contains(item.Patches, p.ID) {
				item.Patches = append(item.Patches, p.ID)
			}
			item.Tonight, item.Pinned = item.Tonight || tonight[p.ID], item.Pinned || pinned[p.ID]
		}
	}
	rank := func(i Item) int {
		n := 0
		if !i.Tonight {
			n += 2
		}
		if i.State == Cached {
			n++
		}
		return n
	}
	slices.SortStableFunc(c.Artifacts, func(a, b Item) int { return rank(a) - rank(b) })
	return c
}

// tonight names the patches of the night, with those that are only left out because their bytes are not here;
// pinned are those of an open night.
func (f Facts) tonight() (tonight, pinned map[string]bool) {
	tonight, pinned = map[string]bool{}, map[string]bool{}
	for _, p := range f.Plan.Patches {
		tonight[p.ID], pinned[p.ID] = true, f.State.Night.Open()
	}
	for _, left := range f.Report {
		if left.Reason != nil && left.Reason.Code == site.CodeNotCached {
			tonight[left.Patch] = true
		}
	}
	return tonight, pinned
}

func (f Facts) item(a site.Artifact) Item {
	h := f.Held(a)
	item := Item{Name: a.Name, SHA256: a.SHA256, Size: a.Size, State: Cached, Bytes: h.Bytes, CachedAt: h.Cached, Verified: h.Checked}
	if h.Whole {
		return item
	}
	item.State = Missing
	text := "it was not fetched yet: the next look at the catalog does it"
	if h.Bytes > 0 {
		item.State, text = Partly, fmt.Sprintf("%d of %d bytes are there: the download goes on by itself", h.Bytes, a.Size)
	}
	switch why, failed := f.Failed[a.SHA256]; {
	case failed:
		text = why
	case f.URL == "":
		text = "it comes by USB stick: nightfill catalog import DIR"
	}
	item.Reason = site.Because(site.CodeNotCached, text)
	return item
}
