package comply

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// DayKind is the kind of the notes that keep a Day each; the id of a note is its date.
const DayKind = "compliance_day"

// Day is how the fleet stood on one date: what is kept of a Report for as long as events are.
type Day struct {
	Date    string       `json:"date"` // in UTC
	At      time.Time    `json:"at"`   // when it was counted last on that date
	Devices DeviceCounts `json:"devices"`
	Patches Counts       `json:"patches"`
	Overdue int          `json:"overdue"`
	Within  int          `json:"within"` // of those with a limit: proven in time
	Limited int          `json:"limited"`
	Stores  int          `json:"stores"`
	Silent  int          `json:"silent_stores"`
	Debt    Debt         `json:"reboot_debt"`
	Excepts int          `json:"exceptions"` // that hold
	Regions []Line       `json:"regions"`
}

// Day is what is kept of a report. exceptions is how many of the register hold.
func (r Report) Day(exceptions int) Day {
	d := Day{
		Date: r.At.UTC().Format(time.DateOnly), At: r.At.UTC().Truncate(time.Second), Devices: r.Devices, Patches: r.Patches, Stores: r.Stores, Silent: r.Silent,
		Debt: r.Debt, Excepts: exceptions, Regions: r.By[ByRegion],
	}
	for _, o := range r.Overdue {
		d.Overdue += o.Rows
	}
	for _, s := range r.SLA {
		if s.Severity == AllSeverities {
			d.Within, d.Limited = s.Ratio().Of, s.Ratio().All
		}
	}
	return d
}

// Of is the day of one region; false: the region was not there on that day. What is not kept by region is empty.
func (d Day) Of(region string) (Day, bool) {
	for _, l := range d.Regions {
		if l.Name == region && l.Devices != nil {
			return Day{Date: d.Date, At: d.At, Devices: *l.Devices, Patches: l.Patches, Regions: []Line{}}, true
		}
	}
	return Day{}, false
}

// Days reads notes of kind DayKind, by date. What cannot be read is left out.
func Days(notes []board.Note) []Day {
	days := []Day{}
	for _, n := range notes {
		var d Day
		if n.Body != nil && json.Unmarshal(n.Body, &d) == nil && d.Date == n.ID {
			days = append(days, d)
		}
	}
	slices.SortFunc(days, func(x, y Day) int { return strings.Compare(x.Date, y.Date) })
	return days
}
