package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Status is the whole store in one answer.
type Status struct {
	Store    string       `json:"store"`
	Org      string       `json:"org"`
	Name     string       `json:"name"`
	Ring     site.Ring    `json:"ring"`
	Now      time.Time    `json:"now"`
	Verdict  site.Verdict `json:"verdict"`
	Text     string       `json:"text"`
	Problems []string     `json:"problems"`         // what a technician should look at, most important first
	Alarms   []Alarm      `json:"alarms,omitempty"` // what people are told of now, by code
	Window   Window       `json:"window"`
	Night    *Night       `json:"night,omitempty"` // the newest, without details
	// Quarantine is of patches that are begun nowhere in this store, by id.
	Quarantine []site.Quarantine `json:"quarantine,omitempty"`
	// HeldByHeadquarters is why nothing is begun in this store until people at headquarters lift that; nil when it may.
	HeldByHeadquarters *site.StoreHold `json:"held_by_headquarters,omitempty"`
	// HeldBack is why the night that is under way or comes next begins nothing, what has to be mended first first.
	HeldBack []run.Obstacle `json:"held_back,omitempty"`

	Devices  DeviceCounts  `json:"devices"`
	Catalog  CatalogStatus `json:"catalog"`
	Clock    ClockStatus   `json:"clock"`
	Journal  JournalStatus `json:"journal"`
	MQTT     Line          `json:"mqtt"`
	Console  *Console      `json:"console,omitempty"`
	Version  string        `json:"version"`
	ZoneData string        `json:"zone_data"` // version of the time zone data in the program
}

// Window is tonight's or the next maintenance window.
type Window struct {
	Open    bool        `json:"open"`
	Night   window.Date `json:"night,omitzero"`
	Opens   time.Time   `json:"opens,omitzero"`
	Closes  time.Time   `json:"closes,omitzero"`
	Trading time.Time   `json:"trading,omitzero"` // when the store next opens for trade
	// Reason is why nothing is begun in the one that is open, whose night is over, or why none opens today though it
	// is a day for it: a blackout.
	Reason *site.Reason `json:"reason,omitempty"`
}

// DeviceCounts counts the devices that the box may look at.
type DeviceCounts struct {
	Total   int `json:"total"`
	Answers int `json:"answers"`
	Held    int `json:"held"`
}

// CatalogStatus says which catalog the store goes by.
type CatalogStatus struct {
	Version int64        `json:"version"` // 0 = none
	Issued  time.Time    `json:"issued,omitzero"`
	Patches int          `json:"patches"`
	Reason  *site.Reason `json:"reason,omitempty"` // why there is none that may be used
}

// ClockStatus says whether the box trusts its clock.
type ClockStatus struct {
	Trusted bool         `json:"trusted"`
	Reason  *site.Reason `json:"reason,omitempty"`
}

// JournalStatus says how far the journal and headquarters' copy of it go.
type JournalStatus struct {
	Stream string `json:"stream"`
	Last   uint64 `json:"last"`
	Outbox uint64 `json:"outbox"`
}

// StatusOf shows the whole store.
func StatusOf(f Facts) Status {
	s := Status{
		Store: f.Store.ID, Org: f.Store.Org, Name: f.Store.Name, Ring: f.Store.Ring, Now: f.Now,
		Verdict: f.Report.Verdict, Text: f.Report.Text, Night: NightOf(f.State, false), Quarantine: quarantined(f.State, time.Time{}),
		Window:  windowOf(f.Store.Calendar, f.Now),
		Catalog: CatalogStatus{Version: f.Catalog.Version, Issued: f.Catalog.Issued, Patches: len(f.Catalog.Patches), Reason: f.CatalogNo},
		Clock:   ClockStatus{Trusted: f.State.Unsure == nil, Reason: f.State.Unsure},
		Journal: JournalStatus{Stream: f.Stream, Last: f.Last, Outbox: f.Outbox}, MQTT: f.Line, Console: f.Console,
		Version: f.Version, ZoneData: f.ZoneData, HeldByHeadquarters: f.State.Catalog.StoreHeld,
	}
	for _, d := range f.Store.Devices {
		if !d.Patchable() {
			continue
		}
		s.Devices.Total++
		if o, seen := f.Inventory[d.ID]; seen && o.Error == nil {
			s.Devices.Answers++
		}
		if f.Now.Before(f.State.Holds[d.ID].Until) || f.Now.Before(f.State.Holds[site.AllDevices].Until) {
			s.Devices.Held++
		}
	}
	s.HeldBack, s.Window.Reason = coming(f)
	s.Problems, s.Alarms = problems(f, s.HeldBack), alarmsNow(f)
	return s
}

