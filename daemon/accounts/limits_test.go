package accounts

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDelay(t *testing.T) {
	want := []time.Duration{0, 0, 1, 2, 4, 8, 16, 30, 30, 30}
	for n, w := range want {
		if got := delay(n); got != w*time.Second {
			t.Errorf("after %d failures: %v, want %v s", n, got, int(w))
		}
	}
}

// Whatever is tried from wherever, in any half hour a source that is not known has at most ten failures
// and a name at most thirty, and everybody who waits as long as told is looked at.
func TestLimitsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, now := newLimits(), time.Duration(0)
		looked := map[string][]time.Duration{}
		count := func(key string, most int) {
			looked[key] = append(looked[key], now)
			recent := 0
			for _, at := range looked[key] {
				if now-at < lockFor {
					recent++
				}
			}
			if recent > most {
				t.Fatalf("%s was looked at %d times in half an hour", key, recent)
			}
		}
		for range rapid.IntRange(1, 300).Draw(t, "attempts") {
			now += time.Duration(rapid.SampledFrom([]int{0, 1, 5, 31, 600, 1801}).Draw(t, "later")) * time.Second
			a := attempt{
				name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"), exists: true,
				source: fmt.Sprint(rapid.IntRange(0, 7).Draw(t, "source")), known: rapid.IntRange(0, 9).Draw(t, "known") == 0,
			}
			if a.known {
				a.source = "browser " + a.source
			}
			wait := l.begin(a, now)
			if wait > lockFor {
				t.Fatalf("wait %v", wait)
			}
			if wait > 0 {
				if rapid.IntRange(0, 3).Draw(t, "patient") > 0 {
					continue
				}
				if now += wait; l.begin(a, now) > 0 {
					t.Fatal("must wait longer than was said")
				}
			}
			count("source "+a.source, maxFromOne)
			if !a.known {
				count("name "+a.name, maxForName)
			}
		}
	})
}

// What begin counted is gone after undo, as if nothing had been tried.
func TestUndo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, now := newLimits(), time.Duration(0)
		for range rapid.IntRange(0, 60).Draw(t, "attempts") {
			now += time.Minute
			l.begin(attempt{name: "a", source: fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "source"))}, now)
		}
		a := attempt{name: "a", source: "0"}
		state := func() []string {
			var all []string
			for k, s := range l.sources {
				all = append(all, fmt.Sprintf("source %s: %d of %v until %v", k, s.total, s.of, s.until > now))
			}
			for k, s := range l.names {
				all = append(all, fmt.Sprintf("name %s: %d of %v until %v", k, s.total, s.of, s.until > now))
			}
			slices.Sort(all)
			return all
		}
		l.sweep(now)
		if l.sources["0"] == nil || l.names["a"] == nil {
			return
		}
		before := state()
		if l.begin(a, now) > 0 {
			return
		}
		l.undo(a)
		if after := state(); !slices.Equal(before, after) {
			t.Fatalf("before %q\nafter  %q", before, after)
		}
	})
}

// A guesser with an account of their own gains nothing by logging in between.
func TestSuccessForgivesOwnFailuresOnly(t *testing.T) {
	l, now := newLimits(), time.Duration(0)
	guesses := 0
	for range 200 {
		now += time.Minute
		if l.begin(attempt{name: "victim", source: "s", exists: true}, now) == 0 {
			guesses++
		}
		own := attempt{name: "own", source: "s", exists: true}
		if l.begin(own, now) == 0 {
			l.succeed(own)
		}
		if now > lockFor {
			break
		}
	}
	if guesses == 0 || guesses > maxFromOne {
		t.Errorf("%d guesses in half an hour", guesses)
	}
}

// The tables keep their size, and the failures of an account are not pushed out by made-up names.
func TestTablesAreLimited(t *testing.T) {
	l := newLimits()
	for n := range maxForName {
		l.begin(attempt{name: "a.khan", source: fmt.Sprint("first ", n), exists: true}, 0)
	}
	for n := range maxSources + 100 {
		l.begin(attempt{name: fmt.Sprint("made up ", n), source: fmt.Sprint(n)}, time.Minute)
	}
	if len(l.sources) > maxSources || len(l.names) > maxNames {
		t.Errorf("%d sources and %d names are remembered", len(l.sources), len(l.names))
	}
	if l.begin(attempt{name: "a.khan", source: "new", exists: true}, 2*time.Minute) == 0 {
		t.Error("the lock of the account was pushed out")
	}
	l.sweep(2 * lockFor)
	if len(l.sources)+len(l.names) > 0 {
		t.Errorf("%d and %d are left", len(l.sources), len(l.names))
	}
}

func TestSourceOf(t *testing.T) {
	tests := map[string]string{
		"10.77.0.9:50123": "10.77.0.9", "10.77.0.9": "10.77.0.9", "[::ffff:10.77.0.9]:1": "10.77.0.9",
		"[fd00::1:2:3:4]:443": "fd00::/64", "fd00::9": "fd00::/64", "[fe80::1%eth0]:5": "fe80::/64", "": "unknown", "x\ny": "unknown", "@": "unknown",
	}
	for address, want := range tests {
		if got := sourceOf(address); got != want {
			t.Errorf("%q: got %s, want %s", address, got, want)
		}
	}
}
