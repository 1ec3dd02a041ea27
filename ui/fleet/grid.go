package fleet

import (
	"cmp"

	"github.com/nightfill/nightfill/site/board/overview"
)

const (
	gridWide  = 1160 // units of the picture
	labelHigh = 22   // above the cells of a region
)

// grid is one cell for each store: by region, then by number, in an order that never changes.
type grid struct {
	Wide, High, Pitch int
	Total             int
	Regions           []region
}

// region is a heading with its cells.
type region struct {
	Text  string
	Y     int // of the heading
	Cells []cell
}

type cell struct {
	ID, Name string
	Bucket   overview.Bucket
	X, Y     int
	First    bool // the one that the tab key reaches
}

// gridOf lays the cells out: the more stores, the smaller the cells.
func gridOf(stores []overview.Store) grid {
	g := grid{Wide: gridWide, Pitch: 18, Total: len(stores)}
	switch {
	case len(stores) <= 400:
		g.Pitch = 29
	case len(stores) <= 1000:
		g.Pitch = 23
	}
	columns, y, n := g.Wide/g.Pitch, 0, 0
	last := "\x00"
	for i, s := range stores {
		if s.Region != last {
			if i > 0 {
				y += g.Pitch + 10
			}
			last, n = s.Region, 0
			g.Regions = append(g.Regions, region{Text: cmp.Or(last, "No region"), Y: y + 15})
			y += labelHigh
		} else if n == columns {
			y, n = y+g.Pitch, 0
		}
		r := &g.Regions[len(g.Regions)-1]
		r.Cells = append(r.Cells, cell{ID: s.ID, Name: s.Name, Bucket: s.Bucket, X: n * g.Pitch, Y: y, First: i == 0})
		n++
	}
	g.High = y + g.Pitch
	return g
}
