package accounts

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
)

// fresh is a box that nobody claimed.
func fresh(t *testing.T, policy Policy) (*Accounts, string) {
	t.Helper()
	a, err := Open(Options{Dir: t.TempDir(), Policy: policy, Audit: &told{}, Cost: Cost{64, 1, 1}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	code, ok, err := a.ClaimCode()
	if err != nil || !ok || !a.Claimable() {
		t.Fatalf("no claim code: %v, %v", ok, err)
	}
	return a, code
}

func TestClaimCode(t *testing.T) {
	seen, counts := map[string]bool{}, map[rune]int{}
	a, _ := fresh(t, Never)
	for range 2000 {
		code, _, err := a.ClaimCode()
		if err != nil || !regexp.MustCompile(`^[2-9ACEFHJKMNPRTVWXY]{4}(-[2-9ACEFHJKMNPRTVWXY]{4}){3}$`).MatchString(code) || seen[code] {
			t.Fatalf("%q, %v", code, err)
		}
		seen[code] = true
		for _, r := range plain(code) {
			counts[r]++
		}
	}
	if len(counts) != len(speakable) {
		t.Errorf("%d characters are used", len(counts))
	}
	for r, n := range counts {
		if n < 1000 || n > 1700 { // 1333 each, if all are equally likely
			t.Errorf("%c comes %d times", r, n)
		}
	}
}

func TestClaim(t *testing.T) {
	a, code := fresh(t, Never)
	claim := func(code, name, password string) error {
		_, err := a.Claim(tContext, code, name, password, "10.0.0.1:99", time.Now())
		return err
	}
	says(t, "wrong", claim("2345-6789-ACEF-HJKM", "boss", secretWord), "this is not the claim code: read it again on the box's own screen; it is new after each restart")
	says(t, "weak", claim(code, "boss", "short"), "the password has 5 characters and needs at least 12: take three words that have nothing to do with each other")
	says(t, "name", claim(code, "a b", secretWord), `"a b" cannot be the name of an account: write 1 to 32 lower-case letters, digits, dots, underscores and hyphens, a letter or digit first`)
	says(t, "right, as it may be typed", claim(" "+strings.ToLower(strings.ReplaceAll(code, "-", " ")), "Boss", secretWord), "")
	const done = "this box was claimed already: ask an admin for an account, or on the box: nightfill user add NAME --role ROLE"
	says(t, "twice", claim(code, "other", secretWord), done)
	list, err := a.List()
	if err != nil || len(list) != 1 || list[0].Name != "boss" || list[0].Role != site.UserAdmin || a.Claimable() {
		t.Errorf("%+v, %v", list, err)
	}
	says(t, "log in", try(a, "boss", secretWord, "10.0.0.1"), "")
	if _, ok, _ := reopen(t, a).ClaimCode(); ok {
		t.Error("a box with an account can be claimed after a restart")
	}
	want := []string{"1 attempt to log in failed: from 10.0.0.1, for the claim code", "boss the box was claimed from 10.0.0.1: account boss was made with the role admin", "boss logged in from 10.0.0.1"}
	if got := a.Audit.(*told).texts(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("told %q", got)
	}
}

// A restart makes the old code worthless, and so does the first account.
func TestClaimCodeEnds(t *testing.T) {
	a, code := fresh(t, Never)
	b := reopen(t, a)
	if _, err := b.Claim(tContext, code, "boss", secretWord, "", time.Now()); !is(err, NoClaim) {
		t.Errorf("without a code: %v", err)
	}
	if _, _, err := b.ClaimCode(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Claim(tContext, code, "boss", secretWord, "", time.Now()); !is(err, WrongClaim) {
		t.Errorf("the code of before the restart: %v", err)
	}
	if _, err := a.Add(tContext, New{Name: "x", Role: site.UserViewer, Password: secretWord}, "root", time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Claim(tContext, code, "boss", secretWord, "", time.Now()); !is(err, NoClaim) {
		t.Errorf("after the first account: %v", err)
	}
}

// Guesses of the claim code are limited, and keep nobody else from claiming.
func TestClaimIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, code := fresh(t, Never)
		looked := 0
		for range 300 {
			if _, err := a.Claim(tContext, "2222-2222-2222-2222", "x", secretWord, "10.0.0.66", time.Now()); is(err, WrongClaim) {
				looked++
			}
			pass(time.Second)
		}
		if looked != maxFromOne {
			t.Errorf("%d guesses were looked at", looked)
		}
		if _, err := a.Claim(tContext, code, "boss", secretWord, "10.0.0.1", time.Now()); err != nil {
			t.Error(err)
		}
	})
}

// Two people with the code: one gets the box.
func TestClaimOnce(t *testing.T) {
	a, code := fresh(t, Never)
	var won atomic.Int32
	var running sync.WaitGroup
	for n := range 4 {
		running.Go(func() {
			if _, err := a.Claim(tContext, code, fmt.Sprint("boss", n), secretWord, fmt.Sprint("10.0.0.", n), time.Now()); err == nil {
				won.Add(1)
			} else if !is(err, NoClaim) {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if list, _ := a.List(); won.Load() != 1 || len(list) != 1 {
		t.Errorf("%d claimed, %d accounts", won.Load(), len(list))
	}
}

// Where every login needs a code, the first admin gets an authenticator app with the claim.
func TestClaimWithApp(t *testing.T) {
	a, code := fresh(t, Always)
	made, err := a.Claim(tContext, code, "boss", secretWord, "", time.Now())
	if err != nil || !made.TOTP || !strings.HasPrefix(made.URI, "otpauth://totp/") {
		t.Errorf("%+v, %v", made, err)
	}
}
