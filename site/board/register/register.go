package register

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// NoteKind is the kind of the notes in which entries are kept.
const NoteKind = "exception"

// The times of the register.
const (
	Longest = 366 * 24 * time.Hour // how far ahead an exception may end: what lasts longer is decided anew
	Warning = 14 * 24 * time.Hour  // how long before its end somebody is asked
)

// Entry is one exception with everything that was decided about it.
type Entry struct {
	ID string `json:"id"`
	site.Exception
	Worksheet Worksheet   `json:"worksheet,omitzero"`
	Change    string      `json:"change,omitempty"` // the ticket in which it was decided
	Created   time.Time   `json:"created"`
	By        string      `json:"by"`                // who opened it
	Reviews   []time.Time `json:"reviews,omitempty"` // when somebody is to look at it again, in order
	Reviewed  time.Time   `json:"reviewed,omitzero"` // when somebody last did
	Renewed   int         `json:"renewed,omitempty"` // how often its end was moved
	Closed    time.Time   `json:"closed,omitzero"`   // zero: nobody ended it
	Prepared  time.Time   `json:"prepared,omitzero"` // when it was last written into the working folder of the catalog
	History   []Step      `json:"history"`           // everything that was done to it, in order
}

// Worksheet is a compensating control worksheet, as PCI DSS appendix C has it. Every field is optional.
type Worksheet struct {
	Constraints string `json:"constraints,omitempty"` // why the requirement cannot be met
	Objective   string `json:"objective,omitempty"`   // what the requirement is for, and how that is met
	Risk        string `json:"risk,omitempty"`        // of the lack of the original control
	Definition  string `json:"definition,omitempty"`  // what the compensating controls are
	Validation  string `json:"validation,omitempty"`  // how they were tested
	Maintenance string `json:"maintenance,omitempty"` // how they are kept up
}

// Step is one thing that somebody did to an entry.
type Step struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	What string    `json:"what"` // opened, renewed, reviewed, closed, prepared
	Text string    `json:"text,omitempty"`
}

// Status is where an entry stands.
type Status string

// The statuses. Open and Renewed hold; the others do not.
const (
	StatusOpen    Status = "open"
	StatusRenewed Status = "renewed"
	StatusExpired Status = "expired"
	StatusClosed  Status = "closed"
)

// Statuses are all statuses, in the order in which pages show them.
func Statuses() []Status { return []Status{StatusOpen, StatusRenewed, StatusExpired, StatusClosed} }

// Status is where the entry stands at now.
func (e Entry) Status(now time.Time) Status {
	switch {
	case !e.Closed.IsZero():
		return StatusClosed
	case !now.Before(e.Expires):
		return StatusExpired
	case e.Renewed > 0:
		return StatusRenewed
	}
	return StatusOpen
}

// Holds reports whether the entry excepts anything at now.
func (e Entry) Holds(now time.Time) bool {
	s := e.Status(now)
	return s == StatusOpen || s == StatusRenewed
}

// NextReview is the first review that nobody has held yet; the zero time when there is none.
func (e Entry) NextReview() time.Time {
	for _, at := range e.Reviews {
		if e.Reviewed.Before(at) {
			return at
		}
	}
	return time.Time{}
}

// New opens an entry: id, created, by and history of e are filled in. The error says what it lacks.
func New(id string, e Entry, by string, now time.Time) (Entry, error) {
	e.tidy()
	if err := e.sound(now); err != nil {
		return Entry{}, err
	}
	e.ID, e.By, e.Created = id, by, now.UTC().Truncate(time.Second)
	e.Renewed, e.Closed, e.Prepared, e.Reviewed, e.History = 0, time.Time{}, time.Time{}, time.Time{}, nil
	return e.note("opened", by, e.Reason, now), nil
}

// errLong refuses what is said of an entry.
var errLong = fmt.Errorf("what is said of an exception is too long: write at most %d bytes", longestText)

// Renew moves the end of an entry. One that is over may be renewed too: the time between stays red.
func (e Entry) Renew(until time.Time, reason, by string, now time.Time) (Entry, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case !e.Closed.IsZero():
		return e, errors.New("a closed exception is not renewed: open a new one")
	case reason == "":
		return e, errors.New("a renewal needs a reason: say why it could not be done in time")
	case len(reason) > longestText:
		return e, errLong
	}
	e.Expires = until.UTC().Truncate(time.Second)
	if err := e.sound(now); err != nil {
		return e, err
	}
	e.Renewed++
	return e.note("renewed", by, "until "+e.Expires.Format(time.RFC3339)+": "+reason, now), nil
}

// Review notes that somebody looked at the entry and let it stand.
func (e Entry) Review(text, by string, now time.Time) (Entry, error) {
	text = strings.TrimSpace(text)
	switch {
	case !e.Closed.IsZero():
		return e, errors.New("a closed exception is not reviewed")
	case text == "":
		return e, errors.New("a review needs a note: say what was found")
	case len(text) > longestText:
		return e, errLong
	}
	e.Reviewed = now.UTC().Truncate(time.Second)
	return e.note("reviewed", by, text, now), nil
}

