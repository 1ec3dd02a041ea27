package depot

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
)

// sized is an artifact of n bytes, put into the depot some hours ago unless that is less than zero.
func sized(t testing.TB, d *Depot, name string, n, hours int) site.Artifact {
	data := []byte(strings.Repeat(name[:1], n))
	a := artifact(data)
	a.Name = name
	if hours < 0 {
		return a
	}
	at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC).Add(-time.Duration(hours) * time.Hour)
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.path(a), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(d.path(a), at, at); err != nil {
		t.Fatal(err)
	}
	return a
}

func names(list []site.Artifact) string {
	var all []string
	for _, a := range list {
		all = append(all, a.Name)
	}
	return strings.Join(all, " ")
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		quota  int64
		pinned string
		want   string // what fits
		gone   string // what was there and is not any more
	}{
		{"room for all", 100, "", "new mid old away", ""},
		{"what is away pushes nothing out", 60, "", "new mid old", ""},
		{"the oldest goes", 40, "", "new mid", "old"},
		{"and the next", 20, "", "new", "mid old"},
		{"what is pinned stays, however old", 40, "old", "old new", "mid"},
		{"and has its room when there is too little", 5, "old mid", "old mid", "new"},
		{"what is pinned and away pushes out the oldest", 60, "away", "away new", "mid old"},
		{"but not when it does not fit at all", 25, "away mid", "mid", "new old"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := New(t.TempDir(), "", nil)
			wanted := []site.Artifact{sized(t, d, "old", 20, 9), sized(t, d, "away", 30, -1), sized(t, d, "new", 20, 1), sized(t, d, "mid", 20, 5)}
			fit, unfit, err := d.Fit(wanted, func(a site.Artifact) bool { return slices.Contains(strings.Fields(tt.pinned), a.Name) }, tt.quota)
			if err != nil || names(fit) != tt.want || len(fit)+len(unfit) != len(wanted) {
				t.Errorf("%s fit, %v do not (%v); want %s", names(fit), unfit, err, tt.want)
			}
			var gone []site.Artifact
			for _, i := range []int{2, 3, 0} {
				if !d.Has(wanted[i]) {
					gone = append(gone, wanted[i])
				}
			}
			if names(gone) != tt.gone {
				t.Errorf("gone is %q, want %q", names(gone), tt.gone)
			}
		})
	}
}

func TestFitSaysWhy(t *testing.T) {
	d := New(t.TempDir(), "", nil)
	kept, large := sized(t, d, "kept", 20, 1), sized(t, d, "large", 90, -1)
	if err := os.WriteFile(d.part(large), []byte("begun"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, unfit, err := d.Fit([]site.Artifact{kept, large}, func(site.Artifact) bool { return true }, 100)
	if err != nil || len(unfit) != 1 {
		t.Fatalf("%+v %v", unfit, err)
	}
	if r := unfit[0].Reason; r.Code != site.CodeNotCached || r.Text != "large does not fit: it has 90 bytes, and 80 are left of the 100 of catalog.cache; write a larger size into the store file" {
		t.Errorf("the reason is %+v", r)
	}
	if h := d.Look(large); h.Bytes != 0 {
		t.Errorf("%d bytes of it are kept", h.Bytes)
	}
}

// TestFitIsSafe fits what is wanted again and again, with the quota and the plan changing: what is pinned is never
// removed, what fits is within the quota but for that, and once all is fetched nothing changes any more.
func TestFitIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "depot")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		d := New(dir, "", nil)
		var wanted []site.Artifact
		for i := range rapid.IntRange(1, 6).Draw(t, "artifacts") {
			a := artifact([]byte(strings.Repeat(fmt.Sprint(i), rapid.IntRange(1, 40).Draw(t, "size"))))
			a.Name = fmt.Sprint(i)
			wanted = append(wanted, a)
		}
		clock := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			quota := int64(rapid.IntRange(1, 120).Draw(t, "quota"))
			pins := rapid.SliceOfN(rapid.Bool(), len(wanted), len(wanted)).Draw(t, "pins")
			pinned := func(a site.Artifact) bool { return pins[slices.Index(wanted, a)] }
			var must []site.Artifact
			for _, a := range wanted {
				if pinned(a) && d.Has(a) {
					must = append(must, a)
				}
			}
			fit, _, err := d.Fit(wanted, pinned, quota)
			if err != nil {
				t.Fatal(err)
			}
			total, forced := int64(0), int64(0)
			for _, a := range fit {
				total += a.Size
			}
			for _, a := range must {
				if forced += a.Size; !d.Has(a) {
					t.Fatalf("%s is pinned and was removed", a.Name)
				}
			}
			if total > max(quota, forced) {
				t.Fatalf("%d bytes fit into %d", total, quota)
			}
			for _, a := range fit { // as if it were fetched
				if !d.Has(a) {
					clock = clock.Add(time.Minute)
					data := strings.Repeat(a.Name, int(a.Size))
					if err := os.WriteFile(d.path(a), []byte(data), 0o644); err != nil {
						t.Fatal(err)
					}
					if err := os.Chtimes(d.path(a), clock, clock); err != nil {
						t.Fatal(err)
					}
				}
			}
			again, _, err := d.Fit(wanted, pinned, quota)
			slices.SortFunc(fit, func(a, b site.Artifact) int { return strings.Compare(a.Name, b.Name) })
			slices.SortFunc(again, func(a, b site.Artifact) int { return strings.Compare(a.Name, b.Name) })
			if err != nil || names(again) != names(fit) {
				t.Fatalf("first %s, then %s fit (%v)", names(fit), names(again), err)
			}
		}
	})
}
