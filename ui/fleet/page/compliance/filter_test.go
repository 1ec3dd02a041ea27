package compliance

import (
	"errors"
	"net/url"
	"reflect"
	"testing"

	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

func TestReadRows(t *testing.T) {
	values := url.Values{}
	want := map[string]string{
		"age": string(comply.Ages()[0]), "late": string(comply.Ages()[1]), "lacks": string(comply.Lacks()[0]), "look": comply.LookStale,
		"standing": string(comply.Missing), "device_standing": string(comply.DeviceStandings()[0]), "mark": string(comply.Marks()[0]),
	}
	for _, name := range RowNames() {
		if want[name] == "" {
			want[name] = "some " + name
		}
		values.Set(name, want[name])
	}
	f, err := readRows(values)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range RowNames() {
		if got := *rowField(&f, name); got != want[name] {
			t.Errorf("%s is read as %q, want %q", name, got, want[name])
		}
	}
	if got := valuesOfRows(f); !reflect.DeepEqual(got, values) {
		t.Errorf("it is written as %v, want %v", got, values)
	}
}

func TestUnknownValues(t *testing.T) {
	for query, want := range map[string]string{
		"look=away":          `look must be one of fresh and stale, not "away".`,
		"late=0":             `late must be one of 0-7, 8-14, 15-30, 31-60, 61-90, over-90 and none, not "0".`,
		"device_standing=up": `device_standing must be one of compliant, excepted, behind and unknown, not "up".`,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = readRows(values)
		var unknown *page.Unknown
		if !errors.As(err, &unknown) || err.Error() != want {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
	}
	for _, name := range []string{"age", "lacks", "standing", "mark"} {
		if _, err := readRows(url.Values{name: {"no such"}}); err == nil {
			t.Errorf("%s may be anything", name)
		}
	}
}
