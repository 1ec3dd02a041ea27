package overview

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/nightfill/nightfill/site"
)

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
	for _, model := range slices.Sorted(maps.Keys(t.models[patch])) { // the same sum, to its last digit, from the same board
		m := t.models[patch][model]
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
