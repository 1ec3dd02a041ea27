package control_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/controltest"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// exporter writes text, and then ends with an error or not.
type exporter struct {
	text string
	err  error
	ask  control.EvidenceAsked
}

func (e *exporter) Evidence(_ context.Context, w io.Writer, ask control.EvidenceAsked) (run.EvidenceNote, error) {
	e.ask = ask
	if e.text != "" {
		if _, err := io.WriteString(w, e.text); err != nil {
			return run.EvidenceNote{}, err
		}
	}
	return run.EvidenceNote{From: ask.From, To: ask.To, SHA256: archive.Digest([]byte("pack")), First: 3, Last: 9, Bytes: int64(len(e.text))}, e.err
}

func TestEvidence(t *testing.T) {
	box, err := controltest.New()
	if err != nil {
		t.Fatal(err)
	}
	e := &exporter{}
	path := filepath.Join(dir(t), "control.sock")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- control.New(control.Options{Box: box, Journal: box.Journal, Evidence: e, Path: path, Version: "1.0.0"}).Run(ctx)
	}()
	client := client.Dial(path)
	defer func() {
		client.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for _, err := client.Devices(ctx); err != nil; _, err = client.Devices(ctx) {
	}
	night := window.Date{Year: 2026, Month: 11, Day: 21}
	tests := []struct {
		text  string
		err   error
		asOf  string
		to    window.Date
		want  string
		after bool // bytes were written
	}{
		{"pack", nil, "", night, "", true},
		{"pack", nil, "2026-11-22T06:00:00Z", night.AddDays(3), "", true},
		{"pa", nil, "", night, "cannot reach nightfilld at " + path + ": the evidence pack did not arrive whole: see if it runs with: systemctl status nightfilld", true},
		{"pa", errors.New("the disk broke"), "", night, "the disk broke: see: journalctl -u nightfilld", true},
		{"", errors.New("the disk broke"), "", night, "the disk broke: see: journalctl -u nightfilld", false},
		{"pack", nil, "tomorrow", night, `as of "tomorrow" is not a moment that is over: write a moment that is over, like 2026-11-22T06:00:00Z`, false},
		{"pack", nil, "2999-01-01T00:00:00Z", night, `as of "2999-01-01T00:00:00Z" is not a moment that is over: write a moment that is over, like 2026-11-22T06:00:00Z`, false},
		{"pack", nil, "", night.AddDays(-1), "the nights 2026-11-21 to 2026-11-20 run backwards: name the earlier date first", false},
		{"pack", nil, "", window.Date{}, `"" is not a date: write it like 2026-11-22: name the nights by their dates`, false},
	}
	for _, test := range tests {
		*e = exporter{text: test.text, err: test.err}
		var got bytes.Buffer
		note, err := client.Evidence(ctx, night, test.to, test.asOf, &got)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if said != test.want || (got.Len() > 0) != test.after {
			t.Errorf("%+v: got %q and %d bytes", test, said, got.Len())
		}
		if test.want == "" && (note.Last != 9 || e.ask.Actor == "" || e.ask.To != test.to || test.asOf != "" && !strings.HasPrefix(test.asOf, e.ask.AsOf.Format("2006-01-02T15:04:05"))) {
			t.Errorf("%+v %+v", note, e.ask)
		}
	}
}

func TestNoEvidence(t *testing.T) {
	l := newLab(t)
	night := window.Date{Year: 2026, Month: 11, Day: 21}
	if _, err := l.client.Evidence(context.Background(), night, night, "", io.Discard); err == nil || err.Error() != "this daemon makes no evidence packs" {
		t.Errorf("got %v", err)
	}
}
