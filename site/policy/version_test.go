package policy_test

import (
	"os/exec"
	"testing"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site/policy"
)

// Versions in rising order, as dpkg sees them; those of one row are equal.
func rising() [][]string {
	return [][]string{
		{"~~"}, {"~~a"}, {"~"}, {"", "0", "00", "0:", "0:0"}, {"0a"}, {"0+"}, {"0.0"},
		{"1~~"}, {"1~beta1"}, {"1~beta2"}, {"1", "01", "0:1", "1-", "1-0"}, {"1-0ubuntu1"}, {"1-1~bpo1"}, {"1-1"}, {"1-1.1"}, {"1-2"}, {"1-10"},
		{"1a"}, {"1b"}, {"1+b1"}, {"1.0~rc1-1"}, {"1.0-1~exp1"}, {"1.0-1", "1.00-1", "1.0-01"}, {"1.0-1+deb12u1"}, {"1.0-1+deb12u2"},
		{"1.0.1"}, {"1.2"}, {"1.2-3-4"}, {"1.9"}, {"1.10"}, {"4.2.0"}, {"4.2.1"},
		{"99999999999999999998"}, {"99999999999999999999"}, {"100000000000000000000"},
		{"1:0"}, {"1:0.1"}, {"2:0", "02:0"}, {"10:0"},
	}
}

func TestCompareVersions(t *testing.T) {
	rows := rising()
	for i, row := range rows {
		for j, other := range rows {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			for _, a := range row {
				for _, b := range other {
					if got := policy.CompareVersions(a, b); got != want {
						t.Errorf("CompareVersions(%q, %q) = %d, want %d", a, b, got, want)
					}
				}
			}
		}
	}
}

// version draws a version that dpkg takes: an epoch, an upstream version, a revision.
func version() *rapid.Generator[string] {
	return rapid.StringMatching(`([0-9]{1,2}:)?[0-9]([0-9a-bA-B.+~]{0,4}|[0-9a-b.+~]{0,3}-[0-9a-b.+~]{1,2})(-[0-9a-b.+~]{1,3})?`)
}

// Any two versions are ordered as dpkg orders them.
func TestCompareVersionsAsDpkg(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("there is no dpkg here")
	}
	pairs := 200
	if testing.Short() {
		pairs = 30
	}
	for seed := range pairs {
		a, b := version().Example(2*seed), version().Example(2*seed+1)
		if seed%3 == 0 { // near each other
			b = a + b[:1]
		}
		word := map[int]string{-1: "lt", 0: "eq", 1: "gt"}[policy.CompareVersions(a, b)]
		if out, err := exec.Command(dpkg, "--compare-versions", a, word, b).CombinedOutput(); err != nil {
			t.Errorf("%q is not %s %q: %v\n%s", a, word, b, err, out)
		}
	}
}

// The order is one: antisymmetric, transitive, and every version equals itself.
func TestCompareVersionsIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := version().Draw(t, "a"), version().Draw(t, "b"), version().Draw(t, "c")
		if policy.CompareVersions(a, a) != 0 || policy.CompareVersions(a, b) != -policy.CompareVersions(b, a) {
			t.Errorf("%q and %q", a, b)
		}
		if policy.CompareVersions(a, b) <= 0 && policy.CompareVersions(b, c) <= 0 && policy.CompareVersions(a, c) > 0 {
			t.Errorf("%q, %q, %q", a, b, c)
		}
	})
}

// What no dpkg would take must not end in a panic or an endless search.
func FuzzCompareVersions(f *testing.F) {
	f.Add("1:2-3", "1:2-3~")
	f.Add(":", "-")
	f.Fuzz(func(t *testing.T, a, b string) {
		if policy.CompareVersions(a, b) != -policy.CompareVersions(b, a) {
			t.Errorf("%q and %q", a, b)
		}
	})
}
