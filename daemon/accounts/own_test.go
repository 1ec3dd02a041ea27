package accounts

import (
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
)

const otherWord = "seven green lanterns"

// A person changes his own password with the old one; every other session of his ends, this one stays.
func TestChangePassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, told := open(t, Never)
		mine, other, boss := enter(t, a, Login{Name: "a.khan"}), enter(t, a, Login{Name: "a.khan"}), enter(t, a, Login{Name: "boss"})
		told.notes = nil
		for _, tt := range []struct{ token, old, word, want string }{
			{"none", secretWord, otherWord, "you are not logged in any more: log in again"},
			{mine.Token, "wrong", otherWord, "the old password is wrong"},
			{mine.Token, secretWord, "short", "the password has 5 characters and needs at least 12: take three words that have nothing to do with each other"},
			{mine.Token, secretWord, "x a.khan likes tea", "the password contains the name of the account: take three words that have nothing to do with each other"},
			{mine.Token, secretWord, secretWord, "the new password is the old one: take another one"},
		} {
			if err := a.ChangePassword(tContext, tt.token, tt.old, tt.word, time.Now()); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		}
		if !alive(a, other) {
			t.Fatal("what was refused ended a session")
		}
		told.notes = nil
		if err := a.ChangePassword(tContext, mine.Token, secretWord, otherWord, time.Now()); err != nil {
			t.Fatal(err)
		}
		if !alive(a, mine) || alive(a, other) || !alive(a, boss) {
			t.Errorf("mine %v, other %v, somebody else's %v", alive(a, mine), alive(a, other), alive(a, boss))
		}
		if n := told.notes; len(n) != 1 || n[0].Actor != "a.khan" || n[0].Text != "account a.khan: the password was changed" {
			t.Errorf("told %+v", n)
		}
		if _, err := reopen(t, a).Authenticate(tContext, Login{Name: "a.khan", Password: otherWord}, time.Now()); err != nil {
			t.Error(err)
		}
		for range 12 { // guessing in a session is held up like at the login
			_ = a.ChangePassword(tContext, mine.Token, "wrong", otherWord, time.Now())
		}
		if err := a.ChangePassword(tContext, mine.Token, otherWord, "eleven red umbrellas", time.Now()); !is(err, Wait) {
			t.Errorf("after many wrong ones: %v", err)
		}
	})
}

// A person sets up an authenticator app where the store asks for one; it counts when a code of it was right.
func TestOwnTOTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, told := open(t, Severe)
		boss, other := enter(t, a, Login{Name: "boss"}), enter(t, a, Login{Name: "boss"})
		if own, err := a.Own(boss.Token, time.Now()); err != nil || !own.Wanted || own.TOTP || own.Name != "boss" {
			t.Errorf("own: %+v %v", own, err)
		}
		if _, err := a.May(boss.Token, site.TierSevere, time.Now()); !is(err, CodeUnset) {
			t.Errorf("before: %v", err)
		}
		if _, err := a.BeginTOTP(tContext, boss.Token, "wrong", time.Now()); err == nil || err.Error() != "the old password is wrong" {
			t.Errorf("with a wrong password: %v", err)
		}
		if err := a.FinishTOTP(boss.Token, "123456", time.Now()); err == nil || err.Error() != "no authenticator app is being set up for boss: begin anew" {
			t.Errorf("without a beginning: %v", err)
		}
		uri, err := a.BeginTOTP(tContext, boss.Token, secretWord, time.Now())
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
		if err := a.FinishTOTP(other.Token, totp(secret, time.Now().Unix()/stepLength), time.Now()); err == nil {
			t.Error("another session finished it")
		}
		if err := a.FinishTOTP(boss.Token, "000000", time.Now()); !is(err, WrongCode) {
			t.Errorf("a wrong code: %v", err)
		}
		if r, _ := a.record("boss"); r.TOTP != "" {
			t.Fatal("it counts before a code was right")
		}
		pass(time.Minute)
		told.notes = nil
		if err := a.FinishTOTP(boss.Token, totp(secret, time.Now().Unix()/stepLength), time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.May(boss.Token, site.TierSevere, time.Now()); err != nil || !alive(a, boss) || alive(a, other) {
			t.Errorf("after: %v, other %v", err, alive(a, other))
		}
		if n := told.notes; len(n) != 1 || n[0].Actor != "boss" || n[0].Text != "account boss: an authenticator app was set up" {
			t.Errorf("told %+v", n)
		}
		if _, err := a.BeginTOTP(tContext, boss.Token, secretWord, time.Now()); err == nil || err.Error() != "boss has an authenticator app already: an admin makes a new one on the box: nightfill user totp boss --on" {
			t.Errorf("again: %v", err)
		}
		never, _ := open(t, Never)
		e := enter(t, never, Login{Name: "boss"})
		if _, err := never.BeginTOTP(tContext, e.Token, secretWord, time.Now()); err == nil || err.Error() != "this store asks for no codes of an authenticator app: on the box: nightfill user totp boss --on" {
			t.Errorf("where none is asked for: %v", err)
		}
	})
}
