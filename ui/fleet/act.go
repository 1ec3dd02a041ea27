package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/address"
)

// Hinter asks stores to look.
type Hinter interface {
	// Look asks each of the stores to look at its catalog again and to tell its state, and returns how many were asked.
	// The error says why the others were not.
	Look(ctx context.Context, stores []string) (asked int, err error)
}

// Holds stops whole stores with headquarters' own key.
type Holds interface {
	// CanHold reports whether the key is at hand.
	CanHold() bool
	// HoldStores lets the stores begin nothing new from their next contact on, until people lift it. All of them are held or none.
	HoldStores(ctx context.Context, stores []string, reason, by string, now time.Time) error
}

// The verbs on stores that are chosen, besides those on items.
const (
	verbList = "list"
	verbCSV  = "csv"
	verbLook = "look"
	verbHold = "hold"
)

// addressLimit is how long an address may be, in bytes: a page is asked for with the address of the one before besides its own.
const addressLimit = 7000

// actRoutes is every address at which something is done with chosen stores.
func (s *whole) actRoutes() []page.Route {
	form, data := page.Form{Body: page.ActBody, Limit: page.ActLimit, Read: s.actPage}, page.Form{Body: page.ActBody, Limit: page.ActLimit, Read: s.actData}
	return []page.Route{page.At("POST /stores/act", s.Changes(form)), page.At("POST /api/v1/stores/act", s.Changes(data)), page.At("GET /export/stores.csv", s.Answers(s.storesCSV))}
}

// Act is what somebody wants of the stores that they chose.
type Act struct {
	Verb   string   `json:"verb"`
	Stores []string `json:"stores"` // each once, in the order in which they were named
	Note   string   `json:"note,omitempty"`
	Reason string   `json:"reason,omitempty"` // of a hold; stores show it
	Hours  int      `json:"hours,omitempty"`  // how long something is shelved; or until
	Until  string   `json:"until,omitempty"`

	sure bool // it was asked for once more
	rows []overview.Store
}

// Acted is what came of it.
type Acted struct {
	Verb   string `json:"verb"`
	Stores int    `json:"stores"`          // of which it is true
	Items  int    `json:"items,omitempty"` // to which something was said
	Say    string `json:"say"`             // the same in words
}

// ActPage asks once more, or says what came of it.
type ActPage struct {
	Act
	Done  *Acted
	Items int // that an answer would be about
	Few   []string
}

// What names what would be done, with its number.
func (p ActPage) What() string {
	stores := page.Plural(len(p.Stores), "store")
	switch p.Verb {
	case overview.VerbAck:
		return "Take on " + page.Plural(p.Items, "thing") + " of " + stores
	case overview.VerbShelve:
		return "Shelve " + page.Plural(p.Items, "thing") + " of " + stores
	}
	return "Hold " + stores
}

// More is how many stores are not named on the page.
func (p ActPage) More() int { return len(p.Stores) - len(p.Few) }

// All is the stores as one field of a form holds them. No id of a store has a slash in it.
func (a Act) All() string { return strings.Join(a.Stores, "/") }

// Back is where the one who chose goes on.
func (a Act) Back() string { return listOf(a.Stores) }

// listOf is the address of a list of exactly these stores; of all stores where no address is long enough.
func listOf(stores []string) string {
	if to := address.OfStores("/stores", overview.Filter{Store: stores}, nil); len(to) <= addressLimit {
		return to
	}
	return "/stores"
}

// actPage reads a form that a page sent. What only shows something changes nothing, and what needs words is asked for first.
func (s *whole) actPage(c *page.Change) (page.Task, error) {
	a, err := s.readAct(c)
	switch {
	case err != nil:
		return page.Task{}, err
	case a.Verb == verbList:
		return page.Task{Instead: &page.Reply{Next: listOf(a.Stores)}}, tooMany(a.Stores)
	case a.Verb == verbCSV:
		return page.Task{Instead: &page.Reply{File: s.chosenCSV(a)}}, nil
	case a.wordless() || a.sure || s.MayChange(c.Role) != nil || s.cannot(a) != nil:
		return s.actTask(a), nil
	}
	p, err := s.askMore(c.Context(), a)
	return page.Task{Instead: &p}, err
}

