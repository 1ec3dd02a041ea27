package gantt_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site/window/tzdata"
	"github.com/nightfill/nightfill/ui/gantt"
)

var update = flag.Bool("update", false, "rewrite the expected pictures")

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := tzdata.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// busyNight has every kind of bar, every ending and every sign.
func busyNight(zone *time.Location) gantt.Chart {
	opens := time.Date(2026, 11, 21, 23, 0, 0, 0, zone)
	at := func(minutes float64) time.Time { return opens.Add(time.Duration(minutes * float64(time.Minute))) }
	bar := func(k gantt.Kind, end gantt.End, from, to float64) gantt.Bar {
		return gantt.Bar{Kind: k, End: end, From: at(from), To: at(to), Title: fmt.Sprintf("from %g to %g <&> \"quoted\"", from, to)}
	}
	return gantt.Chart{
		Title: "Night of 2026-11-21, store 0142 Springfield East", Sub: "2 devices need a person: till-2, till-4.", Zone: zone,
		Opens: opens, Cutoff: at(315), Closes: at(360),
		Lanes: []gantt.Lane{
			{Name: "srv-1", Sign: gantt.Done, Word: "done", Tasks: []gantt.Task{{Name: "payment-gw-3.1.0", Sign: gantt.Done, Bars: []gantt.Bar{
				bar(gantt.Stage, gantt.Well, 0, 9), bar(gantt.Wait, gantt.Well, 9, 30), bar(gantt.Install, gantt.Well, 30, 52),
				bar(gantt.Restart, gantt.Well, 52, 75), bar(gantt.Verify, gantt.Well, 75, 92),
			}}, {Name: "journal-size", Sign: gantt.Done, Bars: []gantt.Bar{bar(gantt.Install, gantt.Well, 100, 130), bar(gantt.Verify, gantt.Well, 130, 140)}}}},
			{Name: "till-1", Sign: gantt.Back, Word: "rolled back", Tasks: []gantt.Task{{Name: "pos-app-4.2.1", Sign: gantt.Back, Bars: []gantt.Bar{
				bar(gantt.Stage, gantt.Unclear, 3, 14), bar(gantt.Stage, gantt.Well, 16, 24), bar(gantt.Install, gantt.Well, 95, 120),
				bar(gantt.Verify, gantt.Badly, 120, 150), bar(gantt.Rollback, gantt.Well, 150, 180), bar(gantt.Rollback, gantt.Well, 180, 192),
			}}}},
			{Name: "till-2", Sign: gantt.Broken, Word: "rollback failed", Tasks: []gantt.Task{{Name: "pos-app-4.2.1", Sign: gantt.Broken, Bars: []gantt.Bar{
				bar(gantt.Install, gantt.Badly, 150, 200), bar(gantt.Rollback, gantt.Badly, 200, 262),
			}}}},
			{Name: "till-3", Sign: gantt.Busy, Word: "installing", Tasks: []gantt.Task{
				{Name: "pos-app-4.2.1", Sign: gantt.Done, Bars: []gantt.Bar{bar(gantt.Install, gantt.Well, 196, 218), bar(gantt.Verify, gantt.Well, 218, 219)}},
				{Name: "price-layout-47", Sign: gantt.Busy, Bars: []gantt.Bar{bar(gantt.Install, gantt.Running, 226, 270)}}, {Name: "journal-size", Sign: gantt.Queued},
			}},
			{Name: "till-4", Sign: gantt.Silent, Word: "no answer", Note: "till-4 does not answer on till-4:22 [no_answer]", Tasks: []gantt.Task{{Name: "pos-app-4.2.1", Sign: gantt.Silent, Bars: []gantt.Bar{
				bar(gantt.Silence, gantt.Well, 214, 270), bar(gantt.Install, gantt.Running, 200, 270),
			}}}},
			{Name: "till-5", Sign: gantt.Paused, Word: "held", Note: "held by a.khan until 2026-11-23T05:00:00-06:00: till in use [held]"},
			{Name: "till-6", Sign: gantt.Skipped, Word: "skipped", Note: strings.Repeat("it has a very long reason ", 12)},
			{Name: "a-device-with-a-very-long-name", Sign: gantt.Queued, Word: "queued"},
			{Name: "pinpad-1", Sign: gantt.None, Word: "not due", Note: "pinpad-1 is only observed, never changed [observe_only]"},
		},
	}
}

