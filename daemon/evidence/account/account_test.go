package account_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence/account"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// book takes the records of a test and keeps what the account emits.
type book struct {
	t     *testing.T
	a     *account.Account
	state run.State
	at    time.Time
	files map[string]string
	names []string
}

func newBook(t *testing.T, devices ...string) *book {
	b := &book{t: t, at: time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC), files: map[string]string{}}
	store := site.Store{ID: "0142", Org: "acme"}
	for _, d := range devices {
		store.Devices = append(store.Devices, site.Device{ID: d, Class: site.LinuxServer})
	}
	b.a = account.New(account.Case{
		Store: store, Zone: time.UTC, From: date(21), To: date(23), AsOf: b.at.AddDate(0, 0, 9),
	}, func(name string, data []byte) error {
		b.files[name] = string(data)
		b.names = append(b.names, name)
		return nil
	})
	return b
}

func date(day int) window.Date { return window.Date{Year: 2026, Month: 11, Day: day} }

// add journals events, each a minute after the one before.
func (b *book) add(events ...run.Event) {
	b.t.Helper()
	for _, e := range events {
		b.at = b.at.Add(time.Minute)
		e.At = b.at
		e = run.Stamp(b.state, e)
		r := run.Record{Seq: b.state.Seq + 1, Hash: fmt.Sprintf("%064x", b.state.Seq+1), Event: e}
		b.state = run.Fold(b.state, r)
		if err := b.a.Take(r); err != nil {
			b.t.Fatal(err)
		}
	}
}

func opened(kind run.Kind, day int, left plan.Report, patch site.Patch, devices ...string) run.Event {
	opens := time.Date(2026, 11, day, 23, 0, 0, 0, time.UTC)
	p := plan.Plan{Night: date(day), Opens: opens, Cutoff: opens.Add(5 * time.Hour), Closes: opens.Add(6 * time.Hour), Patches: []site.Patch{patch}}
	for _, d := range devices {
		p.Members = append(p.Members, plan.Member{Device: d})
		p.Lanes = append(p.Lanes, plan.Lane{Device: d, Jobs: []plan.Job{{Patch: patch.ID}}})
	}
	return run.Event{Kind: kind, Night: date(day), Plan: &p, Report: left}
}

func done(day int, device, patch string) []run.Event {
	e := func(kind run.Kind, step run.Step) run.Event {
		return run.Event{Kind: kind, Night: date(day), Device: device, Patch: patch, Step: step, Attempt: 1, Outcome: run.OK, Output: "yes,\n it  works\n"}
	}
	var list []run.Event
	for _, step := range []run.Step{run.Stage, run.Install, run.Verify} {
		list = append(list, e(run.StepStarted, step), e(run.StepEnded, step))
	}
	return list
}

// lines ends the account and returns the cells of some columns of devices-patches.csv.
func (b *book) lines(columns ...string) []string {
	b.t.Helper()
	if err := b.a.End(); err != nil {
		b.t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.files["devices-patches.csv"])).ReadAll()
	if err != nil {
		b.t.Fatal(err)
	}
	var list []string
	for _, row := range rows[1:] {
		var cells []string
		for _, c := range columns {
			cells = append(cells, row[slices.Index(rows[0], c)])
		}
		list = append(list, strings.Join(cells, " "))
	}
	return list
}

