package accounts

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// speakable has no two letters or digits that are taken for one another, in writing or on the phone.
const speakable = "23456789ACEFHJKMNPRTVWXY"

// The form of a claim code: 16 of 24 characters are more than 73 bits.
const (
	claimGroups = 4
	claimGroup  = 4
)

// ClaimCode makes the code with which the first admin is made, and returns it; ok is false when there
// is an account, or when the accounts cannot be used. It is kept nowhere but in the answer; the next
// call, a restart, or the first account makes it worthless.
func (a *Accounts) ClaimCode() (code string, ok bool, err error) {
	a.writer.Lock()
	defer a.writer.Unlock()
	if a.damaged != nil || len(a.snapshot().Accounts) > 0 {
		return "", false, nil
	}
	var groups []string
	for range claimGroups {
		group := make([]byte, claimGroup)
		for i := range group {
			if group[i], err = a.draw(); err != nil {
				return "", false, err
			}
		}
		groups = append(groups, string(group))
	}
	code = strings.Join(groups, "-")
	sum := digest(sha256.Sum256([]byte(plain(code))))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claim = &sum
	return code, true, nil
}

// draw takes one character, each as likely as any other.
func (a *Accounts) draw() (byte, error) {
	one := make([]byte, 1)
	for {
		if _, err := io.ReadFull(a.Random, one); err != nil {
			return 0, fmt.Errorf("cannot draw a claim code: %w", err)
		}
		if n := int(one[0]); n < 256/len(speakable)*len(speakable) {
			return speakable[n%len(speakable)], nil
		}
	}
}

// plain is a claim code as it counts, however it was typed.
func plain(code string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(speakable, r) {
			return r
		}
		return -1
	}, strings.ToUpper(code))
}

// Claimable reports whether the box waits for its first account.
func (a *Accounts) Claimable() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.claim != nil
}

// Claim makes the first admin for whoever read the claim code on the box. Where the store asks for codes
// at every login, the account gets an authenticator app at once. A wrong code is counted as a failed login.
func (a *Accounts) Claim(ctx context.Context, code, name, password, source string, now time.Time) (Made, error) {
	if a.damaged != nil {
		return Made{}, a.damaged
	}
	from := sourceOf(source)
	try := attempt{name: "the claim code", source: "claim " + from, exists: true, known: true}
	a.mu.Lock()
	claim := a.claim
	a.mu.Unlock()
	if claim == nil {
		return Made{}, a.noClaim()
	}
	if err := a.begin(try, from, now); err != nil {
		return Made{}, err
	}
	sum := sha256.Sum256([]byte(plain(code)))
	if subtle.ConstantTimeCompare(sum[:], claim[:]) != 1 {
		return Made{}, a.failed(try, from, now, refuse(WrongClaim, "read it again "+a.Place.Screen+"; it is new after each restart", "this is not the claim code"))
	}
	a.undo(try)
	name = canonical(name)
	r, err := a.draft(ctx, New{Name: name, Role: site.UserAdmin, Password: password, TOTP: a.Policy == Always}, now)
	if err != nil {
		return Made{}, err
	}
	err = a.change(func(c *contents) error {
		if len(c.Accounts) > 0 {
			return a.noClaim()
		}
		return c.insert(r, a.Place)
	})
	if err != nil {
		return Made{}, err
	}
	a.tell(Note{At: now, Actor: name, Text: a.Place.The + " was claimed from " + from + ": account " + name + " was made with the role admin"})
	return a.made(r), nil
}

func (a *Accounts) noClaim() *Refusal {
	return refuse(NoClaim, "ask an admin for an account, or "+a.Place.Spot+": "+a.Place.Command+" user add NAME --role ROLE", "%s was claimed already", a.Place.This)
}
