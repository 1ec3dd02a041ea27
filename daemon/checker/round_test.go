package checker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
)

// answers lets each check of a round end as told and notes the order in which they were asked.
type answers struct {
	outcomes map[string][]site.CheckOutcome // by check: one for each try, the last one for all further
	takes    time.Duration

	mu    sync.Mutex
	asked []string
}

func (a *answers) Check(ctx context.Context, _ site.Device, c site.Check) (site.CheckOutcome, string, error) {
	a.mu.Lock()
	tries := 0
	for _, id := range a.asked {
		if id == c.ID {
			tries++
		}
	}
	a.asked = append(a.asked, c.ID)
	list := a.outcomes[c.ID]
	a.mu.Unlock()
	select {
	case <-time.After(a.takes):
	case <-ctx.Done():
		return site.Unknown, "", ctx.Err()
	}
	if len(list) == 0 {
		return site.Pass, "well", nil
	}
	return list[min(tries, len(list)-1)], "seen", nil
}

func disk(id string, needs ...string) site.Check {
	return site.Check{ID: id, Device: "srv-1", Kind: site.CheckDisk, Needs: needs}
}

func brief(results []site.CheckResult) string {
	var all []string
	for _, r := range results {
		all = append(all, fmt.Sprintf("%s %s: %s", r.Check, r.Outcome, r.Seen))
	}
	return strings.Join(all, "\n")
}

func TestParentsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{takes: time.Second, outcomes: map[string][]site.CheckOutcome{"C": {site.Warn}, "X": {site.Fail}, "U": {site.Unknown}, "N": {site.NotApplicable}}}
		o := options(disk("A", "B"), disk("B", "C"), disk("C"), disk("X1", "X"), disk("X"), disk("X2", "X1"), disk("U1", "A", "U"), disk("U"), disk("N1", "N"), disk("N"),
			site.Check{ID: "O", Kind: "ping", Needs: []string{"A", "gone"}})
		o.Devices = a
		got := brief(New(o).Round(t.Context(), time.Now()))
		want := strings.Join([]string{
			"A pass: well", "B pass: well", "C warn: seen",
			"X1 unknown: not looked at: it needs X, which is failing", "X fail: seen", "X2 unknown: not looked at: it needs X1, which is unknown",
			"U1 unknown: not looked at: it needs U, which is unknown", "U unknown: seen", "N1 pass: well", "N not_applicable: seen",
			`O unknown: this box does not know the check kind "ping"`,
		}, "\n")
		if got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if c, b, a := slices.Index(a.asked, "C"), slices.Index(a.asked, "B"), slices.Index(a.asked, "A"); c > b || b > a {
			t.Errorf("asked in the order %d %d %d", c, b, a)
		}
		if slices.Contains(a.asked, "X1") || slices.Contains(a.asked, "U1") {
			t.Errorf("what hangs was asked: %v", a.asked)
		}
	})
}

// TestGatewayIsAParent has a dead gateway: what goes over the network is not looked at, the rest is.
func TestGatewayIsAParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(disk("A"), site.Check{ID: "L", Device: "local", Kind: site.CheckDisk}, site.Check{ID: "NET-1", Kind: site.CheckGateway, Address: "gw"},
			site.Check{ID: "T", Kind: site.CheckTCP, Address: "10.77.0.1:80"}, site.Check{ID: "H", Device: "hh-01", Kind: site.CheckAgent, Max: site.Duration(15 * time.Minute)})
		o.Store.Devices = append(o.Store.Devices, site.Device{ID: "local", Address: "127.0.0.1:2201"})
		got := brief(New(o).Round(t.Context(), time.Now()))
		want := "A unknown: not looked at: it needs NET-1, which is unknown\nL pass:  runs\nNET-1 unknown: ParseAddr(\"gw\"): unable to parse IP\n" +
			"T unknown: not looked at: it needs NET-1, which is unknown\nH unknown: this box has not heard the agent of hh-01, wanted within 15m0s"
		if got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestRetries(t *testing.T) {
	tests := []struct {
		outcomes []site.CheckOutcome
		retries  int
		want     string
		took     time.Duration
		asked    int
	}{
		{[]site.CheckOutcome{site.Fail}, 0, "A fail: seen", time.Second, 1},
		{[]site.CheckOutcome{site.Fail, site.Pass}, 2, "A pass: seen (try 2 of 3)", 3 * time.Second, 2},
		{[]site.CheckOutcome{site.Fail, site.Unknown, site.Fail}, 2, "A fail: seen (try 3 of 3)", 6 * time.Second, 3},
		{[]site.CheckOutcome{site.Unknown}, 5, "A unknown: seen (try 6 of 6)", 21 * time.Second, 6},
		{[]site.CheckOutcome{site.Warn, site.Fail}, 5, "A warn: seen", time.Second, 1},
		{[]site.CheckOutcome{site.NotApplicable, site.Fail}, 5, "A not_applicable: seen", time.Second, 1},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			a := &answers{takes: time.Second, outcomes: map[string][]site.CheckOutcome{"A": tt.outcomes}}
			check := disk("A")
			check.Retries = tt.retries
			o := options(check)
			o.Devices = a
			results := New(o).Round(t.Context(), time.Now())
			if got := brief(results); got != tt.want || results[0].Took.Std() != tt.took || len(a.asked) != tt.asked {
				t.Errorf("%v: got %s in %s after %d, want %s in %s after %d", tt.outcomes, got, results[0].Took, len(a.asked), tt.want, tt.took, tt.asked)
			}
		})
	}
}

func TestHangingChecksEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := deviceFunc(func(ctx context.Context, _ site.Device, c site.Check) (site.CheckOutcome, string, error) {
			<-ctx.Done()
			return site.Fail, "gave up", nil
		})
		slow := disk("A")
		slow.Timeout = site.Duration(3 * time.Second)
		o := options(slow, disk("B", "A"))
		o.Devices = hangs
		begun := time.Now()
		got := brief(New(o).Round(t.Context(), begun))
		if want := "A unknown: srv-1 gave no answer within 3s\nB unknown: not looked at: it needs A, which is unknown"; got != want || time.Since(begun) != 3*time.Second {
			t.Errorf("after %s got\n%s\nwant\n%s", time.Since(begun), got, want)
		}
	})
}

func TestRoundHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{takes: 9 * time.Second}
		var checks []site.Check
		for i := range 20 {
			checks = append(checks, disk(fmt.Sprintf("A%d", i)))
		}
		failing := site.Check{ID: "F", Device: "srv-2", Kind: site.CheckDisk, Retries: 5}
		a.outcomes = map[string][]site.CheckOutcome{"F": {site.Fail}}
		o := options(append(checks, failing)...)
		o.Devices, o.Limit = a, 29*time.Second
		begun := time.Now()
		results := New(o).Round(t.Context(), begun)
		if took := time.Since(begun); took != 29*time.Second {
			t.Errorf("the round took %s", took)
		}
		count := map[string]int{}
		for _, r := range results {
			count[string(r.Outcome)+" "+r.Seen]++
		}
		want := map[string]int{"pass well": 6, "unknown not looked at: the round was cut short": 14, "fail seen (try 2 of 6)": 1}
		if fmt.Sprint(count) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", count, want)
		}
	})
}

// One check is carried out alone, but for what it needs, and by the same rules.
func TestOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{takes: time.Second, outcomes: map[string][]site.CheckOutcome{"X": {site.Fail}}}
		o := options(disk("A", "B"), disk("B", "C"), disk("C"), disk("X1", "X", "C"), disk("X"))
		o.Devices = a
		c := New(o)
		for _, tt := range []struct{ id, want string }{
			{"C", "C pass: well"},
			{"A", "B pass: well\nC pass: well\nA pass: well"},
			{"X1", "C pass: well\nX fail: seen\nX1 unknown: not looked at: it needs X, which is failing"},
			{"none", ""},
		} {
			if got := brief(c.One(t.Context(), time.Now(), tt.id)); got != tt.want {
				t.Errorf("%s: got\n%s\nwant\n%s", tt.id, got, tt.want)
			}
		}
		var running sync.WaitGroup
		begun := time.Now()
		running.Go(func() { c.Round(t.Context(), time.Now()) })
		synctest.Wait()
		c.One(t.Context(), time.Now(), "C")
		if took := time.Since(begun); took <= 3*time.Second {
			t.Errorf("it did not wait for the round: %s", took)
		}
		running.Wait()
	})
}
