// Package changes says in words what a person is about to sign, compared with what they
// signed last, so that nothing is signed unseen.
//
// It is pure: contents in, text out. It does not judge what changed and leaves nothing out.
package changes

import (
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Content is what one version of a signed role says. Fields that are not of the role are empty.
type Content struct {
	Patches map[string]site.Patch // an owner's, by id
	Rules   site.Rules            // the fleet's
	Holds   site.Holds            // of the holds role
	Roles   map[string][]string   // who must sign for other roles, in words, by role
}

// Signing is a signature that a person is asked for.
type Signing struct {
	Key     string // its name
	Role    string
	Version int64
	Since   int64 // the version that this key signed last; 0 = none
	Expires time.Time
	Before  Content // of that version
	After   Content
}

// String returns the question as a person reads it: + added, - removed, ~ changed.
func (s Signing) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s signs version %d of %s, valid until %s.\n", s.Key, s.Version, s.Role, s.Expires.Format(time.RFC3339))
	if s.Since == 0 {
		b.WriteString("This key has not signed it before; all of it is new:\n")
	} else {
		fmt.Fprintf(&b, "Since this key signed version %d:\n", s.Since)
	}
	lines := diffLines(words(s.Before), words(s.After))
	if len(lines) == 0 {
		b.WriteString("  nothing changes but the date until which it is valid\n")
	}
	for _, l := range lines {
		b.WriteString("  " + l + "\n")
	}
	return b.String()
}