func windowOf(c window.Calendar, now time.Time) Window {
	w := Window{}
	span, open := c.Contains(now)
	if !open {
		span, _ = c.Next(now)
	}
	w.Open, w.Night, w.Opens, w.Closes = open, span.Night, span.Open, span.Close
	w.Trading, _ = c.NextOpening(now)
	return w
}

func problems(f Facts, held []run.Obstacle) []string {
	list := []string{}
	for _, finding := range f.Report.Fix {
		list = append(list, strings.TrimSpace(finding.What+" ["+finding.Code+"] "+finding.BrokeText))
	}
	for _, finding := range f.Report.Notes {
		if finding.Broke == site.Tonight { // the store can trade, and all the same it is ours
			list = append(list, finding.What+" ["+finding.Code+"] "+finding.BrokeText)
		}
	}
	for _, o := range unwell(held) {
		list = append(list, coded(&o.Reason))
	}
	if f.State.Refused != nil {
		list = append(list, coded(f.State.Refused))
	}
	for _, q := range quarantined(f.State, time.Time{}) {
		list = append(list, q.Patch+" is begun nowhere until a person releases it: "+coded(q.Reason))
	}
	for _, d := range Devices(f) {
		dirty := f.State.Dirty[d.Device]
		switch {
		case dirty != nil:
			list = append(list, d.Device+" is left alone until a person has looked at it: "+coded(dirty))
		case d.State == site.NoAnswer || d.State == site.RollbackFailed || d.State == site.Failed:
			list = append(list, d.Device+" "+strings.ReplaceAll(string(d.State), "_", " ")+": "+coded(d.Reason))
		}
	}
	return list
}

// coded writes a reason for people, with the code to ask about.
func coded(r *site.Reason) string {
	if r == nil {
		return text(r)
	}
	return fmt.Sprintf("%s [%s]", r.Text, r.Code)
}

func text(r *site.Reason) string {
	if r == nil {
		return "no reason is known"
	}
	return r.Text
}

// StatusLine is the one line for systemd: at most 120 characters.
func StatusLine(f Facts) string {
	s := StatusOf(f)
	var parts []string
	switch {
	case s.Night != nil && s.Night.Open:
		parts = append(parts, fmt.Sprintf("night of %s, %d/%d settled", s.Night.Night, s.Night.Settled, s.Night.Total))
	case s.Window.Open:
		parts = append(parts, "window open until "+s.Window.Closes.In(f.Store.Calendar.Zone).Format("15:04"))
	case !s.Window.Opens.IsZero():
		parts = append(parts, "window opens in "+Brief(s.Window.Opens.Sub(f.Now)))
	default:
		parts = append(parts, "no window in sight")
	}
	for _, o := range s.HeldBack {
		switch {
		case o.Code == site.CodeHeld && s.HeldByHeadquarters != nil:
			parts = append(parts, "held by headquarters")
		case o.Code == site.CodeHeld:
			parts = append(parts, "held")
		case o.Code == site.CodeBoxFull:
			parts = append(parts, "disk full")
		case o.Code == site.CodeClockUnsure:
			parts = append(parts, "clock not trusted")
		}
	}
	parts = append(parts, fmt.Sprintf("%d of %d reachable", s.Devices.Answers, s.Devices.Total))
	if s.Catalog.Version == 0 {
		parts = append(parts, "no catalog")
	} else {
		parts = append(parts, "catalog "+Brief(f.Now.Sub(s.Catalog.Issued))+" old")
	}
	if s.MQTT.Wanted && !s.MQTT.Connected {
		parts = append(parts, "headquarters not reached")
	}
	line := strings.Join(parts, "; ")
	if len(line) > 120 {
		line = line[:117] + "..."
	}
	return line
}

