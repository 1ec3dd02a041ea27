// Package evidencetest makes a store with a past of two nights for tests of evidence packs: a real
// journal, and a real signed catalog that the store took twice. No device is asked.
package evidencetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/catalog/archive"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish"
)

// Past is a store with two nights: on 2026-11-21 pos-4.2.1 was proven on till-1 and taken back on till-2,
// on 2026-11-22 it was proven on till-2 as well.
type Past struct {
	Store   site.Store
	Zone    *time.Location
	Journal *journal.Journal
	Catalog *catalog.Catalog
	Root    []byte // the public root
	Other   []byte // the public root of another company
	state   run.State
}

// Night is the date of the first night; the second is the next day.
func Night() window.Date { return window.Date{Year: 2026, Month: time.November, Day: 21} }

// AsOf is a moment after both nights.
func AsOf() time.Time { return time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC) }

// New makes the past in a directory. It must be closed.
func New(dir string) (*Past, error) {
	zone, err := tzdata.Load("America/Chicago")
	if err != nil {
		return nil, err
	}
	p := &Past{Zone: zone, Store: site.Store{
		ID: "0142", Org: "acme", Name: "Springfield East", Ring: site.RingFleet, Calendar: window.Calendar{Zone: zone},
		Devices: []site.Device{
			{ID: "till-1", Class: site.LinuxServer, Model: "hp-rp5810", Address: "10.77.0.11:22", User: "patch", Groups: []string{"lanes"}},
			{ID: "till-2", Class: site.LinuxServer, Model: "hp-rp5810", Address: "10.77.0.12:22", User: "patch", Groups: []string{"lanes"}},
			{ID: "pinpad-1", Class: site.Observe},
		},
		Contacts: []site.Contact{{Name: "Night desk", Phone: "+1 555 0100"}},
	}}
	if p.Journal, err = journal.Open(context.Background(), journal.Options{Dir: dir, Ballast: -1}); err != nil {
		return nil, err
	}
	if p.Other, err = otherRoot(filepath.Join(dir, "other")); err == nil {
		err = p.live(dir)
	}
	if err == nil {
		err = p.Journal.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot make a past: %w", err)
	}
	return p, nil
}

// Close closes the journal.
func (p *Past) Close() error { return p.Journal.Close() }

// Order asks for both nights.
func (p *Past) Order() evidence.Order {
	return evidence.Order{Store: p.Store, Zone: p.Zone, Stream: p.Journal.Stream(), From: Night(), To: Night().AddDays(1), AsOf: AsOf(), By: "a.khan", Version: "dev"}
}

// Records implements evidence.Source.
func (p *Past) Records(_ context.Context, from uint64, visit func(journal.Raw) error) error {
	return p.Journal.EachRaw(from, visit)
}

// Catalogs implements evidence.Source.
func (p *Past) Catalogs(context.Context) ([][]byte, []archive.Entry, error) {
	kept, err := p.Catalog.Kept().List()
	return p.Catalog.Roots(), kept, err
}

// CatalogFile implements evidence.Source.
func (p *Past) CatalogFile(_ context.Context, sum string) ([]byte, error) {
	return p.Catalog.Kept().File(sum)
}

// Add journals events at a moment, in the night of which they are.
func (p *Past) Add(at time.Time, events ...run.Event) error {
	for _, e := range events {
		e.At = at
		records, err := p.Journal.Append([]run.Event{run.Stamp(p.state, e)}, false)
		if err != nil {
			return err
		}
		p.state = run.Fold(p.state, records...)
	}
	return nil
}

