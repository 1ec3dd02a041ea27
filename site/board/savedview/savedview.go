package savedview

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nightfill/nightfill/site/board"
)

// NoteKind is the kind of the board.Note in which headquarters keeps a View; its id is View.ID.
const NoteKind = "view"

// What is kept has limits.
const (
	NameLimit  = 60   // characters of a name
	QueryLimit = 8000 // bytes of the filters as they are in the address
	Limit      = 100  // views that one person keeps
)

// View is one list with its filters, by a name. It is the body of its note.
type View struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Page   string    `json:"page"`   // the path of the list
	Query  string    `json:"query"`  // the filters, as they are in the address; "" = none
	Owner  string    `json:"owner"`  // who keeps it; "" = nobody in particular
	Shared bool      `json:"shared"` // everybody sees it
	Kept   time.Time `json:"kept"`   // when it was kept or changed
}

// Address opens the view.
func (v View) Address() string {
	if v.Query == "" {
		return v.Page
	}
	return v.Page + "?" + v.Query
}

// Read returns the views of notes by name, and the versions of their notes by id. What cannot be read is left out.
func Read(notes []board.Note) (views []View, versions map[string]int64) {
	versions = map[string]int64{}
	for _, n := range notes {
		var v View
		if n.Body != nil && json.Unmarshal(n.Body, &v) == nil && v.ID == n.ID {
			views, versions[n.ID] = append(views, v), n.Version
		}
	}
	slices.SortFunc(views, func(x, y View) int {
		return cmp.Or(strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), strings.Compare(x.ID, y.ID))
	})
	return views, versions
}

// Note is the view as headquarters keeps it in place of a version.
func (v View) Note(version int64, by string) (board.Note, error) {
	body, err := json.Marshal(v)
	return board.Note{Kind: NoteKind, ID: v.ID, Version: version, Body: body, By: by, At: v.Kept}, err
}

// Seen reports whether a person sees the view.
func (v View) Seen(by string) bool { return v.Shared || v.Owner == by }

// Person is who wants something of a view.
type Person struct {
	Name    string
	Manager bool // may share, and change what is shared
}

// MayChange reports whether a person may rename and remove the view.
func (v View) MayChange(p Person) bool { return v.Owner == p.Name || v.Shared && p.Manager }

// New returns a view that a person may keep beside all that there are, or an error in words for that person. Its
// id, page and query are taken as they are.
func New(all []View, v View, by Person, now time.Time) (View, error) {
	v.Name, v.Owner, v.Kept = tidy(v.Name), by.Name, now
	mine := 0
	for _, o := range all {
		if o.Owner == by.Name {
			mine++
		}
	}
	switch {
	case v.Shared && !by.Manager:
		return v, ErrNotManager
	case len(v.Query) > QueryLimit:
		return v, fmt.Errorf("the view has too many filters: its address may have %d characters", QueryLimit)
	case mine >= Limit:
		return v, fmt.Errorf("you keep %d views already: remove one first", Limit)
	}
	return v, nameable(all, v)
}

// ErrNotManager is the error of who may not share a view, nor change what is shared by others.
var ErrNotManager = errors.New("only a manager keeps views for everybody: ask one")

// Rename gives the view another name.
func (v View) Rename(all []View, name string, by Person, now time.Time) (View, error) {
	if !v.MayChange(by) {
		return v, ErrNotManager
	}
	v.Name, v.Kept = tidy(name), now
	return v, nameable(all, v)
}

// Share shows the view to everybody, or to its owner alone again.
func (v View) Share(all []View, shared bool, by Person, now time.Time) (View, error) {
	if !by.Manager || !v.MayChange(by) {
		return v, ErrNotManager
	}
	v.Shared, v.Kept = shared, now
	return v, nameable(all, v)
}

// tidy takes the space around and doubled within a name away.
func tidy(name string) string { return strings.Join(strings.Fields(name), " ") }

// nameable says what is wrong with the name of a view, which nobody who sees the view may see twice on its page.
func nameable(all []View, v View) error {
	switch {
	case v.Name == "":
		return errors.New("give the view a name")
	case utf8.RuneCountInString(v.Name) > NameLimit:
		return fmt.Errorf("the name is too long: %d characters at most", NameLimit)
	case !utf8.ValidString(v.Name) || strings.ContainsFunc(v.Name, unicode.IsControl):
		return errors.New("the name has characters that cannot be read")
	}
	for _, o := range all {
		if o.ID == v.ID || o.Page != v.Page || !strings.EqualFold(o.Name, v.Name) {
			continue
		}
		switch {
		case o.Owner == v.Owner:
			return fmt.Errorf("you keep a view named %q here already: take another name, or remove that one first", o.Name)
		case o.Shared:
			return fmt.Errorf("there is a view named %q here for everybody already: take another name", o.Name)
		}
	}
	return nil
}
