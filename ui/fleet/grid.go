package fleet

import (
	"cmp"

	"github.com/nightfill/nightfill/site/board/overview"
)

// grid is one cell for each store: by region, then by number, in an order that never changes.
type grid struct {
	Size    string // large, middle or small: the more stores, the smaller the cells
	Total   int
	Regions []region
}

// region is a heading with its cells.
type region struct {
	Text  string
	Cells []cell
}

type cell struct {
	ID, Name string
	Bucket   overview.Bucket
	First    bool // the one that the tab key reaches
}

// gridOf makes the cells of stores, which are in the order of their regions.
func gridOf(stores []overview.Store) grid {
	g := grid{Size: "small", Total: len(stores)}
	switch {
	case len(stores) <= 400:
		g.Size = "large"
	case len(stores) <= 1000:
		g.Size = "middle"
	}
	for i, s := range stores {
		if i == 0 || s.Region != stores[i-1].Region {
			g.Regions = append(g.Regions, region{Text: cmp.Or(s.Region, "No region")})
		}
		r := &g.Regions[len(g.Regions)-1]
		r.Cells = append(r.Cells, cell{ID: s.ID, Name: s.Name, Bucket: s.Bucket, First: i == 0})
	}
	return g
}
