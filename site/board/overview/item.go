package overview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Kind is why something needs a person.
type Kind string

// The kinds of item.
const (
	KindNotReady       Kind = "not_ready"       // the store says that it cannot open
	KindCannotTell     Kind = "cannot_tell"     // it opens soon and cannot tell, or is still at work
	KindNoReport       Kind = "no_report"       // it is not heard, and its night should have been told by now
	KindFailed         Kind = "failed"          // a patch broke and was not taken back
	KindRollbackFailed Kind = "rollback_failed" // it was taken back without proof
	KindNoAnswer       Kind = "no_answer"       // a device fell silent in the middle of a patch, or is silent for days
	KindRolledBack     Kind = "rolled_back"     // a patch broke and was taken back with proof
	KindGap            Kind = "gap"             // events of the store are lost
	KindQuarantine     Kind = "quarantine"      // the store begins a patch nowhere any more
	KindAlert          Kind = "alert"           // the store wants a person for something else
	KindProposal       Kind = "proposal"        // a patch breaks too many stores: people decide about it
	KindException      Kind = "exception"       // an exception ends soon, has ended, or is to be reviewed
)

// Kinds returns every kind, the most urgent first.
func Kinds() []Kind {
	return []Kind{KindProposal, KindNotReady, KindRollbackFailed, KindFailed, KindNoAnswer, KindNoReport, KindCannotTell, KindAlert, KindQuarantine, KindRolledBack, KindGap, KindException}
}

// Word is the name of a kind as people read it.
func (k Kind) Word() string {
	return map[Kind]string{
		KindNotReady: "not ready", KindCannotTell: "cannot tell", KindNoReport: "no report", KindFailed: "failed", KindRollbackFailed: "rollback failed",
		KindNoAnswer: "no answer", KindRolledBack: "rolled back", KindGap: "gap in the history", KindQuarantine: "quarantine", KindAlert: "alert", KindProposal: "breaks stores", KindException: "exception",
	}[k]
}

// Urgency is how soon a person is needed.
type Urgency string

// The urgencies. A store with an item for now is in the bucket of those that need someone.
const (
	Now   Urgency = "now"   // the opening may be at risk
	Today Urgency = "today" // in working hours: the store trades as it is
)

// Item is one thing of one store that needs a person; without a store, of headquarters.
type Item struct {
	ID        string    `json:"id"` // stable for as long as it is the same thing
	Kind      Kind      `json:"kind"`
	Urgency   Urgency   `json:"urgency"`
	Store     string    `json:"store"`
	StoreName string    `json:"store_name"`
	Device    string    `json:"device,omitempty"`
	Patch     string    `json:"patch,omitempty"`
	Cause     string    `json:"cause"` // what is the same where the cause is the same
	Text      string    `json:"text"`
	Since     time.Time `json:"since,omitzero"`
	Owner     string    `json:"owner,omitempty"` // who took it on, else who owns the patch
	Next      time.Time `json:"next,omitzero"`   // when it is next told to somebody higher; zero: not any more, or not at all
	Tier      int       `json:"tier"`            // how often it was told to somebody higher already
	Acked     *Said     `json:"acked,omitempty"`
	Shelved   *Said     `json:"shelved,omitempty"`
}

// noAnswerDays is how long a device on which nothing was begun may be silent until it needs a person.
const noAnswerDays = 72 * time.Hour

// near is how long before it opens a store should know whether it can.
const near = time.Hour

// cannotOpen begins the text of a store that is not ready.
const cannotOpen = "The store cannot open: "

// finder gathers the items of one store.
type finder struct {
	board *board.Board
	store *board.Store
	o     Options
	row   Store
	night night
	items []Item
	named map[string]bool // devices that have an item for now
}

// itemsOf finds the items of a store. bad are its jobs that did not end well, in any order.
func itemsOf(b *board.Board, s *board.Store, o Options, row Store, n night, bad []match) []Item {
	f := &finder{board: b, store: s, o: o, row: row, night: n, named: map[string]bool{}}
	sortMatches(bad)
	for _, m := range bad {
		if !f.settledElsewhere(m.d, m.j) && !f.notDue(m.d, m.j) {
			f.job(m.d, m.j)
		}
	}
	f.readiness()
	f.report()
	f.quarantines()
	f.alerts()
	f.gaps()
	return f.items
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, board.CompareIDs)
	return keys
}

