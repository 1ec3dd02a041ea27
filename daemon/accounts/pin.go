package accounts

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
)

// A PIN is this many digits.
const (
	minPIN = 4
	maxPIN = 12
)

// CheckPIN says why a text cannot be a PIN; nil = it can.
func CheckPIN(pin string) error {
	if len(pin) < minPIN || len(pin) > maxPIN {
		return fmt.Errorf("a PIN has %d to %d digits", minPIN, maxPIN)
	}
	for _, r := range pin {
		if r < '0' || r > '9' {
			return fmt.Errorf("a PIN has digits only")
		}
	}
	return nil
}

// HashPIN hashes a PIN for the store file with a fresh salt from random; nil = the system's.
func HashPIN(pin string, random io.Reader) (string, error) {
	if err := CheckPIN(pin); err != nil {
		return "", err
	}
	if random == nil {
		random = rand.Reader
	}
	return newHasher(cost(), random).fresh(pin)
}

// CheckPINHash says why a text is not the hash of a PIN; nil = it is one.
func CheckPINHash(hash string) error {
	_, err := parseHash(hash)
	return err
}

// MatchPIN reports whether a PIN is the one that was hashed. It takes the memory and the time of one
// hash: the caller limits how often it is asked.
func MatchPIN(hash, pin string) bool {
	h, err := parseHash(hash)
	return err == nil && CheckPIN(pin) == nil && subtle.ConstantTimeCompare(derive(h, pin), h.key) == 1
}