// wordless reports whether it is done without a note or a reason.
func (a Act) wordless() bool {
	return a.Verb != overview.VerbAck && a.Verb != overview.VerbShelve && a.Verb != verbHold
}

// actData reads a request of the API.
func (s *whole) actData(c *page.Change) (page.Task, error) {
	a, err := s.readAct(c)
	return s.actTask(a), err
}

// actTask does something with stores.
func (s *whole) actTask(a Act) page.Task {
	return page.Task{Verb: "stores." + a.Verb, Subject: strings.Join(a.Stores, " "), Do: func(c *page.Change) (page.Reply, error) {
		if err := s.cannot(a); err != nil {
			return page.Reply{}, err
		}
		done, outcome, err := s.act(c, a)
		if err != nil {
			return page.Reply{}, err
		}
		c.Deed.Outcome, c.Deed.Text = outcome, strings.TrimSpace(done.Say+" "+a.Reason+a.Note)
		p := a.page()
		p.Done = &done
		return page.Reply{Data: done, Page: "act", Title: "Stores", Body: p}, nil
	}}
}

// page is the page about it, as yet without what came of it.
func (a Act) page() ActPage { return ActPage{Act: a, Few: a.Stores[:min(len(a.Stores), 40)]} }

// askMore is the page with the form that asks for the words.
func (s *whole) askMore(ctx context.Context, a Act) (page.Reply, error) {
	v, err := s.overviews.Get(ctx)
	if err != nil {
		return page.Reply{}, err
	}
	p := a.page()
	for _, i := range v.Items {
		if i.Shelved == nil && slices.Contains(a.Stores, i.Store) {
			p.Items++
		}
	}
	return page.Reply{Page: "act", Title: "Stores", Body: p}, nil
}

// tooMany says that no address is long enough for so many stores.
func tooMany(stores []string) error {
	if len(stores) > 0 && listOf(stores) == "/stores" {
		return page.Refuse(http.StatusBadRequest, "too_many", "The address of a list does not hold "+page.Plural(len(stores), "store")+". Choose fewer, or filter by region, zone or ring.")
	}
	return nil
}

// readAct reads a form, or JSON, and finds the stores.
func (s *whole) readAct(c *page.Change) (Act, error) {
	a, err := actOf(c)
	if err != nil {
		return a, err
	}
	v, err := s.overviews.Get(c.Context())
	if err != nil {
		return a, err
	}
	a.Stores = unique(a.Stores)
	for _, id := range a.Stores {
		row, known := v.Store(id)
		if !known {
			return a, page.Refuse(http.StatusNotFound, "no_store", fmt.Sprintf("There is no store %.60s. Nothing was done.", id))
		}
		a.rows = append(a.rows, row)
	}
	if len(a.Stores) == 0 {
		return a, page.Refuse(http.StatusBadRequest, "no_stores", "No store is chosen. Choose one first.")
	}
	return a, nil
}

// actOf reads what is asked for as it was sent.
func actOf(c *page.Change) (Act, error) {
	var a Act
	if found, err := c.Decode(&a); found {
		return a, err
	}
	a = Act{Verb: c.Field("verb"), Stores: c.Fields["store"], Note: c.Field("note"), Reason: c.Field("reason"), Until: c.Field("until"), sure: c.Field("sure") == "1"}
	for _, all := range c.Fields["all"] {
		a.Stores = append(a.Stores, strings.Split(all, "/")...)
	}
	if text := c.Field("hours"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n == 0 {
			return a, badHours(text)
		}
		a.Hours = n
	}
	return a, nil
}

// unique leaves out what is empty or was named before.
func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	first := []string{}
	for _, id := range list {
		if id != "" && !seen[id] {
			seen[id] = true
			first = append(first, id)
		}
	}
	return first
}

// cannot says why headquarters is not able to do it, or nil.
func (s *whole) cannot(a Act) error {
	switch {
	case a.Verb == verbHold && !s.canHold():
		return page.Refuse(http.StatusConflict, "no_key", noHolds)
	case a.Verb == verbLook && s.Hinter == nil:
		return page.Refuse(http.StatusConflict, "no_broker", "This headquarters has no broker over which stores can be asked.")
	}
	return nil
}

