package evidence_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/account"
	"github.com/nightfill/nightfill/daemon/evidence/evidencetest"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// TestPacks makes one store with a past for all of the tests, which come in order: the last ones change it.
func TestPacks(t *testing.T) {
	dir := t.TempDir()
	p, err := evidencetest.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, c := range []struct {
		name string
		test func(*testing.T, *evidencetest.Past)
	}{
		{"content", content}, {"one night", oneNight}, {"refuses", refuses}, {"by hand", byHand}, {"broken", broken},
		{"reproducible", reproducible}, {"upgraded", func(t *testing.T, p *evidencetest.Past) { upgraded(t, p, dir) }}, {"trimmed", trimmed},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, p) })
	}
}

func pack(t *testing.T, src evidence.Source, o evidence.Order) (evidence.Manifest, []byte) {
	t.Helper()
	var b bytes.Buffer
	m, err := evidence.Write(context.Background(), &b, src, o)
	if err != nil {
		t.Fatal(err)
	}
	return m, b.Bytes()
}

func files(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if all[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// table reads a CSV file as one map a row.
func table(t *testing.T, data []byte) []map[string]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		list = append(list, m)
	}
	return list
}

func content(t *testing.T, p *evidencetest.Past) {
	m, data := pack(t, p, p.Order())
	all := files(t, data)
	if m.Records.First != 1 || m.Records.Last != p.Journal.Last() || m.Chain.Before != "" || len(m.Missing) != 0 || len(m.Nights) != 2 || m.GeneratedBy != "a.khan" {
		t.Errorf("%+v", m)
	}
	if !strings.Contains(strings.SplitN(string(all["devices-patches.csv"]), "\n", 2)[0], strings.Join(account.Columns(), ",")) {
		t.Errorf("%s", all["devices-patches.csv"])
	}
	rows := table(t, all["devices-patches.csv"])
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, want := range []map[string]string{
		{"store": "0142", "device": "till-1", "class": "linux-server", "model": "hp-rp5810", "patch": "pos-4.2.1", "title": "POS 4.2.1", "severity": "critical", "cves": "CVE-2026-1234",
			"vendor_released": "2026-11-10", "version_before": "4.2.0", "version_after": "4.2.1", "approval_change": "CHG-1042", "state": "done", "reason_code": "", "attempts": "1",
			"started_at": "2026-11-21T23:03:00-06:00", "installed_at": "2026-11-21T23:04:00-06:00", "verified_at": "2026-11-21T23:06:00-06:00", "restarted_at": "",
			"proof": "asked: package pos 4.2.1, service pos, what the device has recorded of the patch; answer: proven: pos-4.2.1 is on <and> works (exit code 0); read back: pos 4.2.1; recorded: 5b15a8a0b93ba1f9d3a55f8a9d9a2c1f", "record_seq": "9", "data_as_of": "2026-11-23T12:00:00-06:00", "night": "2026-11-21"},
		{"device": "till-2", "state": "done", "attempts": "2", "night": "2026-11-22", "version_after": "4.2.1"},
		{"device": "pinpad-1", "class": "observe", "patch": "pos-4.2.1", "state": "not_due", "reason_code": "observe_only", "severity": "critical", "attempts": "0", "night": "2026-11-22"},
	} {
		for name, v := range want {
			if got := rows[i][name]; got != v && !(name == "proof" && strings.HasPrefix(got, v[:150])) {
				t.Errorf("row %d, %s: got %q, want %q", i, name, got, v)
			}
		}
		if len(rows[i]["record_hash"]) != 64 || rows[i]["stream"] != p.Journal.Stream() {
			t.Errorf("row %d: %v", i, rows[i])
		}
	}
	if got := rows[0]["approved_by"]; !strings.HasPrefix(got, "pos: ") || !strings.Contains(got, " (2 of 2 needed); fleet: ") || !strings.HasSuffix(got, " (1 of 1 needed)") {
		t.Errorf("approved by %q", got)
	}
	approvals := table(t, all["approvals.csv"])
	if a := approvals[0]; len(approvals) != 1 || a["threshold_met"] != "yes" || a["not_filled_in"] != "backout" || a["tested"] != "lab store 9001" || len(strings.Fields(a["owner_keys"])) != 2 || a["ring"] != "fleet" {
		t.Errorf("%v", approvals)
	}
	if e := table(t, all["exceptions.csv"]); len(e) != 1 || e[0]["owner"] != "pos-owner" || e[0]["in_force"] != "yes" || e[0]["scope"] != "on devices till-9" {
		t.Errorf("%v", e)
	}
	if r := table(t, all["recordings.csv"]); len(r) != 1 || r[0]["sha256"] != archive.Digest([]byte("tape")) || r[0]["reason"] != "'=printer service" {
		t.Errorf("%v", r)
	}
	if a := table(t, all["actions.csv"]); len(a) != 3 || a[0]["actor"] != "b.lee" || a[1]["kind"] != "terminal.opened" {
		t.Errorf("%v", a)
	}
	for _, secret := range []string{"10.77.0.11", "555 0100"} {
		if bytes.Contains(all[evidence.StoreFile], []byte(secret)) {
			t.Errorf("the store file tells %s", secret)
		}
	}
	if !bytes.Contains(all["report.html"], []byte(`<a href="nights/2026-11-22.html">`)) || !bytes.Contains(all["report.html"], []byte("2 of 2 patches on devices were proven")) {
		t.Errorf("%s", all["report.html"])
	}
}

