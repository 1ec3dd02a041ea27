package accounts

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Place is where accounts are kept: which roles they may have there, and what refusals call things.
type Place struct {
	This    string // "this box"
	The     string // "the box"
	Spot    string // "on the box": where its commands are typed
	Asker   string // who asks for codes: "this store"
	Program string // that keeps the accounts
	Command string // with which a person on the spot looks after them
	Screen  string // where the claim code is read
	Roles   []site.UserRole
}

// Box is the appliance of a store.
func Box() Place {
	return Place{
		This: "this box", The: "the box", Spot: "on the box", Asker: "this store", Program: "nightfilld", Command: "nightfill",
		Screen: "on the box's own screen", Roles: site.UserRoles(),
	}
}

// Headquarters is where the chain looks at all its stores.
func Headquarters() Place {
	return Place{
		This: "this headquarters", The: "headquarters", Spot: "on its machine", Asker: "headquarters", Program: "nightfill-hq", Command: "nightfill-hq",
		Screen: "in the log of nightfill-hq", Roles: site.HeadquartersRoles(),
	}
}

func (p Place) has(role site.UserRole) bool { return slices.Contains(p.Roles, role) }

// Admit opens a session for a person whom another authority vouches for, such as the organisation's own
// login. The name must be one that no account here can have. There is no password to be counted.
func (a *Accounts) Admit(name string, role site.UserRole, source string, now time.Time) (Entry, error) {
	from := sourceOf(source)
	if !a.Place.has(role) {
		return Entry{}, a.checkRole(role)
	}
	if namePattern.MatchString(name) {
		return Entry{}, refuse(BadName, "", "%q could be the name of an account here", name)
	}
	e, err := a.open(record{Name: name, Role: role}, false, from, false, now)
	if err == nil {
		a.tell(Note{At: now, Actor: name, Login: true, OK: true, Text: "logged in from " + from + " by the organisation's own login"})
	}
	return e, err
}

// Declined notes that the authority that Admit stands for let somebody come back whom nobody admitted. It is told
// as other attempts that failed are.
func (a *Accounts) Declined(source string, now time.Time) {
	_ = a.failed(attempt{name: "the organisation's own login", exists: true}, sourceOf(source), now, nil)
}
