package storecmd

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// printer writes for people, in the time of the store.
type printer struct {
	*bytes.Buffer
	zone   *time.Location
	colour bool
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// tone is how much a word is to be seen.
type tone int

const (
	plain tone = iota
	good
	bad
	busy
	heading
)

// paint colours a text where colours are wanted.
func (p *printer) paint(t tone, text string) string {
	code := map[tone]string{good: "32", bad: "1;31", busy: "36", heading: "1"}[t]
	if !p.colour || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// cell is one cell of a table.
type cell struct {
	text string
	tone tone
}

// table writes rows under a heading, with columns as wide as they need to be. Line breaks in
// a cell become spaces.
func (p *printer) table(head []string, rows [][]cell) {
	first := make([]cell, len(head))
	for i, h := range head {
		first[i] = cell{h, heading}
	}
	rows = append([][]cell{first}, rows...)
	widths := make([]int, len(head))
	for _, row := range rows {
		for i := range row {
			row[i].text = clean(strings.Join(strings.Fields(row[i].text), " "))
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, c := range row {
			b.WriteString(p.paint(c.tone, c.text))
			if !rest(row, i+1) {
				break
			}
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
		}
		p.line("%s", b.String())
	}
}

// rest reports whether anything is written in the row from the column on.
func rest(row []cell, from int) bool {
	for _, c := range row[from:] {
		if c.text != "" {
			return true
		}
	}
	return false
}

// next suggests commands. Twice the same is said once.
func (p *printer) next(commands ...string) {
	if len(commands) == 0 {
		return
	}
	seen := map[string]bool{}
	p.line("\nNext:")
	for _, c := range commands {
		if !seen[c] {
			p.line("  %s", c)
		}
		seen[c] = true
	}
}

// moment writes a date and a time of the store's clock.
func (p *printer) moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(p.zone).Format("2006-01-02 15:04")
}

// clock writes a time of day, for where the date is clear.
func (p *printer) clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(p.zone).Format("15:04")
}

// length writes a length of time without units that say nothing: 48s, 10m, 1h30m.
func length(d site.Duration) string {
	v := d.Std()
	switch {
	case v >= time.Second:
		v = v.Round(time.Second)
	case v > 0:
		return v.Round(time.Millisecond).String()
	}
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// reason writes why, with the code that machines and the phone use.
func reason(r *site.Reason) string {
	if r == nil {
		return ""
	}
	return clean(fmt.Sprintf("%s [%s]", r.Text, r.Code))
}

// words writes a state for people.
func words[S ~string](state S) string { return strings.ReplaceAll(string(state), "_", " ") }

// toneOf is how much a state is to be seen.
func toneOf(s site.State) tone {
	switch s {
	case site.Done:
		return good
	case site.Failed, site.RollbackFailed, site.NoAnswer, site.RolledBack:
		return bad
	case site.Fetching, site.Installing, site.Restarting, site.Verifying:
		return busy
	}
	return plain
}

func state(s site.State) cell { return cell{words(s), toneOf(s)} }

func text(format string, args ...any) cell { return cell{text: fmt.Sprintf(format, args...)} }

// leftOut writes what a night leaves out, by reason; what was not due only when all is wanted.
func (p *printer) leftOut(report plan.Report, all bool) {
	groups, notDue := control.Grouped(report)
	if len(groups) > 0 {
		p.line("\n%s", p.paint(heading, "Left out:"))
	}
	for _, g := range groups {
		p.group(words(g.Code), g.Items)
	}
	switch {
	case len(notDue) > 0 && all:
		p.line("\n%s", p.paint(heading, "Not due:"))
		p.items(notDue)
	case len(notDue) > 0:
		p.line("\n%d not due; --all shows them.", len(notDue))
	}
}

func (p *printer) group(name string, items []plan.LeftOut) {
	p.line("  %s (%d)", name, len(items))
	p.items(items)
}

func (p *printer) items(items []plan.LeftOut) {
	width := 0
	for _, l := range items {
		width = max(width, utf8.RuneCountInString(what(l)))
	}
	for _, l := range items {
		p.line("    %-*s  %s", width, what(l), reason(l.Reason))
	}
}

// what names what was left out.
func what(l plan.LeftOut) string {
	switch {
	case l.Device == "" && l.Patch == "":
		return "the store"
	case l.Patch == "":
		return l.Device
	case l.Device == "":
		return l.Patch
	}
	return l.Device + " " + l.Patch
}