// add completes an item and keeps it. detail tells it from others of its kind in the store.
func (f *finder) add(i Item, detail ...string) {
	i.ID = strings.Join(append([]string{string(i.Kind), f.store.ID}, detail...), "/")
	i.Store, i.StoreName = f.store.ID, f.row.Name
	if p, ok := f.board.Patches[i.Patch]; ok {
		i.Owner = p.Owner
	}
	if kept, ok := f.o.Kept[i.ID]; ok {
		kept.onto(&i, f.o.Now)
	}
	i.escalate(f.o)
	if i.Urgency == Now && i.Device != "" {
		f.named[i.Device] = true
	}
	f.items = append(f.items, i)
}

// notDue reports whether a later look found that the device does not need the patch any more: it is
// there by another way, or a newer one took its place.
func (f *finder) notDue(d *board.Device, j *board.Job) bool {
	state, _, known := f.store.Standing(d, j.Patch)
	return known && state == site.NotDue
}

// settledElsewhere reports whether headquarters took the patch back, or excepted the device from it.
func (f *finder) settledElsewhere(d *board.Device, j *board.Job) bool {
	c := f.store.Catalog
	if _, gone := c.Withdrawn[j.Patch]; gone && j.State == site.RolledBack {
		return true
	}
	return slices.ContainsFunc(c.Exceptions, func(e site.Exception) bool {
		return e.Patch == j.Patch && f.o.Now.Before(e.Expires) && e.Covers(f.store.ID, d.ID, d.Now.Groups) && j.State == site.RolledBack
	})
}

func (f *finder) job(d *board.Device, j *board.Job) {
	i := Item{Device: d.ID, Patch: j.Patch, Since: j.At.Time(), Cause: cmp.Or(j.Signature, words(string(j.Code)), "no reason was told"), Urgency: Now}
	why := ""
	if j.FailedCode != "" {
		why = " with " + string(j.FailedCode)
	}
	switch j.State {
	case site.Failed:
		if f.goesOn(j) {
			return
		}
		i.Kind, i.Text = KindFailed, j.Patch+" failed on "+d.ID+why+" and was not taken back."
	case site.RollbackFailed:
		i.Kind, i.Text = KindRollbackFailed, j.Patch+" failed on "+d.ID+why+" and taking it back is not proven."
	case site.RolledBack:
		i.Kind, i.Urgency, i.Text = KindRolledBack, Today, j.Patch+" failed on "+d.ID+why+" and was taken back. The device works as before."
	case site.NoAnswer:
		if !f.silent(&i, d, j) {
			return
		}
	}
	f.add(i, d.ID, j.Patch)
}

// rollbackTime is how long after a failure its rollback may take.
const rollbackTime = 30 * time.Minute

// goesOn reports whether a failed job may still be taken back, or was, and headquarters has not heard
// of it: its night is not over, and the story of the store has not gone on for long enough since.
func (f *finder) goesOn(j *board.Job) bool {
	if _, over := f.store.Closed[j.Night.String()]; over {
		return false
	}
	at, told := j.At.Time(), j.At
	for _, d := range f.store.Devices {
		for _, other := range d.Jobs {
			if other.At.After(told) {
				told = other.At
			}
		}
	}
	heard := time.Time{}
	if stream := f.store.Stream(); stream != nil {
		heard = stream.Last
	}
	return told.Time().Sub(at) < rollbackTime && (f.o.Now.Sub(at) < rollbackTime || f.o.Now.Sub(heard) < rollbackTime/6)
}

// silent reports whether a silent device needs a person yet.
func (f *finder) silent(i *Item, d *board.Device, j *board.Job) bool {
	i.Kind, i.Cause = KindNoAnswer, "no answer"
	at, started := j.At.Time(), j.Started.Time()
	if !started.IsZero() && !started.After(at) && at.Sub(started) < 12*time.Hour {
		i.Cause += " after " + words(string(cmp.Or(j.Step, "install")))
		i.Text = d.ID + " does not answer since " + j.Patch + " was begun."
		return f.o.Now.Sub(at) >= grace
	}
	i.Urgency, i.Cause = Today, "no answer for days"
	if seen := d.Now.SeenAt; !d.Now.Answers && seen.Before(at) && !seen.IsZero() {
		i.Since = seen
	}
	i.Text = d.ID + " does not answer; nothing was begun on it."
	return f.o.Now.Sub(i.Since) >= noAnswerDays
}

