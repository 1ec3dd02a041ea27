package overview

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nightfill/nightfill/site/board"
)

// Hit is one thing that a search found.
type Hit struct {
	Kind   string `json:"kind"` // store, device, patch, cve, signature
	ID     string `json:"id"`
	Store  string `json:"store,omitempty"`
	Patch  string `json:"patch,omitempty"`
	Text   string `json:"text"`
	better int    // 0: its id is what was asked for; 1: it begins so; 2: it holds it
}

// Search finds stores, devices, patches, CVEs and signatures of failures by a part of their id, name,
// model, system or title. All words of the query must fit. It returns the best ones, limit at most,
// and how many there are in all. A query of fewer than two characters finds only what is named so.
func (v *Overview) Search(b *board.Board, query string, skip, limit int) (hits []Hit, total int) {
	parts := strings.Fields(strings.ToLower(query))
	if len(parts) == 0 {
		return []Hit{}, 0
	}
	s := search{parts: parts, whole: strings.Join(parts, " "), hits: []Hit{}}
	for _, p := range v.Patches {
		s.try(Hit{Kind: "patch", ID: p.ID, Patch: p.ID, Text: p.Title}, p.Owner)
		for _, cve := range p.CVEs {
			s.try(Hit{Kind: "cve", ID: cve, Patch: p.ID, Text: "closed by " + p.ID})
		}
	}
	for _, f := range v.Failures {
		s.try(Hit{Kind: "signature", ID: f.Signature, Text: plural(f.Devices, "device") + " in " + plural(f.Stores, "store")})
	}
	for i := range v.Stores {
		row := &v.Stores[i]
		s.try(Hit{Kind: "store", ID: row.ID, Store: row.ID, Text: row.Name}, row.Region)
		if st := b.Stores[row.ID]; st != nil {
			s.devices(row, st)
		}
	}
	slices.SortStableFunc(s.hits, func(x, y Hit) int {
		return cmp.Or(x.better-y.better, kindOrder(x.Kind)-kindOrder(y.Kind), board.CompareIDs(x.Store, y.Store), board.CompareIDs(x.ID, y.ID))
	})
	total = len(s.hits)
	skip = min(max(skip, 0), total)
	return s.hits[skip:min(total, skip+limit)], total
}

func kindOrder(kind string) int {
	return slices.Index([]string{"store", "patch", "cve", "device", "signature"}, kind)
}

type search struct {
	parts []string
	whole string
	hits  []Hit
}

// try keeps a hit when every word of the query is in its id, its text or its other names.
func (s *search) try(h Hit, names ...string) {
	id := strings.ToLower(h.ID)
	rank := 2
	switch {
	case id == s.whole:
		rank = 0
	case len(s.whole) < 2:
		return
	case strings.HasPrefix(id, s.whole):
		rank = 1
	case !s.all(id, h.Text, names):
		return
	}
	h.better = rank
	s.hits = append(s.hits, h)
}

func (s *search) all(id, text string, names []string) bool {
	text = strings.ToLower(text)
	for _, part := range s.parts {
		if !strings.Contains(id, part) && !strings.Contains(text, part) && !contains(part, names...) || part == "" {
			return false
		}
	}
	return true
}

// devices looks at the devices of a store; the store's own id and name count as names of its devices
// when the query has more than one word.
func (s *search) devices(row *Store, st *board.Store) {
	for id, d := range st.Devices {
		if d.Gone {
			continue
		}
		h := Hit{Kind: "device", ID: id, Store: row.ID, Text: ModelOf(d)}
		if len(s.parts) > 1 {
			s.try(h, d.Now.Title, d.Now.System, d.Now.InstalledVersion, string(d.Now.Class), row.ID, row.Name)
		} else {
			s.try(h, d.Now.Title, d.Now.System, d.Now.InstalledVersion, string(d.Now.Class))
		}
	}
}