// Close ends an entry before its time.
func (e Entry) Close(reason, by string, now time.Time) (Entry, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case !e.Closed.IsZero():
		return e, errors.New("the exception is closed already")
	case reason == "":
		return e, errors.New("closing needs a reason: say why it is not needed any more")
	case len(reason) > longestText:
		return e, errLong
	}
	e.Closed = now.UTC().Truncate(time.Second)
	return e.note("closed", by, reason, now), nil
}

// WasPrepared notes that the entry was written into the working folder of the catalog.
func (e Entry) WasPrepared(text, by string, now time.Time) Entry {
	e.Prepared = now.UTC().Truncate(time.Second)
	return e.note("prepared", by, text, now)
}

func (e Entry) note(what, by, text string, now time.Time) Entry {
	e.History = append(slices.Clone(e.History), Step{At: now.UTC().Truncate(time.Second), By: by, What: what, Text: text})
	return e
}

// tidy brings an entry into the form in which the catalog signs it.
func (e *Entry) tidy() {
	for _, s := range []*string{&e.Patch, &e.Owner, &e.Reason, &e.Risk, &e.Controls, &e.Change} {
		*s = strings.TrimSpace(*s)
	}
	e.Devices, e.Groups, e.Stores = sorted(e.Devices), sorted(e.Groups), sorted(e.Stores)
	e.Expires = e.Expires.UTC().Truncate(time.Second)
	slices.SortFunc(e.Reviews, time.Time.Compare)
}

func sorted(ids []string) []string {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// longestText is how long a text of an entry may be, in bytes, and most how many devices, groups, stores or
// reviews it may name.
const (
	longestText = 4000
	most        = 5000
)

// fits says which part of an entry is too long, or nil: every overview reads the whole register.
func (e Entry) fits() error {
	for name, text := range map[string]string{
		"patch": e.Patch, "owner": e.Owner, "reason": e.Reason, "risk": e.Risk, "controls": e.Controls, "change": e.Change,
		"constraints": e.Worksheet.Constraints, "objective": e.Worksheet.Objective, "identified risk": e.Worksheet.Risk,
		"definition": e.Worksheet.Definition, "validation": e.Worksheet.Validation, "maintenance": e.Worksheet.Maintenance,
	} {
		if len(text) > longestText {
			return fmt.Errorf("the %s of an exception is too long: write at most %d bytes", name, longestText)
		}
	}
	if n := max(len(e.Devices), len(e.Groups), len(e.Stores), len(e.Reviews)); n > most {
		return fmt.Errorf("an exception names at most %d devices, groups, stores or reviews, not %d: name groups, or leave the list out", most, n)
	}
	return nil
}

// sound says what an entry lacks, or nil.
func (e Entry) sound(now time.Time) error {
	if err := e.fits(); err != nil {
		return err
	}
	switch {
	case e.Patch == "":
		return errors.New("an exception needs a patch")
	case e.Owner == "":
		return errors.New("an exception needs an owner: say who answers for it")
	case e.Reason == "":
		return errors.New("an exception needs a reason: stores show it")
	case e.Risk == "":
		return errors.New("an exception needs a risk: say what may happen meanwhile")
	case e.Expires.IsZero():
		return errors.New("an exception needs an end: from then on the patch is due again")
	case !e.Expires.After(now):
		return fmt.Errorf("an exception until %s would be over already: name an end that is still to come", e.Expires.Format(time.RFC3339))
	case e.Expires.Sub(now) > Longest:
		return fmt.Errorf("an exception until %s is more than a year ahead: name an earlier end, and decide again then", e.Expires.Format(time.RFC3339))
	}
	for _, named := range []struct {
		what string
		ids  []string
	}{{"device", e.Devices}, {"group", e.Groups}, {"store", e.Stores}} {
		for _, id := range named.ids {
			if !idPattern.MatchString(id) {
				return fmt.Errorf("%q is not the id of a %s", id, named.what)
			}
		}
	}
	for _, at := range e.Reviews {
		if !at.Before(e.Expires) {
			return fmt.Errorf("a review on %s is not before the end of the exception", at.Format(time.DateOnly))
		}
	}
	return nil
}

// FromNote reads the entry that a note holds. A note that was removed is an error.
func FromNote(n board.Note) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(n.Body, &e); err != nil {
		return Entry{}, fmt.Errorf("exception %s cannot be read: %v", n.ID, err)
	}
	e.ID = n.ID
	return e, nil
}

// Note is the note that keeps the entry in the place of the one with this version, 0 for a new one.
func (e Entry) Note(version int64, by string, now time.Time) (board.Note, error) {
	body, err := json.Marshal(e)
	return board.Note{Kind: NoteKind, ID: e.ID, Version: version, Body: body, By: by, At: now}, err
}

// Read returns the entries of notes, those that end first before others. Notes that were removed are
// left out; those that cannot be read are named in the error, with which the others are returned.
func Read(notes []board.Note) ([]Entry, error) {
	var all []Entry
	var problems []error
	for _, n := range notes {
		if n.Body == nil || string(n.Body) == "null" {
			continue
		}
		e, err := FromNote(n)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(x, y Entry) int {
		if c := x.Expires.Compare(y.Expires); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return all, errors.Join(problems...)
}

// Holding are the exceptions of the entries that hold at now.
func Holding(entries []Entry, now time.Time) []site.Exception {
	var all []site.Exception
	for _, e := range entries {
		if e.Holds(now) {
			all = append(all, e.Exception)
		}
	}
	return all
}