func (p *Past) live(dir string) error {
	hq, err := newHeadquarters(filepath.Join(dir, "company"), time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC))
	if err != nil {
		return err
	}
	if p.Root, err = os.ReadFile(filepath.Join(hq.out, "root.json")); err != nil {
		return err
	}
	if p.Catalog, err = catalog.New(catalog.Options{Dir: filepath.Join(dir, "catalog"), URL: "file://" + hq.out, Root: filepath.Join(hq.out, "root.json")}); err != nil {
		return err
	}
	first := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC) // 23:00 in the store
	if err := p.refresh(first.Add(-2 * time.Hour)); err != nil {
		return err
	}
	if err := p.Add(first.Add(-90*time.Minute), run.Event{Kind: run.HoldSet, Actor: "b.lee", Device: "till-2", Hold: &site.Hold{Device: "till-2", Until: first.Add(-time.Hour), Reason: "inventory", Actor: "b.lee"}}); err != nil {
		return err
	}
	if err := p.night(first, Night(), map[string]bool{"till-1": true, "till-2": false}); err != nil {
		return err
	}
	if err := hq.except(time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)); err != nil {
		return err
	}
	second := first.AddDate(0, 0, 1)
	if err := p.refresh(second.Add(-3 * time.Hour)); err != nil {
		return err
	}
	tape := "20261123-020000-till-2-3fa29c"
	err = p.Add(second.Add(-2*time.Hour),
		run.Event{Kind: run.TerminalOpened, Device: "till-2", Actor: "a.khan", Work: tape, Text: "=printer service"},
		run.Event{Kind: run.TerminalClosed, Device: "till-2", Actor: "a.khan", Work: tape, Text: archive.Digest([]byte("tape")), Took: site.Duration(time.Minute)})
	if err != nil {
		return err
	}
	return p.night(second, Night().AddDays(1), map[string]bool{"till-2": true})
}

// refresh takes the catalog as the daemon does.
func (p *Past) refresh(at time.Time) error {
	if _, err := p.Catalog.Refresh(context.Background(), at); err != nil {
		return err
	}
	c := p.Catalog.Last()
	note := run.CatalogNote{Version: c.Version, Issued: c.Issued, Digest: c.Digest, Patches: []string{"pos-4.2.1"}}
	return p.Add(at.Add(time.Second), run.Event{Kind: run.CatalogUpdated, Catalog: &note})
}

// night plays a night: what is true ends well, the rest is taken back.
func (p *Past) night(opens time.Time, date window.Date, ends map[string]bool) error {
	c := p.Catalog.Last()
	patch := c.Patches[0].Patch
	n := plan.Plan{Night: date, Opens: opens, Closes: opens.Add(6 * time.Hour), Cutoff: opens.Add(5 * time.Hour), Catalog: c.Version, Patches: []site.Patch{patch}}
	report := plan.Report{{Device: "pinpad-1", Patch: patch.ID, State: site.NotDue, Reason: site.Because(site.CodeObserveOnly, "only observed, never changed")}}
	for _, d := range p.Store.Devices[:2] {
		n.Members = append(n.Members, plan.Member{Device: d.ID, Groups: d.Groups})
		if _, due := ends[d.ID]; !due {
			report = append(report, plan.LeftOut{Device: d.ID, Patch: patch.ID, State: site.NotDue, Reason: site.Because(site.CodeNotApplicable, "pos is already at 4.2.1")})
			continue
		}
		n.Lanes = append(n.Lanes, plan.Lane{Device: d.ID, Jobs: []plan.Job{{Patch: patch.ID, Begins: opens, Ends: opens.Add(time.Hour)}}})
	}
	if err := p.Add(opens, run.Event{Kind: run.NightOpened, Night: date, Plan: &n, Report: report}); err != nil {
		return err
	}
	at := opens
	for _, lane := range n.Lanes {
		for _, e := range steps(ends[lane.Device], patch) {
			at = at.Add(time.Minute)
			e.Night, e.Device, e.Patch, e.Attempt = date, lane.Device, patch.ID, 1
			e.Work = fmt.Sprintf("%s-%s-%s", date, e.Step, lane.Device)
			if err := p.Add(at, e); err != nil {
				return err
			}
		}
	}
	return p.Add(at.Add(time.Minute), run.Event{Kind: run.NightClosed, Night: date, Text: "it is over"})
}

