package fleetsim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/uplink"
)

// shop is one simulated store: what it is, what happened in it, and its journal.
type shop struct {
	opts    Options
	n       int
	store   site.Store
	journal *memory
	odds    forecast.Odds

	mu        sync.Mutex
	state     run.State
	catalog   site.Catalog
	inventory site.Inventory
	broken    map[string]time.Time // devices whose checks fail, since when
	ready     ready.Report
	settled   bool // nothing of an earlier night is still being written: the snapshots tell the truth
}

// newShop returns the nth store as it was before the first of its nights.
func newShop(o Options, n int, opens time.Time) (*shop, error) {
	store, err := o.site(n, opens)
	if err != nil {
		return nil, err
	}
	s := &shop{
		opts: o, n: n, store: store, journal: newMemory(streamOf(o, n)), odds: odds(o.Luck),
		inventory: site.Inventory{}, broken: map[string]time.Time{},
	}
	if o.Live > 0 {
		s.odds.LateFrom, s.odds.LateMean, s.odds.GateMedian, s.odds.GateP95 = o.Live/5, o.Live/8, o.Live/20, o.Live/6
		s.odds.PowerMedian, s.odds.PowerP95 = o.Live/10, o.Live/5
	}
	for _, d := range store.Devices {
		s.inventory[d.ID] = site.Observation{
			Device: d.ID, At: o.Now, BootID: fmt.Sprintf("%s-%s", store.ID, d.ID), System: "Debian GNU/Linux 12 (bookworm)",
			Packages: installed(d), DiskFree: 20 << 30,
		}
	}
	return s, nil
}

// odds are the usual ones, with so much of their misfortune; 0 is all of it.
func odds(luck float64) forecast.Odds {
	o := forecast.Usual()
	if luck == 0 {
		return o
	}
	for _, share := range []*float64{
		&o.InstallFails, &o.Interrupted, &o.Breaks, &o.BreaksAll, &o.NotBack, &o.RollbackFails, &o.Unreachable, &o.GateLate, &o.GateStuck, &o.PowerCut,
	} {
		*share *= luck
	}
	return o
}

