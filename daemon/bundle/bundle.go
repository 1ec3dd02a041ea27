// Package bundle makes the support bundle: a zip with what somebody far away needs to see why a box does
// what it does, and with nothing in it that opens a door. It asks its parts one after another; one that is
// broken is named in the manifest with its error, and the others are there all the same.
//
// Every part passes through a Scrubber on its way into the zip; nothing reaches the reader any other way.
//
// The size is bounded: a part has at most PartLimit bytes before it is compressed, and all parts together at
// most Limit. Of a part of lines the newest stay; any other part that is larger is left out and named.
package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The limits of a bundle, in bytes before compression, and of the time that one part may take.
const (
	PartLimit = 4 << 20
	Limit     = 24 << 20
	PartTime  = 20 * time.Second
)

// ManifestName is the file of a bundle that tells of all others.
const ManifestName = "manifest.json"

// Ask is who wants a bundle. Device is "" for one of the whole store; Reason may be "".
type Ask struct {
	Device string
	Reason string
	Actor  string
}

// Part is one file of a bundle.
type Part struct {
	Name  string
	Lines bool          // it is made of lines, of which the newest matter most
	Time  time.Duration // that it may take; 0 = PartTime
	// Make writes the part. What it wrote before an error is thrown away.
	Make func(ctx context.Context, w io.Writer) error
}

// File is a file that is in a bundle.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Dropped counts the oldest bytes that were left out to stay within PartLimit.
	Dropped int64 `json:"oldest_bytes_left_out,omitempty"`
}

// Missing is something that could not be had, and why.
type Missing struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// Manifest tells what is in a bundle and what is not.
type Manifest struct {
	Schema  string    `json:"schema"` // bundle/1
	MadeAt  time.Time `json:"made_at"`
	MadeBy  string    `json:"made_by"`
	Reason  string    `json:"reason,omitempty"`
	Org     string    `json:"org"`
	Store   string    `json:"store"`
	Device  string    `json:"device,omitempty"` // that the bundle is about; absent: the whole store
	Version string    `json:"version"`          // of the daemon
	Files   []File    `json:"files"`
	Missing []Missing `json:"missing"`
	// LeftOut says what a bundle never holds.
	LeftOut []string `json:"left_out"`
	// Redacted is how many places were replaced with the mark of the Scrubber.
	Redacted int `json:"redacted"`
}

// Bundle is what is to be written. The manifest is completed while it is written.
type Bundle struct {
	Manifest Manifest
	Parts    []Part
	Scrubber *Scrubber
}

// ErrBusy is why no bundle is made now: one at a time is.
var ErrBusy = errors.New("another support bundle is being made")

// tooLarge is why a part that is no list of lines is left out.
func tooLarge() error { return fmt.Errorf("it has more than %d MiB", PartLimit>>20) }

// Write writes the zip, the manifest last. The error is that of w, or of ctx: then what was written is no
// whole zip. A part that fails is no error.
func Write(ctx context.Context, w io.Writer, b Bundle) (Manifest, error) {
	m, z, left := b.Manifest, zip.NewWriter(w), int64(Limit)
	m.Schema, m.Files = "bundle/1", []File{}
	m.Missing = append([]Missing{}, m.Missing...)
	for _, p := range b.Parts {
		text, dropped, err := p.bytes(ctx)
		if ctx.Err() != nil {
			return m, fmt.Errorf("the bundle was cut short: %w", ctx.Err())
		}
		if err == nil && int64(len(text)) > left {
			err = fmt.Errorf("the bundle would have more than %d MiB with it", Limit>>20)
		}
		if err != nil {
			said, n := b.Scrubber.Scrub([]byte(err.Error()))
			m.Missing, m.Redacted = append(m.Missing, Missing{p.Name, string(said)}), m.Redacted+n
			continue
		}
		text, n := b.Scrubber.Scrub(text)
		if err := put(z, p.Name, text, m.MadeAt); err != nil {
			return m, err
		}
		sum := sha256.Sum256(text)
		m.Files = append(m.Files, File{Name: p.Name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Dropped: dropped})
		left, m.Redacted = left-int64(len(text)), m.Redacted+n
	}
	text, err := JSON(m)
	if err != nil {
		return m, err
	}
	text, _ = b.Scrubber.Scrub(text)
	if err := put(z, ManifestName, text, m.MadeAt); err != nil {
		return m, err
	}
	if err := z.Close(); err != nil {
		return m, fmt.Errorf("cannot end the bundle: %w", err)
	}
	return m, nil
}

func put(z *zip.Writer, name string, text []byte, at time.Time) error {
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
	if err == nil {
		_, err = f.Write(text)
	}
	if err == nil {
		err = z.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot write %s into the bundle: %w", name, err)
	}
	return nil
}

// bytes makes a part within its limits. A part that panics is broken like any other.
func (p Part) bytes(ctx context.Context) (text []byte, dropped int64, err error) {
	limit := p.Time
	if limit == 0 {
		limit = PartTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	k := &keeper{lines: p.Lines}
	if err := p.Make(ctx, k); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("it took more than %s", limit)
		}
		return nil, 0, err
	}
	k.cut()
	return k.held.Bytes(), k.dropped, nil
}

// keeper holds at most PartLimit bytes when it is cut, and twice that before.
type keeper struct {
	held    bytes.Buffer
	lines   bool
	dropped int64
}

// Write implements io.Writer.
func (k *keeper) Write(p []byte) (int, error) {
	if !k.lines && k.held.Len()+len(p) > PartLimit {
		return 0, tooLarge()
	}
	n, err := k.held.Write(p)
	if k.held.Len() > 2*PartLimit {
		k.cut()
	}
	return n, err
}

// cut drops the oldest lines beyond the limit, and what is left of the line at which it begins.
func (k *keeper) cut() {
	over := k.held.Len() - PartLimit
	if over <= 0 {
		return
	}
	if end := bytes.IndexByte(k.held.Bytes()[over:], '\n'); end >= 0 {
		over += end + 1
	}
	k.dropped += int64(len(k.held.Next(over)))
}

// JSON writes a value as people read it.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	err := WriteJSON(&b, v)
	return b.Bytes(), err
}

// WriteJSON writes a value as people read it.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
