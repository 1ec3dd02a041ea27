// Package dossier writes the front page of an evidence pack, of one store or of many, for paper, and its tables, for
// spreadsheets. It turns plain values into bytes, the same for the same values. The page stands by
// itself: no script, nothing from elsewhere but links to files of the same pack.
//
// It decides nothing and leaves nothing out.
package dossier

import (
	"bytes"
	"embed"
	"html/template"
	"strings"
	"time"
)

//go:embed page.html fleet.html look.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html", "look.html"))

// Dossier is what the front page tells.
type Dossier struct {
	Org, Store, Name string
	From, To         string         // the nights
	Zone             *time.Location // of the store; nil = UTC
	AsOf             time.Time      // all of this is what was known then
	By               string         // who asked for it
	Version          string         // of the program
	Stream           string         // of the journal
	First, Last      uint64         // the records
	Before, Head     string         // the hashes before the first record and of the last
	Nights           []Night
	Lines            []Line
	Approvals        []Approval
	Exceptions       []Exception
	Actions          int // what people did
	Recordings       int
	Missing          []Missing
}

// Night is one night and the file that tells all of it.
type Night struct{ Night, Sentence, File string }

// Line is one patch on one device.
type Line struct {
	Device, Patch, Title, Severity, State, Code, Before, After, Change, Proof string
	Verified                                                                  time.Time // zero = never
	Seq                                                                       uint64
	Good, Bad                                                                 bool // how much a person has to know of it
}

// Approval is who answers for a patch.
type Approval struct {
	Patch, Change, Reason, Impact, Tested, Backout, By string
	Lacks                                              string // which of the six fields are empty
	Met                                                bool   // enough keys signed
}

// Exception is what headquarters excepted.
type Exception struct{ Patch, Scope, Owner, Reason, Expires string }

// Missing is what the pack does not hold, and why.
type Missing struct{ What, Why string }

// HTML writes the page. It prints on A4, in grey too.
func HTML(d Dossier) ([]byte, error) {
	var b bytes.Buffer
	if err := page.Execute(&b, d); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Known tells of which moment the page speaks.
func (d Dossier) Known() string { return d.moment(d.AsOf) }

// Proven is how many of the lines are proven.
func (d Dossier) Proven() int { return d.count(func(l Line) bool { return l.Good }) }

// Wrong is how many of the lines need a person.
func (d Dossier) Wrong() int { return d.count(func(l Line) bool { return l.Bad }) }

func (d Dossier) count(which func(Line) bool) int {
	n := 0
	for _, l := range d.Lines {
		if which(l) {
			n++
		}
	}
	return n
}

// When writes the moment of a proof.
func (d Dossier) When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(d.zone()).Format("2006-01-02 15:04")
}

// Words writes a state for people.
func (d Dossier) Words(state string) string { return strings.ReplaceAll(state, "_", " ") }

func (d Dossier) moment(t time.Time) string { return t.In(d.zone()).Format("2006-01-02 15:04:05 MST") }

// ZoneName is the name of the store's time zone.
func (d Dossier) ZoneName() string { return d.zone().String() }

func (d Dossier) zone() *time.Location {
	if d.Zone == nil {
		return time.UTC
	}
	return d.Zone
}
