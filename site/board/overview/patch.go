package overview

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Patch is how one patch fares in all stores: each device that it was ever planned for is counted once,
// as it stands now.
type Patch struct {
	ID         string        `json:"id"`
	Title      string        `json:"title"`
	Owner      string        `json:"owner"`
	Severity   site.Severity `json:"severity"`
	CVEs       []string      `json:"cves,omitempty"`
	Total      int           `json:"total"`     // devices: Waiting + Attempted
	Waiting    int           `json:"waiting"`   // nothing was begun, or it was left out
	Attempted  int           `json:"attempted"` // Underway + Done + Failed + RolledBack + NoAnswer
	Underway   int           `json:"underway"`
	Done       int           `json:"done"`
	Failed     int           `json:"failed"` // not taken back, or without proof
	RolledBack int           `json:"rolled_back"`
	NoAnswer   int           `json:"no_answer"`
	Ended      int           `json:"ended"` // those that the rate is of: Done, Failed, RolledBack, and silent after they were begun
	Broke      int           `json:"broke"` // of Ended: all but Done
	Rate       Rate          `json:"rate"`
	Usual      float64       `json:"usual"`         // share of other patches that break on the same machines
	Top        string        `json:"top,omitempty"` // the signature that most failures have
	TopCount   int           `json:"top_count,omitempty"`
	FirstSeen  time.Time     `json:"first_seen,omitzero"` // of Top
	Flag       *Flag         `json:"flag,omitempty"`      // it breaks more often than chance explains
}

// Rate is a share with the interval in which the true one lies 19 times of 20.
type Rate struct {
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Flag proposes to stop a patch, in words.
type Flag struct {
	Patch     string  `json:"patch"`
	Model     string  `json:"model,omitempty"` // it breaks on these machines; "" = on all
	Ended     int     `json:"ended"`
	Broke     int     `json:"broke"`
	Stores    int     `json:"stores"` // in which it broke
	Usual     float64 `json:"usual"`
	Signature string  `json:"signature"`
	Code      string  `json:"code"`
	Text      string  `json:"text"`
}

// Wilson returns a share with its 95 % interval after Wilson. Of nothing, everything is possible.
func Wilson(hits, of int) Rate {
	if of == 0 {
		return Rate{0, 0, 1}
	}
	const z = 1.959964
	n, p := float64(of), float64(hits)/float64(of)
	mid := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Rate{p, min(p, max(0, mid-half)), max(p, min(1, mid+half))}
}

// tries counts the ends of a patch on one model.
type tries struct {
	ended, broke int
	stores       map[string]int // how often it broke in each
	codes        map[site.Code]int
	signatures   map[string]int
}

// tally counts while the devices pass by once.
type tally struct {
	board  *board.Board
	all    map[string]*Patch
	models map[string]map[string]*tries // by patch, by model
	failed map[string]*Failure          // by signature
}

func newTally(b *board.Board) *tally {
	t := &tally{board: b, all: map[string]*Patch{}, models: map[string]map[string]*tries{}, failed: map[string]*Failure{}}
	for id := range b.Patches {
		t.patch(id)
	}
	return t
}

func (t *tally) patch(id string) *Patch {
	p, ok := t.all[id]
	if !ok {
		known := t.board.Patches[id]
		p = &Patch{ID: id, Title: known.Title, Owner: known.Owner, Severity: known.Severity, CVEs: known.CVEs}
		t.all[id], t.models[id] = p, map[string]*tries{}
	}
	return p
}

// ModelOf names the machines that a device is compared with: its model, else its class.
func ModelOf(d *board.Device) string { return cmp.Or(d.Now.Model, string(d.Now.Class)) }

// device counts the patches of a device, and adds those that did not end well to bad.
func (t *tally) device(s *board.Store, d *board.Device, bad []match) []match {
	for _, j := range d.Jobs {
		p := t.patch(j.Patch)
		p.count(j)
		if didNotEndWell(j.State) {
			bad = append(bad, match{d, j})
		}
		if !ended(j) {
			continue
		}
		at := t.models[j.Patch]
		m := at[ModelOf(d)]
		if m == nil {
			m = &tries{stores: map[string]int{}, codes: map[site.Code]int{}, signatures: map[string]int{}}
			at[ModelOf(d)] = m
		}
		m.ended++
		if j.State == site.Done {
			continue
		}
		m.broke++
		m.stores[s.ID]++
		m.codes[cmp.Or(j.FailedCode, j.Code)]++
		m.signatures[Signature(j)]++
		t.fail(s, d, j)
	}
	return bad
}

// didNotEndWell reports whether a person may have to look at a patch on a device.
func didNotEndWell(s site.State) bool {
	return s == site.Failed || s == site.RollbackFailed || s == site.NoAnswer || s == site.RolledBack
}

// Signature names why a job broke, also where no step failed.
func Signature(j *board.Job) string {
	if j.State == site.NoAnswer {
		return "no answer after it was begun"
	}
	return cmp.Or(j.Signature, string(j.Code), "no reason was told")
}

// count puts a job in its column.
func (p *Patch) count(j *board.Job) {
	p.Total++
	if !Attempted(j.State) {
		p.Waiting++
		return
	}
	p.Attempted++
	switch j.State {
	case site.Done:
		p.Done++
	case site.Failed, site.RollbackFailed:
		p.Failed++
	case site.RolledBack:
		p.RolledBack++
	case site.NoAnswer:
		p.NoAnswer++
	default:
		p.Underway++
	}
	if ended(j) {
		p.Ended++
		if j.State != site.Done {
			p.Broke++
		}
	}
}

// Attempted reports whether something was done, or tried, on the device.
func Attempted(s site.State) bool {
	switch s {
	case site.Installing, site.Restarting, site.Verifying, site.Done, site.Failed, site.RolledBack, site.RollbackFailed, site.NoAnswer:
		return true
	}
	return false
}

// ended reports whether a job says something about its patch: it is proven, it broke, or the device
// fell silent after it was begun.
func ended(j *board.Job) bool {
	switch j.State {
	case site.Done, site.Failed, site.RolledBack, site.RollbackFailed:
		return true
	case site.NoAnswer:
		return !j.Started.IsZero()
	}
	return false
}

// patches completes the counts.
func (t *tally) patches(now time.Time) []Patch {
	bad, usual := t.bad()
	list := make([]Patch, 0, len(t.all))
	for id, p := range t.all {
		p.Rate = Wilson(p.Broke, p.Ended)
		p.Usual = t.expected(id, usual)
		if bad[id] {
			p.Flag, _ = t.flag(p, usual)
		}
		signatures := map[string]int{}
		for _, m := range t.models[id] {
			for s, n := range m.signatures {
				signatures[s] += n
			}
		}
		p.Top, p.TopCount = most(signatures)
		if f, ok := t.failed[p.Top]; ok && p.Top != "" {
			p.FirstSeen = f.firstOf[id]
		}
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Patch) int {
		return cmp.Or(flagged(a)-flagged(b), cmp.Compare(b.Rate.Low, a.Rate.Low), b.Broke-a.Broke, b.Total-a.Total, cmp.Compare(a.ID, b.ID))
	})
	return list
}

