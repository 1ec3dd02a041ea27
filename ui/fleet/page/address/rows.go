package address

import (
	"cmp"
	"net/url"

	"github.com/nightfill/nightfill/site/board/comply"
)

// RowNames are the parameters that filter the patches on devices, in the order in which they are shown.
func RowNames() []string {
	return []string{"store", "region", "ring", "class", "model", "patch", "severity", "owner", "age", "standing", "device_standing", "mark", "late", "look", "lacks"}
}

// RowField is where a filter keeps the value of a parameter; nil where it is none of RowNames.
func RowField(f *comply.Filter, name string) *string {
	return map[string]*string{
		"store": &f.Store, "region": &f.Region, "ring": &f.Ring, "class": &f.Class, "model": &f.Model, "patch": &f.Patch, "severity": &f.Severity, "owner": &f.Owner,
		"age": (*string)(&f.Age), "standing": (*string)(&f.Standing), "device_standing": (*string)(&f.Device), "mark": (*string)(&f.Mark), "late": (*string)(&f.Late), "look": &f.Look, "lacks": (*string)(&f.Lacks),
	}[name]
}

// ReadRows reads a filter from parameters. The error is an Unknown.
func ReadRows(values url.Values) (comply.Filter, error) {
	var f comply.Filter
	for _, name := range RowNames() {
		*RowField(&f, name) = values.Get(name)
	}
	return f, cmp.Or(
		OneOf("age", string(f.Age), comply.Ages()), OneOf("late", string(f.Late), comply.Ages()), OneOf("lacks", string(f.Lacks), comply.Lacks()),
		OneOf("look", f.Look, []string{comply.LookFresh, comply.LookStale}), OneOf("standing", string(f.Standing), comply.Standings()),
		OneOf("device_standing", string(f.Device), comply.DeviceStandings()), OneOf("mark", string(f.Mark), comply.Marks()))
}

// ValuesOfRows are the parameters of a filter that are set.
func ValuesOfRows(f comply.Filter) url.Values {
	v := url.Values{}
	for _, name := range RowNames() {
		if is := *RowField(&f, name); is != "" {
			v.Set(name, is)
		}
	}
	return v
}
