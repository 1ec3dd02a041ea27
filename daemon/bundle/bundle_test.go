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
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// opened reads a bundle back.
func opened(t *testing.T, data []byte) (map[string]string, Manifest) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files, m := map[string]string{}, Manifest{}
	for _, f := range r.File {
		body, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	if err := json.Unmarshal([]byte(files[ManifestName]), &m); err != nil {
		t.Fatal(err)
	}
	return files, m
}

func said(text string) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// A bundle holds what could be had; what could not is named with its error, without a secret.
func TestWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
		told, err := Write(t.Context(), &out, Bundle{
			Manifest: Manifest{MadeAt: at, MadeBy: "a.khan", Store: "0142", Org: "acme", Version: "1.0.0", LeftOut: []string{"keys"}, Missing: []Missing{{"audit", "the disk is full"}}},
			Scrubber: NewScrubber("three blue bicycles"),
			Parts: []Part{
				{Name: "good.json", Make: said(`{"a":"three blue bicycles"}`)},
				{Name: "broken.json", Make: func(context.Context, io.Writer) error { return errors.New("cannot use three blue bicycles") }},
				{Name: "half.json", Make: func(_ context.Context, w io.Writer) error {
					_, _ = io.WriteString(w, "half")
					return errors.New("the rest is gone")
				}},
				{Name: "panics.json", Make: func(context.Context, io.Writer) error { panic("no such night") }},
				{Name: "slow.json", Time: time.Minute, Make: func(ctx context.Context, _ io.Writer) error { <-ctx.Done(); return fmt.Errorf("asking: %w", ctx.Err()) }},
				{Name: "large.json", Make: said(strings.Repeat("x", PartLimit+1))},
				{Name: "many.jsonl", Lines: true, Make: func(_ context.Context, w io.Writer) error {
					for n := range 100_000 {
						_, _ = fmt.Fprintf(w, "%0100d\n", n)
					}
					return nil
				}},
				{Name: "last.txt", Make: said("fine")},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		files, m := opened(t, out.Bytes())
		if files["good.json"] != `{"a":"[left out]"}` || files["last.txt"] != "fine" || files["half.json"] != "" {
			t.Errorf("the files: %.300v", files)
		}
		many := files["many.jsonl"]
		if len(many) > PartLimit || len(many) < PartLimit-200 || !strings.HasSuffix(many, "99999\n") || strings.IndexByte(many, '\n') != 100 {
			t.Errorf("of many lines %d bytes stay: %.120q", len(many), many)
		}
		for _, f := range m.Files {
			sum := sha256.Sum256([]byte(files[f.Name]))
			if f.SHA256 != hex.EncodeToString(sum[:]) || f.Size != int64(len(files[f.Name])) {
				t.Errorf("%s is not as the manifest says: %+v", f.Name, f)
			}
			if (f.Dropped > 0) != (f.Name == "many.jsonl") || f.Dropped > 0 && f.Dropped+f.Size != 100_000*101 {
				t.Errorf("%+v", f)
			}
		}
		want := []Missing{
			{"audit", "the disk is full"}, {"broken.json", "cannot use [left out]"}, {"half.json", "the rest is gone"},
			{"panics.json", "internal error: no such night"}, {"slow.json", "it took more than 1m0s"}, {"large.json", "it has more than 4 MiB"},
		}
		if fmt.Sprint(m.Missing) != fmt.Sprint(want) {
			t.Errorf("missing:\ngot  %v\nwant %v", m.Missing, want)
		}
		if m.Schema != "bundle/1" || !m.MadeAt.Equal(at) || m.MadeBy != "a.khan" || m.Redacted != 2 || len(m.Files) != 3 || told.Redacted != 2 {
			t.Errorf("the manifest is %+v", m)
		}
	})
}

// All parts together stay within the limit.
func TestLimit(t *testing.T) {
	var parts []Part
	for n := range 8 {
		parts = append(parts, Part{Name: fmt.Sprint(n), Make: said(strings.Repeat("x", PartLimit))})
	}
	m, err := Write(t.Context(), io.Discard, Bundle{Parts: parts})
	if err != nil || len(m.Files) != Limit/PartLimit || len(m.Missing) != 2 || m.Missing[0].Error != "the bundle would have more than 24 MiB with it" {
		t.Errorf("%d files, missing %v, %v", len(m.Files), m.Missing, err)
	}
}

// Who goes away ends it.
func TestCutShort(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	parts := []Part{{Name: "a", Make: func(context.Context, io.Writer) error { stop(); return nil }}}
	if _, err := Write(ctx, io.Discard, Bundle{Parts: parts}); err == nil || err.Error() != "the bundle was cut short: context canceled" {
		t.Errorf("got %v", err)
	}
	r, w := io.Pipe()
	_ = r.Close()
	if _, err := Write(t.Context(), w, Bundle{Parts: []Part{{Name: "a", Make: said("b")}}}); err == nil || err.Error() != "cannot write a into the bundle: io: read/write on closed pipe" {
		t.Errorf("got %v", err)
	}
}
