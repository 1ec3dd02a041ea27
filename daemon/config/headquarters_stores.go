package config

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxListed is how many stores a list may have.
const maxListed = 100_000

// stores reads the list of stores, or the name of a CSV file that holds it.
func (f *hqFile) stores(v value) {
	if _, isList := v.node.(*ast.SequenceNode); !isList {
		var path string
		f.path(&path)(v)
		if path == "" {
			return
		}
		list, err := ReadStores(path)
		if err != nil {
			f.fail(v, err.Error(), "write a file with the columns id, name and region")
		}
		f.Stores, f.StoresFile = list, path
		return
	}
	seen := map[string]place{}
	f.each(v, func(v value) {
		var s ExpectedStore
		f.object(v, need("id", `"0142"`, func(v value) { s.ID, _ = f.name(v) }), may("name", f.into(&s.Name)), may("region", f.into(&s.Region)))
		if first, twice := seen[s.ID]; twice && s.ID != "" {
			f.fail(v, "store "+s.ID+" is there twice, the first time in line "+strconv.Itoa(first.line), "keep one of them")
		}
		seen[s.ID] = v.at
		f.Stores = append(f.Stores, s)
	})
}

// ReadStores reads a list of stores: CSV with the columns id, name and region in any order, of which
// only id must be there. An error names the line.
func ReadStores(path string) ([]ExpectedStore, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %v", err)
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: line 1: %v", path, err)
	}
	at := map[string]int{}
	for i, name := range head {
		name = strings.ToLower(strings.Trim(name, " \ufeff"))
		if !slices.Contains([]string{"id", "name", "region"}, name) {
			return nil, fmt.Errorf("%s: line 1: %s is not a known column", path, quote(name))
		}
		at[name] = i
	}
	if _, ok := at["id"]; !ok {
		return nil, fmt.Errorf("%s: line 1: there is no column id", path)
	}
	return readRows(path, r, at)
}

func readRows(path string, r *csv.Reader, at map[string]int) ([]ExpectedStore, error) {
	cell := func(row []string, name string) string {
		if i, ok := at[name]; ok {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	var list []ExpectedStore
	seen := map[string]int{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %v", path, err)
		}
		line, _ := r.FieldPos(0)
		s := ExpectedStore{ID: cell(row, "id"), Name: cell(row, "name"), Region: cell(row, "region")}
		switch first, twice := seen[s.ID]; {
		case len(s.ID) > 64 || !namePattern.MatchString(s.ID):
			return nil, fmt.Errorf("%s: line %d: %s cannot be the id of a store", path, line, quote(s.ID))
		case twice:
			return nil, fmt.Errorf("%s: line %d: store %s is there already, in line %d", path, line, s.ID, first)
		case len(list) == maxListed:
			return nil, fmt.Errorf("%s: line %d: there are more than %d stores", path, line, maxListed)
		}
		seen[s.ID] = line
		list = append(list, s)
	}
}
