package ready

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/ready/words"
)

// maxTouch is how many devices that must be left alone are named.
const maxTouch = 8

// openItems is how many findings of a kind are shown before the rest is folded away.
const openItems = 3

// view is everything that the page shows, ready for the template.
type view struct {
	W            *words.Language
	Word         string
	Look         look
	Icon         template.URL
	Title        string
	Store        string
	Text, Advice string
	Asked        bool
	Fix, Know    group
	Tonight      *ready.Notice
	Skip         string // the text of the link to the form that stops the night; "" = there is none
	Touch        []ready.Untouchable
	TouchMore    string
	Hand         *help
	Contacts     []help // with a phone
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
	kind
	Languages []link
	Query     string // of this page, to keep its kind: "?kiosk=1"
	Poll      string
	Size      string // link to the other size
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
	W                 *words.Language
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

// kind is the kind of page that the query of a request asks for.
type kind struct {
	Kiosk, Big bool
	Lang       string // "" = that of the store
}

// query is the kind as the query of a link, "" for the plain page.
func (k kind) query() string {
	var q []string
	if k.Kiosk {
		q = append(q, "kiosk=1")
	}
	if k.Big {
		q = append(q, "big=1")
	}
	if k.Lang != "" {
		q = append(q, "lang="+k.Lang)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + strings.Join(q, "&")
}

// link leads to the page in one language.
type link struct{ Href, Tag, Name string }

// newView lays out a report. now is in the zone of the store.
func (o Options) newView(r ready.Report, now time.Time, k kind, asked bool) view {
	w := words.For(r.Language)
	l, lost := lookOf(r.Verdict), lookOf(site.CannotTell)
	clock := func(t time.Time) string { return w.Clock(t.In(now.Location()), now) }
	v := view{
		W: w, Word: w.Word(r.Verdict), Look: l, Icon: l.icon(), Store: o.Store, Text: r.Text,
		Asked: asked, Button: o.Check != nil && !k.Kiosk, kind: k,
		Fix:      newGroup(w, "red", w.Say("fix_first"), w.Say("stays_red"), r.Fix, clock),
		Know:     newGroup(w, "amber", w.Say("to_know"), w.Say("stays"), r.Notes, clock),
		LostWord: w.Word(site.CannotTell), LostLook: lost, LostIcon: lost.icon(),
		Working: append(abilities(w, r.Capabilities), r.Working...), Printed: w.Say("printed", "at", now.Format("15:04")),
	}
	v.Tonight, v.Touch = r.Tonight, r.DoNotTouch[:min(len(r.DoNotTouch), maxTouch)]
	if n := len(r.DoNotTouch) - maxTouch; n > 0 {
		v.TouchMore = w.Count("more", n)
	}
	for _, c := range o.Contacts {
		if c.Phone != "" {
			v.Contacts = append(v.Contacts, help{Call: c.Name, Phone: c.Phone})
		}
	}
	if o.NotTonight != nil && !k.Kiosk {
		switch skip := o.NotTonight.State(); {
		case skip.CanUndo:
			v.Skip = w.Say("skip_undo")
		case skip.CanStop && r.Tonight != nil:
			v.Skip = w.Say("skip")
		}
	}
	v.Title = v.Word + " - " + w.Say("store") + " " + o.Store
	v.LostTitle = v.LostWord + " - " + w.Say("store") + " " + o.Store
	v.WorkingHead = w.Say("working", "ok", strconv.Itoa(r.Checks.OK), "n", strconv.Itoa(r.Checks.Total))
	box := w.Finding(ready.CodeBox, "at", clock(r.AsOf))
	v.LostText = box.What
	v.Lost = help{Head: w.Say("do_this"), Steps: box.Steps, Call: o.Call, Phone: o.Phone, Code: ready.CodeBox, W: w}
	switch r.Verdict {
	case site.Working:
		v.Advice = w.Say("no_switch")
	case site.CannotTell:
		hand := w.Finding(codeUnsure)
		v.Hand = &help{Head: hand.What, Steps: hand.Steps, Call: o.Call, Phone: o.Phone, Code: codeUnsure, W: w}
	}
	if !r.AsOf.IsZero() {
		v.Checked = w.Say("checked", "at", clock(r.AsOf))
		v.LostText += " " + box.SoWhat
	}
	if o.Next != nil {
		if next := o.Next(); next.After(now) {
			v.Checked = strings.TrimSpace(v.Checked + " " + w.Say("next", "at", clock(next)))
		}
	}
	v.links()
	return v
}

// codeUnsure is what to say on the phone when the box does not know, as opposed to one thing that failed.
const codeUnsure = "BOX-2"

// links fills in where the page leads, each to the same kind of page.
func (v *view) links() {
	other := v.kind
	other.Big = !v.Big
	v.Query, v.Size = v.kind.query(), "/"+other.query()
	v.Poll = "/ready?fragment=1"
	if v.Query != "" {
		v.Poll += "&" + v.Query[1:]
	}
	for _, l := range words.Languages() {
		if l.Tag != v.W.Tag {
			other := v.kind
			other.Lang = l.Tag
			v.Languages = append(v.Languages, link{"/" + other.query(), l.Tag, l.Name})
		}
	}
}

func newGroup(w *words.Language, class, head, stays string, findings []ready.Finding, clock func(time.Time) string) group {
	g := group{Class: class, Head: head}
	for i, f := range findings {
		it := item{Finding: f, Stays: stays}
		if !f.Since.IsZero() && !strings.Contains(f.What, clock(f.Since)) {
			it.Since = w.Say("since_at", "at", clock(f.Since))
		}
		it.Help = help{Call: f.Call, Phone: f.Phone, Code: f.Code, W: w}
		if i < openItems {
			g.Open = append(g.Open, it)
		} else {
			g.Rest = append(g.Rest, it)
		}
	}
	if len(g.Rest) > 0 {
		g.More = w.Count("more", len(g.Rest))
	}
	return g
}

func abilities(w *words.Language, all []ready.Capability) []string {
	var lines []string
	for _, c := range all {
		name, key := strings.NewReplacer("-", " ", "_", " ").Replace(c.Name), "able"
		if c.Floor > 0 {
			key = "able_floor"
		}
		lines = append(lines, w.Say(key, "name", strings.ToUpper(name[:1])+name[1:], "works", strconv.Itoa(c.Working), "n", strconv.Itoa(c.Total), "floor", strconv.Itoa(c.Floor)))
	}
	return lines
}
