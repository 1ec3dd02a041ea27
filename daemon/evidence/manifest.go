// Package evidence makes evidence packs: a zip with the records of a range of nights exactly as they
// were hashed, the signed catalogs that were in force, and what follows from both, so that somebody
// who trusts neither the store nor headquarters can check it with the public root alone. See Verify in
// the package proof beside it.
//
// It reads through a Source, so that a store and headquarters make the same packs. It changes nothing, and
// what it cannot show it names as missing. The same records and the same as-of give the same bytes.
package evidence

import (
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site/window"
)

// Schema is the form of the manifest.
const Schema = "evidence/1"

// The names of files in a pack.
const (
	ManifestFile    = "manifest.json"
	SumsFile        = "SHA256SUMS"
	JournalFile     = "journal.jsonl"
	StoreFile       = "store.json"
	GenerationsFile = "catalog/generations.json"
	ExplainFile     = "VERIFY.txt"
)

// RootFolder is where the roots are, and RootFile the name of one there.
const RootFolder = "catalog/roots/"

// RootFile is the name of the root of a version in a pack.
func RootFile(version int64) string {
	return RootFolder + strconv.FormatInt(version, 10) + ".root.json"
}

// CatalogFile is the name of a file of a catalog, by its digest.
func CatalogFile(sum string) string { return "catalog/files/" + sum }

// Manifest says what a pack holds.
type Manifest struct {
	Schema         string     `json:"schema"`
	Org            string     `json:"org"`
	Store          string     `json:"store"`
	Name           string     `json:"name"`
	Timezone       string     `json:"timezone"`
	Stream         string     `json:"stream"` // of the journal
	Scope          Scope      `json:"scope"`
	Records        Records    `json:"records"`
	Chain          Chain      `json:"chain"`
	Nights         []string   `json:"nights"` // that are told
	DataAsOf       time.Time  `json:"data_as_of"`
	GeneratedAt    time.Time  `json:"generated_at"` // the same moment: when the file was written is a record of the journal
	GeneratedBy    string     `json:"generated_by"`
	ProgramVersion string     `json:"program_version"`
	Missing        []Missing  `json:"missing"`
	Files          []FileInfo `json:"files"` // but this one and SHA256SUMS, by name
}

// Scope is the range of nights, by the local dates on which their windows open; both are in it.
type Scope struct {
	From window.Date `json:"from"`
	To   window.Date `json:"to"`
}

// Has reports whether a night is in the scope.
func (s Scope) Has(night window.Date) bool {
	return s.From.Compare(night) <= 0 && night.Compare(s.To) <= 0
}

// Records says which records of the stream are in the pack.
type Records struct {
	First   uint64    `json:"first"`
	Last    uint64    `json:"last"`
	Count   uint64    `json:"count"` // fewer than from first to last where missing names records
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
}

// Chain is where the records hang in the chain of the journal.
type Chain struct {
	Before string `json:"hash_before_first"` // empty: the first record is the first of the stream
	Last   string `json:"hash_of_last"`
}

// Missing is something that the pack does not hold.
type Missing struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// AllCatalogs is what is missing when none of the catalogs can be shown.
const AllCatalogs = "the signed catalogs"

// NightName is what a night is called where it is missing.
func NightName(night window.Date) string { return "the night of " + night.String() }

// RecordName is what the content of a record is called where it is missing.
func RecordName(seq uint64) string { return "the content of record " + strconv.FormatUint(seq, 10) }

// RecordsName is what records are called of which nothing is there.
func RecordsName(first, last uint64) string {
	if first == last {
		return "record " + strconv.FormatUint(first, 10)
	}
	return "the records " + strconv.FormatUint(first, 10) + " to " + strconv.FormatUint(last, 10)
}

// CatalogName is what a catalog is called where it is missing.
func CatalogName(version int64) string {
	return "the signed catalog of version " + strconv.FormatInt(version, 10)
}

// FileInfo is one file of a pack.
type FileInfo struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}
