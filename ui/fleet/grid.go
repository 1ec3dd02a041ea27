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
	Labels            []label
	Cells             []cell
}

type label struct {
	Text  string
	Y     int
	Count int
}

type cell struct {
	ID, Name, Text string
	Bucket         overview.Bucket
	X, Y           int
	First          bool // the one that the tab key reaches
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
	region := "\x00"
	for i, s := range stores {
		if s.Region != region {
			if i > 0 {
				y += g.Pitch + 10
			}
			region, n = s.Region, 0
			g.Labels = append(g.Labels, label{Text: cmp.Or(region, "No region"), Y: y + 15})
			y += labelHigh
		} else if n == columns {
			y, n = y+g.Pitch, 0
		}
		g.Labels[len(g.Labels)-1].Count++
		g.Cells = append(g.Cells, cell{ID: s.ID, Name: s.Name, Text: s.Text, Bucket: s.Bucket, X: n * g.Pitch, Y: y, First: i == 0})
		n++
	}
	g.High = y + g.Pitch
	return g
}