func (b *book) want(got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var pos = site.Patch{ID: "pos-2", Owner: "pos", Verify: []site.Verify{{Service: "pos"}, {HTTP: "http://127.0.0.1/"}, {TCP: "127.0.0.1:9100"}, {Command: []string{"test", "-e", "/x"}}}}

// TestNewestWord follows patches over three nights: what was done stays told, what is kept from work is told as it is.
func TestNewestWord(t *testing.T) {
	b := newBook(t, "till-1", "till-2", "till-3")
	held := plan.Report{{Device: "till-3", Patch: "pos-2", State: site.Held, Reason: site.Because(site.CodeHeld, "held by b.lee")}}
	b.add(opened(run.NightOpened, 21, held, pos, "till-1", "till-2"))
	b.add(done(21, "till-1", "pos-2")...)
	b.add(run.Event{Kind: run.PatchSettled, Night: date(21), Device: "till-2", Patch: "pos-2", To: site.Skipped, Reason: site.Because(site.CodeNoTime, "no time")})
	b.add(opened(run.NightExtended, 21, nil, pos, "till-3"))
	b.add(done(21, "till-3", "pos-2")...)
	b.add(run.Event{Kind: run.NightClosed, Night: date(21)})
	already := plan.Report{
		{Device: "till-1", Patch: "pos-2", State: site.NotDue, Reason: site.Because(site.CodeNotApplicable, "already")},
		{Device: "till-2", Patch: "pos-2", State: site.Held, Reason: site.Because(site.CodeHeld, "held by b.lee")},
		{Device: "till-9", Patch: "pos-2", State: site.NoAnswer, Reason: site.Because(site.CodeNoAnswer, "silent")},
	}
	b.add(opened(run.NightOpened, 22, already, site.Patch{ID: "gw-3"}, "till-1"))
	b.add(run.Event{Kind: run.NightClosed, Night: date(22)})
	b.want(b.lines("device", "patch", "state", "reason_code", "attempts", "night", "record_seq"),
		"till-1 pos-2 done  1 2026-11-21 7", "till-1 gw-3 queued  0 2026-11-22 17",
		"till-2 pos-2 held held 0 2026-11-22 17", "till-3 pos-2 done  1 2026-11-21 15", "till-9 pos-2 no_answer no_answer 0 2026-11-22 17")
	if n := len(b.a.Installs()); n != 2 || b.a.Installs()[1].Device != "till-3" || b.a.Installs()[1].Patch.Owner != "pos" {
		t.Errorf("%+v", b.a.Installs())
	}
	b.want(b.a.Nights(), "2026-11-21", "2026-11-22")
}

func TestProof(t *testing.T) {
	b := newBook(t, "till-1")
	b.add(opened(run.NightOpened, 21, nil, pos, "till-1"))
	b.add(done(21, "till-1", "pos-2")...)
	b.want(b.lines("proof"), "asked: service pos, http http://127.0.0.1/, tcp 127.0.0.1:9100, command test -e /x, what the device has recorded of the patch; answer: yes, it works")
}

// TestNights keeps two openings of one night apart, and passes over nights that were not asked for.
func TestNights(t *testing.T) {
	b := newBook(t, "till-1")
	b.add(run.Event{Kind: run.NightClosed, Night: date(20)}) // of a night before the first record
	b.add(opened(run.NightOpened, 20, nil, pos, "till-1"))   // which opened late
	b.add(done(20, "till-1", "pos-2")...)
	b.add(opened(run.NightOpened, 21, nil, pos, "till-1"), run.Event{Kind: run.NightClosed, Night: date(21)})
	b.add(opened(run.NightOpened, 21, nil, pos, "till-1"))
	b.want(b.lines("state", "attempts"), "queued 0")
	b.want(b.names, "nights/2026-11-21.csv", "nights/2026-11-21.html", "nights/2026-11-21.json", "nights/2026-11-21-2.csv", "nights/2026-11-21-2.html", "nights/2026-11-21-2.json",
		"devices-patches.csv", "approvals.csv", "exceptions.csv", "recordings.csv", "actions.csv", "report.html")
}

// TestNothing tells of no night.
func TestNothing(t *testing.T) {
	b := newBook(t)
	b.add(run.Event{Kind: run.TerminalClosed, Device: "till-1", Actor: "ann", Work: "tape", Text: "digest", Took: site.Duration(time.Second)})
	b.want(b.lines("state"))
	if !strings.Contains(b.files["report.html"], "No night was opened.") || !strings.Contains(b.files["recordings.csv"], "tape,till-1,ann,,,1s,digest,1\n") {
		t.Errorf("%s\n%s", b.files["report.html"], b.files["recordings.csv"])
	}
}

// TestEmit gives up where a file is not taken.
func TestEmit(t *testing.T) {
	full := fmt.Errorf("full")
	for _, refuse := range []string{"nights/2026-11-21.html", "approvals.csv", "report.html"} {
		a := account.New(account.Case{Zone: time.UTC, From: date(21), To: date(21), AsOf: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)}, func(name string, _ []byte) error {
			if name == refuse {
				return full
			}
			return nil
		})
		err := a.Take(run.Record{Seq: 1, Event: run.Event{Kind: run.NightOpened, At: time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC), Night: date(21), Plan: opened(run.NightOpened, 21, nil, pos, "till-1").Plan}})
		if err == nil {
			err = a.End()
		}
		if err != full {
			t.Errorf("%s: got %v", refuse, err)
		}
	}
}

func TestPlain(t *testing.T) {
	s := account.Plain(site.Store{
		ID: "0142", Devices: []site.Device{{ID: "till-1", Address: "10.0.0.1:22", User: "patch", HostKey: "ssh-ed25519 A", Groups: []string{"lanes"}}},
		Checks:   []site.Check{{ID: "POS-1", URL: "http://secret", Command: []string{"x", "--password=y"}}},
		Contacts: []site.Contact{{Name: "Night desk", Phone: "555"}},
	})
	text := fmt.Sprintf("%+v", s)
	for _, secret := range []string{"10.0.0.1", "ssh-ed25519", "User:patch", "secret", "password", "555"} {
		if strings.Contains(text, secret) {
			t.Errorf("it tells %s: %s", secret, text)
		}
	}
	if !bytes.Contains([]byte(text), []byte("lanes")) || s.Checks[0].ID != "POS-1" {
		t.Error(text)
	}
}
