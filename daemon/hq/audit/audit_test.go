package audit_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/evidencetest"
	"github.com/nightfill/nightfill/daemon/evidence/fleetpack"
	"github.com/nightfill/nightfill/daemon/evidence/proof"
	"github.com/nightfill/nightfill/daemon/hq/audit"
	"github.com/nightfill/nightfill/daemon/hq/audit/audittest"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/sync/fleet/database/databasetest"
)

// headquarters has heard stores with the past of evidencetest.
type headquarters struct {
	*evidencetest.Past
	db     *database.DB
	beside *database.DB
}

func hear(t testing.TB) *headquarters {
	t.Helper()
	return hearIn(t, "sqlite:"+filepath.Join(t.TempDir(), "hq.db"))
}

// hearIn opens the database at an address twice: as the headquarters that runs, and beside it.
func hearIn(t testing.TB, address string) *headquarters {
	t.Helper()
	p, err := evidencetest.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := audittest.Look(p); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := database.Beside(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), beside.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return &headquarters{p, db, beside}
}

// tell stores messages.
func (h *headquarters) tell(t testing.TB, messages ...feed.Message) {
	t.Helper()
	if _, err := h.db.Take(context.Background(), messages); err != nil {
		t.Fatal(err)
	}
}

// describe tells what a store and its devices are.
func (h *headquarters) describe(t testing.TB, store string) {
	t.Helper()
	h.tell(t, audittest.Describe(h.Past, store)...)
}

// send tells the records of the past as those of a store, changed by each; nil leaves one out.
func (h *headquarters) send(t testing.TB, store string, each func(*feed.Message) bool) {
	t.Helper()
	all, err := audittest.Records(h.Past, store)
	if err != nil {
		t.Fatal(err)
	}
	h.describe(t, store)
	h.tell(t, slices.DeleteFunc(all, func(m feed.Message) bool { return each != nil && !each(&m) })...)
}

func (h *headquarters) auditor() *audit.Auditor {
	return audit.New(h.beside, audit.Options{Org: "acme", Catalog: h.Catalog, Policy: comply.DefaultPolicy(), Version: "dev", Expected: func() []board.Expected { return []board.Expected{{ID: "0142", Region: "Middle"}, {ID: "0999"}} }, Now: func() time.Time { return evidencetest.AsOf().Add(3 * time.Hour) }})
}

func order() audit.Order {
	return audit.Order{From: evidencetest.Night(), To: evidencetest.Night().AddDays(1), AsOf: evidencetest.AsOf(), By: "a.khan", Origin: "program"}
}

func (h *headquarters) pack(t testing.TB, o audit.Order) (audit.Done, []byte) {
	t.Helper()
	var b bytes.Buffer
	done, err := h.auditor().Write(context.Background(), &b, o)
	if err != nil {
		t.Fatal(err)
	}
	return done, b.Bytes()
}

func (h *headquarters) verify(data []byte) proof.Verdict {
	return proof.Verify(bytes.NewReader(data), int64(len(data)), proof.Options{Root: h.Root, Version: "dev"})
}

// said is what a verdict says of a check.
func said(v proof.Verdict, check string) string {
	for _, c := range v.Checks {
		if c.Check == check {
			return string(c.Outcome) + ": " + c.Text
		}
	}
	return ""
}

func TestWhole(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) { whole(t, hearIn(t, fresh())) })
}

