package daemon

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/evidence/proof"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// TestEvidence lets a real night happen, takes a pack of it over the socket, and verifies it with nothing
// but the public root. That it was taken is in the journal, also when it was broken off.
func TestEvidence(t *testing.T) {
	l := newLab(t, 2)
	l.publish()
	cfg := l.storeFile()
	d, stop := l.start(cfg)
	defer stop()
	l.until(d, "a night", closed)
	c := client.Dial(filepath.Join(cfg.State, "control.sock"))
	defer c.Close()
	night := d.State().Night.Plan.Night
	asOf := d.State().Night.Closed.UTC() // of now, a check that has just ended may still be written
	var pack, again bytes.Buffer
	note, err := c.Evidence(t.Context(), night, night, asOf.Format(time.RFC3339Nano), &pack)
	l.must(err)
	root, err := os.ReadFile(cfg.Catalog.Root)
	l.must(err)
	v := proof.Verify(bytes.NewReader(pack.Bytes()), int64(pack.Len()), proof.Options{Root: root, Version: "test"})
	if !v.Good {
		t.Errorf("%+v", v.Checks)
	}
	if note.SHA256 != archive.Digest(pack.Bytes()) || note.Bytes != int64(pack.Len()) {
		t.Errorf("%+v", note)
	}
	_, err = c.Evidence(t.Context(), night, night, asOf.Format(time.RFC3339Nano), &again)
	l.must(err)
	if !bytes.Equal(pack.Bytes(), again.Bytes()) {
		t.Error("the same nights as of the same moment have other bytes")
	}
	if _, err := d.Evidence(t.Context(), broken{}, control.EvidenceAsked{From: night, To: night, AsOf: asOf, Actor: "ann"}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	old := window.Date{Year: 2020, Month: 1, Day: 1}
	var refused *wire.Error
	if _, err := c.Evidence(t.Context(), old, old, "", &again); !errors.As(err, &refused) || refused.Code != wire.CodeNoNight ||
		!strings.HasPrefix(refused.Message, "the journal has no record of the nights 2020-01-01 to 2020-01-01 as of ") {
		t.Errorf("got %v", err)
	}
	var told []run.Event
	l.must(d.journal.Each(0, func(r run.Record) error {
		if r.Event.Kind == run.EvidenceExported {
			told = append(told, r.Event)
		}
		return nil
	}))
	if len(told) != 3 || told[0].Evidence.SHA256 != note.SHA256 || told[0].Outcome != run.OK || !strings.HasSuffix(told[0].Text, ", SHA-256 "+note.SHA256) || told[0].Actor == "" {
		t.Fatalf("the journal tells %+v", told)
	}
	if e := told[2]; e.Outcome != run.Bad || e.Actor != "ann" || e.Evidence.SHA256 != "" || !strings.HasSuffix(e.Text, ": broken off: the line is cut") {
		t.Errorf("the journal tells %+v", e)
	}
	// The catalogs are forgotten with the journal, but for the one in force.
	l.must(d.forgetCatalogs(time.Now().Add(time.Hour)))
	if kept, err := d.catalog.Kept().List(); err != nil || len(kept) != 1 {
		t.Errorf("%+v %v", kept, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Evidence(ctx, &again, control.EvidenceAsked{From: night, To: night, AsOf: asOf}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

var errBroken = errors.New("the line is cut")

// broken takes a byte and no more.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 1, errBroken }
