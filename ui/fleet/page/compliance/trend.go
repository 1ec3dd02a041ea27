package compliance

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

func (s *Pages) trendRoutes() []page.Route {
	return append(s.Both("/reports/trend", "/reports/trend", "trend", s.trend), s.CSV("trend", []string{"date", "counted_at", "region", "devices_compliant", "devices_excepted", "devices_behind", "devices_unknown", "devices", "devices_fresh", "patches_installed",
		"patches_pending_reboot", "patches_missing", "patches_failed", "patches_excepted", "patches_unknown", "patches_asked_for", "overdue", "within_limit", "with_limit"}, s.trendSheet))
}

const trendDays = 400 // that are shown at most

// TrendPage is compliance day by day.
type TrendPage struct {
	AsOf    string       `json:"as_of"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	Region  string       `json:"region,omitempty"`
	Days    []comply.Day `json:"days"`    // that were counted, the oldest first
	Missing int          `json:"missing"` // days between the first and the last one that nobody counted
	Regions []string     `json:"regions"`

	page.Picked
}

// PageTitle implements page.Titled.
func (p TrendPage) PageTitle() string { return "Compliance over time" }

// trend answers how compliance was day by day.
func (s *Pages) trend(q *page.Query) (any, error) {
	days, err := q.Number("days", 90, 2, trendDays)
	if err != nil {
		return nil, err
	}
	at := s.Now().UTC()
	p := TrendPage{AsOf: page.RFC(at), From: at.AddDate(0, 0, 1-days).Format(time.DateOnly), To: at.Format(time.DateOnly), Picked: q.Pick("region"), Days: []comply.Day{}, Regions: []string{}}
	p.Region = p.Is("region")
	all, err := s.days(q)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		for _, l := range d.Regions {
			if !slices.Contains(p.Regions, l.Name) {
				p.Regions = append(p.Regions, l.Name)
			}
		}
		if d.Date < p.From || d.Date > p.To {
			continue
		}
		if p.Region != "" {
			var ok bool
			if d, ok = d.Of(p.Region); !ok {
				continue
			}
		}
		p.Days = append(p.Days, d)
	}
	slices.Sort(p.Regions)
	if n := len(p.Days); n > 0 {
		p.Missing = daysBetween(p.Days[0].Date, p.Days[n-1].Date) + 1 - n
	}
	return p, nil
}

// days are all that are kept.
func (s *Pages) days(q *page.Query) ([]comply.Day, error) {
	if s.Notes == nil {
		return nil, nil
	}
	notes, err := s.Notes.Notes(q.Context(), comply.DayKind)
	return comply.Days(notes), err
}

// daysBetween is how many days the second date is after the first.
func daysBetween(from, to string) int {
	a, errA := time.Parse(time.DateOnly, from)
	b, errB := time.Parse(time.DateOnly, to)
	if errA != nil || errB != nil {
		return 0
	}
	return int(b.Sub(a).Hours() / 24)
}

// Newest are the days, the newest first.
func (p TrendPage) Newest() []comply.Day {
	list := slices.Clone(p.Days)
	slices.Reverse(list)
	return list
}

// Lately is the newest day; its date is empty where there is none.
func (p TrendPage) Lately() comply.Day {
	if len(p.Days) == 0 {
		return comply.Day{}
	}
	return p.Days[len(p.Days)-1]
}

// The picture, in its own units: the shares from 0 to 100 % in a box.
const (
	trendWide, trendHigh         = 900.0, 220.0
	trendLeft, trendTop          = 46.0, 12.0
	trendPlotWide, trendPlotHigh = 840.0, 180.0
)

// Picture draws the two shares. A day that was not counted breaks the lines.
func (p TrendPage) Picture() template.HTML {
	if len(p.Days) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="trend" viewBox="0 0 %g %g" role="img" aria-label="%s"><title>%[3]s</title>`, trendWide, trendHigh, template.HTMLEscapeString(p.sentence()))
	for _, percent := range []int{0, 25, 50, 75, 100} {
		y := trendTop + trendPlotHigh*float64(100-percent)/100
		fmt.Fprintf(&b, `<path class="rule" d="M%g %gH%g"/><text x="%g" y="%g" text-anchor="end">%d %%</text>`, trendLeft, y, trendLeft+trendPlotWide, trendLeft-6, y+4, percent)
	}
	last := max(daysBetween(p.From, p.To), 1)
	for _, at := range []int{0, last / 2, last} {
		x := trendLeft + trendPlotWide*float64(at)/float64(last)
		day, err := time.Parse(time.DateOnly, p.From)
		if err != nil {
			continue
		}
		anchor := map[int]string{0: "start", last: "end"}[at]
		if anchor == "" {
			anchor = "middle"
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%g" text-anchor="%s">%s</text>`, x, trendHigh-8, anchor, day.AddDate(0, 0, at).Format(time.DateOnly))
	}
	for _, line := range []struct {
		class string
		of    func(comply.Day) comply.Ratio
	}{{"patches", func(d comply.Day) comply.Ratio { return d.Patches.Ratio() }}, {"devices", func(d comply.Day) comply.Ratio { return d.Devices.Ratio() }}} {
		p.draw(&b, line.class, last, line.of)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// draw writes one line, with a dot for each day that stands alone.
func (p TrendPage) draw(b *strings.Builder, class string, last int, of func(comply.Day) comply.Ratio) {
	path, before := "", -2
	var dots []string
	for i, d := range p.Days {
		r := of(d)
		if r.All == 0 {
			continue
		}
		n := daysBetween(p.From, d.Date)
		x, y := trendLeft+trendPlotWide*float64(n)/float64(last), trendTop+trendPlotHigh*(1-float64(r.Of)/float64(r.All))
		verb := "L"
		if n != before+1 {
			verb = "M"
		}
		path += verb + strconv.FormatFloat(x, 'f', 1, 64) + " " + strconv.FormatFloat(y, 'f', 1, 64)
		if verb == "M" || i == len(p.Days)-1 {
			dots = append(dots, fmt.Sprintf(`<circle class="%s" cx="%.1f" cy="%.1f" r="3"/>`, class, x, y))
		}
		before = n
	}
	fmt.Fprintf(b, `<path class="line %s" d="%s"/>%s`, class, path, strings.Join(dots, ""))
}

// sentence says in words what the picture shows.
func (p TrendPage) sentence() string {
	first, last := p.Days[0], p.Lately()
	return fmt.Sprintf("Device score from %s on %s to %s on %s; patches installed from %s to %s.", first.Devices.Ratio(), first.Date, last.Devices.Ratio(), last.Date, first.Patches.Ratio(), last.Patches.Ratio())
}

// trendSheet writes every day that is kept, the fleet first and then its regions.
func (s *Pages) trendSheet(q *page.Query, _ time.Time, put func(...string) error) error {
	days, err := s.days(q)
	if err != nil {
		return err
	}
	for _, d := range days {
		if err := put(trendCells(d, "all", strconv.Itoa(d.Overdue), strconv.Itoa(d.Within), strconv.Itoa(d.Limited))...); err != nil {
			return err
		}
		for _, l := range d.Regions {
			if of, ok := d.Of(l.Name); ok {
				if err := put(trendCells(of, l.Name, "", "", "")...); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func trendCells(d comply.Day, region string, more ...string) []string {
	cells := []string{d.Date, page.Stamped(d.At), region}
	v, p := d.Devices, d.Patches
	for _, n := range []int{v.Compliant, v.Excepted, v.Behind, v.Unknown, v.Ratio().All, v.Fresh, p.Installed, p.PendingReboot, p.Missing, p.Failed, p.Excepted, p.Unknown, p.Ratio().All} {
		cells = append(cells, strconv.Itoa(n))
	}
	return append(cells, more...)
}
