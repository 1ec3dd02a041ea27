package accounts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
)

// try logs in from an address.
func try(a *Accounts, name, password, source string) error {
	_, err := a.Authenticate(tContext, Login{Name: name, Password: password, Source: source}, time.Now())
	return err
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }

func TestLogin(t *testing.T) {
	a, audit := open(t, Never)
	e, err := a.Authenticate(tContext, Login{Name: " A.Khan ", Password: secretWord, Source: "10.77.0.20:4711"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := a.Session(e.Token, time.Now()); !ok || s.Account != "a.khan" || s.Role != site.UserTech || s.Source != "10.77.0.20" || s.ID == "" {
		t.Errorf("%+v, %v", s, ok)
	}
	if list, _ := reopen(t, a).List(); list[0].LastLogin.IsZero() || !list[1].LastLogin.IsZero() {
		t.Errorf("last logins: %+v", list)
	}
	says(t, "password", try(a, "a.khan", "x", "10.77.0.21"), "the name or the password is wrong")
	says(t, "name", try(a, "nobody", secretWord, "10.77.0.22"), "the name or the password is wrong")
	says(t, "a name with the password of names without account", try(a, "nobody", "", "10.77.0.23"), "the name or the password is wrong")
	says(t, "no password", try(a, "a.khan", "", "10.77.0.24"), "the name or the password is wrong")
	says(t, "endless password", try(a, "a.khan", strings.Repeat("x", 1<<20), "10.77.0.25"), "the name or the password is wrong")
	want := []string{"a.khan logged in from 10.77.0.20", "1 attempt to log in failed: from 10.77.0.21, for a.khan"}
	if got := audit.texts(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// One hostile device tries wrong passwords for every account. A technician at another address notices
// nothing; the device is locked, also for right passwords, and only for half an hour.
func TestOneAddressLocksOutNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		looked := 0
		for n := range 400 {
			err := try(a, []string{"boss", "a.khan", "guess"}[n%3], fmt.Sprint("wrong password ", n), "10.77.0.66")
			if is(err, Wrong) {
				looked++
			} else if !is(err, Wait) {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		if looked != maxFromOne {
			t.Errorf("%d passwords were looked at, want %d", looked, maxFromOne)
		}
		for _, name := range []string{"boss", "a.khan"} {
			if err := try(a, name, secretWord, "10.77.0.20"); err != nil {
				t.Errorf("%s at another address: %v", name, err)
			}
		}
		if err := try(a, "boss", secretWord, "10.77.0.66"); !is(err, Wait) {
			t.Errorf("the device that is locked: %v", err)
		}
		pass(lockFor)
		if err := try(a, "boss", secretWord, "10.77.0.66"); err != nil {
			t.Errorf("after the lock: %v", err)
		}
	})
}

// Many devices guess together: the account is locked for strangers after thirty, and the technician
// gets in with a browser that is known, at any address. The other account is not touched.
func TestManyAddressesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		known, err := a.Authenticate(tContext, Login{Name: "a.khan", Password: secretWord, Source: "10.77.0.20"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		looked := 0
		for n := range 2000 {
			if err := try(a, "a.khan", "wrong", fmt.Sprintf("10.77.%d.%d", n/200+1, n%200)); is(err, Wrong) {
				looked++
			}
			pass(time.Second / 2)
		}
		if looked != maxForName {
			t.Errorf("%d passwords were looked at, want %d", looked, maxForName)
		}
		says(t, "a stranger with the right password", try(a, "a.khan", secretWord, "10.77.0.21"), "too many attempts to log in: try again in 14 minutes")
		if _, err := a.Authenticate(tContext, Login{Name: "a.khan", Password: secretWord, Source: "10.77.1.1", Browser: known.Browser}, time.Now()); err != nil {
			t.Errorf("the known browser: %v", err)
		}
		if err := try(a, "boss", secretWord, "10.77.0.22"); err != nil {
			t.Errorf("another account: %v", err)
		}
		// Whoever is at the box ends the lock with a new password.
		if _, err := a.SetPassword(tContext, "a.khan", "four green umbrellas", "root", time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := try(a, "a.khan", "four green umbrellas", "10.77.0.23"); err != nil {
			t.Errorf("after a new password: %v", err)
		}
	})
}

// A stolen token of a browser gives ten guesses of its own, and nothing else: not for another account, not
// changed, not after its time.
func TestBrowserTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		known, err := a.Authenticate(tContext, Login{Name: "a.khan", Password: secretWord, Source: "10.77.0.20"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		r, _ := a.record("a.khan")
		boss, _ := a.record("boss")
		later := r
		later.Created = r.Created.Add(time.Hour)
		good := func(a *Accounts, token string, r record) bool { _, ok := a.browser(token, r, time.Now()); return ok }
		changed := "A" + known.Browser[1:]
		if changed == known.Browser {
			changed = "B" + known.Browser[1:]
		}
		if !good(a, known.Browser, r) || !good(reopen(t, a), known.Browser, r) {
			t.Error("the token is not good for its account")
		}
		if good(a, known.Browser, boss) || good(a, known.Browser, later) || good(a, "", r) || good(a, known.Browser+"A", r) || good(a, changed, r) {
			t.Error("a token is good for what it was not made for")
		}
		looked := 0
		for range 400 {
			if _, err := a.Authenticate(tContext, Login{Name: "a.khan", Password: "wrong", Source: "10.77.0.66", Browser: known.Browser}, time.Now()); is(err, Wrong) {
				looked++
			}
			pass(time.Second)
		}
		if looked != maxFromOne {
			t.Errorf("%d passwords were looked at, want %d", looked, maxFromOne)
		}
		again, err := a.Authenticate(tContext, Login{Name: "a.khan", Password: secretWord, Source: "10.77.0.66"}, time.Now())
		if err != nil || again.Browser == known.Browser {
			t.Errorf("the address of the thief was touched: %v", err)
		}
		pass(KnownFor)
		if good(a, known.Browser, r) {
			t.Error("a token is good for ever")
		}
	})
}

// A name without an account is slowed down and locked like any other, so that nobody learns which exist.
func TestNamesStaySecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		answers := map[string][]string{}
		for _, name := range []string{"a.khan", "nobody"} {
			for n := range 200 {
				answers[name] = append(answers[name], try(a, name, "wrong", fmt.Sprint("10.", len(name), ".0.", n%100)).Error())
				pass(time.Second)
			}
		}
		if !slices.Equal(answers["a.khan"], answers["nobody"]) {
			t.Errorf("an account answers %q\nno account answers %q", answers["a.khan"], answers["nobody"])
		}
	})
}

