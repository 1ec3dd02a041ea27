// Package tzdata holds the IANA time zone data that Nightfill goes by, inside the program, so
// that every box and every simulation agrees on when 23:00 is. It never looks at the
// zone data of the machine it runs on. scripts/update-tzdata renews it.
package tzdata

import (
	"archive/zip"
	"bytes"
	_ "embed" // the data is part of the program
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

//go:embed zoneinfo.zip
var archive string

//go:embed VERSION
var version string

// Version returns the release of the IANA data, for example "2025c".
func Version() string { return strings.TrimSpace(version) }

// Load returns the time zone with this IANA name, for example "America/Chicago". A name
// that is none is refused with the names that were perhaps meant; so are the empty
// name and "Local", which mean whatever a box believes. Two calls return two Locations
// that compare different but tell the same time.
func Load(name string) (*time.Location, error) {
	switch name {
	case "":
		return nil, fmt.Errorf("no time zone is named: write the store's, for example America/Chicago")
	case "Local":
		return nil, fmt.Errorf("the time zone Local is whatever a box believes: write the store's, for example America/Chicago")
	case "Factory":
		return nil, fmt.Errorf("the time zone Factory means that none was set: write the store's, for example America/Chicago")
	}
	zones, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("cannot read the time zone data of this program: %v", err)
	}
	at := slices.IndexFunc(zones.File, func(f *zip.File) bool { return f.Name == name && !f.FileInfo().IsDir() })
	if at < 0 {
		return nil, unknown(name, zones.File)
	}
	data, err := read(zones.File[at])
	if err != nil {
		return nil, fmt.Errorf("cannot read the time zone %s in the data of this program: %v", name, err)
	}
	return time.LoadLocationFromTZData(name, data)
}

func read(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	_, err = io.Copy(&data, r)
	return data.Bytes(), err
}

func unknown(name string, zones []*zip.File) error {
	var names []string
	for _, f := range zones {
		if !f.FileInfo().IsDir() {
			names = append(names, f.Name)
		}
	}
	near := nearest(name, names)
	if len(near) == 0 {
		return fmt.Errorf("no time zone is called %q: write a name of the IANA list, for example America/Chicago", name)
	}
	return fmt.Errorf("no time zone is called %q; did you mean %s?", name, strings.Join(near, " or "))
}