// steps are the events of one patch on one device.
func steps(well bool, patch site.Patch) []run.Event {
	code := func(n int) *int { return &n }
	seen := func(version string) *site.Observation {
		return &site.Observation{Packages: map[string]string{"pos": version}, Recorded: map[string]string{patch.ID: policy.Digest(patch)}}
	}
	list := []run.Event{
		{Kind: run.StepStarted, Step: run.Stage}, {Kind: run.StepEnded, Step: run.Stage, Outcome: run.OK},
		{Kind: run.StepStarted, Step: run.Install, Observed: seen("4.2.0")}, {Kind: run.StepEnded, Step: run.Install, Outcome: run.OK, ExitCode: code(0)},
		{Kind: run.StepStarted, Step: run.Verify},
	}
	if well {
		return append(list, run.Event{Kind: run.StepEnded, Step: run.Verify, From: site.Verifying, To: site.Done, Outcome: run.OK, ExitCode: code(0), Output: "proven: pos-4.2.1 is on <and> works\n", Observed: seen("4.2.1")})
	}
	return append(list,
		run.Event{Kind: run.StepEnded, Step: run.Verify, Outcome: run.Bad, ExitCode: code(1), Output: "not proven\n", Reason: site.Because(site.CodeVerifyFailed, "not proven"), Observed: seen("4.2.1")},
		run.Event{Kind: run.StepStarted, Step: run.Revert}, run.Event{Kind: run.StepEnded, Step: run.Revert, Outcome: run.OK},
		run.Event{Kind: run.StepStarted, Step: run.Prove}, run.Event{Kind: run.StepEnded, Step: run.Prove, To: site.RolledBack, Outcome: run.OK, Output: "proven: off\n", Observed: seen("4.2.0")})
}

// headquarters is a company with one patch, of an owner with two of three keys.
type headquarters struct {
	repo *publish.Repo
	ring *keyfile.Folder
	out  string
}

func newHeadquarters(dir string, now time.Time) (*headquarters, error) {
	h, err := company(dir, now)
	if err != nil {
		return nil, err
	}
	deb := filepath.Join(dir, "pos_4.2.1_all.deb")
	if err := os.WriteFile(deb, []byte("deb"), 0o600); err != nil {
		return nil, err
	}
	a := site.Artifact{Name: "pos_4.2.1_all.deb", SHA256: archive.Digest([]byte("deb")), Size: 3}
	patch := site.Patch{
		ID: "pos-4.2.1", Title: "POS 4.2.1", Install: site.Install{Kind: site.InstallDeb}, Groups: []string{"lanes"}, Applies: site.Applies{Package: "pos", Below: "4.2.1"},
		Artifacts: []site.Artifact{a}, Severity: site.Critical, VendorReleased: window.Date{Year: 2026, Month: 11, Day: 10}, CVEs: []string{"CVE-2026-1234"},
		Verify: []site.Verify{{Service: "pos"}}, Owner: "pos",
		Approval: site.Approval{Change: "CHG-1042", Reason: "card data leaks into the log", SecurityImpact: "none beyond the fix", Tested: "lab store 9001"},
	}
	if err := h.repo.Add(patch, map[string]string{a.SHA256: deb}); err != nil {
		return nil, err
	}
	if err := h.repo.Release(patch.ID, site.RingFleet, nil); err != nil {
		return nil, err
	}
	for _, name := range []string{"pos-1", "pos-2"} {
		key, err := keyfile.Read(filepath.Join(dir, "keys", name), keyfile.FixedPassword(""))
		if err != nil {
			return nil, err
		}
		if _, err := h.repo.Sign(key, now, nil); err != nil {
			return nil, err
		}
	}
	return h, h.publish(now)
}

func company(dir string, now time.Time) (*headquarters, error) {
	keys := filepath.Join(dir, "keys")
	ring, err := keyfile.Open(keys, keyfile.FixedPassword(""))
	if err != nil {
		return nil, err
	}
	err = publish.Init(publish.InitOptions{
		Dir: filepath.Join(dir, "hq"), KeyDir: keys, Keys: ring, Owners: []publish.Owner{{Name: "pos", Quorum: publish.Quorum{Threshold: 2, Keys: 3}}}, Now: now,
	})
	if err != nil {
		return nil, err
	}
	repo, err := publish.Open(filepath.Join(dir, "hq"))
	return &headquarters{repo, ring, filepath.Join(dir, "out")}, err
}

func (h *headquarters) publish(now time.Time) error {
	_, err := h.repo.Publish(context.Background(), publish.Options{Out: h.out, Keys: h.ring, Now: now})
	return err
}

// except publishes a new generation, in which a device is excepted.
func (h *headquarters) except(now time.Time) error {
	e := site.Exception{Patch: "pos-4.2.1", Devices: []string{"till-9"}, Owner: "pos-owner", Reason: "prints twice", Risk: "none while it is off", Expires: now.AddDate(0, 0, 8)}
	if err := h.repo.Except(e, now); err != nil {
		return err
	}
	return h.publish(now)
}

func otherRoot(dir string) ([]byte, error) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	h, err := company(dir, now)
	if err != nil {
		return nil, err
	}
	if err := h.publish(now); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(h.out, "root.json"))
}