func oneNight(t *testing.T, p *evidencetest.Past) {
	o := p.Order()
	o.To = o.From
	m, data := pack(t, p, o)
	rows := table(t, files(t, data)["devices-patches.csv"])
	if rows[1]["state"] != "rolled_back" || rows[1]["reason_code"] != "verify_failed" || rows[1]["verified_at"] != "" || !strings.HasSuffix(rows[1]["proof"], "; taken back: proven: off") {
		t.Errorf("%v", rows[1])
	}
	if m.Records.Last >= p.Journal.Last() {
		t.Errorf("the second night is there: %+v", m.Records)
	}
	o.From, o.To = o.From.AddDays(-1), o.To.AddDays(3)
	m, _ = pack(t, p, o)
	got := ""
	for _, x := range m.Missing {
		got += x.What + ": " + x.Why + "\n"
	}
	if want := "the night of 2026-11-20: no record says that it was opened\nthe night of 2026-11-23: no record says that it was opened\nthe night of 2026-11-24: it had not come at 2026-11-23T12:00:00-06:00\n"; got != want {
		t.Errorf("missing is\n%s", got)
	}
}

func refuses(t *testing.T, p *evidencetest.Past) {
	for _, test := range []struct {
		change func(*evidence.Order)
		want   string
	}{
		{func(o *evidence.Order) { o.To = o.From.AddDays(-1) }, "the nights 2026-11-21 to 2026-11-20 run backwards"},
		{func(o *evidence.Order) { o.To = o.From.AddDays(501) }, "the nights 2026-11-21 to 2028-04-05 are more than 500: ask for less at once"},
		{func(o *evidence.Order) { o.From = o.From.AddDays(9); o.To = o.From }, "the journal has no record of the nights 2026-11-30 to 2026-11-30 as of 2026-11-23T12:00:00-06:00: it goes from 2026-11-21T21:00:01-06:00 to "},
		{func(o *evidence.Order) { o.AsOf = o.AsOf.AddDate(-1, 0, 0) }, "the journal has no record of the nights 2026-11-21 to 2026-11-22 as of 2025-"},
	} {
		o, b := p.Order(), bytes.Buffer{}
		test.change(&o)
		if _, err := evidence.Write(context.Background(), &b, p, o); err == nil || !strings.HasPrefix(err.Error(), test.want) || b.Len() > 0 {
			t.Errorf("got %v and %d bytes, want %s", err, b.Len(), test.want)
		}
	}
}

