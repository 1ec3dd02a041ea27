package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
)

// hanging is one entry of a check's needs.
type hanging struct {
	check, of string
	at        strict.Value
}

// needsOf makes a function that stores the ids of other checks, which may come further down.
func (f *file) needsOf(c *site.Check) func(strict.Value) {
	return func(v strict.Value) {
		f.Each(v, func(v strict.Value) {
			if s, ok := f.Text(v); ok {
				c.Needs = append(c.Needs, s)
				f.needAt = append(f.needAt, hanging{check: c.ID, of: s, at: v})
			}
		})
	}
}

// settleNeeds refuses checks that need one that is not there, or each other.
func (f *file) settleNeeds() {
	needs := map[string][]string{}
	for _, c := range f.Config.Store.Checks {
		needs[c.ID] = c.Needs
	}
	known := slices.Sorted(maps.Keys(needs))
	for _, n := range f.needAt {
		if !slices.Contains(known, n.of) {
			f.unknown(n.at, n.of, "check", known)
		}
	}
	var way []string
	done := map[string]bool{}
	var visit func(id string, at strict.Value)
	visit = func(id string, at strict.Value) {
		if i := slices.Index(way, id); i >= 0 {
			f.Fail(at, "the checks need each other in a circle: "+strings.Join(append(slices.Clone(way[i:]), id), " needs "), "remove one `needs` of them")
			return
		}
		if done[id] {
			return
		}
		done[id] = true
		way = append(way, id)
		for _, n := range f.needAt {
			if n.check == id {
				visit(n.of, n.at)
			}
		}
		way = way[:len(way)-1]
	}
	for _, n := range f.needAt {
		visit(n.check, n.at)
	}
}