func whole(t *testing.T, h *headquarters) {
	h.send(t, "0142", nil)
	h.send(t, "0143", nil)
	h.deed(t, evidencetest.AsOf().AddDate(0, 0, -9), "too early")
	h.deed(t, evidencetest.AsOf().AddDate(0, 0, -1), "b.lee")
	h.deed(t, evidencetest.AsOf().Add(-time.Hour), "c.diaz")
	h.except(t)
	done, data := h.pack(t, order())
	v := h.verify(data)
	for check, want := range map[string]string{
		"manifest":   "good: 2 journals of stores of acme, nights 2026-11-21 to 2026-11-22, data as of 2026-11-23 18:00:00Z; it names 1 as missing",
		"deeds":      "good: 2 lines of headquarters' audit log, 2 to 3: the chain is whole",
		"pages":      "good: the front page and the table of exceptions, made anew: the same",
		"compliance": "good: 4 rows; 4 name the record that proves them, and those that are in the journals here are compared",
		"stores":     "good: 2 of 2 are good evidence",
	} {
		if got := said(v, check); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", check, got, want)
		}
	}
	if !v.Good || len(v.Stores) != 2 || v.Stores[0].Text != "records 1 to 33, 2 nights; 3 installations of 1 patch, each approved by enough keys in the catalog that was in force" {
		t.Errorf("%v %+v", v.Good, v.Stores)
	}
	if m := v.Fleet.Missing; len(m) != 1 || m[0].Store != "0999" || m[0].Why != "headquarters never heard this store" {
		t.Errorf("missing %+v", m)
	}
	rows := strings.Split(string(h.file(t, data, "compliance.csv")), "\r\n")
	for i, want := range []string{"0142,till-1,0142/till-1,pos-4.2.1", "0142,till-2,0142/till-2,pos-4.2.1", "0143,till-1", "0143,till-2"} {
		if !strings.HasPrefix(rows[i+1], want) {
			t.Errorf("row %d: %s", i, rows[i+1])
		}
	}
	if page := string(h.file(t, data, "report.html")); !strings.Contains(page, "prints twice") || !strings.Contains(page, `<a href="stores/0143/1.zip">0143</a>`) {
		t.Errorf("%s", page)
	}
	inner := h.file(t, data, "stores/0143/1.zip")
	if alone := h.verify(inner); !alone.Good || alone.Manifest.Store != "0143" {
		t.Errorf("the pack of a store alone: %+v", alone.Checks)
	}
	deeds, err := h.db.Deeds(t.Context(), 0, 100)
	if err != nil || len(deeds) != 4 || deeds[3].Verb != "evidence" || deeds[3].Actor != "a.khan" || deeds[3].Subject != "all stores" || !strings.HasSuffix(deeds[3].Text, "2 journals, 4 rows, sha256 "+done.SHA256) {
		t.Errorf("%v %+v", err, deeds)
	}
	h.again(t, data)
}

// again asks for the same after more happened: the same bytes.
func (h *headquarters) again(t *testing.T, before []byte) {
	t.Helper()
	last, err := h.Journal.RawSince(33, 1)
	if err != nil {
		t.Fatal(err)
	}
	late := journal.Raw{Seq: 34, Prev: last[0].Hash, Event: json.RawMessage(`{"kind":"patch.settled","at":"2026-11-23T17:00:00Z","device":"till-1","patch":"pos-4.2.1","to":"failed"}`)}
	late.Hash = journal.Hash(late.Seq, late.Prev, late.Event)
	h.tell(t, audittest.Message("0142", h.Journal.Stream(), late, evidencetest.AsOf().Add(time.Minute)))
	h.tell(t, feed.Message{Store: "0143", Received: evidencetest.AsOf().Add(time.Hour), Facts: []board.Fact{{Kind: board.KindDevice, Name: "till-1", Mark: board.Mark{Seq: 99}, Body: json.RawMessage(`{"device":"till-1","class":"linux-server","model":"hp-rp5810","groups":["lanes"],"state":"failed","answers":true,"seen_at":"2026-11-23T19:00:00Z"}`)}}})
	if _, after := h.pack(t, order()); !bytes.Equal(before, after) {
		for _, f := range []string{"manifest.json", "compliance.csv", "exceptions.json", "deeds.jsonl"} {
			t.Logf("%s: %v", f, bytes.Equal(h.file(t, before, f), h.file(t, after, f)))
		}
		t.Error("the same nights as of the same moment have other bytes")
	}
	o := order()
	o.AsOf = o.AsOf.Add(2 * time.Hour)
	_, later := h.pack(t, o)
	if v := h.verify(later); !v.Good || v.Fleet.Stores[0].Records.Last != 34 {
		t.Errorf("%+v %+v", v.Checks, v.Stores)
	}
}

func (h *headquarters) deed(t *testing.T, at time.Time, actor string) {
	t.Helper()
	if _, err := h.db.Record(t.Context(), board.Deed{At: at, Actor: actor, Origin: "10.0.0.7", Verb: "acknowledge", Subject: "0142", Outcome: "ok", Text: "a <b> & \"c\""}); err != nil {
		t.Fatal(err)
	}
}

