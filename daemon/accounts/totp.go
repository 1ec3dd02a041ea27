package accounts

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"time"
)

// The form of codes, RFC 6238: what every authenticator app does when nothing else is said.
const (
	stepLength = 30 // seconds
	digits     = 6
	secretSize = 20 // bytes
	slack      = 1  // steps before and after the one of this moment
)

// totp returns the code of a step.
func totp(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash takes everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%0*d", digits, binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// matchTOTP returns the step of a code that is right at a moment and of a later step than used.
// again says that the code is right but was used, or is older than one that was.
func matchTOTP(secret []byte, code string, now time.Time, used int64) (step int64, again, ok bool) {
	middle := now.Unix() / stepLength
	for s := middle - slack; s <= middle+slack; s++ {
		if subtle.ConstantTimeCompare([]byte(totp(secret, s)), []byte(code)) != 1 {
			continue
		}
		if s > used {
			return s, false, true
		}
		again = true
	}
	return 0, again, false
}

func encodeSecret(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

func decodeSecret(text string) ([]byte, error) {
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil || len(secret) != secretSize || encodeSecret(secret) != text {
		return nil, fmt.Errorf("the secret of the authenticator app is damaged")
	}
	return secret, nil
}

// otpauth is what an authenticator app reads from a picture or from the keyboard.
func otpauth(issuer, name, secret string) string {
	q := "secret=" + secret + "&issuer=" + url.PathEscape(issuer)
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(name) + "?" + q
}
