package accounts

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
)

func enter(t *testing.T, a *Accounts, l Login) Entry {
	t.Helper()
	l.Password = secretWord
	e, err := a.Authenticate(tContext, l, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func alive(a *Accounts, e Entry) bool { _, ok := a.Session(e.Token, time.Now()); return ok }

func TestSessionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		idle, busy := enter(t, a, Login{Name: "boss"}), enter(t, a, Login{Name: "boss"})
		for range 2 { // a page that only follows is no sign of life
			pass(IdleLimit/2 - time.Second)
			if s, ok := a.Peek(idle.Token, time.Now()); !ok || s.Account != "boss" {
				t.Fatal("a session ended early")
			}
		}
		pass(time.Second)
		if !alive(a, busy) || len(a.Sessions(time.Now())) != 2 {
			t.Fatal("a session ended early")
		}
		pass(time.Second)
		if _, ok := a.Peek(idle.Token, time.Now()); ok || alive(a, idle) || !alive(a, busy) {
			t.Error("the idle limit does not hold")
		}
		begun := time.Now().Add(-IdleLimit)
		for alive(a, busy) {
			pass(time.Minute)
			if time.Since(begun) > 24*time.Hour {
				t.Fatal("a session that is used lasts for ever")
			}
		}
		if lasted := time.Since(begun); lasted != WholeLimit {
			t.Errorf("it lasted %v, want %v", lasted, WholeLimit)
		}
		left := enter(t, a, Login{Name: "boss"})
		pass(IdleLimit)
		a.sweep(time.Now())
		if len(a.sessions) != 0 || alive(a, left) {
			t.Error("a session that is over was kept")
		}
	})
}

// A change of an account ends its sessions at once, and nobody else's.
func TestChangesEndSessions(t *testing.T) {
	changes := map[string]func(a *Accounts) error{
		"password": func(a *Accounts) error {
			_, err := a.SetPassword(tContext, "a.khan", "four green umbrellas", "me", time.Now())
			return err
		},
		"role":   func(a *Accounts) error { _, err := a.SetRole("a.khan", site.UserViewer, "me", time.Now()); return err },
		"app":    func(a *Accounts) error { _, err := a.SetTOTP("a.khan", true, "me", time.Now()); return err },
		"remove": func(a *Accounts) error { return a.Remove("a.khan", "me", time.Now()) },
	}
	for what, change := range changes {
		t.Run(what, func(t *testing.T) {
			a, _ := open(t, Never)
			gone, stays := enter(t, a, Login{Name: "a.khan"}), enter(t, a, Login{Name: "boss"})
			if err := change(a); err != nil {
				t.Fatal(err)
			}
			if alive(a, gone) || !alive(a, stays) {
				t.Errorf("changed: %v, the other: %v", alive(a, gone), alive(a, stays))
			}
			if _, err := a.May(gone.Token, site.TierLook, time.Now()); err == nil || err.Error() != "you are not logged in any more: log in again" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEnd(t *testing.T) {
	a, audit := open(t, Never)
	one, two := enter(t, a, Login{Name: "a.khan"}), enter(t, a, Login{Name: "a.khan"})
	a.End(one.Token, time.Now())
	a.End(one.Token, time.Now())
	a.End("never was", time.Now())
	if alive(a, one) || !alive(a, two) {
		t.Error("End ended another session")
	}
	if a.EndID(one.Session.ID, "boss", time.Now()) || !a.EndID(two.Session.ID, "boss", time.Now()) || alive(a, two) {
		t.Error("EndID ended another session")
	}
	texts := audit.texts()
	want := []string{"a.khan a session of account a.khan was ended: logged out", "boss a session of account a.khan was ended"}
	if got := texts[len(texts)-2:]; !slices.Equal(got, want) {
		t.Errorf("told %q", got)
	}
}

// What a person ends is told of once, and what ends unused is not.
func TestLogoutsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, audit := open(t, Never)
		one, two, idle := enter(t, a, Login{Name: "a.khan"}), enter(t, a, Login{Name: "a.khan"}), enter(t, a, Login{Name: "a.khan"})
		audit.notes = nil
		a.End(one.Token, time.Now())
		a.Replace(two.Token, time.Now())
		a.Replace(two.Token, time.Now())
		pass(IdleLimit)
		a.End(idle.Token, time.Now())
		want := []string{"a.khan a session of account a.khan was ended: logged out", "a.khan a session of account a.khan was ended: the same browser logged in again"}
		if got := audit.texts(); !slices.Equal(got, want) || !audit.notes[0].Logout || audit.notes[0].Login {
			t.Errorf("told %q", got)
		}
		if alive(a, one) || alive(a, two) || alive(a, idle) {
			t.Error("a session goes on")
		}
	})
}

// An account has ten sessions at most; the one unused for the longest ends.
func TestSessionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		other := enter(t, a, Login{Name: "boss"})
		var all []Entry
		for n := range maxSessions + 1 {
			all = append(all, enter(t, a, Login{Name: "a.khan", Source: fmt.Sprint("10.0.0.", n)}))
			pass(time.Second)
			if n > 0 {
				_ = alive(a, all[0])
			}
		}
		if alive(a, all[1]) || !alive(a, all[0]) || !alive(a, all[2]) || !alive(a, other) {
			t.Error("not the session unused for the longest ended")
		}
		if n := len(a.Sessions(time.Now())); n != maxSessions+1 {
			t.Errorf("%d sessions", n)
		}
	})
}