// charts are the pictures that are kept.
func charts(t *testing.T) map[string]gantt.Chart {
	chicago := zone(t, "America/Chicago")
	over := busyNight(chicago)
	open := busyNight(chicago)
	open.Now = open.Opens.Add(270 * time.Minute)
	late := busyNight(chicago)
	late.Lanes[0].Tasks[0].Bars[4].To = late.Closes.Add(40 * time.Minute)
	short := busyNight(chicago)
	short.Lanes = short.Lanes[:1]
	short.Lanes[0].Tasks = short.Lanes[0].Tasks[:1]
	short.Closes, short.Cutoff = short.Opens.Add(8*time.Hour), short.Opens.Add(7*time.Hour)
	short.Bare = true
	turn := gantt.Chart{Title: "Night of 2026-10-31", Zone: chicago, Opens: time.Date(2026, 10, 31, 23, 0, 0, 0, chicago),
		Cutoff: time.Date(2026, 11, 1, 4, 15, 0, 0, chicago), Closes: time.Date(2026, 11, 1, 5, 0, 0, 0, chicago)}
	return map[string]gantt.Chart{"over": over, "open": open, "late": late, "short": short, "clocks-change": turn}
}

func TestGolden(t *testing.T) {
	for name, chart := range charts(t) {
		t.Run(name, func(t *testing.T) {
			got := gantt.SVG(chart)
			if again := gantt.SVG(chart); !bytes.Equal(got, again) {
				t.Fatal("the same chart gives other bytes")
			}
			file := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs: run with -update and look at the picture", file)
			}
			check(t, chart, got)
		})
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check holds a picture to what every picture promises.
func check(t fataler, c gantt.Chart, svg []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("it is not XML: %v", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local == "script" || start.Name.Local == "style" || start.Name.Local == "image" || start.Name.Local == "foreignObject" {
			t.Fatalf("it has an element %s", start.Name.Local)
		}
		for _, a := range start.Attr {
			outside := a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") || strings.Contains(a.Value, "url(") && !strings.Contains(a.Value, "url(#")
			if outside || strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Fatalf("%s has %s=%q", start.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
	if n := bytes.Count(svg, []byte("http")); n != 1 {
		t.Fatalf("%d addresses, one is the name space", n)
	}
	bars := 0
	for _, lane := range c.Lanes {
		for _, task := range lane.Tasks {
			bars += len(task.Bars)
		}
	}
	if got := strings.Count(string(svg), "<g><title>BAR "); strings.Contains(string(svg), "BAR ") && got != bars {
		t.Fatalf("%d bars are drawn of %d", got, bars)
	}
}

// TestBarsStayInside draws random nights and reads the places of the bars back.
func TestBarsStayInside(t *testing.T) {
	place := regexp.MustCompile(`<g><title>BAR (\d+)</title>\n<rect x="([-\d.]+)" y="([-\d.]+)" width="([-\d.]+)" height="([-\d.]+)"`)
	opens := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		c := gantt.Chart{Opens: opens, Cutoff: opens.Add(5 * time.Hour), Closes: opens.Add(6 * time.Hour)}
		if rapid.Bool().Draw(t, "open") {
			c.Now = opens.Add(time.Duration(rapid.IntRange(0, 9*3600).Draw(t, "now")) * time.Second)
		}
		lanes := []int{}
		for i := range rapid.IntRange(0, 6).Draw(t, "lanes") {
			lane := gantt.Lane{Name: fmt.Sprint("d", i), Word: rapid.String().Draw(t, "word"), Note: rapid.String().Draw(t, "note")}
			at := opens.Add(time.Duration(rapid.IntRange(-600, 8*3600).Draw(t, "begin")) * time.Second)
			for range rapid.IntRange(0, 3).Draw(t, "tasks") {
				task := gantt.Task{Name: rapid.String().Draw(t, "name")}
				for range rapid.IntRange(0, 4).Draw(t, "bars") {
					from := at.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "pause")) * time.Second)
					at = from.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "long")) * time.Second)
					kind := rapid.SampledFrom([]gantt.Kind{gantt.Stage, gantt.Install, gantt.Restart, gantt.Verify}).Draw(t, "kind")
					task.Bars = append(task.Bars, gantt.Bar{Kind: kind, End: gantt.End(rapid.IntRange(0, 3).Draw(t, "end")), From: from, To: at, Title: fmt.Sprint("BAR ", len(lanes))})
					lanes = append(lanes, i)
				}
				lane.Tasks = append(lane.Tasks, task)
			}
			c.Lanes = append(c.Lanes, lane)
		}
		svg := gantt.SVG(c)
		check(t, c, svg)
		found := place.FindAllStringSubmatch(string(svg), -1)
		if len(found) != len(lanes) {
			t.Fatalf("%d bars of %d are found", len(found), len(lanes))
		}
		number := func(text string) float64 {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatalf("%v", err)
			}
			return v
		}
		first := math.Inf(1) // the top of the lanes, from any bar
		for _, f := range found {
			i, _ := strconv.Atoi(f[1])
			x, y, w, h := number(f[2]), number(f[3]), number(f[4]), number(f[5])
			if x < 149.9 || x+w > 970.1 || w < 1.9 {
				t.Fatalf("bar %d goes from %g, %g wide", i, x, w)
			}
			top := y - 19 - 46*float64(lanes[i]) - (20-h)/2
			if math.IsInf(first, 1) {
				first = top
			}
			if math.Abs(top-first) > 0.2 {
				t.Fatalf("bar %d is not in its lane: %g and %g", i, top, first)
			}
		}
	})
}

