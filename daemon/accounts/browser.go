package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"time"
)

// KnownFor is how long a browser in which somebody logged in is known. Its token opens nothing: an
// attempt that comes with it is counted by itself, so that the guesses of others do not lock it out.
const KnownFor = 90 * 24 * time.Hour

const (
	nonceSize   = 16
	browserSize = nonceSize + 8 + sha256.Size
)

// browserToken makes the token of a browser for an account, or nothing where no randomness is to be had.
func (a *Accounts) browserToken(r record, now time.Time) string {
	token := make([]byte, nonceSize, browserSize)
	if _, err := io.ReadFull(a.Random, token); err != nil {
		return ""
	}
	token = binary.BigEndian.AppendUint64(token, uint64(now.Add(KnownFor).Unix()))
	token = a.sign(token, r)
	return base64.RawURLEncoding.EncodeToString(token)
}

// sign appends the signature over a token and the account that it is for. A later account of the same
// name is another one.
func (a *Accounts) sign(token []byte, r record) []byte {
	mac := hmac.New(sha256.New, a.snapshot().Signer)
	mac.Write(token)
	mac.Write(binary.BigEndian.AppendUint64([]byte(r.Name), uint64(r.Created.Unix())))
	return mac.Sum(token)
}

// browser returns what a known browser is counted as; ok is false for a token that is not good
// for this account.
func (a *Accounts) browser(token string, r record, now time.Time) (source string, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(data) != browserSize {
		return "", false
	}
	head := data[:nonceSize+8]
	if !hmac.Equal(a.sign(append([]byte(nil), head...), r), data) {
		return "", false
	}
	until := int64(binary.BigEndian.Uint64(head[nonceSize:]))
	if now.Unix() >= until {
		return "", false
	}
	return "browser " + base64.RawURLEncoding.EncodeToString(head[:nonceSize]), true
}