// A guesser fills neither the journal nor learns from it what a person typed as a name.
func TestFailuresAreSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, audit := open(t, Never)
		ctx, cancel := context.WithCancel(tContext)
		var running sync.WaitGroup
		running.Go(func() { _ = a.Run(ctx) })
		begun := time.Now()
		for n := range 5000 {
			_ = try(a, []string{"a.khan", "three blue bicycles"}[n%2], "wrong", fmt.Sprint("10.77.0.", n%200))
			pass(100 * time.Millisecond)
		}
		took := time.Since(begun)
		pass(3 * time.Minute)
		_ = try(a, "boss", "wrong", "10.77.9.9")
		_ = try(a, "boss", "wrong", "10.77.9.9")
		cancel()
		running.Wait()
		notes := audit.texts()
		if most := int(took/time.Minute) + 5; len(notes) > most {
			t.Errorf("%d records in %v", len(notes), took)
		}
		total := 0
		for _, n := range notes {
			count := 0
			if _, err := fmt.Sscanf(n, "%d attempt", &count); err != nil || strings.Contains(n, "bicycles") {
				t.Errorf("%q, %v", n, err)
			}
			total += count
		}
		if total != 5002 {
			t.Errorf("%d attempts were told of, not 5002: %q", total, notes)
		}
		want := "1 attempt to log in failed: from 10.77.9.9, for boss"
		if last := notes[len(notes)-1]; last != want {
			t.Errorf("the end of the run told %q", last)
		}
		if !slices.ContainsFunc(notes, func(n string) bool {
			return strings.HasSuffix(n, ": from 10.77.0.1, 10.77.0.2, 10.77.0.3, 10.77.0.4, 10.77.0.5 and others, for a.khan and names without an account")
		}) {
			t.Errorf("%q", notes)
		}
	})
}

