// Package fleetpack makes evidence packs of many stores: a zip with one evidence pack for each store, as
// a store makes it, and beside them what headquarters itself has to show: how every patch stands on every
// device, the register of exceptions and its own audit log. See Verify in the package proof beside it.
//
// The inner packs are not compressed again, so that they are checked in their place, and each can be
// taken out and checked alone. It changes nothing, and what it cannot show it names as missing. The same
// records and the same as-of give the same bytes.
package fleetpack

import (
	"strconv"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
)

// Schema is the form of the manifest.
const Schema = "fleet_evidence/1"

// The names of files in a pack, beside those that a store's pack has too.
const (
	ComplianceFile    = "compliance.csv"
	ExceptionsFile    = "exceptions.json"
	ExceptionsCSVFile = "exceptions.csv"
	DeedsFile         = "deeds.jsonl"
	ReportFile        = "report.html"
)

// StoreFolder is where the packs of the stores are.
const StoreFolder = "stores/"

// StoreFile is the name of the pack of one history of a store. Histories are numbered from 1.
func StoreFile(store string, no int64) string {
	return StoreFolder + store + "/" + strconv.FormatInt(no, 10) + ".zip"
}

// Manifest says what a pack holds.
type Manifest struct {
	Schema         string              `json:"schema"`
	Org            string              `json:"org"`
	Scope          evidence.Scope      `json:"scope"`
	DataAsOf       time.Time           `json:"data_as_of"`
	GeneratedAt    time.Time           `json:"generated_at"` // the same moment: when the file was written is a line of the audit log
	GeneratedBy    string              `json:"generated_by"`
	ProgramVersion string              `json:"program_version"`
	Stores         []Store             `json:"stores"` // one for each history of each store, in the order of ids
	Compliance     Compliance          `json:"compliance"`
	Deeds          Deeds               `json:"deeds"`
	Missing        []Missing           `json:"missing"`
	Files          []evidence.FileInfo `json:"files"` // but this one and SHA256SUMS, by name
}

// Store is one history of one store. A box that was set up anew began another.
type Store struct {
	Store    string           `json:"store"`
	Name     string           `json:"name"`
	Stream   string           `json:"stream"`
	No       int64            `json:"stream_no"`
	File     string           `json:"file"`
	Records  evidence.Records `json:"records"`
	Chain    evidence.Chain   `json:"chain"`
	Nights   []string         `json:"nights"`
	Missing  int              `json:"missing"`             // what its own manifest names as missing
	DataAsOf time.Time        `json:"data_as_of,omitzero"` // when its newest record that headquarters had was
}

// Compliance says what is in the table of compliance.
type Compliance struct {
	Rows    int            `json:"rows"`
	Results map[string]int `json:"results"` // how many rows have each result
}

// Deeds says which lines of headquarters' own audit log are in the pack.
type Deeds struct {
	First  int64  `json:"first"` // 0 = there are none
	Last   int64  `json:"last"`
	Count  int    `json:"count"`
	Before string `json:"hash_before_first"`
	Head   string `json:"hash_of_last"`
}

// Missing is something that the pack does not hold.
type Missing struct {
	Store string `json:"store"` // "" = it is of no store in particular
	What  string `json:"what"`
	Why   string `json:"why"`
}
