// Package printout writes answers of a daemon for people: lines, tables, times of the store's clock, and colours where
// somebody wants them. What comes from a device cannot draw on the terminal. It knows no command.
package printout

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/nightfill/nightfill/site"
)

// Printer writes for people, in the time of the store.
type Printer struct {
	*bytes.Buffer
	Zone    *time.Location // of the store
	Columns int            // of the terminal, for tables to fit; 0 = they are as wide as they need to be
	colour  bool
}

// New makes a printer for people in a zone, who see colours or do not. It holds what is written until it is taken.
func New(zone *time.Location, colour bool) *Printer {
	return &Printer{Buffer: &bytes.Buffer{}, Zone: zone, colour: colour}
}

// Line writes a line. Texts among args cannot break it, nor draw on the terminal.
func (p *Printer) Line(format string, args ...any) {
	args = slices.Clone(args)
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = p.safe(s)
		}
	}
	fmt.Fprintf(p, format+"\n", args...)
}

// paints are the sequences that Paint writes.
var paints = regexp.MustCompile("\x1b\\[(0|1|1;31|32|36)m")

// safe is Clean for a text that may be painted.
func (p *Printer) safe(s string) string {
	if !p.colour {
		return Clean(s)
	}
	var b strings.Builder
	last := 0
	for _, at := range paints.FindAllStringIndex(s, -1) {
		b.WriteString(Clean(s[last:at[0]]) + s[at[0]:at[1]])
		last = at[1]
	}
	return b.String() + Clean(s[last:])
}

// Tone is how much a word is to be seen.
type Tone int

// Without a tone, text is as the terminal has it.
const (
	plain   Tone = iota
	Good         // all is well
	Bad          // somebody must look
	Busy         // something is under way
	Heading      // what follows is about this
)

// Paint colours a text where colours are wanted.
func (p *Printer) Paint(t Tone, text string) string {
	code := map[Tone]string{Good: "32", Bad: "1;31", Busy: "36", Heading: "1"}[t]
	if !p.colour || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Cell is one cell of a table.
type Cell struct {
	Text string
	tone Tone
}

// Table writes rows under a heading, with columns as wide as they need to be. Line breaks in a cell become spaces. On
// a terminal that is narrower, the last column is wrapped, or the widest ones stand below their row.
func (p *Printer) Table(head []string, rows [][]Cell) {
	first := make([]Cell, len(head))
	for i, h := range head {
		first[i] = Cell{h, Heading}
	}
	rows = append([][]Cell{first}, rows...)
	widths := make([]int, len(head))
	for _, row := range rows {
		for i := range row {
			row[i].Text = Clean(strings.Join(strings.Fields(row[i].Text), " "))
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].Text))
		}
	}
	folded, last := p.below(widths)
	for _, row := range rows {
		p.fold(head, row, widths, folded, last)
	}
}

// row writes one line of a table.
func (p *Printer) row(row []Cell, widths []int) {
	var b strings.Builder
	for i, c := range row {
		b.WriteString(p.Paint(c.tone, c.Text))
		if !rest(row, i+1) {
			break
		}
		b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.Text)+between))
	}
	p.Line("%s", b.String())
}

// rest reports whether anything is written in the row from the column on.
func rest(row []Cell, from int) bool {
	for _, c := range row[from:] {
		if c.Text != "" {
			return true
		}
	}
	return false
}

// Next suggests commands. Twice the same is said once.
func (p *Printer) Next(commands ...string) {
	if len(commands) == 0 {
		return
	}
	seen := map[string]bool{}
	p.Line("\nNext:")
	for _, c := range commands {
		if !seen[c] {
			p.Line("  %s", c)
		}
		seen[c] = true
	}
}

// Moment writes a date and a time of the store's clock.
func (p *Printer) Moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(p.Zone).Format("2006-01-02 15:04")
}

// Clock writes a time of day, for where the date is clear.
func (p *Printer) Clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(p.Zone).Format("15:04")
}

// Length writes a length of time without units that say nothing: 48s, 10m, 1h30m.
func Length(d site.Duration) string {
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

// Reason writes why, with the code that machines and the phone use.
func Reason(r *site.Reason) string {
	if r == nil {
		return ""
	}
	return Clean(fmt.Sprintf("%s [%s]", r.Text, r.Code))
}

// Words writes a state for people.
func Words[S ~string](state S) string { return strings.ReplaceAll(string(state), "_", " ") }

// ToneOf is how much a state is to be seen.
func ToneOf(s site.State) Tone {
	switch s {
	case site.Done:
		return Good
	case site.Failed, site.RollbackFailed, site.NoAnswer, site.RolledBack:
		return Bad
	case site.Fetching, site.Installing, site.Restarting, site.Verifying:
		return Busy
	}
	return plain
}

// State is the cell of a state.
func State(s site.State) Cell { return Toned(ToneOf(s), Words(s)) }

// Toned is a cell that is to be seen as much as t says.
func Toned(t Tone, text string) Cell { return Cell{text, t} }

// Text is a cell without a tone.
func Text(format string, args ...any) Cell { return Cell{Text: fmt.Sprintf(format, args...)} }

// Or is the text, or what stands in its place when there is none.
func Or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// Count writes a number of things: "1 patch", "2 patches".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// MaxAdvice is how many devices are named in suggestions.
const MaxAdvice = 5

// Size writes a number of bytes.
func Size(n int64) string {
	for _, u := range []struct {
		of   int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.of {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/float64(u.of)), ".0") + " " + u.name
		}
	}
	return fmt.Sprintf("%d B", n)
}

// Why writes a reason, and below it the facts that decided it.
func (p *Printer) Why(name string, r *site.Reason) {
	if r == nil {
		return
	}
	p.Line("%s%s", name, Reason(r))
	for _, key := range slices.Sorted(maps.Keys(r.Facts)) {
		p.Line("%s  %s: %s", strings.Repeat(" ", len(name)), key, Clean(r.Facts[key]))
	}
}

// Clean leaves out control characters and what turns the direction of writing, so that what a device prints or a person
// wrote cannot draw on the terminal. Line breaks and tabs become spaces.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
}

// Coloured reports whether w is a terminal of somebody who wants colours.
func Coloured(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// Counts writes how many are in which state, the gravest first.
func Counts(states map[site.State]int) string {
	order := []site.State{
		site.RollbackFailed, site.Failed, site.NoAnswer, site.RolledBack, site.Skipped, site.Held, site.Installing, site.Restarting,
		site.Verifying, site.Fetching, site.Waiting, site.Staged, site.Queued, site.Done, site.NotDue,
	}
	var parts []string
	for _, s := range order {
		if states[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", states[s], Words(s)))
		}
	}
	if len(parts) == 0 {
		return "nothing was due"
	}
	return strings.Join(parts, ", ")
}