// TestOrderIsKept: of two bars the later one is never drawn before the earlier one.
func TestOrderIsKept(t *testing.T) {
	opens := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return opens.Add(time.Duration(s) * time.Second) }
	svg := string(gantt.SVG(gantt.Chart{Opens: opens, Cutoff: at(3000), Closes: at(3600), Lanes: []gantt.Lane{{Tasks: []gantt.Task{{Bars: []gantt.Bar{
		{Kind: gantt.Install, From: at(0), To: at(600), Title: "a"}, {Kind: gantt.Install, From: at(600), To: at(1800), Title: "b"},
	}}}}}}))
	found := regexp.MustCompile(`<title>[ab]</title>\n<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"`).FindAllStringSubmatch(svg, -1)
	if len(found) != 2 || found[0][1] != "150" || found[0][2] != "136.7" || found[1][1] != "286.7" || found[1][2] != "273.3" {
		t.Errorf("the bars are at %q", found)
	}
}

// TestNothingRunsInAPicture holds hostile names to being text.
func TestNothingRunsInAPicture(t *testing.T) {
	evil := "</title><script>alert(1)</script>\x00\x1b[31m\u0085\xff]]>"
	c := busyNight(time.UTC)
	c.Title, c.Sub, c.Lanes[0].Name, c.Lanes[0].Word, c.Lanes[5].Note, c.Lanes[0].Tasks[0].Name = evil, evil, evil, evil, evil, evil
	c.Lanes[0].Tasks[0].Bars[0].Title = evil
	svg := gantt.SVG(c)
	check(t, c, svg)
	if bytes.ContainsAny(svg, "\x00\x1b") || bytes.Contains(svg, []byte("<script")) {
		t.Error("what a device is called is in the picture as it is")
	}
}

// A plan that somebody forged may have no window, or one of centuries.
func TestHoursAreFew(t *testing.T) {
	at := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	bars := []gantt.Lane{{Name: "till-1", Tasks: []gantt.Task{{Name: "pos", Bars: []gantt.Bar{{Kind: gantt.Install, From: at, To: at.Add(time.Hour)}}}}}}
	for name, c := range map[string]gantt.Chart{
		"no window": {Lanes: bars}, "no window and no bars": {Now: at}, "no end": {Opens: at, Closes: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
		"a fortnight": {Opens: at, Closes: at.AddDate(0, 0, 14)}, "a month": {Opens: at, Closes: at.AddDate(0, 1, 0), Lanes: bars},
	} {
		if n := len(gantt.SVG(c)); n > 64<<10 {
			t.Errorf("%s: the picture has %d bytes", name, n)
		}
	}
}