// After a restart locks and sessions are gone, and counting begins anew.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		e, err := a.Authenticate(tContext, Login{Name: "boss", Password: secretWord, Source: "10.77.0.20"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			_ = try(a, "boss", "wrong", "10.77.0.66")
			pass(time.Minute / 2)
		}
		if err := try(a, "boss", secretWord, "10.77.0.66"); !is(err, Wait) {
			t.Fatal(err)
		}
		a = reopen(t, a)
		if _, ok := a.Session(e.Token, time.Now()); ok {
			t.Error("a session outlived a restart")
		}
		waits := 0
		for range 3 {
			if is(try(a, "boss", "wrong", "10.77.0.66"), Wait) {
				waits++
			}
		}
		if waits != 1 {
			t.Errorf("%d of three attempts at once had to wait, want the third", waits)
		}
		pass(time.Second)
		if err := try(a, "boss", secretWord, "10.77.0.66"); err != nil {
			t.Error(err)
		}
	})
}

// A jump of the wall clock reaches nothing but codes: limits and sessions count from the start, on the
// clock that does not jump, which is what every time from time.Now carries.
func TestClockJumps(t *testing.T) {
	start := time.Now()
	a, err := Open(Options{Dir: t.TempDir(), Cost: Cost{64, 1, 1}}, start)
	if err != nil {
		t.Fatal(err)
	}
	now := start.Add(90 * time.Second)
	for _, at := range []time.Time{a.started, now} {
		if !strings.Contains(at.String(), " m=") {
			t.Fatal("a time without a reading of the clock that does not jump")
		}
	}
	if got := a.since(now); got != 90*time.Second {
		t.Errorf("since = %v", got)
	}
}

// Logins, changes and removals at once: nobody is let in with what an account no longer has.
func TestAtOnce(t *testing.T) {
	a, _ := open(t, Never)
	var running sync.WaitGroup
	for n := range 8 {
		running.Go(func() {
			for i := range 20 {
				e, err := a.Authenticate(tContext, Login{Name: "a.khan", Password: secretWord, Source: fmt.Sprintf("10.%d.0.%d", n, i)}, time.Now())
				if err == nil {
					_, _ = a.May(e.Token, site.TierMild, time.Now())
				}
			}
		})
	}
	running.Go(func() {
		for range 10 {
			if _, err := a.SetPassword(tContext, "a.khan", "four green umbrellas", "me", time.Now()); err != nil {
				t.Error(err)
			}
			if got := a.Sessions(time.Now()); len(got) > 0 {
				for _, s := range got {
					t.Errorf("session %s outlived its password", s.ID)
				}
			}
			if _, err := a.SetPassword(tContext, "a.khan", secretWord, "me", time.Now()); err != nil {
				t.Error(err)
			}
		}
		if _, err := a.SetPassword(tContext, "a.khan", "four green umbrellas", "me", time.Now()); err != nil {
			t.Error(err)
		}
	})
	running.Wait()
	if got := a.Sessions(time.Now()); len(got) > 0 {
		t.Errorf("%d sessions outlived their password", len(got))
	}
	if _, err := os.ReadFile(filepath.Join(a.Dir, FileName)); err != nil {
		t.Error(err)
	}
	if reopen(t, a).Err() != nil {
		t.Error(a.Err())
	}
}
