package proof

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/fleetpack"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

const (
	maxFile = 256 << 20 // of what is read at once; the journal is not
	maxLine = 20 << 20  // of the journal: an event has 16 MiB at most
)

func (v *verifier) open(r io.ReaderAt, size int64) (string, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return "", fmt.Errorf("this is no whole zip file: %v: it was cut off or is something else", err)
	}
	if !beginsWith(r, z) {
		return "", errors.New("this is no whole zip file: something lies before its first file: it is a part of another one that was cut off")
	}
	v.zip = z
	seen := map[string]bool{}
	for _, f := range z.File {
		if seen[f.Name] {
			return "", fmt.Errorf("%s is in the zip twice: which of them counts nobody can say", f.Name)
		}
		seen[f.Name] = true
	}
	return fmt.Sprintf("%d files", len(z.File)), nil
}

// beginsWith reports whether a file begins with the first file of its zip. A pack of many stores that was cut
// off ends in the pack of one store, and would else pass for that.
func beginsWith(r io.ReaderAt, z *zip.Reader) bool {
	const fixed = 30 // bytes of a local header before its name
	head := make([]byte, fixed)
	if len(z.File) == 0 {
		return true
	}
	if _, err := r.ReadAt(head, 0); err != nil || string(head[:4]) != "PK\x03\x04" {
		return false
	}
	size := fixed + int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
	first, err := z.File[0].DataOffset()
	return err == nil && first == size
}

// ofMany reports whether the manifest says that the pack is of many stores.
func (v *verifier) ofMany() bool {
	if v.zip == nil {
		return false
	}
	var m struct {
		Schema string `json:"schema"`
	}
	data, err := v.read(evidence.ManifestFile)
	return err == nil && json.Unmarshal(data, &m) == nil && m.Schema == fleetpack.Schema
}

