package overview

import (
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Bucket is where a store is in its night.
type Bucket string

// The buckets. A store is in the first one of these that fits: never heard, needs someone, not heard
// from, and then where its night stands.
const (
	Done       Bucket = "done"
	AtWork     Bucket = "working"
	Waiting    Bucket = "waiting" // its window opens later
	NeedsSome  Bucket = "needs_someone"
	NotHeard   Bucket = "not_heard"   // since before its window
	NeverHeard Bucket = "never_heard" // expected, and nothing ever came
	Nothing    Bucket = "nothing"     // to do, or no window
)

// Buckets returns every bucket in the order in which they are read.
func Buckets() []Bucket {
	return []Bucket{Done, AtWork, Waiting, NeedsSome, NotHeard, NeverHeard, Nothing}
}

// Word is the name of a bucket as people read it.
func (b Bucket) Word() string {
	return map[Bucket]string{
		Done: "done", AtWork: "working", Waiting: "waiting", NeedsSome: "needs someone", NotHeard: "not heard from",
		NeverHeard: "never heard", Nothing: "nothing to do",
	}[b]
}

// grace is how long after a window has opened a store may take until it says so.
const grace = 15 * time.Minute

// bucketOf puts a store in its bucket and says why.
func bucketOf(s *board.Store, o Options, row Store, n night, items []Item) (Bucket, string) {
	if row.Contact.State == Never {
		return NeverHeard, row.Contact.Text
	}
	for _, i := range items {
		if i.Urgency == Now && i.Shelved == nil {
			return NeedsSome, i.Text
		}
	}
	silent := row.Contact.State != Live
	switch {
	case silent && n.stage == due && row.Contact.Heard.Before(n.opens):
		return NotHeard, row.Contact.Text
	case n.stage == coming:
		return Waiting, "The window opens at " + Clock(n.opens, o.Now, row.Loc) + "."
	case n.stage == open:
		return AtWork, workText(o, row, n)
	case n.stage == closed && n.total == 0:
		return Nothing, "Nothing was to be done."
	case n.stage == closed:
		return Done, strings.TrimSuffix("The night is over: "+n.text, ".") + "."
	case n.stage == due && o.Now.Before(n.opens.Add(grace)):
		return Waiting, "The window has just opened."
	}
	return Nothing, nothingText(s, n)
}

func workText(o Options, row Store, n night) string {
	t := fmt.Sprintf("%d of %d settled", n.settled, n.total)
	if n.ends.After(o.Now) {
		t += ", ends about " + Clock(n.ends, o.Now, row.Loc)
	}
	if row.Contact.State != Live {
		return t + ". " + row.Contact.Text
	}
	return t + "."
}

// heldText says that headquarters holds a store, and why.
func heldText(h site.StoreHold, o Options, zone *time.Location) string {
	by := ""
	if h.By != "" {
		by = ", asked for by " + h.By
	}
	return "Held by headquarters since " + Clock(h.At, o.Now, zone) + by + ": " + strings.TrimSuffix(h.Reason, ".") + "."
}

func nothingText(s *board.Store, n night) string {
	switch {
	case s.LeftOut != nil && s.LeftOut.Code != "":
		return "The whole store is left out: " + words(string(s.LeftOut.Code)) + "."
	case n.stage == unknown:
		return "The store has not told of any window."
	}
	return "The window opened and no work was begun."
}

// words writes an id as people read it.
func words(id string) string { return strings.ReplaceAll(id, "_", " ") }

// sentence puts the buckets into words. The numbers in it add up to the total.
func (v *Overview) sentence(o Options) string {
	if v.Total == 0 {
		return "No store is expected and none was heard yet."
	}
	n := map[Bucket]int{}
	for _, c := range v.Buckets {
		n[Bucket(c.ID)] = c.Count
	}
	parts := []string{fmt.Sprintf("%s of %s done.", Number(n[Done]), plural(v.Total, "store"))}
	say := func(b Bucket, one, more string) {
		switch {
		case n[b] == 1:
			parts = append(parts, "1 "+one+".")
		case n[b] > 1:
			parts = append(parts, Number(n[b])+" "+more+".")
		}
	}
	say(NeedsSome, "needs someone", "need someone")
	say(AtWork, "at work", "at work")
	say(NotHeard, "not heard from since before its window", "not heard from since before the window")
	say(Waiting, "has not started (window opens later)", "have not started (window opens later)")
	say(NeverHeard, "never heard", "never heard")
	say(Nothing, "has nothing to do", "have nothing to do")
	return strings.Join(parts, " ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return Number(n) + " " + what + "s"
}

// Number writes a number with commas between its thousands.
func Number(n int) string {
	t := fmt.Sprint(n)
	for i := len(t) - 3; i > 0 && t[i-1] != '-'; i -= 3 {
		t = t[:i] + "," + t[i:]
	}
	return t
}
