package controltest

import (
	"maps"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

// morning is when the box is asked, in the zone of the store: 05:30, an hour before opening.
const morning = "2026-11-22T05:30:00-06:00"

// New makes the store in the morning: on srv-1 all went well, on srv-2 a patch was taken back,
// srv-3 is held, srv-4 did not answer, srv-5 is not enrolled, pinpad-1 is only watched.
func New() (*Box, error) { return make2(morning) }

// AtNight makes the store at 23:03, while patches are put on.
func AtNight() (*Box, error) { return make2("2026-11-21T23:03:00-06:00") }

// Fresh makes the store before its first night and without a catalog.
func Fresh() (*Box, error) {
	b, err := empty(morning)
	if err != nil {
		return nil, err
	}
	b.facts.CatalogNo = site.Because(site.CodeNoCatalog, "the store never had a catalog; bring one with: nightfill catalog refresh")
	return b, b.judge()
}

func empty(now string) (*Box, error) {
	zone, err := tzdata.Load("America/Chicago")
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		return nil, err
	}
	b := &Box{Journal: NewJournal(1), results: map[string]site.CheckResult{}}
	b.facts = view.Facts{
		Store: store(zone), Inventory: site.Inventory{}, Now: at.In(zone), Version: "1.0.0", ZoneData: "2025c", Stream: b.Journal.Stream(),
		Line: view.Line{Wanted: true, Connected: true, Since: at.In(zone).Add(-72 * time.Hour)},
	}
	for _, d := range b.facts.Store.Devices {
		if d.HostKey != "" {
			b.facts.Inventory[d.ID] = observation(d.ID, at.In(zone).Add(-2*time.Minute))
		}
	}
	return b, nil
}

func make2(now string) (*Box, error) {
	b, err := empty(now)
	if err != nil {
		return nil, err
	}
	b.facts.Catalog = catalog(b.facts.Store.Calendar.Zone)
	opens := time.Date(2026, 11, 21, 23, 0, 0, 0, b.facts.Store.Calendar.Zone)
	if err := b.play(opens); err != nil {
		return nil, err
	}
	b.facts.Last, b.facts.Outbox = b.Journal.Last(), 2
	return b, b.judge()
}

// judge lets every check pass.
func (b *Box) judge() error {
	for _, c := range b.facts.Store.Checks {
		if err := b.SetCheck(c.ID, site.Pass, "200 OK"); err != nil {
			return err
		}
	}
	return nil
}

func store(zone *time.Location) site.Store {
	opening := map[time.Weekday]window.Clock{}
	for day := time.Sunday; day <= time.Saturday; day++ {
		opening[day] = 6*60 + 30
	}
	server := func(id, groups string, can ...string) site.Device {
		return site.Device{ID: id, Class: site.LinuxServer, Address: id + ":22", User: "patch", HostKey: Key, Groups: strings.Fields(groups), Capabilities: can}
	}
	stranger := server("srv-5", "")
	stranger.HostKey = ""
	return site.Store{
		ID: "0142", Org: "acme", Name: "Springfield East", Ring: site.RingFleet, Language: "en",
		Calendar: window.Calendar{Zone: zone, Start: 23 * 60, End: 5 * 60, Reserve: 45 * time.Minute, Opening: opening},
		Devices: []site.Device{
			server("srv-1", "lanes", "sell"), server("srv-2", "lanes", "sell"), server("srv-3", ""), server("srv-4", ""), stranger,
			{ID: "pinpad-1", Class: site.Observe, Address: "10.77.0.60"},
		},
		Groups: []site.Group{{ID: "lanes", MinUp: 1}},
		Floor:  map[string]int{"sell": 1},
		Checks: []site.Check{
			{ID: "POS-1", Device: "srv-1", Kind: site.CheckHTTP, URL: "http://srv-1:8080/health", Capability: "sell", What: "Till 1 cannot sell"},
			{ID: "POS-2", Device: "srv-2", Kind: site.CheckService, Name: "pos-app", Capability: "sell", What: "Till 2 cannot sell"},
		},
	}
}

func observation(id string, at time.Time) site.Observation {
	return site.Observation{
		Device: id, At: at, BootID: "5f3c8a52-" + id, Uptime: site.Duration(50 * time.Hour), Clock: at, System: "Debian GNU/Linux 12 (bookworm)",
		Packages: map[string]string{"pos-app": "4.2.0"}, DiskFree: 12 << 30,
	}
}

func catalog(zone *time.Location) site.Catalog {
	artifact := func(name, digit string) []site.Artifact {
		return []site.Artifact{{Name: name, SHA256: strings.Repeat(digit, 64), Size: 3 << 20}}
	}
	times := site.Durations{Install: minutes(4), Reboot: minutes(3), Verify: minutes(1), Rollback: minutes(5)}
	app := site.Patch{
		ID: "pos-app-4.2.1", Title: "POS application 4.2.1", Install: site.Install{Kind: site.InstallDeb}, Classes: []site.Class{site.LinuxServer},
		Applies: site.Applies{Package: "pos-app", Below: "4.2.1"}, Artifacts: artifact("pos-app_4.2.1_all.deb", "a"), Severity: site.Critical,
		Reboot: site.RebootNever, Rollback: site.Rollback{Class: site.RollbackDowngrade, Artifacts: artifact("pos-app_4.2.0_all.deb", "b")},
		Duration: times, Owner: "pos-app",
	}
	motd := site.Patch{
		ID: "motd-3", Title: "Login notice", Install: site.Install{Kind: site.InstallFile, Path: "/etc/motd"}, Classes: []site.Class{site.LinuxServer},
		Artifacts: artifact("motd", "c"), Severity: site.Low, Reboot: site.RebootNever, Rollback: site.Rollback{Class: site.RollbackNone}, Duration: times, Owner: "it",
	}
	pilot := motd
	pilot.ID, pilot.Title = "kernel-6.1.120", "Kernel 6.1.120"
	fleet := &site.Release{Ring: site.RingFleet}
	return site.Catalog{Version: 7, Issued: time.Date(2026, 11, 21, 16, 0, 0, 0, zone), Patches: []site.Approved{
		{Patch: app, Release: fleet}, {Patch: motd, Release: fleet}, {Patch: pilot, Release: &site.Release{Ring: site.RingPilot}},
	}}
}

