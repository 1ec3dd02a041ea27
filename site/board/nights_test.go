package board

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

func eve(n int) time.Time { return time.Date(2025, 1, 1, 23, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

func factOf(t *testing.T, kind Kind, n int, body any) Fact {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return Fact{Kind: kind, Name: eve(n).Format(time.DateOnly), At: eve(n), Mark: Mark{1, uint64(n + 1)}, Body: text}
}

// TestTheNewestNightsAreKept takes in the nights of two years in a random order: the board has the same ones as in any other.
func TestTheNewestNightsAreKept(t *testing.T) {
	const all = 700
	b := NewBoard("acme")
	for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(all) {
		for _, f := range []Fact{
			factOf(t, KindNight, n, Night{Opens: eve(n), Summary: fmt.Sprint("night ", n)}),
			factOf(t, KindNightOpened, n, NightOpened{Opens: eve(n), Planned: n}),
			factOf(t, KindNightClosed, n, NightClosed{At: eve(n).Add(time.Hour)}),
		} {
			if !b.Apply("0001", f, eve(n)) {
				t.Fatalf("refused %+v", f)
			}
		}
	}
	s := b.Stores["0001"]
	if len(s.Nights) != nightsKept || len(s.Opened) != nightsKept || len(s.Closed) != nightsKept || len(s.Windows) != windowsKept {
		t.Fatalf("kept are %d, %d, %d nights and %d windows", len(s.Nights), len(s.Opened), len(s.Closed), len(s.Windows))
	}
	for n := all - nightsKept; n < all; n++ {
		if date := eve(n).Format(time.DateOnly); s.Nights[date].Summary != fmt.Sprint("night ", n) || s.Opened[date].Planned != n {
			t.Errorf("the night %s is %+v, %+v", date, s.Nights[date], s.Opened[date])
		}
	}
	if !slices.IsSortedFunc(s.Windows, func(x, y Window) int { return x.Opens.Time().Compare(y.Opens.Time()) }) || s.Windows[0].Opens.Time() != eve(all-windowsKept) {
		t.Errorf("the windows begin with %+v", s.Windows[:3])
	}
	for _, c := range []struct{ from, want time.Time }{
		{eve(500), eve(500)}, {eve(500).Add(time.Second), eve(501)}, {eve(0), eve(all - windowsKept)}, {eve(all), time.Time{}},
	} {
		if got := s.FirstWindow(c.from); !got.Equal(c.want) {
			t.Errorf("the first window from %s is %s, want %s", c.from, got, c.want)
		}
	}
}

// TestAWindowIsToldAgain: a later word of the same night holds, also that there was none.
func TestAWindowIsToldAgain(t *testing.T) {
	b := NewBoard("acme")
	b.Apply("0001", factOf(t, KindNightOpened, 1, NightOpened{Opens: eve(1)}), eve(1))
	b.Apply("0001", factOf(t, KindNightOpened, 1, NightOpened{Opens: eve(1).Add(time.Hour)}), eve(1))
	s := b.Stores["0001"]
	if len(s.Windows) != 1 || s.Windows[0].Opens.Time() != eve(1).Add(time.Hour) {
		t.Errorf("windows: %+v", s.Windows)
	}
	gone := factOf(t, KindNightOpened, 1, nil)
	gone.Body = nil
	b.Apply("0001", gone, eve(1))
	if len(s.Windows) != 0 || len(s.Opened) != 0 {
		t.Errorf("windows: %+v, opened: %+v", s.Windows, s.Opened)
	}
}

func TestForget(t *testing.T) {
	for _, c := range []struct {
		name    string
		job     Job
		catalog []string
		kept    bool
	}{
		{"long over and not wanted", Job{State: site.Done, At: At(eve(1))}, []string{"other"}, false},
		{"wanted", Job{State: site.Done, At: At(eve(1))}, []string{"p-1"}, true},
		{"not long ago", Job{State: site.Done, At: At(eve(100))}, []string{"other"}, true},
		{"not over", Job{State: site.Installing, At: At(eve(1))}, []string{"other"}, true},
		{"the store never told of its catalog", Job{State: site.Done, At: At(eve(1))}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBoard("acme")
			s := b.Store("0001")
			if c.catalog != nil {
				s.Catalog.Version, s.Catalog.Patches = 7, c.catalog
			}
			c.job.Patch = "p-1"
			*s.Device("till-1").Job("p-1") = c.job
			b.Forget(eve(50))
			if kept := s.Devices["till-1"].Find("p-1") != nil; kept != c.kept {
				t.Errorf("kept: %v, want %v", kept, c.kept)
			}
		})
	}
}
