package hqfile

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

	"github.com/nightfill/nightfill/daemon/config/strict"
)

// maxListed is how many stores a list may have.
const maxListed = 100_000

// stores reads the list of stores, or the name of a CSV file that holds it.
func (f *file) stores(v strict.Value) {
	if _, isList := v.Node.(*ast.SequenceNode); !isList {
		var path string
		f.Path(&path)(v)
		if path == "" {
			return
		}
		list, err := ReadStores(path)
		if err != nil {
			f.Fail(v, err.Error(), "write a file with the columns id, name and region")
		}
		f.Stores, f.StoresFile = list, path
		return
	}
	seen := map[string]strict.Place{}
	f.Each(v, func(v strict.Value) {
		var s ExpectedStore
		f.Object(v, strict.Need("id", `"0142"`, func(v strict.Value) { s.ID, _ = f.Name(v) }), strict.May("name", f.Into(&s.Name)), strict.May("region", f.Into(&s.Region)))
		if first, twice := seen[s.ID]; twice && s.ID != "" {
			f.Fail(v, "store "+s.ID+" is there twice, the first time in line "+strconv.Itoa(first.Line), "keep one of them")
		}
		seen[s.ID] = v.At
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
			return nil, fmt.Errorf("%s: line 1: %s is not a known column", path, strict.Quote(name))
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
		case !strict.IsName(s.ID):
			return nil, fmt.Errorf("%s: line %d: %s cannot be the id of a store", path, line, strict.Quote(s.ID))
		case twice:
			return nil, fmt.Errorf("%s: line %d: store %s is there already, in line %d", path, line, s.ID, first)
		case len(list) == maxListed:
			return nil, fmt.Errorf("%s: line %d: there are more than %d stores", path, line, maxListed)
		}
		seen[s.ID] = line
		list = append(list, s)
	}
}