// Brief writes a length of time with its two largest units: "3 h 12 min", "2 d 4 h", "40 s".
func Brief(d time.Duration) string {
	d = max(0, d)
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// Info is the birth of the store over MQTT: who it is and what it will report.
func Info(f Facts) map[string]any {
	devices := []string{}
	for _, d := range f.Store.Devices {
		devices = append(devices, d.ID)
	}
	info := map[string]any{
		"schema": "info/1", "store": f.Store.ID, "org": f.Store.Org, "name": f.Store.Name, "ring": f.Store.Ring,
		"timezone": f.Store.Calendar.Zone.String(), "window": f.Store.Calendar.String(), "devices": devices,
		"software": "nightfilld " + f.Version, "zone_data": f.ZoneData, "stream": f.Stream,
		"clock_suspect": f.State.Unsure != nil, "schemas": []string{"device/1", "night/1", "ready/1", "num/1"}, "rev": f.State.Seq,
	}
	if opens, ok := f.Store.Calendar.NextOpening(f.Now); ok {
		info["opens"] = opens.UTC()
	}
	span, ok := f.Store.Calendar.Contains(f.Now)
	if !ok {
		span, ok = f.Store.Calendar.Next(f.Now)
	}
	if ok {
		info["window_opens"], info["window_closes"] = span.Open.UTC(), span.Close.UTC()
	}
	return info
}

// Num is the flat set of numbers for gauges.
func Num(f Facts) map[string]any {
	states := map[site.State]int{}
	for _, d := range Devices(f) {
		states[d.State]++
	}
	s := StatusOf(f)
	done := 0.0
	if s.Night != nil && s.Night.Total > 0 {
		done = 100 * float64(s.Night.States[site.Done]) / float64(s.Night.Total)
	}
	return map[string]any{
		"online": 1, "ready": flag(f.Report.Verdict == site.Ready || f.Report.Verdict == site.ReadyNotes),
		"dev_total": s.Devices.Total, "dev_done": states[site.Done], "dev_failed": states[site.Failed] + states[site.RollbackFailed],
		"dev_rolled_back": states[site.RolledBack], "dev_held": s.Devices.Held, "dev_no_answer": states[site.NoAnswer],
		"pct_done": float64(int(done*10)) / 10, "wan_up": flag(f.Line.Connected), "outbox": f.Outbox,
		"window_open": flag(s.Window.Open), "clock_suspect": flag(f.State.Unsure != nil), "as_of_unix": f.State.At.Unix(), "rev": f.State.Seq,
	}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// JobsUnsettled names the devices on which something still happens tonight.
func JobsUnsettled(n *run.Night) (busy []string, total, settled int) {
	seen := map[string]bool{}
	open := map[string]bool{}
	for j := range n.Jobs() {
		seen[j.Device] = true
		if !j.Settled {
			open[j.Device] = true
		}
	}
	for _, lane := range n.Plan.Lanes {
		if open[lane.Device] {
			busy = append(busy, lane.Device)
		}
	}
	return busy, len(seen), len(seen) - len(open)
}

// answers reports whether a device that cannot be reached answers all the same, and lets the box do nothing.
func answers(d Device) bool {
	return d.State == site.NoAnswer && d.Reason != nil && d.Reason.Code != site.CodeNoAnswer
}

// Readiness gathers what the judgement of readiness needs from the state.
func Readiness(f Facts, results map[string]site.CheckResult, since map[string]time.Time, started time.Time) ready.Input {
	in := ready.Input{Store: f.Store, Results: results, Since: since, Now: f.Now, Started: started, Rev: f.State.Seq, Baseline: BaselineOf(f.State, f.Store)}
	in.Opens, _ = f.Store.Calendar.NextOpening(f.Now)
	if f.State.Night.Open() {
		busy, total, settled := JobsUnsettled(f.State.Night)
		if len(busy) > 0 {
			in.Night = &ready.Night{Total: total, Settled: settled, Ends: Ends(f.State.Night), Closes: f.State.Night.Plan.Closes, Busy: busy}
		}
	}
	in.Tonight, in.Busy = tonight(f), busy(f)
	in.Repairs = repairs(f)
	in.Risk, in.Alarms = riskFrom(f), f.State.Alarms
	for _, d := range Devices(f) {
		in.Devices = append(in.Devices, ready.Fact{Device: d.Device, State: d.State, Since: d.Since, Answers: answers(d)})
		switch {
		case d.Held != nil:
			in.Notes = append(in.Notes, ready.Note{Kind: ready.HeldBack, Device: d.Held.Device, Until: d.Held.Until})
		case d.State == site.RolledBack:
			in.Notes = append(in.Notes, ready.Note{Kind: ready.TakenBack, Device: d.Device, Since: d.Since})
		case d.State == site.Failed:
			in.Notes = append(in.Notes, ready.Note{Kind: ready.NotFinished, Device: d.Device, Since: d.Since})
		}
	}
	in.Notes = append(in.Notes, heldNotes(f)...)
	if f.Line.Wanted && !f.Line.Connected && !f.Line.Since.IsZero() {
		in.Notes = append(in.Notes, ready.Note{Kind: ready.LineDown, Since: f.Line.Since})
	}
	return in
}
