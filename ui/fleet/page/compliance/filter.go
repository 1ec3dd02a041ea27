package compliance

import (
	"cmp"
	"net/url"

	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// RowNames are the parameters that filter the patches on devices, in the order in which they are shown.
func RowNames() []string {
	return []string{"store", "region", "ring", "class", "model", "patch", "severity", "owner", "age", "standing", "device_standing", "mark", "late", "look", "lacks"}
}

// rowField is where a filter keeps the value of a parameter; nil where it is none of RowNames.
func rowField(f *comply.Filter, name string) *string {
	return map[string]*string{
		"store": &f.Store, "region": &f.Region, "ring": &f.Ring, "class": &f.Class, "model": &f.Model, "patch": &f.Patch, "severity": &f.Severity, "owner": &f.Owner,
		"age": (*string)(&f.Age), "standing": (*string)(&f.Standing), "device_standing": (*string)(&f.Device), "mark": (*string)(&f.Mark), "late": (*string)(&f.Late), "look": &f.Look, "lacks": (*string)(&f.Lacks),
	}[name]
}

// readRows reads a filter from parameters. The error is a page.Unknown.
func readRows(values url.Values) (comply.Filter, error) {
	var f comply.Filter
	for _, name := range RowNames() {
		*rowField(&f, name) = values.Get(name)
	}
	return f, cmp.Or(
		page.Known("age", string(f.Age), comply.Ages()), page.Known("late", string(f.Late), comply.Ages()), page.Known("lacks", string(f.Lacks), comply.Lacks()),
		page.Known("look", f.Look, []string{comply.LookFresh, comply.LookStale}), page.Known("standing", string(f.Standing), comply.Standings()),
		page.Known("device_standing", string(f.Device), comply.DeviceStandings()), page.Known("mark", string(f.Mark), comply.Marks()))
}

// valuesOfRows are the parameters of a filter that are set.
func valuesOfRows(f comply.Filter) url.Values {
	v := url.Values{}
	for _, name := range RowNames() {
		if is := *rowField(&f, name); is != "" {
			v.Set(name, is)
		}
	}
	return v
}
