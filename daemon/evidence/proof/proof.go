// Package proof checks an evidence pack with nothing but the pack and the public root of the catalog: that
// every file is what the manifest says, that the chain of the journal is whole, that the catalogs
// were signed as a store demands it, that each installation had been approved, and that every page
// follows from the records.
//
// It believes nothing in the pack that it did not check, and asks nobody. It changes nothing.
package proof

import (
	"archive/zip"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/account"
	"github.com/nightfill/nightfill/daemon/evidence/fleetpack"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// Options say what else is known about a pack.
type Options struct {
	Root    []byte   // the public root; nil = the first one of the pack, which proves nothing by itself
	Anchors []Anchor // hashes that were kept elsewhere
	Version string   // of this program

	named map[uint64]string // hashes of records as the pack around this one names them
}

// Anchor is the hash of a record as somebody else knows it.
type Anchor struct {
	Stream string
	Seq    uint64
	Hash   string
}

// ParseAnchor reads an anchor written STREAM/SEQ/HASH.
func ParseAnchor(text string) (Anchor, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 && parts[0] != "" && len(parts[2]) == 64 {
		if seq, err := strconv.ParseUint(parts[1], 10, 64); err == nil && seq > 0 {
			return Anchor{parts[0], seq, strings.ToLower(parts[2])}, nil
		}
	}
	return Anchor{}, fmt.Errorf("%q is no anchor: write it as STREAM/SEQ/HASH", text)
}

// Outcome is how a check ended.
type Outcome string

// The outcomes of a check.
const (
	Good       Outcome = "good"
	Bad        Outcome = "bad"
	NotChecked Outcome = "not_checked" // what it needs is bad
)

// Anchored is the name of the check that is only there when hashes from elsewhere were given.
const Anchored = "anchor"

// Check is one check of a pack.
type Check struct {
	Check   string  `json:"check"`
	Outcome Outcome `json:"outcome"`
	Text    string  `json:"text"`
}

// Trust says on which root everything rests.
type Trust struct {
	Given       bool   `json:"given"`   // false: it is out of the pack itself
	Version     int64  `json:"version"` // 0 = there is none
	Fingerprint string `json:"sha256"`
	Text        string `json:"text"`
}

// Verdict is the outcome of all checks.
type Verdict struct {
	Schema   string             `json:"schema"` // evidence_verdict/1
	Good     bool               `json:"good"`
	Checks   []Check            `json:"checks"`
	Root     Trust              `json:"root"`
	Anchored bool               `json:"anchored"` // a hash from elsewhere was compared
	Manifest *evidence.Manifest `json:"manifest"` // null: it is not readable, or is of many stores

	Fleet  *fleetpack.Manifest `json:"fleet,omitempty"`  // of a pack of many stores
	Stores []StoreVerdict      `json:"stores,omitempty"` // of its stores, in the order of its manifest
}

// Verify checks a pack, of one store or of many. It always returns a verdict: what is not readable is bad.
func Verify(r io.ReaderAt, size int64, o Options) Verdict {
	v := &verifier{o: o, content: map[string]string{}, made: map[string]string{}, generations: map[int64]*catalog.Proven{}}
	v.verdict = Verdict{Schema: "evidence_verdict/1", Good: true, Checks: []Check{}}
	v.check("zip", func() (string, error) { return v.open(r, size) }, nil)
	if v.ofMany() {
		v.fleet(r)
		return v.verdict
	}
	checks := []struct {
		name string
		do   func() (string, error)
		need []string
	}{
		{"manifest", v.readManifest, []string{"zip"}},
		{"files", v.files, []string{"manifest"}},
		{"journal", v.journal, []string{"manifest"}},
		{Anchored, v.anchor, []string{"journal"}},
		{"root", v.root, []string{"manifest"}},
		{"catalogs", v.catalogs, []string{"root", "journal"}},
		{"pages", v.pages, []string{"catalogs"}},
		{"approvals", v.approvals, []string{"catalogs"}},
	}
	for _, c := range checks {
		if c.name == Anchored && len(o.Anchors) == 0 {
			continue
		}
		v.check(c.name, c.do, c.need)
	}
	v.trust()
	return v.verdict
}

type verifier struct {
	o           Options
	verdict     Verdict
	zip         *zip.Reader
	m           evidence.Manifest
	content     map[string]string // digests of the files that are there, by name
	made        map[string]string // digests of the files that follow from the records
	roots       catalog.Roots
	generations map[int64]*catalog.Proven
	notes       []run.Record // catalogs that came into force
	installs    []account.Install
	gaps        []string          // records of which nothing is there, by name
	bare        []uint64          // records of which only the hash is known
	told        bool              // the installs are known
	anchored    map[uint64]string // hashes of the records that anchors ask for
}

// check carries out one check, unless one that it needs is bad.
func (v *verifier) check(name string, do func() (string, error), need []string) {
	for _, n := range need {
		if v.outcome(n) != Good {
			v.add(name, NotChecked, "not checked, because of: "+n)
			return
		}
	}
	text, err := guarded(do)
	if err != nil {
		v.add(name, Bad, err.Error())
		return
	}
	v.add(name, Good, text)
}

// guarded carries out a check of what a stranger wrote. Where it breaks on that, the pack is bad.
func guarded(do func() (string, error)) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it holds what no nightfill writes: the check broke on it (%v)", r)
		}
	}()
	return do()
}

func (v *verifier) add(name string, o Outcome, text string) {
	v.verdict.Checks = append(v.verdict.Checks, Check{name, o, text})
	v.verdict.Good = v.verdict.Good && o == Good
}

func (v *verifier) outcome(name string) Outcome {
	for _, c := range v.verdict.Checks {
		if c.Check == name {
			return c.Outcome
		}
	}
	return NotChecked
}

// trust says on which root everything rests.
func (v *verifier) trust() {
	t := &v.verdict.Root
	t.Given = v.o.Root != nil
	if t.Given {
		t.Fingerprint = archive.Digest(v.o.Root)
	}
	if v.outcome("root") != Good || v.roots.Empty() {
		t.Text = "No root of the catalog could be used."
		return
	}
	if t.Given {
		t.Version = v.roots.Version(t.Fingerprint)
		t.Text = fmt.Sprintf("Trust rests on the root that you gave: version %d, SHA-256 %s.", t.Version, t.Fingerprint)
		return
	}
	t.Version = v.roots.First()
	t.Fingerprint = v.roots.Fingerprint(t.Version)
	t.Text = fmt.Sprintf("No root was given: trust rests on the pack itself, which proves nothing against somebody who made all of it. "+
		"Its first root is version %d, SHA-256 %s: compare that with headquarters, or give the public root with --root.", t.Version, t.Fingerprint)
}