// withApp gives an account an authenticator app and returns how it makes codes.
func withApp(t *testing.T, a *Accounts, name string) func() string {
	t.Helper()
	made, err := a.SetTOTP(name, true, "me", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(made.URI)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := decodeSecret(u.Query().Get("secret"))
	if err != nil {
		t.Fatal(err)
	}
	return func() string { return totp(secret, time.Now().Unix()/stepLength) }
}

func TestCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		code := withApp(t, a, "boss")
		login := func(code string) error {
			_, err := a.Authenticate(tContext, Login{Name: "boss", Password: secretWord, Code: code, Source: "10.0.0.1"}, time.Now())
			return err
		}
		says(t, "no code", login(""), "a code is needed: enter the code that your authenticator app shows")
		says(t, "wrong code", login("12345"), "the code is wrong: wait for the next one; the clocks of this box and of your phone must agree")
		used := code()
		says(t, "right code", login(used), "")
		says(t, "the same code again", login(used), "this code was used already: wait for the next one")
		b := reopen(t, a)
		_, err := b.Authenticate(tContext, Login{Name: "boss", Password: secretWord, Code: used}, time.Now())
		says(t, "again after a restart", err, "this code was used already: wait for the next one")
		pass(30 * time.Second)
		says(t, "the next code", login(code()), "")
		_, err = a.Authenticate(tContext, Login{Name: "boss", Password: "wrong", Code: code(), Source: "10.0.0.2"}, time.Now())
		says(t, "a code with a wrong password", err, "the name or the password is wrong")
		// Codes are guessed no faster than passwords.
		looked := 0
		for range 200 {
			if is(login("000000"), WrongCode) {
				looked++
			}
			pass(time.Second)
		}
		if looked != maxFromOne {
			t.Errorf("%d codes were looked at, want %d", looked, maxFromOne)
		}
	})
}

func TestPolicy(t *testing.T) {
	all := []site.Tier{site.TierLook, site.TierMild, site.TierModerate, site.TierSevere, site.TierUsers}
	for policy, want := range map[Policy][]bool{Never: {false, false, false, false, false}, Severe: {false, false, false, true, true}, Always: {false, false, false, true, true}, "": {false, false, false, false, false}} {
		for i, tier := range all {
			if got := policy.Needs(tier); got != want[i] {
				t.Errorf("%q needs a code for %s: %v", policy, tier, got)
			}
		}
	}
}

// Where the store asks for it, a severe action needs a code of the last five minutes.
func TestSevereNeedsACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Severe)
		bare := enter(t, a, Login{Name: "boss"})
		may := func(e Entry, tier site.Tier) error { _, err := a.May(e.Token, tier, time.Now()); return err }
		says(t, "mild", may(bare, site.TierModerate), "")
		says(t, "without an app", may(bare, site.TierSevere), "this store asks for a code of an authenticator app, and boss has none: on the box: nightfill user totp boss --on")
		says(t, "confirm without an app", a.Confirm(bare.Token, "123456", time.Now()), "this store asks for a code of an authenticator app, and boss has none: on the box: nightfill user totp boss --on")
		tech := enter(t, a, Login{Name: "a.khan"})
		says(t, "tech", may(tech, site.TierSevere), "the role tech may not do this: ask somebody with another role")

		code := withApp(t, a, "boss")
		e := enter(t, a, Login{Name: "boss", Code: code()})
		says(t, "after the login", may(e, site.TierSevere), "")
		pass(FreshFor)
		says(t, "later", may(e, site.TierSevere), "this needs a new code: enter the code that your authenticator app shows")
		says(t, "look", may(e, site.TierLook), "")
		says(t, "wrong", a.Confirm(e.Token, "000000", time.Now()), "the code is wrong: wait for the next one; the clocks of this box and of your phone must agree")
		says(t, "right", a.Confirm(e.Token, code(), time.Now()), "")
		says(t, "twice", a.Confirm(e.Token, code(), time.Now()), "this code was used already: wait for the next one")
		says(t, "then", may(e, site.TierUsers), "")
		says(t, "no session", a.Confirm("x", code(), time.Now()), "you are not logged in any more: log in again")
		looked := 0
		for range 200 {
			if is(a.Confirm(e.Token, "000000", time.Now()), WrongCode) {
				looked++
			}
			pass(time.Second)
		}
		if looked > maxFromOne {
			t.Errorf("%d codes were looked at", looked)
		}
	})
}