func minutes(n int) site.Duration { return site.Duration(time.Duration(n) * time.Minute) }

// play lets the night go on from opens until the moment at which the box is asked.
func (b *Box) play(opens time.Time) error {
	now := b.facts.Now
	defer func() { b.facts.Now = now }()
	b.facts.Now = opens
	note := run.CatalogNote{Version: b.facts.Catalog.Version, Issued: b.facts.Catalog.Issued}
	events := []run.Event{{Kind: run.DaemonStarted, Text: "nightfilld 1.0.0"}}
	for _, a := range b.facts.Catalog.Patches {
		note.Patches = append(note.Patches, a.Patch.ID)
		for _, artifact := range append(a.Patch.Artifacts, a.Patch.Rollback.Artifacts...) {
			events = append(events, run.Event{Kind: run.ArtifactCached, Text: artifact.SHA256})
		}
	}
	hold := site.Hold{Device: "srv-3", Until: time.Date(2026, 11, 23, 5, 0, 0, 0, opens.Location()), Reason: "till in use", Actor: "a.khan"}
	events = append(events, run.Event{Kind: run.CatalogUpdated, Catalog: &note}, run.Event{Kind: run.HoldSet, Hold: &hold, Device: hold.Device, Actor: hold.Actor})
	for _, e := range events {
		if err := b.add(e); err != nil {
			return err
		}
	}
	silent := b.facts.Inventory["srv-4"]
	b.facts.Inventory["srv-4"] = site.Observation{Device: "srv-4", At: silent.At, Error: site.Because(site.CodeNoAnswer, "srv-4 does not answer on srv-4:22")}
	span, _ := b.facts.Store.Calendar.Contains(opens)
	made, left := plan.Make(planFacts(b.facts, opens), span, b.facts.Store.Calendar.Reserve)
	if err := b.add(run.Event{Kind: run.NightOpened, Night: made.Night, Plan: &made, Report: left}); err != nil {
		return err
	}
	for b.facts.State.Night.Open() && b.facts.Now.Before(now) {
		if err := b.turn(now); err != nil {
			return err
		}
	}
	return nil
}

// turn carries out what is decided now; when nothing is, a minute passes and every step under way ends.
func (b *Box) turn(end time.Time) error {
	events, _ := run.Next(b.facts.State, b.facts.Now)
	for _, e := range events {
		if e.Kind == run.StepStarted {
			seen := run.Relevant(b.facts.Inventory[e.Device], b.facts.State.Night.Plan.Patches)
			e.Observed = &seen
		}
		if err := b.add(e); err != nil {
			return err
		}
	}
	if len(events) > 0 {
		return nil
	}
	b.facts.Now = b.facts.Now.Add(time.Minute)
	if !b.facts.Now.Before(end) {
		return nil
	}
	for j := range b.facts.State.Night.Jobs() {
		if j.Intent == nil {
			continue
		}
		e := ended(*j.Intent, b.facts.Inventory[j.Device])
		if err := b.add(e); err != nil {
			return err
		}
		b.remember(e)
	}
	return nil
}

// remember changes the device as the step did.
func (b *Box) remember(e run.Event) {
	o := b.facts.Inventory[e.Device]
	if e.Observed != nil {
		o.Packages = e.Observed.Packages
	}
	if p, ok := b.facts.State.Night.Plan.Patch(e.Patch); ok && e.Step == run.Verify && e.Outcome == run.OK {
		o.Recorded = maps.Clone(o.Recorded)
		if o.Recorded == nil {
			o.Recorded = map[string]string{}
		}
		o.Recorded[p.ID] = policy.Digest(p)
	}
	b.facts.Inventory[e.Device] = o
}

// ended is how a step went: well, but for the proof of the application on srv-2.
func ended(started run.Event, seen site.Observation) run.Event {
	code := 0
	e := run.Event{
		Kind: run.StepEnded, Night: started.Night, Device: started.Device, Patch: started.Patch, Step: started.Step, Attempt: started.Attempt, Work: started.Work,
		Outcome: run.OK, ExitCode: &code, Took: site.Duration(48 * time.Second),
	}
	switch {
	case started.Step == run.Install:
		e.Output = "Setting up " + started.Patch + " ...\n"
		after := seen
		if started.Patch == "pos-app-4.2.1" {
			after.Packages = map[string]string{"pos-app": "4.2.1"}
		}
		e.Observed = &after
	case started.Step == run.Verify && started.Device == "srv-2" && started.Patch == "pos-app-4.2.1":
		code, e.Outcome = 22, run.Bad
		e.Output = "service pos-app: active\nhttp http://127.0.0.1:8080/health: 503 Service Unavailable\n"
		e.Reason = run.Explain(e.Step, e.Outcome, code, e.Output)
	case started.Step == run.Prove:
		before := seen
		before.Packages = map[string]string{"pos-app": "4.2.0"}
		e.Observed = &before
	}
	return e
}