// readiness finds a store that is not ready, or does not know shortly before it opens.
func (f *finder) readiness() {
	switch f.row.Opening.Answer {
	case OpensNotReady:
		codes, text := []string{}, f.row.Opening.Text
		for _, x := range f.store.Ready.Fix {
			if x.BlocksTrading && !slices.Contains(codes, x.Code) {
				codes = append(codes, x.Code)
			}
		}
		if len(f.store.Ready.Fix) > 0 {
			text = f.store.Ready.Fix[0].What
		}
		slices.Sort(codes)
		f.add(Item{Kind: KindNotReady, Urgency: Now, Cause: cmp.Or(strings.Join(codes, ", "), "not ready"), Text: cannotOpen + text, Since: f.verdictSince()})
	case OpensUnsure:
		left := f.row.Opens.Sub(f.o.Now)
		again := left - 24*time.Hour // it opened less than two hours ago, and tells of its next opening already
		atWork := f.row.Verdict == site.Working
		if atWork && f.o.Now.Before(f.night.closes) || f.row.Contact.State != Live || f.row.Opens.IsZero() || !(left >= 0 && left <= near || again <= 0 && again >= -2*time.Hour) {
			return
		}
		cause := "cannot tell"
		if atWork {
			cause = "still at work"
		}
		f.add(Item{Kind: KindCannotTell, Urgency: Now, Cause: cause, Text: "The store opens soon and does not know whether it can: " + f.row.Opening.Text, Since: f.verdictSince()})
	}
}

// verdictSince is since when the word of the store is what it is, as far as that was told.
func (f *finder) verdictSince() time.Time {
	if f.store.VerdictAt.IsZero() || f.store.Verdict.Verdict != f.row.Verdict {
		return f.store.Ready.AsOf
	}
	return f.store.VerdictAt
}

// report finds a store that says nothing although its night should have been told by now. Where
// headquarters itself has been deaf since before then, nothing can be said of the store.
func (f *finder) report() {
	if c := f.row.Contact.State; c != Late && c != Lost || f.night.stage != due && f.night.stage != open {
		return
	}
	at := deadline(f.store, f.night, f.row.Loc)
	if f.o.heard().Before(at) {
		return
	}
	text := fmt.Sprintf("No report of the night of %s: nothing was heard since %s. Nothing is known to have failed.", f.night.date, Clock(f.row.Contact.Heard, f.o.Now, f.row.Loc))
	f.add(Item{Kind: KindNoReport, Urgency: Now, Cause: "no report", Text: text, Since: at}, f.night.date)
}

func (f *finder) quarantines() {
	for _, id := range sortedKeys(f.store.Quarantines) {
		q := f.store.Quarantines[id]
		why := ""
		if q.Reason != nil {
			why = ": " + q.Reason.Text
		}
		f.add(Item{Kind: KindQuarantine, Urgency: Today, Patch: id, Cause: "quarantine of " + id, Text: id + " is begun nowhere in this store any more" + why + ".", Since: q.Since}, id)
	}
}

// alerts finds what the store wants a person for and no other item tells.
func (f *finder) alerts() {
	for _, code := range sortedKeys(f.store.Alerts) {
		a := f.store.Alerts[code]
		if a.BlocksTrading && f.row.Opening.Answer == OpensNotReady || a.Device != "" && f.named[a.Device] {
			continue
		}
		i := Item{Kind: KindAlert, Urgency: Today, Device: a.Device, Cause: code, Text: a.Text, Since: a.Since}
		if a.BlocksTrading {
			i.Urgency = Now
		}
		if a.Ack != nil {
			i.Text += " Taken on in the store by " + a.Ack.Actor + "."
		}
		f.add(i, code)
	}
}

// gaps finds events that are lost for good.
func (f *finder) gaps() {
	for _, st := range f.store.Streams {
		n := uint64(0)
		for _, span := range st.Lost {
			n += span.To - span.From + 1
		}
		if n > 0 {
			text := fmt.Sprintf("%d events of this store are lost: the store does not have them any more.", n)
			if n == 1 {
				text = "1 event of this store is lost: the store does not have it any more."
			}
			f.add(Item{Kind: KindGap, Urgency: Today, Cause: "events are lost", Text: text, Since: st.Last}, fmt.Sprintf("%d", st.No), fmt.Sprint(n))
		}
	}
}