func (v *verifier) find(name string) *zip.File {
	for _, f := range v.zip.File {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// read returns the content of a file.
func (v *verifier) read(name string) ([]byte, error) {
	f := v.find(name)
	if f == nil {
		return nil, fmt.Errorf("%s is missing", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %v", name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %v", name, err)
	}
	return data, nil
}

func (v *verifier) readManifest() (string, error) {
	data, err := v.read(evidence.ManifestFile)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(data, &v.m); err != nil {
		return "", fmt.Errorf("%s is not readable: %v", evidence.ManifestFile, err)
	}
	if v.m.Schema != evidence.Schema {
		return "", fmt.Errorf("the manifest has the form %q, and this nightfill knows %s: use the one that made it (%s)", v.m.Schema, evidence.Schema, v.m.ProgramVersion)
	}
	v.verdict.Manifest = &v.m
	if err := v.accounted(); err != nil {
		return "", err
	}
	text := fmt.Sprintf("store %s of %s, nights %s to %s, data as of %s", v.m.Store, v.m.Org, v.m.Scope.From, v.m.Scope.To, v.m.DataAsOf.Format("2006-01-02 15:04:05Z07:00"))
	if n := len(v.m.Missing); n > 0 {
		text += fmt.Sprintf("; it names %d as missing", n)
	}
	return text, nil
}

// accounted holds the manifest to naming every night that was asked for, as told or as missing.
func (v *verifier) accounted() error {
	if !v.m.GeneratedAt.Equal(v.m.DataAsOf) || v.m.Records.LastAt.After(v.m.DataAsOf) {
		return errors.New("the times of the manifest do not agree: nothing in a pack is later than its data_as_of")
	}
	for night, n := v.m.Scope.From, 0; v.m.Scope.Has(night); night, n = night.AddDays(1), n+1 {
		if n > evidence.MaxNights {
			return fmt.Errorf("the manifest asks for more than %d nights", evidence.MaxNights)
		}
		named := func(x evidence.Missing) bool { return x.What == evidence.NightName(night) }
		if !slices.Contains(v.m.Nights, night.String()) && !slices.ContainsFunc(v.m.Missing, named) {
			return fmt.Errorf("the manifest neither tells of the night of %s nor names it as missing", night)
		}
	}
	return nil
}

// files compares every file with the manifest, and the manifest with the list of digests.
func (v *verifier) files() (string, error) {
	var wrong []error
	for _, f := range v.zip.File {
		sum, err := digest(f)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s was changed: %v", f.Name, err))
		}
		v.content[f.Name] = sum
	}
	listed := map[string]bool{evidence.ManifestFile: true, evidence.SumsFile: true}
	for _, f := range v.m.Files {
		listed[f.Name] = true
		switch have := v.find(f.Name); {
		case have == nil:
			wrong = append(wrong, fmt.Errorf("%s is missing", f.Name))
		case v.content[f.Name] == "": // said above
		case v.content[f.Name] != f.SHA256 || have.UncompressedSize64 != uint64(f.Size):
			wrong = append(wrong, fmt.Errorf("%s was changed: its SHA-256 is %s, the manifest says %s", f.Name, v.content[f.Name], f.SHA256))
		}
	}
	for _, f := range v.zip.File {
		if !listed[f.Name] {
			wrong = append(wrong, fmt.Errorf("%s is not in the manifest: somebody added it", f.Name))
		}
	}
	manifest, err := v.read(evidence.ManifestFile)
	sums, sumsErr := v.read(evidence.SumsFile)
	if err := errors.Join(err, sumsErr); err != nil {
		wrong = append(wrong, err)
	} else if !bytes.Equal(sums, evidence.Sums(v.m.Files, manifest)) {
		wrong = append(wrong, fmt.Errorf("%s and %s do not agree: one of them was changed", evidence.SumsFile, evidence.ManifestFile))
	}
	return fmt.Sprintf("%d files, each as the manifest says, and no other", len(v.zip.File)), errors.Join(wrong...)
}

func digest(f *zip.File) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// records calls visit for each line of the journal.
func (v *verifier) records(visit func(journal.Raw) error) error {
	f := v.find(evidence.JournalFile)
	if f == nil {
		return fmt.Errorf("%s is missing", evidence.JournalFile)
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		var rec journal.Raw
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			return fmt.Errorf("line %d of %s is no record: %v", n, evidence.JournalFile, err)
		}
		if !bytes.Equal(evidence.Line(rec), append(slices.Clone(lines.Bytes()), '\n')) {
			return fmt.Errorf("line %d of %s holds more than a record", n, evidence.JournalFile)
		}
		if string(rec.Event) == "null" { // only its hash is known
			rec.Event = nil
		}
		if err := visit(rec); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s cannot be read to its end: %v", evidence.JournalFile, err)
	}
	return nil
}

// chain is how far the journal was computed anew.
type chain struct {
	seq, n      uint64
	hash        string
	first, last time.Time
}

// journal computes the chain anew, record by record.
func (v *verifier) journal() (string, error) {
	m := v.m
	at := chain{seq: m.Records.First - 1, hash: m.Chain.Before}
	v.anchored = map[uint64]string{at.seq: at.hash}
	err := v.records(func(r journal.Raw) error { return v.follow(&at, r) })
	switch {
	case err != nil:
		return "", err
	case at.n == 0 || at.seq != m.Records.Last || at.n != m.Records.Count:
		return "", fmt.Errorf("the journal ends with record %d; the manifest says %d", at.seq, m.Records.Last)
	case !at.first.Equal(m.Records.FirstAt) || !at.last.Equal(m.Records.LastAt):
		return "", errors.New("the first and the last record are of other times than the manifest says")
	case at.hash != m.Chain.Last:
		return "", fmt.Errorf("the hash of the last record is %s; the manifest says %s", at.hash, m.Chain.Last)
	}
	text := fmt.Sprintf("%d records, %d to %d of %s: the chain is whole", at.n, m.Records.First, m.Records.Last, m.Stream)
	for _, g := range v.gaps {
		text += fmt.Sprintf(", but for %s, which are not here: nothing ties what lies before them to what lies after", g)
	}
	if len(v.bare) > 0 {
		text += fmt.Sprintf("; of %d of them only the hash is known", len(v.bare))
	}
	return text, nil
}

