package address

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/nightfill/nightfill/site/board/overview"
)

// StoreNames are the parameters that filter stores and what is in them, in the order in which they are shown.
func StoreNames() []string {
	return []string{"bucket", "opening", "contact", "verdict", "region", "zone", "ring", "store", "state", "patch", "class", "model", "severity", "signature"}
}

// StoreField is where a filter keeps the values of a parameter; nil where it is none of StoreNames.
func StoreField(f *overview.Filter, name string) *[]string {
	return map[string]*[]string{
		"bucket": &f.Bucket, "opening": &f.Opening, "contact": &f.Contact, "verdict": &f.Verdict, "region": &f.Region, "zone": &f.Zone, "ring": &f.Ring,
		"store": &f.Store, "state": &f.State, "patch": &f.Patch, "class": &f.Class, "model": &f.Model, "severity": &f.Severity, "signature": &f.Signature,
	}[name]
}

// ReadStores reads a filter from parameters. In q, words like state:failed are filters too; the others stay text.
func ReadStores(values url.Values) overview.Filter {
	var f overview.Filter
	for _, name := range StoreNames() {
		for _, v := range values[name] {
			add(StoreField(&f, name), v)
		}
	}
	var rest []string
	for _, word := range strings.Fields(values.Get("q")) {
		name, value, ok := strings.Cut(word, ":")
		if to := StoreField(&f, name); ok && to != nil && value != "" {
			add(to, value)
			continue
		}
		rest = append(rest, word)
	}
	f.Q = strings.Join(rest, " ")
	return f
}

func add(to *[]string, value string) {
	if value != "" && !slices.Contains(*to, value) {
		*to = append(*to, value)
	}
}

// OfStores is the address of a list with a filter and other parameters.
func OfStores(path string, f overview.Filter, more url.Values) string {
	v := url.Values{}
	maps.Copy(v, more)
	for _, name := range StoreNames() {
		if list := *StoreField(&f, name); len(list) > 0 {
			v[name] = list
		}
	}
	if f.Q != "" {
		v.Set("q", f.Q)
	}
	return With(path, v)
}

// Only is a filter with one value of a parameter in place of its others.
func Only(f overview.Filter, name, value string) overview.Filter {
	*StoreField(&f, name) = []string{value}
	return f
}

// Without is a filter without some values of a parameter.
func Without(f overview.Filter, name string, values ...string) overview.Filter {
	to := StoreField(&f, name)
	*to = slices.DeleteFunc(slices.Clone(*to), func(v string) bool { return slices.Contains(values, v) })
	return f
}