// byHand verifies a pack as VERIFY.txt says, with the tools of any Debian.
func byHand(t *testing.T, p *evidencetest.Past) {
	for _, tool := range []string{"bash", "jq", "sed", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("this machine has no %s", tool)
		}
	}
	_, data := pack(t, p, p.Order())
	dir := t.TempDir()
	all := files(t, data)
	for name, content := range all {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	text := string(all[evidence.ExplainFile])
	from := strings.Index(text, "    prev=$(jq")
	script := "sha256sum --quiet -c SHA256SUMS && " + strings.TrimSpace(text[from:from+strings.Index(text[from:], "\n\n")])
	shell := func() string {
		cmd := exec.Command("bash", "-c", script)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	if got := shell(); got != "the chain is whole" {
		t.Errorf("by hand: %s", got)
	}
	forged := bytes.Replace(all[evidence.JournalFile], []byte(`"outcome":"ok"`), []byte(`"outcome":"no"`), 1)
	if err := os.WriteFile(filepath.Join(dir, evidence.JournalFile), forged, 0o644); err != nil {
		t.Fatal(err)
	}
	script = script[strings.Index(script, "prev="):]
	if got := shell(); !strings.HasPrefix(got, "record 5 is not what was hashed") {
		t.Errorf("by hand: %s", got)
	}
}

// source changes what a past tells.
type source struct {
	*evidencetest.Past
	records  func(journal.Raw) journal.Raw
	catalogs func([]archive.Entry) ([]archive.Entry, error)
}

func (s source) Records(ctx context.Context, from uint64, visit func(journal.Raw) error) error {
	return s.Past.Records(ctx, from, func(r journal.Raw) error { return visit(s.records(r)) })
}

func (s source) Catalogs(ctx context.Context) ([][]byte, []archive.Entry, error) {
	roots, kept, _ := s.Past.Catalogs(ctx)
	kept, err := s.catalogs(kept)
	return roots, kept, err
}

// broken makes packs from what is not whole.
func broken(t *testing.T, p *evidencetest.Past) {
	same := func(r journal.Raw) journal.Raw { return r }
	whole := func(e []archive.Entry) ([]archive.Entry, error) { return e, nil }
	changed := func(r journal.Raw) journal.Raw {
		if r.Seq == 7 {
			r.Event = json.RawMessage(`{"kind":"daemon.started","at":"2026-11-22T05:03:00Z"}`)
		}
		return r
	}
	var b bytes.Buffer
	if _, err := evidence.Write(context.Background(), &b, source{p, changed, whole}, p.Order()); err == nil || err.Error() != "cannot read the journal: the chain is broken at record 7: see nightfill journal verify" || b.Len() > 0 {
		t.Errorf("got %v", err)
	}
	for _, test := range []struct {
		kept func([]archive.Entry) ([]archive.Entry, error)
		want string
	}{
		{func(e []archive.Entry) ([]archive.Entry, error) { return e[1:], nil },
			"the signed catalog of version 20261121180000: it was not kept: a version of the program from before evidence packs took it, or it was lost\n"},
		{func(e []archive.Entry) ([]archive.Entry, error) { return e, errors.New("9.json is damaged") }, "some entries of the kept catalogs: 9.json is damaged\n"},
		{func(e []archive.Entry) ([]archive.Entry, error) { e[1].Root = 9; return e, nil },
			"the signed catalog of version 20261122180000: what is kept of it does not verify: it was accepted under root 9, which is not there\n"},
	} {
		m, _ := pack(t, source{p, same, test.kept}, p.Order())
		got := ""
		for _, x := range m.Missing {
			got += x.What + ": " + x.Why + "\n"
		}
		if got != test.want {
			t.Errorf("missing is %q, want %q", got, test.want)
		}
	}
}

// reproducible asks twice, once after more happened: the same range as of the same moment gives the same bytes.
func reproducible(t *testing.T, p *evidencetest.Past) {
	_, before := pack(t, p, p.Order())
	if err := p.Add(evidencetest.AsOf().Add(time.Hour), run.Event{Kind: run.EvidenceExported, Actor: "a.khan", Text: "nights"}); err != nil {
		t.Fatal(err)
	}
	_, after := pack(t, p, p.Order())
	if !bytes.Equal(before, after) {
		t.Error("the same range as of the same moment has other bytes")
	}
	o := p.Order()
	o.AsOf = o.AsOf.Add(2 * time.Hour)
	m, later := pack(t, p, o)
	if bytes.Equal(before, later) || m.Records.Last != p.Journal.Last() {
		t.Error("what came after is not told")
	}
}

// upgraded starts a box whose older program kept no catalogs: it has the one in force, and says which it has not.
func upgraded(t *testing.T, p *evidencetest.Past, dir string) {
	if err := os.RemoveAll(filepath.Join(dir, "catalog", "kept")); err != nil {
		t.Fatal(err)
	}
	c, err := catalog.New(catalog.Options{Dir: filepath.Join(dir, "catalog"), URL: "https://127.0.0.1/", Root: filepath.Join(dir, "company", "out", "root.json")})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := c.Kept().List()
	if err != nil || len(kept) != 1 || !kept[0].Accepted.IsZero() || kept[0].Version != c.Last().Version {
		t.Fatalf("%+v %v", kept, err)
	}
	m, _ := pack(t, p, p.Order())
	if len(m.Missing) != 1 || m.Missing[0].What != "the signed catalog of version 20261121180000" {
		t.Errorf("%+v", m.Missing)
	}
}

// trimmed makes a pack from a journal that has forgotten its beginning.
func trimmed(t *testing.T, p *evidencetest.Past) {
	if err := p.Journal.Trim(12, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	m, data := pack(t, p, p.Order())
	raw, err := p.Journal.RawSince(13, 1)
	if err != nil {
		t.Fatal(err)
	}
	if m.Records.First != 13 || m.Chain.Before != raw[0].Prev || len(m.Nights) != 1 {
		t.Errorf("%+v", m)
	}
	if len(m.Missing) < 2 || m.Missing[0].What != "records before 13, and nights before 2026-11-21" || m.Missing[1].What != "the night of 2026-11-21" {
		t.Errorf("%+v", m.Missing)
	}
	if page := files(t, data)["report.html"]; !bytes.Contains(page, []byte("What is missing")) {
		t.Errorf("%s", page)
	}
}