// follow takes the next record, which must continue the chain.
func (v *verifier) follow(at *chain, r journal.Raw) error {
	switch {
	case at.n == 0 && r.Seq != v.m.Records.First:
		return fmt.Errorf("the journal begins with record %d; the manifest says %d", r.Seq, v.m.Records.First)
	case r.Seq > at.seq+1 && v.gap(at.seq+1, r.Seq-1):
		v.gaps = append(v.gaps, evidence.RecordsName(at.seq+1, r.Seq-1))
		at.hash = r.Prev
	case r.Seq != at.seq+1:
		return fmt.Errorf("record %d is missing or out of place: record %d comes after record %d", at.seq+1, r.Seq, at.seq)
	case r.Seq > v.m.Records.Last:
		return fmt.Errorf("the journal goes on with record %d; the manifest says that it ends with %d", r.Seq, v.m.Records.Last)
	case r.Prev != at.hash:
		return fmt.Errorf("record %d does not follow record %d: it names %s as the hash before it, and that is %s", r.Seq, at.seq, or(r.Prev), or(at.hash))
	}
	moment, err := v.look(r)
	if err != nil {
		return err
	}
	if at.n == 0 {
		at.first = moment
	}
	if !moment.IsZero() {
		at.last = moment
	}
	if want, named := v.o.named[r.Seq]; named && want != r.Hash {
		return fmt.Errorf("record %d is not the one that the table of compliance names as its proof: its hash is %s, there it is %s", r.Seq, r.Hash, want)
	}
	at.seq, at.hash, at.n = r.Seq, r.Hash, at.n+1
	v.anchorAt(r)
	return nil
}

// gap reports whether the manifest says that records are not there.
func (v *verifier) gap(first, last uint64) bool {
	return slices.ContainsFunc(v.m.Missing, func(x evidence.Missing) bool { return x.What == evidence.RecordsName(first, last) })
}

// look compares a record with its hash, and returns when it happened; zero where only the hash is known.
func (v *verifier) look(r journal.Raw) (time.Time, error) {
	if len(r.Event) == 0 {
		named := func(x evidence.Missing) bool { return x.What == evidence.RecordName(r.Seq) }
		if !slices.ContainsFunc(v.m.Missing, named) {
			return time.Time{}, fmt.Errorf("record %d has no content, and the manifest does not name it as missing", r.Seq)
		}
		v.bare = append(v.bare, r.Seq)
		return time.Time{}, nil
	}
	if made := journal.Hash(r.Seq, r.Prev, r.Event); made != r.Hash {
		return time.Time{}, fmt.Errorf("record %d was changed: it says that its hash is %s, and its content makes %s", r.Seq, r.Hash, made)
	}
	rec, err := r.Record()
	if err == nil && rec.Event.Kind == run.CatalogUpdated && rec.Event.Catalog != nil {
		v.notes = append(v.notes, rec)
	}
	return rec.Event.At, err
}

func or(hash string) string {
	if hash == "" {
		return "none"
	}
	return hash
}

func (v *verifier) anchorAt(r journal.Raw) {
	for _, a := range v.o.Anchors {
		if a.Seq == r.Seq {
			v.anchored[r.Seq] = r.Hash
		}
	}
}

// anchor compares hashes that were kept elsewhere.
func (v *verifier) anchor() (string, error) {
	var wrong []error
	for _, a := range v.o.Anchors {
		hash, known := v.anchored[a.Seq]
		switch {
		case a.Stream != v.m.Stream:
			wrong = append(wrong, fmt.Errorf("the anchor is of the journal %s, and this is %s: the box began a new journal, or it is another box", a.Stream, v.m.Stream))
		case !known || a.Seq == 0:
			wrong = append(wrong, fmt.Errorf("the anchor is of record %d, and the pack has the records %d to %d: take another one", a.Seq, v.m.Records.First, v.m.Records.Last))
		case hash != a.Hash:
			wrong = append(wrong, fmt.Errorf("record %d is not the one that is known elsewhere: its hash is %s, and %s was kept: this journal was written anew", a.Seq, hash, a.Hash))
		}
	}
	v.verdict.Anchored = len(wrong) == 0
	return fmt.Sprintf("%d of %d hashes from elsewhere are those of this journal", len(v.o.Anchors), len(v.o.Anchors)), errors.Join(wrong...)
}
