package page

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/overview"
)

// words are the functions of the templates.
func words() template.FuncMap {
	return template.FuncMap{
		"num": overview.Number, "words": Plain, "percent": percent, "clock": clock, "day": day, "ago": ago, "path": url.PathEscape,
		"link": Link, "upper": Upper, "share": share, "plural": Plural, "join": strings.Join, "zone": zoneOf, "parts": parts, "first": first, "more": more,
		"tone": tone, "sign": sign, "verdict": verdict, "size": size,
		"trace": tracePath, "local": local, "lasts": func(d site.Duration) string { return Lasts(time.Duration(d)) }, "within": func(t, zoned time.Time) time.Time { return t.In(zoned.Location()) },
		"standings": comply.Standings, "deviceStandings": comply.DeviceStandings,
	}
}

// percent keeps the sign on the line of its number.
func percent(share float64) string { return strings.ReplaceAll(overview.Percent(share), " ", "\u00a0") }

// Plain writes an id as people read it.
func Plain(id any) string { return strings.ReplaceAll(fmt.Sprint(id), "_", " ") }

// Upper writes the first letter of a text large.
func Upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Plural counts things in words.
func Plural(count any, what string) string {
	n := 0
	switch c := count.(type) {
	case int:
		n = c
	case uint64:
		n = int(min(c, 1<<53))
	}
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "ch"):
		what += "e"
	}
	return overview.Number(n) + " " + what + "s"
}

// clock writes a moment in the time of a store, or in UTC where zone is nil: exact for machines and on
// hover, short to read.
func clock(t time.Time, zone *time.Location, now time.Time) template.HTML {
	return stamp(t, zone, func(t time.Time) string {
		if n := now.In(t.Location()); t.YearDay() == n.YearDay() && t.Year() == n.Year() {
			return t.Format("15:04 MST")
		}
		if d := now.Sub(t); d < 6*24*time.Hour && d > -6*24*time.Hour {
			return t.Format("Mon 15:04 MST")
		}
		return t.Format("2006-01-02 15:04 MST")
	})
}

// local writes a moment with its day in the zone that it came in, or in UTC where that was asked for.
func local(t time.Time, utc bool) template.HTML {
	if utc {
		t = t.UTC()
	}
	return stamp(t, t.Location(), func(t time.Time) string { return t.Format("2006-01-02 15:04 MST") })
}

// day writes a moment with its day and its second.
func day(t time.Time, zone *time.Location) template.HTML {
	return stamp(t, zone, func(t time.Time) string { return t.Format("2006-01-02 15:04:05 MST") })
}

func stamp(t time.Time, zone *time.Location, short func(time.Time) string) template.HTML {
	if t.IsZero() {
		return "&ndash;"
	}
	if zone == nil {
		zone = time.UTC
	}
	l := t.In(zone)
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, t.UTC().Format(time.RFC3339), l.Format("2006-01-02 15:04:05 MST"), template.HTMLEscapeString(short(l))))
}

// ago writes how long something lasts.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "\u2013"
	}
	d, sign := now.Sub(t), ""
	if d < 0 {
		d, sign = -d, "in "
	}
	switch {
	case d < time.Minute:
		return sign + fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return sign + fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return sign + fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return sign + fmt.Sprintf("%d days", int(d.Hours()/24))
}

// Link makes an address of a path and pairs of parameter and value. Empty values are left out.
func Link(path string, pairs ...any) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := fmt.Sprint(pairs[i+1]); value != "" {
			v.Add(fmt.Sprint(pairs[i]), value)
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// share is a part of a whole in percent, for widths. Of nothing it is 0.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) * 100 / float64(whole)
}

// zoneOf is the zone in which a page shows the times of a store: its own, or UTC where that was asked for.
func zoneOf(utc bool, store *time.Location) *time.Location {
	if utc {
		return nil
	}
	return store
}

// bit is one bucket of a bar.
type bit struct {
	Of   overview.Count
	X, W float64
}

// parts lays the buckets of a zone beside each other on a bar 200 wide. What is there can be seen.
func parts(z overview.Zone) []bit {
	var list []bit
	x := 0.0
	for _, c := range z.Buckets {
		if c.Count > 0 {
			w := share(c.Count, z.Total) * 2
			list = append(list, bit{c, x, max(1.5, w-0.6)})
			x += w
		}
	}
	return list
}

// first is the first entries of groups, n at most.
func first(n int, list []overview.Group) []overview.Group { return list[:min(n, len(list))] }

// more is how many groups first leaves out.
func more(n int, list []overview.Group) int { return max(0, len(list)-n) }

// tone is the class of a state: what needs a person has a colour.
func tone(s site.State) string {
	switch s {
	case site.Failed, site.RollbackFailed:
		return "bad"
	case site.RolledBack, site.NoAnswer:
		return "back"
	case site.Installing, site.Restarting, site.Verifying:
		return "busy"
	}
	return "quiet"
}

// sign is a letter that tells a state without colour.
func sign(s site.State) string {
	switch s {
	case site.Done:
		return "\u2713"
	case site.Failed, site.RollbackFailed:
		return "\u2715"
	case site.RolledBack:
		return "\u21b6"
	case site.NoAnswer:
		return "?"
	case site.Installing, site.Restarting, site.Verifying:
		return "\u25b6"
	case site.Held:
		return "\u2016"
	}
	return "\u2013"
}

// verdict is the one word on the manager's page. A word that is too old is not repeated.
func verdict(s overview.Store) string {
	switch {
	case s.Opening.Answer == overview.OpensNotTold:
		return "NOT TOLD"
	case s.Verdict == site.Ready || s.Verdict == site.ReadyNotes:
		return "READY"
	case s.Verdict == site.NotReady:
		return "NOT READY"
	case s.Verdict == site.Working:
		return "UPDATING"
	}
	return "DON'T KNOW"
}

// size writes bytes as people read them.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}

// RFC writes a moment for programs.
func RFC(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Stamped writes a moment as a cell of a table.
func Stamped(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Lasts writes how long something takes, to the minute.
func Lasts(d time.Duration) string {
	m := int(d.Round(time.Minute).Minutes())
	if m < 60 {
		return strconv.Itoa(m) + " min"
	}
	return strconv.Itoa(m/60) + " h " + strconv.Itoa(m%60) + " min"
}

// tracePath is the address of the way of a patch to a device.
func tracePath(store, device, patch string) string {
	return "/stores/" + url.PathEscape(store) + "/devices/" + url.PathEscape(device) + "/patches/" + url.PathEscape(patch)
}