func flagged(p Patch) int {
	if p.Flag != nil {
		return 0
	}
	return 1
}

// most returns the key with the highest count; of equal ones the first in order.
func most[K cmp.Ordered](counts map[K]int) (K, int) {
	var best K
	n := 0
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if counts[k] > n {
			best, n = k, counts[k]
		}
	}
	return best, n
}

// Percent writes a share as people read it: two figures of it at least, and never 0 for what happens.
func Percent(share float64) string {
	switch {
	case share <= 0:
		return "0 %"
	case share < 0.0001:
		return "< 0.01 %"
	case share < 0.01:
		return strings.TrimSuffix(fmt.Sprintf("%.2f", share*100), "0") + " %"
	case share < 0.1:
		return fmt.Sprintf("%.1f %%", share*100)
	}
	return fmt.Sprintf("%.0f %%", share*100)
}

// Model is how one patch fares on one model of machine. The counts are as those of a Patch.
type Model struct {
	Model      string `json:"model"`
	Total      int    `json:"total"`
	Attempted  int    `json:"attempted"`
	Done       int    `json:"done"`
	Failed     int    `json:"failed"`
	RolledBack int    `json:"rolled_back"`
	NoAnswer   int    `json:"no_answer"`
	Ended      int    `json:"ended"`
	Broke      int    `json:"broke"`
	Rate       Rate   `json:"rate"`
}

// Models counts one patch by model; the one that breaks most comes first.
func (v *Overview) Models(b *board.Board, patch string) []Model {
	of := map[string]*Patch{}
	for _, s := range b.Stores {
		for _, d := range s.Devices {
			j := d.Find(patch)
			if j == nil || d.Gone {
				continue
			}
			m := of[ModelOf(d)]
			if m == nil {
				m = &Patch{ID: patch}
				of[ModelOf(d)] = m
			}
			m.count(j)
		}
	}
	list := make([]Model, 0, len(of))
	for model, m := range of {
		list = append(list, Model{model, m.Total, m.Attempted, m.Done, m.Failed, m.RolledBack, m.NoAnswer, m.Ended, m.Broke, Wilson(m.Broke, m.Ended)})
	}
	slices.SortFunc(list, func(a, b Model) int {
		return cmp.Or(cmp.Compare(b.Rate.Low, a.Rate.Low), cmp.Compare(a.Model, b.Model))
	})
	return list
}

// Patch returns one patch of the overview.
func (v *Overview) Patch(id string) (Patch, bool) {
	i := slices.IndexFunc(v.Patches, func(p Patch) bool { return p.ID == id })
	if i < 0 {
		return Patch{}, false
	}
	return v.Patches[i], true
}
