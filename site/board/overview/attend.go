package overview

import (
	"errors"
	"time"
)

// NoteKind is the kind of the board.Note in which headquarters keeps an Attention; its id is Item.ID.
const NoteKind = "attention"

// Said is what one person said about an item.
type Said struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Until time.Time `json:"until,omitzero"` // shelved until then
	Note  string    `json:"note,omitempty"`
}

// Attention is what people said about an item. It is the body of its note.
type Attention struct {
	Acked   *Said `json:"acked,omitempty"`
	Shelved *Said `json:"shelved,omitempty"`
}

// ShelfLimit is how long an item may be shelved at most.
const ShelfLimit = 31 * 24 * time.Hour

// The verbs on items.
const (
	VerbAck     = "acknowledge"
	VerbShelve  = "shelve"
	VerbRelease = "release" // takes back what was said
)

// Say returns what is kept after a person said something about an item, or an error in words for
// that person.
func (a Attention) Say(verb string, said Said) (Attention, error) {
	switch verb {
	case VerbAck:
		said.Until = time.Time{}
		a.Acked = &said
	case VerbShelve:
		switch {
		case !said.Until.After(said.At):
			return a, errors.New("say until when it is shelved: a time that is still to come")
		case said.Until.Sub(said.At) > ShelfLimit:
			return a, errors.New("an item is shelved for 31 days at most: say an earlier time")
		case said.Note == "":
			return a, errors.New("say in the note why it may wait")
		}
		a.Shelved = &said
	case VerbRelease:
		a = Attention{}
	default:
		return a, errors.New("there is no such verb; there are acknowledge, shelve and release")
	}
	return a, nil
}

// onto puts what was said on an item. An acknowledgement is of one occurrence: when the thing came
// again since, nobody has seen it. A shelf ends by itself.
func (a Attention) onto(i *Item, now time.Time) {
	if a.Acked != nil && !a.Acked.At.Before(i.Since) {
		i.Acked, i.Owner = a.Acked, a.Acked.By
	}
	if a.Shelved != nil && now.Before(a.Shelved.Until) {
		i.Shelved = a.Shelved
	}
}

// usualTiers are those where nobody says otherwise.
func usualTiers(i Item) []time.Duration {
	if i.Urgency == Now {
		return []time.Duration{15 * time.Minute, time.Hour, 3 * time.Hour}
	}
	return []time.Duration{24 * time.Hour}
}

// escalate fills Tier and Next.
func (i *Item) escalate(o Options) {
	if i.Since.IsZero() {
		return
	}
	tiers := usualTiers
	if o.Tiers != nil {
		tiers = o.Tiers
	}
	for _, after := range tiers(*i) {
		at := i.Since.Add(after)
		if at.After(o.Now) {
			if i.Acked == nil && i.Shelved == nil {
				i.Next = at
			}
			return
		}
		if i.Acked == nil && i.Shelved == nil {
			i.Tier++
		}
	}
}
