package ready

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// openItems is how many findings of a kind are shown before the rest is folded away.
const openItems = 3

// view is everything that the page shows, ready for the template.
type view struct {
	W            words
	Word         string
	Look         look
	Icon         template.URL
	Title        string
	Store        string
	Text, Advice string
	Asked        bool
	Fix, Know    group
	Hand         *help
	Lost         help
	LostText     string
	LostWord     string
	LostLook     look
	LostIcon     template.URL
	LostTitle    string
	WorkingHead  string
	Working      []string
	Checked      string
	Printed      string
	Button       bool
	Kiosk, Big   bool
	Query        string // of this page, to keep its kind: "?kiosk=1"
	Poll         string
	Size         string // link to the other size
}

// group is the findings of one colour.
type group struct {
	Class, Head string
	Open, Rest  []item
	More        string
}

// item is one finding.
type item struct {
	ready.Finding
	Since string
	Stays string
	Help  help
}

// help is what to do when nothing else helped.
type help struct {
	Head              string
	Steps             []string
	Call, Phone, Code string
	W                 words
}

// Tel is the number as a telephone dials it.
func (h help) Tel() string {
	return strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, h.Phone)
}

// newView lays out a report. now is in the zone of the store.
func (o Options) newView(r ready.Report, now time.Time, kiosk, big, asked bool) view {
	w := english()
	l, lost := lookOf(r.Verdict), lookOf(site.CannotTell)
	clock := func(t time.Time) string { return ready.Clock(t.In(now.Location()), now) }
	v := view{
		W: w, Word: ready.Word(r.Verdict), Look: l, Icon: l.icon(), Store: o.Store, Text: r.Text, Advice: w.advice(r.Verdict),
		Asked: asked, Button: o.Check != nil && !kiosk, Kiosk: kiosk, Big: big,
		Fix:      newGroup(w, "red", w.Fix, w.Stays, r.Fix, clock),
		Know:     newGroup(w, "amber", w.Know, w.StaysNote, r.Notes, clock),
		LostWord: ready.Word(site.CannotTell), LostLook: lost, LostIcon: lost.icon(), LostText: w.LostText,
		Lost:    help{Head: w.Do, Steps: w.LostSteps, Call: o.Call, Phone: o.Phone, Code: w.LostCode, W: w},
		Working: append(abilities(w, r.Capabilities), r.Working...), Printed: fmt.Sprintf(w.Printed, now.Format("15:04")),
	}
	v.Title = v.Word + " - " + w.Store + " " + o.Store
	v.LostTitle = v.LostWord + " - " + w.Store + " " + o.Store
	v.WorkingHead = fmt.Sprintf(w.Working, r.Checks.OK, r.Checks.Total)
	if r.Verdict == site.CannotTell {
		v.Hand = &help{Head: w.Hand, Steps: w.HandSteps, Call: o.Call, Phone: o.Phone, Code: codeUnsure, W: w}
	}
	if !r.AsOf.IsZero() {
		v.Checked = fmt.Sprintf(w.Checked, clock(r.AsOf))
		v.LostText += " " + fmt.Sprintf(w.LostFrom, clock(r.AsOf))
	}
	if o.Next != nil {
		if next := o.Next(); next.After(now) {
			v.Checked = strings.TrimSpace(v.Checked + " " + fmt.Sprintf(w.Next, clock(next)))
		}
	}
	v.links()
	return v
}

func (v *view) links() {
	query := func(big bool) string {
		var q []string
		if v.Kiosk {
			q = append(q, "kiosk=1")
		}
		if big {
			q = append(q, "big=1")
		}
		if len(q) == 0 {
			return ""
		}
		return "?" + strings.Join(q, "&")
	}
	v.Query, v.Size = query(v.Big), "/"+query(!v.Big)
	v.Poll = "/ready?fragment=1"
	if v.Query != "" {
		v.Poll += "&" + v.Query[1:]
	}
}

func newGroup(w words, class, head, stays string, findings []ready.Finding, clock func(time.Time) string) group {
	g := group{Class: class, Head: head}
	for i, f := range findings {
		it := item{Finding: f, Stays: stays}
		if !f.Since.IsZero() && !strings.Contains(f.What, clock(f.Since)) {
			it.Since = w.Since + " " + clock(f.Since)
		}
		it.Help = help{Call: f.Call, Phone: f.Phone, Code: f.Code, W: w}
		if i < openItems {
			g.Open = append(g.Open, it)
		} else {
			g.Rest = append(g.Rest, it)
		}
	}
	if len(g.Rest) > 0 {
		g.More = fmt.Sprintf(w.More, len(g.Rest))
	}
	return g
}

func abilities(w words, all []ready.Capability) []string {
	var lines []string
	for _, c := range all {
		name := strings.NewReplacer("-", " ", "_", " ").Replace(c.Name)
		line := fmt.Sprintf(w.Able, strings.ToUpper(name[:1])+name[1:], c.Working, c.Total)
		if c.Floor > 0 {
			line += ", " + fmt.Sprintf(w.Needed, c.Floor)
		}
		lines = append(lines, line)
	}
	return lines
}
