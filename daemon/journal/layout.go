package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nightfill/nightfill/site/run"
)

// Format is the version of the file that this package writes. It also reads every lower one.
const Format = 1

// The file holds three buckets. The chain covers the records; the sealed header covers itself and the checkpoint.
var (
	bucketJournal    = []byte("journal")    // one key, keyHeader
	bucketRecords    = []byte("records")    // big-endian seq -> 32 bytes of hash, then the event's JSON
	bucketCheckpoint = []byte("checkpoint") // keyFold, once there is one: big-endian seq, then the data

	keyHeader = []byte("header")
	keyFold   = []byte("fold")
)

const (
	pageSize  = 4096
	hashSize  = sha256.Size
	sealSize  = 8
	maxBody   = 16 << 20 // of one event, and of the data of a checkpoint
	keyLength = 8
)

// place is a record's place in the chain. The zero place is before the first record.
type place struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// header is rewritten with every transaction. Every later format keeps the name of its key, its seal and "format".
type header struct {
	Format  int               `json:"format"`
	Tx      int               `json:"tx"` // the transaction that wrote it: an older one means that a write was lost
	Stream  string            `json:"stream"`
	Store   string            `json:"store,omitempty"` // whose journal it is; empty in those of earlier versions
	Anchor  place             `json:"anchor"`          // the last record that was forgotten
	Head    place             `json:"head"`            // the last record in the file
	Fold    string            `json:"fold,omitempty"`  // SHA-256 of the stored checkpoint, in hex
	Cursors map[string]uint64 `json:"cursors,omitempty"`
}

func (h header) encode() []byte {
	data, err := json.Marshal(h)
	if err != nil {
		panic("internal error: a journal header that cannot be written: " + err.Error())
	}
	return seal(keyHeader, data)
}

// decodeHeader reads a header as stored. One of a newer format is refused before anything else is asked of it.
func decodeHeader(value []byte) (header, error) {
	data, ok := unseal(keyHeader, value)
	if !ok {
		return header{}, refuse(ErrDamaged, "its header is damaged")
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &version); err != nil || version.Format < 1 {
		return header{}, refuse(ErrDamaged, "its header has no format version")
	}
	if version.Format > Format {
		return header{}, refuse(ErrNewerFormat, "it was written by a newer nightfilld (format %d, this one knows up to %d): "+
			"install that version again", version.Format, Format)
	}
	var h header
	if err := json.Unmarshal(data, &h); err != nil {
		return header{}, refuse(ErrDamaged, "its header cannot be read: %v", err)
	}
	if h.Cursors == nil {
		h.Cursors = map[string]uint64{}
	}
	return h, nil
}

// seal appends a checksum of value and of the key that it belongs under.
func seal(key, value []byte) []byte {
	sum := sha256.Sum256(append(append(append([]byte(nil), key...), '\n'), value...))
	return append(append([]byte(nil), value...), sum[:sealSize]...)
}

// unseal returns what was sealed, and false if it is not that any more.
func unseal(key, sealed []byte) ([]byte, bool) {
	if len(sealed) < sealSize {
		return nil, false
	}
	value := sealed[:len(sealed)-sealSize]
	return value, bytes.Equal(seal(key, value), sealed)
}

// readFold takes apart the stored checkpoint; nil is none.
func (h header) readFold(value []byte) (seq uint64, data []byte, err error) {
	if value == nil && h.Fold == "" {
		return 0, nil, nil
	}
	if len(value) < keyLength || foldHash(value) != h.Fold {
		return 0, nil, refuse(ErrDamaged, "its checkpoint is damaged")
	}
	return binary.BigEndian.Uint64(value), bytes.Clone(value[keyLength:]), nil
}

func foldHash(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])
}

// Raw is a record with its event exactly as stored, byte for byte: what the hash was made of. It is
// what goes to places that check the chain, since decoding an event drops fields of a later version.
type Raw struct {
	Seq   uint64          `json:"seq"`
	Prev  string          `json:"prev"`
	Hash  string          `json:"hash"`
	Event json.RawMessage `json:"event"`
}

// Hash returns the hash of a record in lower-case hex: SHA-256 over the line "nightfill-record-1", a
// line with seq in decimal, a line with prev (empty for the first record), each ended by a newline, and then
// the JSON of the event as stored, without a newline.
func Hash(seq uint64, prev string, event []byte) string {
	h := sha256.New()
	h.Write([]byte("nightfill-record-1\n" + strconv.FormatUint(seq, 10) + "\n" + prev + "\n"))
	h.Write(event)
	return hex.EncodeToString(h.Sum(nil))
}

// follow makes the record that comes after p.
func (p place) follow(body []byte) Raw {
	return Raw{Seq: p.Seq + 1, Prev: p.Hash, Hash: Hash(p.Seq+1, p.Hash, body), Event: body}
}

// accept reads a stored record that has to come right after p. The record shares no memory with key and value.
func (p place) accept(key, value []byte) (Raw, error) {
	if len(key) != keyLength || len(value) < hashSize {
		return Raw{}, refuse(ErrDamaged, "the record after record %d has no proper key and value", p.Seq)
	}
	if seq := binary.BigEndian.Uint64(key); seq != p.Seq+1 {
		return Raw{}, refuse(ErrBrokenChain, "record %d is missing: record %d comes after record %d", p.Seq+1, seq, p.Seq)
	}
	r := p.follow(bytes.Clone(value[hashSize:]))
	if found := hex.EncodeToString(value[:hashSize]); found != r.Hash {
		return Raw{}, refuse(ErrBrokenChain, "record %d does not continue record %d: its hash is %s, expected %s", r.Seq, p.Seq, found, r.Hash)
	}
	return r, nil
}

func (r Raw) place() place { return place{r.Seq, r.Hash} }

// store returns key and value of the record in the file.
func (r Raw) store() (key, value []byte, err error) {
	sum, err := hex.DecodeString(r.Hash)
	if err != nil {
		return nil, nil, err
	}
	return seqKey(r.Seq), append(sum, r.Event...), nil
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// Record decodes the event. Fields that this version does not know are dropped; a kind that it does not
// know is kept as it is.
func (r Raw) Record() (run.Record, error) {
	rec := run.Record{Seq: r.Seq, Prev: r.Prev, Hash: r.Hash}
	if err := json.Unmarshal(r.Event, &rec.Event); err != nil {
		return run.Record{}, fmt.Errorf("cannot read the event of record %d: %v: it may be of a newer nightfilld", r.Seq, err)
	}
	return rec, nil
}

// bodies returns the JSON of events, or an error that names the first one that cannot be journalled.
func bodies(events []run.Event) ([][]byte, error) {
	out := make([][]byte, len(events))
	for i, e := range events {
		if e.Kind == "" {
			return nil, errors.New("cannot journal an event without a kind")
		}
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("cannot journal the event %s: %v", e.Kind, err)
		}
		if len(body) > maxBody {
			return nil, fmt.Errorf("cannot journal the event %s: it has %d bytes, the limit is %d", e.Kind, len(body), maxBody)
		}
		out[i] = body
	}
	return out, nil
}

func records(raw []Raw) ([]run.Record, error) {
	out := make([]run.Record, len(raw))
	for i, r := range raw {
		rec, err := r.Record()
		if err != nil {
			return nil, err
		}
		out[i] = rec
	}
	return out, nil
}
