package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"time"
)

//go:embed page.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// HTML writes the page: the sentence, the picture, what needs a person, every device, every patch.
// It prints on A4, in grey too.
func HTML(r Report) ([]byte, error) {
	v := sheet{Report: r, Sum: r.Sentence(), Picture: template.HTML(r.Chart)}
	for _, d := range r.Devices {
		line := deviceLine{Device: d, Look: lookOf(d.Tone, d.State), At: r.clock(d.Since)}
		if d.Tone >= Back {
			v.Need = append(v.Need, line)
		}
		v.All = append(v.All, line)
	}
	for _, row := range r.Rows {
		line := rowLine{Row: row, Look: lookOf(row.Tone, row.State), At: r.clock(row.Since), Time: length(row.Took), Proof: r.clock(row.Verified)}
		switch {
		case row.Patch == "":
		case row.State == notDue:
			v.NotDue = append(v.NotDue, line)
		default:
			v.Patches = append(v.Patches, line)
		}
	}
	slices.SortStableFunc(v.Need, func(a, b deviceLine) int { return int(b.Tone - a.Tone) })
	for _, c := range r.Checks {
		v.Compared = append(v.Compared, checkLine{c, lookOf(c.Tone, c.Last), words(c.Before), words(c.AtClose)})
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// sheet is what the page shows.
type sheet struct {
	Report
	Sum      string
	Picture  template.HTML
	Need     []deviceLine
	All      []deviceLine
	Patches  []rowLine
	NotDue   []rowLine
	Compared []checkLine
}

// notDue is the state of what is shown apart, since it is long and asks for nothing.
const notDue = "not_due"

// When tells from when to when the night went, and its window.
func (s sheet) When() string {
	text := "Opened " + s.Opened.In(s.zone()).Format("2006-01-02 15:04")
	if s.Closed.IsZero() {
		text += ", not closed"
	} else {
		text += ", closed " + s.Closed.In(s.zone()).Format("15:04")
	}
	if s.Passes > 1 {
		text += fmt.Sprintf(", %d passes", s.Passes)
	}
	return text + ". Window " + s.clock(s.Opens) + " to " + s.clock(s.Closes) + ", cut-off " + s.clock(s.Cutoff) + ". All times: " + s.zone().String() + "."
}

// Known tells of which moment the page speaks.
func (s sheet) Known() string { return s.AsOf.In(s.zone()).Format("2006-01-02 15:04:05 MST") }

type look struct{ Class, Sign, Word string }

func lookOf(t Tone, state string) look { return look{t.class(), t.sign(), words(state)} }

type deviceLine struct {
	Device
	Look look
	At   string
}

type checkLine struct {
	Check
	Look           look
	Was, WhenEnded string
}

type rowLine struct {
	Row
	Look            look
	At, Time, Proof string
}

func (r Report) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(r.zone()).Format("15:04")
}

func length(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
