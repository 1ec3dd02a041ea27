package accounts

import (
	"testing"
	"time"
)

// The vectors of RFC 6238, appendix B, and of RFC 4226, appendix D, in six digits.
func TestVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := totp(secret, at/stepLength); got != want {
			t.Errorf("at %d: got %s, want %s", at, got, want)
		}
	}
	for step, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := totp(secret, int64(step)); got != want {
			t.Errorf("step %d: got %s, want %s", step, got, want)
		}
	}
}

// A code is right one step around its time, and once.
func TestMatch(t *testing.T) {
	secret := []byte("12345678901234567890")
	now := time.Unix(1234567890, 0)
	middle := now.Unix() / stepLength
	for off := int64(-4); off <= 4; off++ {
		code := totp(secret, middle+off)
		step, again, ok := matchTOTP(secret, code, now, 0)
		if want := off >= -1 && off <= 1; ok != want || again || ok && step != middle+off {
			t.Errorf("%d steps away: step %d, again %v, right %v", off, step-middle, again, ok)
		}
		if _, again, ok := matchTOTP(secret, code, now, middle+off); ok || again != (off >= -1 && off <= 1) {
			t.Errorf("%d steps away and used: again %v, right %v", off, again, ok)
		}
	}
	for _, code := range []string{"", "00592", "0059240", "005924 ", "abcdef", totp(secret, middle)[:5] + "x"} {
		if _, _, ok := matchTOTP(secret, code, now, 0); ok {
			t.Errorf("%q is right", code)
		}
	}
	// One that is older than one that was used is never right.
	if _, again, ok := matchTOTP(secret, totp(secret, middle-1), now, middle); ok || !again {
		t.Errorf("an older code: again %v, right %v", again, ok)
	}
}

func TestOtpauth(t *testing.T) {
	want := "otpauth://totp/Nightfill%200142:a.khan?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Nightfill%200142"
	if got := otpauth("Nightfill 0142", "a.khan", encodeSecret([]byte("12345678901234567890"))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