// Where codes are asked for always, who has no app does not get in, and the claim gives one.
func TestAlways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Always)
		says(t, "no app", try(a, "boss", secretWord, "10.0.0.1"), "this store asks for a code of an authenticator app, and boss has none: on the box: nightfill user totp boss --on")
		says(t, "wrong password", try(a, "boss", "wrong", "10.0.0.1"), "the name or the password is wrong")
		code := withApp(t, a, "boss")
		enter(t, a, Login{Name: "boss", Code: code()})
	})
}

// Where codes are asked for always, the right password alone opens a session that may set up an app, within a time,
// and nothing else; with the app it is a session like any other.
func TestEnrolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, told := open(t, Always)
		if _, err := a.Authenticate(tContext, Login{Name: "boss", Password: "wrong", Source: "10.0.0.1", Enrol: true}, time.Now()); !is(err, Wrong) {
			t.Errorf("a wrong password: %v", err)
		}
		late := enter(t, a, Login{Name: "boss", Enrol: true})
		if !late.Session.Enrol || late.Browser != "" {
			t.Errorf("%+v", late)
		}
		if n := told.notes[len(told.notes)-1]; n.Actor != "boss" || !n.Login || !strings.HasSuffix(n.Text, " without a code, to set up an authenticator app and nothing else") {
			t.Errorf("told %+v", n)
		}
		if _, ok := a.Enrolling(late.Token, time.Now()); !ok || alive(a, late) {
			t.Error("it is a session like any other, or none")
		}
		if _, ok := a.Session(late.Token, time.Now()); ok {
			t.Error("Session lets it in")
		}
		for what, err := range map[string]error{
			"a mild action":    func() error { _, err := a.May(late.Token, site.TierMild, time.Now()); return err }(),
			"a code":           a.Confirm(late.Token, "123456", time.Now()),
			"another password": a.ChangePassword(tContext, late.Token, secretWord, otherWord, time.Now()),
		} {
			if !is(err, SessionOver) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for range 3 { // used all the time, and over all the same
			pass(EnrolLimit/3 - time.Second)
			a.Enrolling(late.Token, time.Now())
		}
		pass(3 * time.Second)
		if _, err := a.BeginTOTP(tContext, late.Token, secretWord, time.Now()); !is(err, SessionOver) {
			t.Errorf("after %s: %v", EnrolLimit, err)
		}

		e := enter(t, a, Login{Name: "boss", Enrol: true})
		uri, err := a.BeginTOTP(tContext, e.Token, secretWord, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := decodeSecret(u.Query().Get("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.FinishTOTP(e.Token, "000000", time.Now()); !is(err, WrongCode) || alive(a, e) {
			t.Errorf("a wrong code: %v", err)
		}
		pass(time.Minute)
		if err := a.FinishTOTP(e.Token, totp(secret, time.Now().Unix()/stepLength), time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.May(e.Token, site.TierSevere, time.Now()); err != nil || !alive(a, e) {
			t.Errorf("with an app: %v", err)
		}
		if _, err := a.Authenticate(tContext, Login{Name: "boss", Password: secretWord, Source: "10.0.0.1", Enrol: true}, time.Now()); !is(err, CodeNeeded) {
			t.Errorf("the next login: %v", err)
		}
		pass(EnrolLimit - 2*time.Minute)
		a.Session(e.Token, time.Now())
		pass(3 * time.Minute)
		if !alive(a, e) {
			t.Error("it ended like one that may only enrol")
		}
	})
}