func (h *headquarters) except(t *testing.T) {
	t.Helper()
	at := evidencetest.AsOf().AddDate(0, 0, -3)
	e, err := register.New("e1", register.Entry{Exception: site.Exception{Patch: "pos-4.2.1", Devices: []string{"till-2"}, Owner: "pos-owner", Reason: "prints twice", Risk: "none while it is off", Expires: at.AddDate(0, 0, 30)}}, "kim", at)
	if err != nil {
		t.Fatal(err)
	}
	n, err := e.Note(0, "kim", at)
	if err == nil {
		_, err = h.db.Keep(t.Context(), n)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (h *headquarters) file(t *testing.T, data []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestLacks makes a pack of stores that told not everything.
func TestLacks(t *testing.T) {
	h := hear(t)
	seq := func(m *feed.Message) uint64 { return m.Event.Seq }
	h.send(t, "0001", func(m *feed.Message) bool { return seq(m) != 8 }) // the next one names its hash
	h.send(t, "0002", func(m *feed.Message) bool { return seq(m) < 8 || seq(m) > 10 })
	h.send(t, "0003", func(m *feed.Message) bool {
		if seq(m) == 3 { // a night without its plan, as it is when it is too large
			m.Event.Data = []byte(`{"kind":"night.opened","at":"2026-11-22T05:00:00Z","night":"2026-11-21"}`)
		}
		return true
	})
	h.send(t, "0004", func(m *feed.Message) bool {
		if seq(m) < 12 {
			m.Event.Prev, m.Event.Hash = "", ""
		}
		return true
	})
	h.send(t, "0005", func(m *feed.Message) bool {
		if seq(m) == 9 {
			m.Event.Prev = strings.Repeat("ab", 32)
		}
		return true
	})
	h.describe(t, "0006")
	_, data := h.pack(t, order())
	v := h.verify(data)
	if v.Good || said(v, "stores") != "bad: 1 of 4 are good evidence, 3 are not" {
		t.Errorf("%v %s", v.Good, said(v, "stores"))
	}
	for i, want := range []string{
		"approvals: record 8: only its hash is known: what was begun there cannot be shown; make the pack in the store",
		"approvals: the records 8 to 10: what was begun there cannot be shown; make the pack in the store",
		"approvals: record 3: only its hash is known: what was begun there cannot be shown; make the pack in the store",
		"records 12 to 33, 1 night; 1 installation of 1 patch",
	} {
		if i >= len(v.Stores) || !strings.HasPrefix(v.Stores[i].Text, want) {
			t.Errorf("store %d: %+v", i+1, v.Stores[i].Text)
		}
	}
	for _, want := range []struct{ store, why string }{
		{"0005", "the chain is broken at record 9: see nightfill journal verify"}, {"0006", "nothing of these nights: the journal has no record of the nights 2026-11-21 to 2026-11-22: it has none at all"},
	} {
		if !slices.ContainsFunc(v.Fleet.Missing, func(m fleetpack.Missing) bool { return m.Store == want.store && m.Why == want.why }) {
			t.Errorf("%s: %+v", want.store, v.Fleet.Missing)
		}
	}
	for store, want := range map[string]string{
		"0001": "the content of record 8: headquarters had not received them at 2026-11-23T18:00:00Z, or does not keep them any more; the store may have them",
		"0002": "the records 8 to 10: headquarters had not received them at 2026-11-23T18:00:00Z, or does not keep them any more; the store may have them",
		"0003": "the content of record 3: it was too large to be sent whole, or was changed on the way: headquarters has its hash, the store has all of it",
		"0004": "records before 12, and nights before 2026-11-21: the program in the store was too old to tell the hashes of its records",
	} {
		var m evidence.Manifest
		inner := h.file(t, data, "stores/"+store+"/1.zip")
		if err := json.Unmarshal(h.file(t, inner, evidence.ManifestFile), &m); err != nil {
			t.Fatal(err)
		}
		if len(m.Missing) == 0 || m.Missing[0].What+": "+m.Missing[0].Why != want {
			t.Errorf("%s: %+v", store, m.Missing)
		}
	}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
