package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/ready/words"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window/tzdata"
	"github.com/nightfill/nightfill/sync/uplink"
)

// keepResults remembers the results of a round. The journal is told of what changed, and of how it
// compares with what was before the newest night: it is a history of outcomes, not of looks.
func (d *Daemon) keepResults(_ context.Context, results []site.CheckResult) { d.keep(results, true) }

// keep remembers the results of a round, or of one check with what it needs: that is not the round that others wait
// for, nor one that is compared with what was before.
func (d *Daemon) keep(results []site.CheckResult, round bool) {
	first := d.remember(results, round)
	_, err := d.ledger.Commit(func(s run.State) []run.Event {
		var events []run.Event
		for _, r := range results {
			if before, ok := s.Checks[r.Check]; !ok || first || before.Outcome != r.Outcome {
				events = append(events, run.Event{Kind: run.CheckEnded, At: r.At, Device: r.Device, Check: &r})
			}
		}
		if round && len(results) > 0 {
			events = append(events, view.Compare(run.Foresee(s, events...), d.store, results[0].At)...)
		}
		return events
	})
	if err != nil {
		d.Log.Error("cannot write down the results of the checks", "err", err)
	}
	if first {
		close(d.checked)
	}
}

// remember keeps results, and tells whether they are of the first round since the start: its
// results are journalled whatever they are, since they prove what older ones do not.
func (d *Daemon) remember(results []site.CheckResult, round bool) (first bool) {
	failing := d.ledger.State().Failing
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range results {
		before, ok := d.results[r.Check]
		if !ok || before.Outcome != r.Outcome {
			d.since[r.Check] = r.At
		}
		if t, known := failing[r.Check]; known && r.Outcome == site.Fail {
			d.since[r.Check] = t // since before this start, or before a look that told nothing
		}
		d.results[r.Check] = r
	}
	if first = round && d.rounds == 0; round || d.rounds > 0 {
		d.rounds++
	}
	return first
}

// prepared closes ready when a night may be planned: the catalog was looked for, so that patches are
// known, and the checks were carried out, so that it is known what was broken before.
func (d *Daemon) prepared(ctx context.Context) error {
	limit := time.NewTimer(baselineWait)
	defer limit.Stop()
	select {
	case <-d.supplied:
	case <-ctx.Done():
		return nil
	}
	select {
	case <-d.checked:
	case <-limit.C:
	case <-ctx.Done():
		return nil
	}
	close(d.ready)
	return nil
}

// preparing says why no night is planned yet; nil when one may be.
func (d *Daemon) preparing() *site.Reason {
	select {
	case <-d.ready:
		return nil
	default:
		return site.Because(site.CodeWaiting, "the box has just started: before it plans a night it looks for the catalog and carries out every check, for "+(firstSupply+baselineWait).String()+" at most")
	}
}

// baselineWait is how long after the box's start a night waits for the first round of checks.
const baselineWait = time.Minute

// nextFixedCheck is the next moment after now at which the checks run whatever was before:
// a while before opening, and just before the window for a baseline.
func (d *Daemon) nextFixedCheck(now time.Time) time.Time {
	var moments []time.Time
	if opens, ok := d.store.Calendar.NextOpening(now); ok {
		for _, before := range d.Config.Readiness.At {
			moments = append(moments, opens.Add(before))
		}
	}
	if span, ok := d.store.Calendar.Next(now); ok {
		moments = append(moments, span.Open.Add(-baselineBefore))
	}
	moments = slices.DeleteFunc(moments, func(t time.Time) bool { return !t.After(now) })
	if len(moments) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(moments, time.Time.Compare)
}

// baselineBefore is how long before the window the checks run, so that what was broken
// already is known.
const baselineBefore = 5 * time.Minute

// View is everything that the surfaces show, as of now.
func (d *Daemon) View(context.Context) view.Facts {
	f := view.Facts{
		Store: d.pinnedStore(), State: d.ledger.State(), Inventory: d.seen(), Now: time.Now(), Version: d.Version,
		ZoneData: tzdata.Version(), Stream: d.journal.Stream(), Last: d.journal.Last(),
	}
	f.Catalog, f.CatalogNo = d.current()
	f.Tonight, f.Preparing = d.toldTonight(), d.preparing()
	if d.uplink != nil {
		status := d.uplink.Status()
		f.Line = view.Line{Wanted: true, Connected: status.Connected, Since: status.Since}
		f.Outbox = f.Last - min(f.Last, status.Stored)
	}
	f.Console = d.consoleShown()
	f.Report = d.judge(f, words.Default)
	return f
}

// judge says whether the store can open, from the newest results, in a language. Those who ask at about
// the same time share one judgement.
func (d *Daemon) judge(f view.Facts, language string) ready.Report {
	d.mu.Lock()
	rounds := d.rounds
	d.mu.Unlock()
	return d.judged.share(question{language, f.Now, f.State.Seq, rounds}, func() ready.Report { return d.judgeNow(f, language) })
}

func (d *Daemon) judgeNow(f view.Facts, language string) ready.Report {
	d.mu.Lock()
	results, since, ages := map[string]site.CheckResult{}, map[string]time.Time{}, map[string]time.Duration{}
	for id, r := range d.results {
		ages[id] = time.Since(r.At) // not by the time of day: the checker's times are of this process
		r.At = r.At.Round(0)
		results[id], since[id] = r, d.since[id]
	}
	d.mu.Unlock()
	f.Now = f.Now.Round(0)
	in := view.Readiness(f, results, since, d.started.Round(0))
	in.Ages = ages
	in.Language = language
	return ready.Judge(in)
}

// Report judges whether the store can open, now, for machines and technicians: in English.
func (d *Daemon) Report() ready.Report { return d.View(context.Background()).Report }

// reportIn is Report for the people of the store.
func (d *Daemon) reportIn(language string) ready.Report {
	f := d.View(context.Background())
	if language == f.Report.Language {
		return f.Report
	}
	return d.judge(f, language)
}

// watchVerdict writes down when the store's word changes, and has the checks run when a
// night is over.
func (d *Daemon) watchVerdict(ctx context.Context) error {
	wasOpen := false
	return d.onChange(ctx, verdictEvery, func(ctx context.Context) {
		f := d.View(ctx)
		if open := f.State.Night.Open(); wasOpen != open {
			wasOpen = open
			if !open {
				d.checker.Kick()
			}
		}
		if f.Report.Verdict == f.State.Verdict {
			return
		}
		e := run.Event{Kind: run.VerdictChanged, At: f.Now, Verdict: f.Report.Verdict, Text: f.Report.Text}
		if opened := f.State.Opened; !opened.IsZero() && f.Now.Sub(opened) < run.AfterOpening {
			e.Opens = opened.In(d.store.Calendar.Zone)
		}
		if err := d.ledger.Add(e); err != nil {
			d.Log.Error("cannot write down the verdict", "err", err)
		}
	})
}

// snapshot is what the retained topics show.
func (d *Daemon) snapshot(ctx context.Context) uplink.Snapshot {
	f := d.View(ctx)
	s := uplink.Snapshot{
		Rev: f.State.Seq, Info: view.Info(f), Ready: f.Report.Document(), Num: view.Num(f),
		Devices: map[string]any{}, Alerts: view.Alerts(f),
	}
	if night := view.NightOf(f.State, false); night != nil {
		s.Night = night
	}
	for _, device := range view.Devices(f) {
		s.Devices[device.Device] = device
	}
	return s
}
