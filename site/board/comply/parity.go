package comply

import (
	"cmp"
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Like is what makes devices alike for a patch.
type Like struct {
	Class  string `json:"class"`
	Model  string `json:"model"`
	System string `json:"system"` // as the device told it; None when it did not
}

// Uncovered are devices that no device of the lab is like.
type Uncovered struct {
	Like
	Devices int    `json:"devices"`
	Lacks   string `json:"lacks"` // the first that no device of the lab has: class, model or system
}

// Parity is how well the devices on which a patch was proven in the ring lab stand for the others
// that it is made for.
type Parity struct {
	Patch     string      `json:"patch"`
	Lab       int         `json:"lab"`     // devices of the lab on which it is proven
	Covered   Ratio       `json:"covered"` // devices outside of the lab that one of those is like
	Uncovered []Uncovered `json:"uncovered"`
}

// Parity compares the lab with the rest of the fleet for one patch. Where it was released to does not
// matter: the question is asked before it goes further.
func (v *View) Parity(id string) Parity {
	out := Parity{Patch: id, Uncovered: []Uncovered{}}
	i := slices.IndexFunc(v.patches, func(p *patch) bool { return p.site.ID == id })
	if i < 0 {
		return out
	}
	p := v.patches[i]
	proven, others := map[Like]bool{}, map[Like]int{}
	for _, s := range v.board.Stores {
		lab := s.Info.Ring == site.RingLab
		if !lab && !named(p.site.Stores, s.ID) {
			continue
		}
		for _, d := range devices(s) {
			switch {
			case !p.aims(s, d):
			case !lab:
				others[like(d)]++
			case provenOn(d, id):
				out.Lab++
				proven[like(d)] = true
			}
		}
	}
	for l, n := range others {
		out.Covered.All += n
		if proven[l] {
			out.Covered.Of += n
			continue
		}
		out.Uncovered = append(out.Uncovered, Uncovered{Like: l, Devices: n, Lacks: lacks(l, proven)})
	}
	slices.SortFunc(out.Uncovered, func(x, y Uncovered) int {
		return cmp.Or(y.Devices-x.Devices, cmp.Compare(x.Class, y.Class), cmp.Compare(x.Model, y.Model), cmp.Compare(x.System, y.System))
	})
	return out
}

// lacks names the first thing about devices that none of the lab has.
func lacks(l Like, proven map[Like]bool) string {
	class, model := false, false
	for p := range proven {
		class = class || p.Class == l.Class
		model = model || p.Class == l.Class && p.Model == l.Model
	}
	switch {
	case !class:
		return "class"
	case !model:
		return "model"
	}
	return "system"
}

func provenOn(d *board.Device, patch string) bool {
	j := d.Find(patch)
	return j != nil && !j.Verified.IsZero() && !broke(j)
}

func like(d *board.Device) Like {
	system := d.Now.System
	if system == "" {
		system = d.Observed.System
	}
	return Like{Class: name(string(d.Now.Class)), Model: name(d.Now.Model), System: name(system)}
}
