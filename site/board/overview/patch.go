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

// device counts the patches of a device.
func (t *tally) device(s *board.Store, d *board.Device) {
	for id, j := range d.Jobs {
		p := t.patch(id)
		p.count(j)
		if !ended(j) {
			continue
		}
		at := t.models[id]
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

// The rule for a flag. What is usual on a model is what other patches do there, weighed against what they
// do everywhere as if that had been seen on modelWeight devices there; and that against usualShare on
// usualWeight devices. A flag says that a share of badFactor
// times the usual one, and at least badShare, explains the ends better than the usual one by odds of
// exp(badOdds): watched all night, a patch that breaks as usual is flagged once in 10,000 times.
const (
	usualShare  = 0.004
	usualWeight = 500
	modelWeight = 100
	usualLeast  = 0.003
	badShare    = 0.05
	badFactor   = 5
	badOdds     = 9.21
	badBreaks   = 4 // fewer say nothing
	badStores   = 3 // one store with a trouble of its own says nothing
	badTogether = 2 // more breaks in one store than this are one trouble of that store
)

// rates tell the share that breaks as usual on a model, without a patch.
type rates func(model, patch string) float64

// bad finds the patches to flag, one after another, the surest first: what is flagged makes nothing
// usual for the others, and where all break alike none is.
func (t *tally) bad() (map[string]bool, rates) {
	bad := map[string]bool{}
	for {
		usual, worst, most := t.usual(bad), "", 0.0
		for _, id := range slices.Sorted(maps.Keys(t.all)) {
			p := t.all[id]
			p.Usual = t.expected(id, usual)
			if f, odds := t.flag(p, usual); f != nil && !bad[id] && odds > most {
				worst, most = id, odds
			}
		}
		if worst == "" {
			return bad, usual
		}
		bad[worst] = true
	}
}

// usual counts how often patches break on each model, and on all, without those that are bad.
func (t *tally) usual(bad map[string]bool) rates {
	models, all := map[string]*tallied{}, tallied{}
	for id, at := range t.models {
		for model, m := range at {
			if bad[id] {
				continue
			}
			if models[model] == nil {
				models[model] = &tallied{}
			}
			models[model].add(m, 1)
			all.add(m, 1)
		}
	}
	return func(model, patch string) float64 {
		here, everywhere := tallied{}, all
		if m := models[model]; m != nil {
			here = *m
		}
		if !bad[patch] {
			for _, m := range t.models[patch] {
				everywhere.add(m, -1)
			}
			if m := t.models[patch][model]; m != nil {
				here.add(m, -1)
			}
		}
		return max(usualLeast, here.share(everywhere.share(usualShare, usualWeight), modelWeight))
	}
}

// tallied is how many ended, and how many of those broke.
type tallied struct{ ended, broke float64 }

func (s *tallied) add(m *tries, sign float64) {
	s.ended += sign * float64(m.ended)
	s.broke += sign * float64(m.broke)
}

// share is the share that broke, weighed against another as if that had been seen so often.
func (s tallied) share(or, weight float64) float64 { return (s.broke + or*weight) / (s.ended + weight) }

// expected is the share of a patch's ends that breaks as usual on its machines.
func (t *tally) expected(patch string, usual rates) float64 {
	sum, n := 0.0, 0
	for model, m := range t.models[patch] {
		sum += usual(model, patch) * float64(m.ended)
		n += m.ended
	}
	if n == 0 {
		return usualShare
	}
	return sum / float64(n)
}

// flag looks at a patch on each model, and on all; it takes what is most certain. nil: nothing is.
func (t *tally) flag(p *Patch, usual rates) (*Flag, float64) {
	all := &tries{stores: map[string]int{}, codes: map[site.Code]int{}, signatures: map[string]int{}}
	best, odds := (*Flag)(nil), badOdds
	take := func(model string, m *tries, share float64) {
		if o := m.odds(share); o >= odds && m.broke >= badBreaks && len(m.stores) >= badStores {
			best, odds = m.flag(p.ID, model, share), o
		}
	}
	for _, model := range slices.Sorted(maps.Keys(t.models[p.ID])) {
		m := t.models[p.ID][model]
		take(model, m, usual(model, p.ID))
		all.add(m)
	}
	if len(t.models[p.ID]) > 1 {
		take("", all, p.Usual)
	}
	return best, odds
}

func (m *tries) add(o *tries) {
	m.ended += o.ended
	m.broke += o.broke
	for k, n := range o.stores {
		m.stores[k] += n
	}
	for k, n := range o.codes {
		m.codes[k] += n
	}
	for k, n := range o.signatures {
		m.signatures[k] += n
	}
}

// odds is the logarithm of how much better a bad share explains what was seen than the usual one.
func (m *tries) odds(usual float64) float64 {
	bad := min(0.9, max(badShare, badFactor*usual))
	broke := 0.0
	for _, n := range m.stores {
		broke += float64(min(n, badTogether))
	}
	good := float64(m.ended - m.broke)
	return broke*math.Log(bad/usual) + good*math.Log((1-bad)/(1-usual))
}

func (m *tries) flag(patch, model string, usual float64) *Flag {
	code, _ := most(m.codes)
	signature, _ := most(m.signatures)
	f := &Flag{Patch: patch, Model: model, Ended: m.ended, Broke: m.broke, Stores: len(m.stores), Usual: usual, Signature: signature, Code: string(code)}
	where := ""
	if model != "" {
		where = " on " + model
	}
	f.Text = fmt.Sprintf("Pause patch %s: %s of %s failed%s with %s, usual %s.", patch, Number(f.Broke), Number(f.Ended), where, code, Percent(usual))
	return f
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
			j := d.Jobs[patch]
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
