package terminal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// State is how a recording stands to the journal.
type State string

// The states of recordings.
const (
	Whole   State = "whole"   // its file has the digest that the journal has
	Changed State = "changed" // its file has another digest: it is no evidence
	Missing State = "missing" // its file is gone
	Open    State = "open"    // the terminal is still open
)

// Recording is one terminal that there was, as the journal tells it, and its file.
type Recording struct {
	ID     string        `json:"id"`
	Device string        `json:"device"`
	Actor  string        `json:"actor"`
	Reason string        `json:"reason"`
	Begun  time.Time     `json:"begun"`
	Lasted site.Duration `json:"lasted"`
	Exit   *int          `json:"exit_code,omitempty"`
	Ended  *site.Reason  `json:"ended,omitempty"` // why it did not end by itself or by its person
	SHA256 string        `json:"sha256,omitempty"`
	Bytes  int64         `json:"bytes"`
	State  State         `json:"state"`
}

// ErrNoRecording says that there is no recording of a name.
var ErrNoRecording = errors.New("there is no such recording; see: nightfill recordings")

// past is what the journal was found to tell about terminals.
type past struct {
	token chan struct{} // holds one while somebody reads the journal
	next  uint64        // the first record that was not read
	found map[string]Recording
}

func newPast() *past {
	return &past{token: make(chan struct{}, 1), found: map[string]Recording{}}
}

// read brings what is known up to date with the journal and returns it.
func (p *past) read(ctx context.Context, j Journal) (map[string]Recording, error) {
	select {
	case p.token <- struct{}{}:
		defer func() { <-p.token }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	visit := func(r journal.Raw) error {
		if err := p.learn(r); err != nil {
			return err
		}
		p.next = r.Seq + 1
		return ctx.Err()
	}
	err := j.EachRaw(p.next, visit)
	if errors.Is(err, journal.ErrForgotten) {
		err = j.EachRaw(0, visit)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read in the journal which terminals there were: %w", err)
	}
	return maps.Clone(p.found), nil
}

// learn takes up one record. Only those of terminals are decoded.
func (p *past) learn(r journal.Raw) error {
	if !bytes.Contains(r.Event, []byte(`"terminal.`)) {
		return nil
	}
	var e run.Event
	if err := json.Unmarshal(r.Event, &e); err != nil {
		return err
	}
	known, begun := p.found[e.Work]
	switch {
	case e.Work == "":
	case e.Kind == run.TerminalOpened:
		p.found[e.Work] = Recording{ID: e.Work, Device: e.Device, Actor: e.Actor, Reason: e.Text, Begun: e.At, State: Open}
	case e.Kind == run.TerminalClosed && e.Text == "": // nothing was recorded
		delete(p.found, e.Work)
	case e.Kind == run.TerminalClosed && begun:
		known.Lasted, known.Exit, known.Ended, known.SHA256, known.State = e.Took, e.ExitCode, e.Reason, e.Text, Missing
		p.found[e.Work] = known
	}
	return nil
}

// forget drops what began before a moment.
func (p *past) forget(ctx context.Context, before time.Time) error {
	select {
	case p.token <- struct{}{}:
		defer func() { <-p.token }()
	case <-ctx.Done():
		return ctx.Err()
	}
	maps.DeleteFunc(p.found, func(_ string, r Recording) bool { return r.Begun.Before(before) })
	return nil
}

// Recordings lists every recording that the journal knows, the newest first. Each file is compared
// with its digest.
func (d *Desk) Recordings(ctx context.Context) ([]Recording, error) {
	found, err := d.past.read(ctx, d.Journal)
	if err != nil {
		return nil, err
	}
	list := slices.SortedFunc(maps.Values(found), func(a, b Recording) int {
		return cmp.Or(b.Begun.Compare(a.Begun), strings.Compare(b.ID, a.ID))
	})
	for i := range list {
		file, err := d.verify(ctx, &list[i])
		if err != nil {
			return nil, err
		}
		if file != nil {
			_ = file.Close()
		}
	}
	return list, nil
}

// Recording opens a recording and says how its file stands to the journal, which the reader must
// be told. The file is nil when it is missing; it must be closed.
func (d *Desk) Recording(ctx context.Context, id string) (Recording, io.ReadCloser, error) {
	found, err := d.past.read(ctx, d.Journal)
	if err != nil {
		return Recording{}, nil, err
	}
	r, known := found[id]
	if !known {
		return r, nil, ErrNoRecording
	}
	file, err := d.verify(ctx, &r)
	if file == nil {
		return r, nil, err
	}
	return r, file, err
}

// verify opens the file of a recording and compares it with its digest. It is nil when it is missing.
func (d *Desk) verify(ctx context.Context, r *Recording) (*os.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(d.Dir, r.ID+suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the recording %s: %w", r.ID, err)
	}
	info, err := file.Stat()
	digest := ""
	if err == nil {
		r.Bytes = info.Size()
		digest, err = digestOf(file)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot read the recording %s: %w", r.ID, err), file.Close())
	}
	switch {
	case r.State == Open:
		r.Lasted = site.Duration(time.Since(r.Begun))
	case digest == r.SHA256:
		r.State = Whole
	default:
		r.State = Changed
	}
	return file, nil
}

// Forget removes the recordings of sessions that were opened before a moment.
func (d *Desk) Forget(ctx context.Context, before time.Time) error {
	entries, err := os.ReadDir(d.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, e := range entries {
		if at, ok := idAt(e.Name()); ok && filepath.Ext(e.Name()) == suffix && at.Before(before) {
			errs = append(errs, os.Remove(filepath.Join(d.Dir, e.Name())))
		}
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return fmt.Errorf("cannot remove old recordings: %w", err)
	}
	return d.past.forget(ctx, before)
}
