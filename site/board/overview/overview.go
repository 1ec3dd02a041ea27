// Package overview says what headquarters is to know of its stores at a moment: which bucket each
// store is in, which stores open ready, which patches break too often, and what needs a person. It
// reads a board and changes nothing; the same board and the same moment give the same answer.
//
// Every store that is expected or was ever heard is in exactly one bucket, so the buckets add up to
// the inventory. What is not known has words of its own: it is never counted as good and never as bad.
package overview

import (
	"cmp"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Options says from where one looks. Only Now must be set.
type Options struct {
	Now   time.Time
	Heard time.Time                        // the newest moment at which headquarters could hear its stores; zero: now
	Zone  func(name string) *time.Location // finds a time zone; nil, or a nil answer: UTC
	Kept  map[string]Attention             // what people said about items, by Item.ID
	More  []Item                           // of no store: what headquarters itself needs a person for
	// Tiers are how long after its begin an item that nobody took on is told to somebody higher; nil: the usual ones.
	Tiers func(Item) []time.Duration
}

func (o Options) zone(s *board.Store) *time.Location {
	if o.Zone != nil && s.Info.Timezone != "" {
		if z := o.Zone(s.Info.Timezone); z != nil {
			return z
		}
	}
	return time.UTC
}

// heard is the moment up to which silence means something.
func (o Options) heard() time.Time {
	if o.Heard.IsZero() || o.Heard.After(o.Now) {
		return o.Now
	}
	return o.Heard
}

// Count is how many there are of one thing. Word is its name as people read it.
type Count struct {
	ID    string `json:"id"`
	Word  string `json:"word"`
	Count int    `json:"count"`
}

// Overview is the whole chain at a moment. It holds no part of the board.
type Overview struct {
	AsOf     time.Time `json:"as_of"`
	Org      string    `json:"org"`
	Total    int       `json:"total"` // stores
	Devices  int       `json:"devices"`
	Sentence string    `json:"sentence"`
	Buckets  []Count   `json:"buckets"` // every bucket, in its order; they add up to Total
	Opening  []Count   `json:"opening"` // every answer to "does it open ready?"; they add up to Total
	Contact  []Count   `json:"contact"` // they add up to Total
	Zones    []Zone    `json:"zones"`   // from east to west
	Patches  []Patch   `json:"patches"` // the flagged ones first, then the one that breaks most
	Failures []Failure `json:"failures"`
	Groups   []Group   `json:"groups"` // what needs a person, the most urgent first; not what is shelved
	Shelved  []Group   `json:"shelved"`
	Items    []Item    `json:"-"` // of Groups and Shelved
	Stores   []Store   `json:"-"` // by region, then by number
	index    map[string]int
}

// Store is one store at a moment.
type Store struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Region string    `json:"region"`
	Ring   site.Ring `json:"ring"`
	Zone   string    `json:"zone"`
	Listed bool      `json:"listed"` // it is in the list of stores
	Bucket Bucket    `json:"bucket"`
	Text   string    `json:"text"` // why it is in that bucket, and that it is held
	// Held is why and since when headquarters wants nothing to be begun in it, as the store itself knows it; nil:
	// it is not held, or has not looked since.
	Held         *site.StoreHold `json:"held,omitempty"`
	Contact      Contact         `json:"contact"`
	Verdict      site.Verdict    `json:"verdict"` // as told; "" = nothing was
	VerdictText  string          `json:"verdict_text"`
	VerdictSince time.Time       `json:"verdict_since,omitzero"`
	Opening      Opening         `json:"opening"`
	Opens        time.Time       `json:"opens,omitzero"` // to customers, next
	Night        string          `json:"night"`          // its date; "" = none is known
	WindowOpens  time.Time       `json:"window_opens,omitzero"`
	WindowCloses time.Time       `json:"window_closes,omitzero"`
	Ends         time.Time       `json:"ends,omitzero"` // of the night, as the store expects it
	Total        int             `json:"total"`         // jobs of the night
	Settled      int             `json:"settled"`
	Devices      int             `json:"devices"`
	Needs        int             `json:"needs"` // items that are not shelved
	Software     string          `json:"software"`
	Loc          *time.Location  `json:"-"`
}

// Look computes the overview of a board.
func Look(b *board.Board, o Options) *Overview {
	v := &Overview{AsOf: o.Now.UTC(), Org: b.Org, index: map[string]int{}}
	tally := newTally(b)
	for _, s := range b.Stores {
		row, items := look(b, s, o, tally)
		v.Stores, v.Items = append(v.Stores, row), append(v.Items, items...)
		v.Devices += row.Devices
	}
	v.more(o)
	slices.SortFunc(v.Stores, func(x, y Store) int {
		return cmp.Or(cmp.Compare(x.Region, y.Region), board.CompareIDs(x.ID, y.ID))
	})
	for i, s := range v.Stores {
		v.index[s.ID] = i
	}
	v.Total = len(v.Stores)
	v.count()
	v.Zones = zones(v.Stores, o.Now)
	v.Patches, v.Failures = tally.patches(o.Now), tally.failures()
	v.Groups, v.Shelved = group(v.Items, b)
	v.Sentence = v.sentence(o)
	return v
}

// Store returns one store of the overview.
func (v *Overview) Store(id string) (Store, bool) {
	i, ok := v.index[id]
	if !ok {
		return Store{}, false
	}
	return v.Stores[i], true
}

// look judges one store, and counts its devices in the tally.
func look(b *board.Board, s *board.Store, o Options, t *tally) (Store, []Item) {
	row := Store{
		ID: s.ID, Name: s.Info.Name, Ring: s.Info.Ring, Zone: s.Info.Timezone, Listed: s.Expected != nil, Verdict: s.Ready.Verdict,
		VerdictText: s.Ready.Text, VerdictSince: s.VerdictAt, Opens: s.Info.Opens, Software: s.Contact.Version, Loc: o.zone(s),
	}
	if s.Expected != nil {
		row.Name, row.Region = cmp.Or(s.Expected.Name, row.Name), s.Expected.Region
	}
	var bad []match
	for _, d := range s.Devices {
		if !d.Gone {
			row.Devices++
			bad = t.device(s, d, bad)
		}
	}
	n := nightOf(s, o, row.Loc)
	row.Night, row.WindowOpens, row.WindowCloses, row.Ends, row.Total, row.Settled = n.date, n.opens, n.closes, n.ends, n.total, n.settled
	row.Contact = contactOf(s, o, row.Loc, n)
	row.Opening = openingOf(s, o, row)
	items := itemsOf(b, s, o, row, n, bad)
	for _, i := range items {
		if i.Shelved == nil {
			row.Needs++
		}
	}
	row.Bucket, row.Text = bucketOf(s, o, row, n, items)
	if h := s.Catalog.StoreHeld; h != nil {
		row.Held = h
		row.Text += " " + heldText(*h, o, row.Loc)
	}
	return row, items
}

// count fills the counts of stores.
func (v *Overview) count() {
	buckets, opening, contact := map[Bucket]int{}, map[string]int{}, map[string]int{}
	for _, s := range v.Stores {
		buckets[s.Bucket]++
		opening[s.Opening.Answer]++
		contact[s.Contact.State]++
	}
	for _, b := range Buckets() {
		v.Buckets = append(v.Buckets, Count{string(b), b.Word(), buckets[b]})
	}
	for _, a := range answers() {
		v.Opening = append(v.Opening, Count{a, answerWord(a), opening[a]})
	}
	for _, c := range contacts() {
		v.Contact = append(v.Contact, Count{c, contactWord(c), contact[c]})
	}
}
