package address

import (
	"net/url"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site/board/overview"
)

func TestReadStores(t *testing.T) {
	for query, want := range map[string]overview.Filter{
		"":                                {},
		"region=North&region=&region=%2B": {Region: []string{"North", "+"}},
		"region=North&region=North":       {Region: []string{"North"}},
		"q=state:failed+till+1+till:2":    {State: []string{"failed"}, Q: "till 1 till:2"},
		"state=failed&q=state:failed":     {State: []string{"failed"}},
		"q=state:":                        {Q: "state:"},
		"bucket=done&page=2&sort=heard":   {Bucket: []string{"done"}},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := ReadStores(values); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, want %+v", query, got, want)
		}
	}
}

func TestOfStores(t *testing.T) {
	f := overview.Filter{Region: []string{"North", "South"}, State: []string{"failed"}, Q: "till 1"}
	more := url.Values{"sort": {"heard"}}
	for want, got := range map[string]string{
		"/stores": OfStores("/stores", overview.Filter{}, nil),
		"/stores?q=till+1&region=North&region=South&sort=heard&state=failed": OfStores("/stores", f, more),
		"/stores?q=till+1&region=West&state=failed":                          OfStores("/stores", Only(f, "region", "West"), nil),
		"/stores?q=till+1&region=South&state=failed":                         OfStores("/stores", Without(f, "region", "North"), nil),
		"/stores?q=till+1&state=failed":                                      OfStores("/stores", Without(f, "region", f.Region...), nil),
	} {
		if got != want {
			t.Errorf("the address is %s, want %s", got, want)
		}
	}
	if len(more) != 1 || len(f.Region) != 2 || f.Region[0] != "North" {
		t.Errorf("it changed what it was given: %v, %v", more, f)
	}
}

// An address opens the list that it was made of.
func TestStoresThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f overview.Filter
		for _, name := range StoreNames() {
			*StoreField(&f, name) = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z&=+ %:/]{1,8}`), 0, 3, rapid.ID[string]).Draw(t, name)
		}
		f.Q = rapid.StringMatching(`([a-z0-9&=+%-]{1,5}( [a-z0-9]{1,5})?)?`).Draw(t, "q")
		to, err := url.Parse(OfStores("/stores", f, nil))
		if err != nil {
			t.Fatal(err)
		}
		back := ReadStores(to.Query())
		if OfStores("/stores", back, nil) != to.String() || back.Q != f.Q {
			t.Fatalf("%s is read as %+v, made of %+v", to, back, f)
		}
	})
}

func TestWith(t *testing.T) {
	for want, pairs := range map[string][]string{
		"/x?a=1&b=2": nil, "/x?b=2": {"a", ""}, "/x?a=3&b=2": {"a", "3"}, "/x?a=1&b=2&c=4": {"c", "4"}, "/x": {"a", "", "b", ""},
	} {
		if got := With("/x", url.Values{"a": {"1"}, "b": {"2"}}, pairs...); got != want {
			t.Errorf("with %q the address is %s, want %s", pairs, got, want)
		}
	}
}
