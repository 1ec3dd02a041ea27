package proof

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nightfill/nightfill/daemon/evidence/fleetpack"
)

// compliance reads the table of compliance: its rows are as many as the manifest says, each names its patch
// on its device once, and the records that it names are held for the check of the stores.
func (f *fleetVerifier) compliance() (string, error) {
	file := f.find(fleetpack.ComplianceFile)
	if file == nil {
		return "", fmt.Errorf("%s is missing", fleetpack.ComplianceFile)
	}
	r, err := file.Open()
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %v", fleetpack.ComplianceFile, err)
	}
	defer r.Close()
	table := csv.NewReader(r)
	table.ReuseRecord = true
	names, err := table.Read()
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %v", fleetpack.ComplianceFile, err)
	}
	names = slices.Clone(names)
	column := map[string]int{}
	for _, name := range []string{"store", "asset_id", "patch", "result", "evidence", "evidence_hash"} {
		if column[name] = slices.Index(names, name); column[name] < 0 {
			return "", fmt.Errorf("%s has no column %s", fleetpack.ComplianceFile, name)
		}
	}
	counted := fleetpack.Compliance{Results: map[string]int{}}
	seen, hashes := map[[2]string]bool{}, 0
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("%s cannot be read: %v", fleetpack.ComplianceFile, err)
		}
		cell := func(name string) string { return strings.Clone(row[column[name]]) }
		key := [2]string{cell("asset_id"), cell("patch")}
		if seen[key] {
			return "", fmt.Errorf("%s has %s on %s twice", fleetpack.ComplianceFile, key[1], key[0])
		}
		seen[key] = true
		counted.Rows++
		counted.Results[cell("result")]++
		if f.name(cell("store"), cell("evidence"), cell("evidence_hash")) {
			hashes++
		}
	}
	if counted.Rows != f.m.Compliance.Rows || !maps.Equal(counted.Results, f.m.Compliance.Results) {
		return "", fmt.Errorf("%s has %d rows and other results than the manifest says: %d rows", fleetpack.ComplianceFile, counted.Rows, f.m.Compliance.Rows)
	}
	return fmt.Sprintf("%s; %d name the record that proves them, and those that are in the journals here are compared", count(counted.Rows, "row", "rows"), hashes), nil
}

// name holds the hash of a record, written as the number of the stream and its own, until the store is checked.
func (f *fleetVerifier) name(store, record, hash string) bool {
	no, seq, ok := strings.Cut(record, "/")
	n, err := strconv.ParseUint(seq, 10, 64)
	if !ok || err != nil || hash == "" {
		return false
	}
	at := place{store, no}
	if f.named[at] == nil {
		f.named[at] = map[uint64]string{}
	}
	f.named[at][n] = hash
	return true
}