// play lives through the nights that are over and, where one is wanted, tonight's. It returns when the
// last one has ended, or with ctx.
func (s *shop) play(ctx context.Context, tonight window.Span) error {
	begin := s.opts.Now.AddDate(0, 0, -s.opts.Nights-1)
	if err := s.write(ctx, run.Event{Kind: run.DaemonStarted, At: begin, Text: "nightfilld simulated"}); err != nil {
		return err
	}
	for ago := s.opts.Nights; ago >= 1; ago-- {
		span, ok := s.store.Calendar.On(tonight.Night.AddDays(-ago))
		if !ok || !span.Close.Before(s.opts.Now) {
			continue
		}
		if err := s.night(ctx, span, ago); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.settled = true
	s.mu.Unlock()
	if s.opts.Live == 0 {
		return nil
	}
	return s.night(ctx, tonight, 0)
}

// night plays one night and writes down what happens in it when its time has come.
func (s *shop) night(ctx context.Context, span window.Span, ago int) error {
	before := span.Open.Add(-5 * time.Minute)
	if s.opts.Live > 0 {
		before = span.Open.Add(-20 * time.Second)
	}
	if err := until(ctx, before); err != nil {
		return err
	}
	catalog := s.opts.catalog(before)
	s.mu.Lock()
	s.catalog = catalog
	s.mu.Unlock()
	if err := s.write(ctx, s.prelude(catalog, before)...); err != nil {
		return err
	}
	if s.n%97 == 41 && ago == 0 {
		if err := s.write(ctx, run.Event{Kind: run.HoldSet, At: before, Hold: &site.Hold{
			Device: s.store.Devices[1].ID, Until: span.Close, Reason: "till in use for stock-taking", Actor: "r.kim",
		}}); err != nil {
			return err
		}
	}
	scene := s.scene(catalog, span)
	played := forecast.Rehearse(scene, s.odds, s.opts.Seed<<20+uint64(s.n)<<4+uint64(ago), s.faults()...)
	for _, r := range played.Records {
		if err := s.write(ctx, r.Event); err != nil {
			return err
		}
	}
	s.learn(played)
	if err := s.judge(ctx, played.Ends.Add(time.Minute)); err != nil || ago == 0 {
		return err
	}
	return s.open(ctx, played.Ends.Add(time.Minute))
}

// open opens the store to customers after a night that is over, and writes down its word.
func (s *shop) open(ctx context.Context, from time.Time) error {
	opens, ok := s.store.Calendar.NextOpening(from)
	if !ok || opens.After(s.opts.Now) {
		return nil
	}
	next, _ := s.store.Calendar.NextOpening(opens)
	s.mu.Lock()
	e := run.Event{Kind: run.StoreOpened, At: opens, Opens: opens, Next: next, Verdict: s.state.Verdict, Text: s.ready.Line(), Since: s.state.TradesAt}
	s.mu.Unlock()
	return s.write(ctx, e)
}

// prelude is what a box writes down before a night: the generation of the catalog, its artifacts and
// how it found the devices.
func (s *shop) prelude(catalog site.Catalog, at time.Time) []run.Event {
	note := &run.CatalogNote{Version: catalog.Version, Issued: catalog.Issued}
	if h, held := catalog.HeldStores[s.store.ID]; held {
		note.StoreHeld = &h
	}
	events := []run.Event{{Kind: run.CatalogUpdated, At: at, Catalog: note}}
	for _, a := range catalog.Patches {
		note.Patches = append(note.Patches, a.Patch.ID)
		for _, artifact := range policy.Needed(a.Patch) {
			events = append(events, run.Event{Kind: run.ArtifactCached, At: at, Text: artifact.SHA256})
		}
	}
	for _, d := range s.store.Devices {
		o := s.inventory[d.ID]
		o.At, o.Clock = at, at
		s.inventory[d.ID] = o
		events = append(events, run.Event{Kind: run.DeviceObserved, At: at, Device: d.ID, Observed: &o})
	}
	return events
}

// scene is the night as the real planner makes it from what the store knows.
func (s *shop) scene(catalog site.Catalog, span window.Span) forecast.Scene {
	cached := map[string]bool{}
	for _, a := range catalog.Patches {
		for _, artifact := range policy.Needed(a.Patch) {
			cached[artifact.SHA256] = true
		}
	}
	facts := policy.Facts{
		Store: s.store, Catalog: catalog, Inventory: s.inventory, Cached: cached, Holds: s.state.Holds, Dirty: s.state.Dirty,
		Learned: s.state.Learned, Quarantine: s.state.Quarantine, Now: span.Open,
	}
	p, report := plan.Make(facts, span, s.store.Calendar.Reserve)
	return forecast.Scene{Store: s.store, State: s.state, Inventory: s.inventory, Plan: p, Report: report, Begins: span.Open, Prints: prints}
}

// usualBad are the bad patches where nobody says otherwise: a till model on which the receipt driver does
// not start, and a server on which the store database, which comes tonight, does not.
func usualBad() map[string]float64 {
	return map[string]float64{"receipt-driver-2.8/toshiba-4900": 0.1, "store-db-11.4/dell-r250": 0.06}
}

// faults are what the night is told to have on top of its luck.
func (s *shop) faults() []forecast.Fault {
	bad := s.opts.Bad
	if bad == nil {
		bad = usualBad()
	}
	var faults []forecast.Fault
	for i, d := range s.store.Devices {
		lot := (s.n*31 + i*17) % 100
		for _, what := range slices.Sorted(maps.Keys(bad)) {
			if patch, model, _ := strings.Cut(what, "/"); model == d.Model && float64(lot) < 100*bad[what] {
				faults = append(faults, forecast.Fault{Device: d.ID, Patch: patch, Kind: forecast.Breaks})
			}
		}
	}
	return faults
}

// write puts events into the journal when their time has come.
func (s *shop) write(ctx context.Context, events ...run.Event) error {
	for _, e := range events {
		if err := until(ctx, e.At); err != nil {
			return err
		}
		s.mu.Lock()
		fresh, err := s.journal.add(run.Stamped(s.state, []run.Event{e})...)
		if err == nil {
			s.state = run.Fold(s.state, fresh...)
		}
		s.mu.Unlock()
		if err != nil {
			return err
		}
		if err := s.pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// mostWaiting is how many records a store keeps that headquarters has not stored: a fleet of stores
// that are quicker than their headquarters would otherwise fill the memory.
const mostWaiting = 2000

// pause waits until headquarters has stored enough.
func (s *shop) pause(ctx context.Context) error {
	for s.opts.Broker != "" && s.journal.waiting() > mostWaiting {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// until waits for a moment; one that is past is now.
func until(ctx context.Context, at time.Time) error {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// learn takes over what the night changed on the devices.
func (s *shop) learn(played forecast.Night) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, job := range played.Jobs {
		switch {
		case job.State == site.Done:
			o, after := s.inventory[job.Device], map[string]string{}
			for pkg, version := range o.Packages {
				after[pkg] = version
			}
			for _, p := range products() {
				if p.pkg+"-"+p.after == job.Patch {
					after[p.pkg] = p.after
				}
			}
			o.Packages = after
			s.inventory[job.Device] = o
			delete(s.broken, job.Device)
		case job.State == site.RollbackFailed || job.State == site.NoAnswer || job.State == site.Failed && job.Settled:
			s.broken[job.Device] = job.At
		}
	}
}

// judge looks at the readiness and writes down the verdict, as a box does when the work is over.
func (s *shop) judge(ctx context.Context, at time.Time) error {
	if err := until(ctx, at); err != nil {
		return err
	}
	s.mu.Lock()
	report := s.look(at)
	s.ready = report
	s.mu.Unlock()
	return s.write(ctx, run.Event{Kind: run.VerdictChanged, At: at, Verdict: report.Verdict, Text: report.Line()})
}

// look judges the store with the results that its checks would have.
func (s *shop) look(at time.Time) ready.Report {
	results, since := map[string]site.CheckResult{}, map[string]time.Time{}
	for _, c := range s.store.Checks {
		r := site.CheckResult{Check: c.ID, Device: c.Device, Outcome: site.Pass, Seen: "service pos-app is running", At: at}
		if failing, bad := s.broken[c.Device]; bad {
			r.Outcome, r.Seen = site.Fail, "service pos-app is not running"
			since[c.ID] = failing
		}
		results[c.ID] = r
	}
	f := s.facts(at)
	return ready.Judge(view.Readiness(f, results, since, at.Add(-time.Hour)))
}

// facts is what the surfaces of the store show.
func (s *shop) facts(now time.Time) view.Facts {
	return view.Facts{
		Store: s.store, State: s.state, Catalog: s.catalog, Inventory: s.inventory, Report: s.ready, Now: now,
		Version: "simulated", Stream: s.journal.stream, Last: s.journal.Durable(), Line: view.Line{Wanted: true, Connected: true},
	}
}

// snapshot is what the retained topics show.
func (s *shop) snapshot(context.Context) uplink.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.settled {
		return uplink.Snapshot{Rev: s.state.Seq, Info: view.Info(s.facts(now))}
	}
	if s.opts.Live > 0 {
		s.ready = s.look(now)
	}
	f := s.facts(now)
	snap := uplink.Snapshot{
		Rev: f.State.Seq, Info: view.Info(f), Ready: f.Report.Document(), Num: view.Num(f), Devices: map[string]any{}, Alerts: view.Alerts(f),
	}
	if night := view.NightOf(f.State, false); night != nil {
		snap.Night = night
	}
	for _, d := range view.Devices(f) {
		snap.Devices[d.Device] = d
	}
	return snap
}
