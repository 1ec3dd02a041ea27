// Package cast writes and reads recordings of terminals in the form asciicast v2: a header, and a
// line for whatever was shown. What a person typed is never in one: passwords are typed. It knows
// nothing of sessions and devices.
package cast

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Header is the first line of a recording.
type Header struct {
	Version   int               `json:"version"` // 2
	Width     int               `json:"width"`   // columns at the beginning
	Height    int               `json:"height"`  // rows
	Timestamp int64             `json:"timestamp"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
}

// Kind is what a line of a recording tells.
type Kind string

// The kinds of lines that are written. Others are read and left to the reader.
const (
	Output Kind = "o" // was shown
	Resize Kind = "r" // the terminal became COLSxROWS
	Marker Kind = "m" // what happened to the session
)

// Event is one line of a recording.
type Event struct {
	At   time.Duration // since the beginning
	Kind Kind
	Text string
}

// Writer writes one recording. It is for one goroutine at a time. After an error nothing more
// should be written: the line that failed may be there in part.
type Writer struct {
	to    io.Writer
	begun time.Time
	held  []byte // the beginning of a character whose end has not come yet
	size  int64
}

// NewWriter begins a recording. begun is the time of its beginning.
func NewWriter(to io.Writer, begun time.Time, cols, rows int, title string) (*Writer, error) {
	w := &Writer{to: to, begun: begun}
	return w, w.line(Header{
		Version: 2, Width: cols, Height: rows, Timestamp: begun.Unix(), Title: title,
		Env: map[string]string{"TERM": "xterm-256color"},
	})
}

// Size is how many bytes were written so far.
func (w *Writer) Size() int64 { return w.size }

// Output writes what was shown. A character whose end is missing waits for it; bytes that are no
// UTF-8 become U+FFFD.
func (w *Writer) Output(p []byte) error {
	whole := append(w.held, p...)
	cut := len(whole) - unfinished(whole)
	w.held = bytes.Clone(whole[cut:])
	if cut == 0 {
		return nil
	}
	return w.event(Output, string(whole[:cut]))
}

// unfinished is how many bytes at the end are the beginning of a character.
func unfinished(p []byte) int {
	for n := 1; n <= min(len(p), utf8.UTFMax-1); n++ {
		if tail := p[len(p)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// Resize writes that the terminal has another size now.
func (w *Writer) Resize(cols, rows int) error {
	return w.event(Resize, fmt.Sprintf("%dx%d", cols, rows))
}

// Marker writes what happened to the session.
func (w *Writer) Marker(text string) error { return w.event(Marker, text) }

// Finish writes what was held back. The recording is complete then.
func (w *Writer) Finish() error {
	held := w.held
	w.held = nil
	if len(held) == 0 {
		return nil
	}
	return w.event(Output, string(held))
}

func (w *Writer) event(kind Kind, text string) error {
	at := math.Round(max(0, time.Since(w.begun).Seconds())*1e6) / 1e6
	return w.line([]any{at, kind, text})
}

func (w *Writer) line(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	n, err := w.to.Write(b.Bytes())
	w.size += int64(n)
	return err
}

// Reader reads a recording.
type Reader struct {
	Header Header
	lines  *json.Decoder
}

// NewReader reads the header. An error means that this is no asciicast v2.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{lines: json.NewDecoder(from)}
	if err := r.lines.Decode(&r.Header); err != nil {
		return nil, fmt.Errorf("cannot read the recording: its first line is no header: %v", err)
	}
	if r.Header.Version != 2 {
		return nil, fmt.Errorf("cannot read the recording: it is of version %d and not 2", r.Header.Version)
	}
	return r, nil
}

// Next returns the next line. It ends with io.EOF, and with another error at a line that is none.
func (r *Reader) Next() (Event, error) {
	var line json.RawMessage
	err := r.lines.Decode(&line)
	if err == io.EOF {
		return Event{}, err
	}
	var e Event
	if err == nil {
		e, err = parse(line)
	}
	if err != nil {
		return e, fmt.Errorf("cannot read on in the recording: %v", err)
	}
	return e, nil
}

// ParseLine reads one line after the header, and says whether it is one.
func ParseLine(line []byte) (Event, bool) {
	e, err := parse(line)
	return e, err == nil
}

func parse(line []byte) (e Event, err error) {
	var parts [3]json.RawMessage
	var at float64
	err = json.Unmarshal(line, &parts)
	for i, to := range []any{&at, &e.Kind, &e.Text} {
		if err == nil {
			err = json.Unmarshal(parts[i], to)
		}
	}
	e.At = time.Duration(at * float64(time.Second))
	return e, err
}

// WriteText writes what a recording shows as plain text: without colours and cursor movements, with
// carriage returns and backspaces carried out in their line. What programs painted over the whole
// screen is in it piece by piece.
func WriteText(to io.Writer, from io.Reader) error {
	r, err := NewReader(from)
	if err != nil {
		return err
	}
	var p plain
	for {
		e, err := r.Next()
		switch {
		case err == io.EOF:
			p.newLine()
			_, err = io.WriteString(to, strings.TrimRight(p.out.String(), "\n")+"\n")
			return err
		case err != nil:
			return err
		}
		if e.Kind == Output {
			p.show(e.Text)
		}
		if p.out.Len() > 64<<10 {
			if _, err := p.out.WriteTo(to); err != nil {
				return err
			}
		}
	}
}
