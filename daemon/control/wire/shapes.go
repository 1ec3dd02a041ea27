package wire

import (
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// Devices is the answer about all devices.
type Devices struct {
	Devices []view.Device `json:"devices"`
}

// Answers is the answer why.
type Answers struct {
	Answers []view.Answer `json:"answers"`
}

// Checked is the judgement after a round of checks, with the result of each.
type Checked struct {
	Ready   ready.Document     `json:"ready"`
	Results []site.CheckResult `json:"results"`
}

// CatalogTaken says which generation of the catalog the store goes by after a look.
type CatalogTaken struct {
	Version int64     `json:"version"`
	Issued  time.Time `json:"issued"`
	Patches []string  `json:"patches"`
	Changed bool      `json:"changed"` // it is newer than what the store had
}

// HostKey is the key that a device offers now.
type HostKey struct {
	Device      string `json:"device"`
	Key         string `json:"key"`
	Fingerprint string `json:"fingerprint"` // SHA256:...
	Pinned      string `json:"pinned"`      // PinnedNone, PinnedSame or PinnedOther
}

// How the key that a device offers stands to the one that is pinned for it.
const (
	PinnedNone  = "none"
	PinnedSame  = "same"
	PinnedOther = "other"
)

// HoldAsked asks for a hold. Until is written as Moment reads it.
type HoldAsked struct {
	Device string `json:"device"`
	Until  string `json:"until"`
	Reason string `json:"reason"`
}

// Enrolled says which key was pinned, and by whom.
type Enrolled struct {
	Device string `json:"device"`
	Key    string `json:"key"`
	Actor  string `json:"actor"`
}

// AckAsked takes an alarm on: nobody else is told of it until it changes.
type AckAsked struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// BundleAsked asks for a support bundle, of a device or, when Device is "", of the whole store.
type BundleAsked struct {
	Device string `json:"device,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// HandAsked asks for something to be done to a device. Rev is the rev of the device that was looked
// at; when it changed since, nothing is done. 0 = whatever it is.
type HandAsked struct {
	Device string `json:"device"`
	Patch  string `json:"patch,omitempty"`
	Reason string `json:"reason"`
	Rev    uint64 `json:"if_rev,omitempty"`
}

// Handed says what is being done now, and by whom.
type Handed struct {
	Device  string    `json:"device"`
	Patches []string  `json:"patches,omitempty"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
	Until   time.Time `json:"until,omitzero"` // of a restart: by then the device is wanted back
}

// RehearsalAsked asks for a rehearsal.
type RehearsalAsked struct {
	At     string   `json:"at,omitempty"` // as for a plan
	Seed   uint64   `json:"seed"`
	Faults []string `json:"faults,omitempty"` // see Misfortunes
}

// Released says what was let go, and by whom: of Device and Patch one is empty.
type Released struct {
	Device     string           `json:"device,omitempty"`
	Patch      string           `json:"patch,omitempty"`
	Actor      string           `json:"actor"`
	Held       *site.Hold       `json:"held,omitempty"`
	Dirty      *site.Reason     `json:"dirty,omitempty"`
	Quarantine *site.Quarantine `json:"quarantine,omitempty"` // that the patch was in
}

// ShellAsked asks for a terminal on a device. Without a reason it can only be gone back to.
type ShellAsked struct {
	Device string `json:"device"`
	Reason string `json:"reason,omitempty"`
	Rev    uint64 `json:"if_rev,omitempty"`
	terminal.Size
}

// StoreAsked asks for something of a store.
type StoreAsked struct {
	Store string `json:"store"`
	Verb  string `json:"verb,omitempty"` // of a hint
}

// StoreDone says what was asked of which store, and by whom.
type StoreDone struct {
	Store string `json:"store"`
	Verb  string `json:"verb"`
	Actor string `json:"actor"`
}

// OpenTerminals is the answer about open terminals.
type OpenTerminals struct {
	Terminals []terminal.Info `json:"terminals"`
}

// RecordingList is the answer about recordings, the newest first.
type RecordingList struct {
	Recordings []terminal.Recording `json:"recordings"`
}

// Token is what may be known of a token.
type Token struct {
	Name    string        `json:"name"`
	Role    site.UserRole `json:"role"`
	Created time.Time     `json:"created,omitzero"`
	By      string        `json:"by,omitempty"`
	Until   time.Time     `json:"until,omitzero"` // zero: it does not end by itself
}

// TokenList is the answer about all tokens.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

// TokenMade is a token with its secret, shown only in the answer that made it.
type TokenMade struct {
	Token
	Secret string `json:"secret"`
}

// TokenRemoved says which token was removed, and by whom.
type TokenRemoved struct {
	Name  string `json:"name"`
	Actor string `json:"actor"`
}

// UserList is the answer about all accounts.
type UserList struct {
	Users []accounts.Account `json:"users"`
}

// UserAsked asks for an account, or for a change of one. What the route does not need is empty.
type UserAsked struct {
	Name     string        `json:"name"`
	Role     site.UserRole `json:"role,omitempty"`
	Password string        `json:"password,omitempty"`
	TOTP     bool          `json:"totp,omitempty"`
}

// UserMade is an account after a change. OTPAuth is what its owner enters in an authenticator app, shown
// only in the answer to the change that made it.
type UserMade struct {
	User    accounts.Account `json:"user"`
	OTPAuth string           `json:"otpauth,omitempty"`
}

// UserRemoved says which account was removed, and by whom.
type UserRemoved struct {
	Name  string `json:"name"`
	Actor string `json:"actor"`
}

// Pinned tells how a key that is offered stands to the one that is pinned, whatever comment follows them.
func Pinned(pinned, offered string) string {
	p, o := strings.Fields(pinned), strings.Fields(offered)
	switch {
	case len(p) == 0:
		return PinnedNone
	case len(p) >= 2 && len(o) >= 2 && p[0] == o[0] && p[1] == o[1]:
		return PinnedSame
	}
	return PinnedOther
}

// ZoneHeader names the store's time zone in every answer, so that a client shows store time.
const ZoneHeader = "Nightfill-Zone"

// What an answer that is an evidence pack carries behind its bytes, as JSON: what was written, or why
// it was broken off.
const (
	EvidenceTrailer = "Nightfill-Evidence"
	ErrorTrailer    = "Nightfill-Error"
)

// ClockAsked confirms that the clock of the box is right.
type ClockAsked struct {
	Reason string `json:"reason"`
}

// ClockConfirmed is what came of it.
type ClockConfirmed struct {
	Now    time.Time    `json:"now"` // what the clock shows
	Actor  string       `json:"actor"`
	Reason string       `json:"reason"`
	Unsure *site.Reason `json:"unsure,omitempty"` // why the clock is not trusted all the same; absent when it is
}
