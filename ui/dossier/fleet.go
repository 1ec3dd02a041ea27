package dossier

import (
	"bytes"
	"html/template"
	"time"
)

var fleetPage = template.Must(template.ParseFS(files, "fleet.html", "look.html"))

// Fleet is what the front page of a pack of many stores tells.
type Fleet struct {
	Org                   string
	From, To              string    // the nights
	AsOf                  time.Time // all of this is what was known then
	By                    string    // who asked for it
	Version               string    // of the program
	Stores                []FleetStore
	Rows                  int     // patches on devices
	Results               []Count // of them
	Exceptions            []Exception
	DeedsFirst, DeedsLast int64
	Deeds                 int
	DeedsHead             string // hash of the last one
	Missing               []Missing
}

// FleetStore is the pack of one store.
type FleetStore struct {
	Store, Name, File string
	Nights            int
	First, Last       uint64 // records
	Missing           int
	AsOf              time.Time // of its newest record; zero = not known
	Head              string    // hash of the last record
}

// Count is how many there are of something.
type Count struct {
	Name string
	N    int
}

// FleetHTML writes the page. It prints on A4, in grey too.
func FleetHTML(f Fleet) ([]byte, error) {
	var b bytes.Buffer
	if err := fleetPage.Execute(&b, f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// When writes a moment in UTC.
func (f Fleet) When(t time.Time) string { return Dossier{}.When(t) }

// Known tells of which moment the page speaks.
func (f Fleet) Known() string { return Dossier{}.moment(f.AsOf) }

// Words writes a result for people.
func (f Fleet) Words(result string) string { return Dossier{}.Words(result) }

// Short is enough of a hash to compare two of them by eye.
func (f Fleet) Short(hash string) string { return hash[:min(len(hash), 16)] }

// Nights is how many nights all stores tell together.
func (f Fleet) Nights() int {
	n := 0
	for _, s := range f.Stores {
		n += s.Nights
	}
	return n
}
