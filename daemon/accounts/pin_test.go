package accounts

import (
	"strings"
	"testing"
)

func TestPIN(t *testing.T) {
	hash, err := HashPIN("4711", strings.NewReader(strings.Repeat("x", saltSize)))
	if err != nil || CheckPINHash(hash) != nil {
		t.Fatalf("%s: %v", hash, err)
	}
	for pin, want := range map[string]bool{"4711": true, "4712": false, "": false, "04711": false, "471100000000000": false} {
		if got := MatchPIN(hash, pin); got != want {
			t.Errorf("%q: %v", pin, got)
		}
	}
	for pin, want := range map[string]string{"123": "a PIN has 4 to 12 digits", "1234567890123": "a PIN has 4 to 12 digits", "12a4": "a PIN has digits only"} {
		if _, err := HashPIN(pin, nil); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %q", pin, err, want)
		}
	}
	if a, _ := HashPIN("4711", nil); a == hash {
		t.Error("the salt is always the same")
	}
	if err := CheckPINHash("4711"); err == nil || err.Error() != "the password is not an argon2id hash" {
		t.Errorf("a PIN as its hash: %v", err)
	}
}