const noHolds = "Headquarters has no online key of holds: people hold stores with nightfill catalog hold."

func (s *whole) canHold() bool { return s.Holds != nil && s.Holds.CanHold() }

// act does something with stores.
func (s *whole) act(c *page.Change, a Act) (done Acted, outcome string, err error) {
	ctx := c.Context()
	done = Acted{Verb: a.Verb, Stores: len(a.Stores)}
	switch a.Verb {
	case overview.VerbAck, overview.VerbShelve:
		done, err = s.sayOfStores(ctx, a, c.Name)
	case verbLook:
		return s.lookAt(ctx, a)
	case verbHold:
		done.Say, err = s.holdStores(ctx, a, c.Name)
	default:
		err = page.Refuse(http.StatusBadRequest, "bad_verb", "verb must be acknowledge, shelve, look or hold, not \""+a.Verb+"\".")
	}
	return done, "ok", err
}

// lookAt asks the stores to look.
func (s *whole) lookAt(ctx context.Context, a Act) (Acted, string, error) {
	n, err := s.Hinter.Look(ctx, a.Stores)
	done := Acted{Verb: a.Verb, Stores: n, Say: "Asked " + page.Plural(n, "store") + " to look: each tells its state as soon as it has a line."}
	switch {
	case err != nil && n == 0:
		return done, "", page.Refuse(http.StatusServiceUnavailable, "not_asked", "No store was asked: "+strings.TrimSuffix(err.Error(), ".")+".")
	case err != nil:
		done.Say = fmt.Sprintf("Asked %d of %s to look. Not the others: %v.", n, page.Plural(len(a.Stores), "store"), err)
		return done, "failed", nil
	}
	return done, "ok", nil
}

// holdStores lets the stores begin nothing new.
func (s *whole) holdStores(ctx context.Context, a Act, name string) (say string, err error) {
	reason := strings.TrimSpace(a.Reason)
	switch {
	case reason == "":
		return "", page.Refuse(http.StatusBadRequest, "no_reason", "Say in the reason why these stores are held: stores show it.")
	case len(reason) > site.MaxHoldReason:
		return "", page.Refuse(http.StatusBadRequest, "bad_reason", "The reason is too long: 500 characters at most.")
	}
	if err := s.Holds.HoldStores(ctx, a.Stores, reason, name, s.Now()); err != nil {
		return "", page.Refuse(http.StatusConflict, "not_held", "No store was held: "+strings.TrimSuffix(err.Error(), ".")+".")
	}
	if len(a.Stores) == 1 {
		return "Held 1 store: it learns it at its next contact.", nil
	}
	return "Held " + page.Plural(len(a.Stores), "store") + ": they learn it at their next contact.", nil
}

// sayOfStores says the same of every item of the stores that is not shelved.
func (s *whole) sayOfStores(ctx context.Context, a Act, name string) (Acted, error) {
	m := remark{verb: a.Verb, note: a.Note, until: a.Until}
	if a.Hours != 0 {
		m.hours = strconv.Itoa(a.Hours)
	}
	mine, stores := map[string]bool{}, map[string]bool{}
	for _, id := range a.Stores {
		mine[id] = true
	}
	n, err := s.keep(ctx, m, name, func(i overview.Item) bool {
		ok := i.Shelved == nil && mine[i.Store]
		if ok {
			stores[i.Store] = true
		}
		return ok
	})
	var known *page.Refusal
	switch {
	case errors.As(err, &known) && known.Code == "no_item":
		return Acted{}, page.Refuse(http.StatusNotFound, "no_item", "None of these stores needs someone now. Nothing was done.")
	case err != nil:
		return Acted{}, err
	}
	done := Acted{Verb: a.Verb, Stores: len(stores), Items: n}
	done.Say = map[string]string{overview.VerbAck: "Took on ", overview.VerbShelve: "Shelved "}[a.Verb] + page.Plural(n, "thing") + " of " + page.Plural(len(stores), "store") + "."
	if idle := len(a.Stores) - len(stores); idle > 0 {
		done.Say += " " + page.Upper(page.Plural(idle, "store")) + " of those that are chosen " + map[bool]string{true: "needs", false: "need"}[idle == 1] + " nobody."
	}
	return done, nil
}
