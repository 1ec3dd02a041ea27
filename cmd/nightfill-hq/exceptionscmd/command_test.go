package exceptionscmd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish"
)

// shelf keeps notes in memory.
type shelf struct {
	notes  []board.Note
	deeds  []board.Deed
	closed bool
}

func (s *shelf) Notes(context.Context, string) ([]board.Note, error) { return s.notes, nil }

func (s *shelf) Keep(_ context.Context, n board.Note) (board.Note, error) {
	for i := range s.notes {
		if s.notes[i].ID == n.ID && s.notes[i].Version == n.Version {
			n.Version++
			s.notes[i] = n
			return n, nil
		}
	}
	return n, errors.New("conflict")
}

func (s *shelf) Record(_ context.Context, d board.Deed) (board.Deed, error) {
	s.deeds = append(s.deeds, d)
	return d, nil
}

func (s *shelf) Close() error { s.closed = true; return nil }

func (s *shelf) add(t *testing.T, id, patch string) {
	t.Helper()
	e, err := register.New(id, register.Entry{Exception: site.Exception{Patch: patch, Owner: "ann", Reason: "broken", Risk: "none", Expires: time.Now().AddDate(0, 1, 0)}}, "kim", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	n, err := e.Note(0, "kim", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	n.Version = 1
	s.notes = append(s.notes, n)
}

func run(s *shelf, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := Command(func(*cobra.Command) (Register, error) { return s, nil })
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	hq, keys := filepath.Join(dir, "hq"), filepath.Join(dir, "keys")
	ring, err := keyfile.Open(keys, keyfile.FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Init(publish.InitOptions{Dir: hq, KeyDir: keys, Keys: ring, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	repo, err := publish.Open(hq)
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Add(site.Patch{ID: "p-1", Owner: "owner"}, nil); err != nil {
		t.Fatal(err)
	}
	s := &shelf{}
	if out, err := run(s, "list", "--json"); err != nil || out != "[]\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := run(s, "list"); err != nil || out != "No exceptions.\n" {
		t.Errorf("%q, %v", out, err)
	}
	s.add(t, "e-1", "p-1")
	out, err := run(s, "prepare", hq)
	if err != nil || !strings.HasPrefix(out, "set: excepted p-1 everywhere until ") || !strings.HasSuffix(out, "Next: nightfill catalog sign "+hq+" --key KEY, with a key of the role fleet\n") {
		t.Errorf("%q, %v", out, err)
	}
	entries, err := register.Read(s.notes)
	if err != nil || entries[0].Prepared.IsZero() || entries[0].History[1].What != "prepared" || len(s.deeds) != 1 || !s.closed {
		t.Errorf("%+v, %v, deeds %+v", entries, err, s.deeds)
	}
	if out, err := run(s, "prepare", hq); err != nil || out != "Nothing to do: the folder says what the register says.\n" {
		t.Errorf("%q, %v", out, err)
	}
	s.add(t, "e-2", "p-9")
	if out, err = run(s, "prepare", hq, "--json"); exit.Code(err) != exit.NotAllGood || !strings.Contains(out, `"what": "refused"`) || s.deeds[len(s.deeds)-1].Outcome != "refused" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := run(s, "list"); err != nil || strings.Count(out, "open      ") != 2 {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := run(s, "prepare", os.DevNull); err == nil || exit.Code(err) != exit.Failed {
		t.Errorf("a folder that is none: %v", err)
	}
}
