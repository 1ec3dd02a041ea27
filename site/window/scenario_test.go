package window_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

var update = flag.Bool("update", false, "write the answers of testdata/*.txtar anew")

// TestScenarios runs the files of testdata. Each has a calendar; instants that are in or out of
// its windows; dates with the length of their window; and questions with their answers.
// Only the answers (want) are written by -update: the rest is the specification.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runScenario(t, file) })
	}
}

func runScenario(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]string{}
	for _, f := range archive.Files {
		parts[f.Name] = strings.FieldsFunc(string(f.Data), func(r rune) bool { return r == '\n' })
	}
	c := calendar(t, parts["calendar"])
	for _, line := range parts["in"] {
		if span, ok := c.Contains(instant(t, line)); !ok {
			t.Errorf("%s is out of every window, want in", line)
		} else if on, ok := c.On(span.Night); !ok || on != span {
			t.Errorf("%s is in %v, but the window of %v is %v", line, span, span.Night, on)
		}
	}
	for _, line := range parts["out"] {
		if span, ok := c.Contains(instant(t, line)); ok {
			t.Errorf("%s is in %v, want out", line, span)
		}
	}
	for _, line := range parts["lengths"] {
		night, want := twoWords(t, line)
		length, err := time.ParseDuration(want)
		if err != nil {
			t.Fatal(err)
		}
		if span, ok := c.On(date(t, night)); !ok || span.Length() != length || span.Night != date(t, night) {
			t.Errorf("the window of %s is %v, want %s", night, span, want)
		}
	}
	var answers strings.Builder
	for _, question := range parts["ask"] {
		fmt.Fprintf(&answers, "%s: %s\n", question, answer(t, c, question))
	}
	compare(t, file, archive, answers.String())
}

func compare(t *testing.T, file string, archive *txtar.Archive, got string) {
	want := &archive.Files[len(archive.Files)-1]
	if want.Name != "want" {
		t.Fatalf("%s: the last part is %s, want want", file, want.Name)
	}
	if *update {
		want.Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(want.Data) != got {
		t.Errorf("answers differ (-update writes them anew)\ngot:\n%s\nwant:\n%s", got, want.Data)
	}
}

func answer(t *testing.T, c window.Calendar, question string) string {
	verb, arg, _ := strings.Cut(question, " ")
	switch verb {
	case "string":
		return c.String()
	case "on":
		return shown(c.On(date(t, arg)))
	case "why":
		cause, text := c.Why(anyDate(t, arg))
		return fmt.Sprintf("%s: %s", cause, text)
	case "cutoff":
		span, _ := c.On(date(t, arg))
		return span.Cutoff(c.Reserve).Format(time.RFC3339)
	case "next":
		return shown(c.Next(instant(t, arg)))
	case "remaining":
		return c.Remaining(instant(t, arg)).String()
	case "opening":
		opens, ok := c.NextOpening(instant(t, arg))
		if !ok {
			return "never"
		}
		return opens.Format("Mon " + time.RFC3339)
	}
	t.Fatalf("no such question: %s", question)
	return ""
}

func shown(span window.Span, ok bool) string {
	if !ok {
		return "none"
	}
	return fmt.Sprintf("night of %v: %v", span.Night, span)
}

func calendar(t *testing.T, lines []string) window.Calendar {
	t.Helper()
	c := window.Calendar{Opening: map[time.Weekday]window.Clock{}}
	for _, line := range lines {
		key, value, _ := strings.Cut(line, ": ")
		var err error
		switch key {
		case "zone":
			c.Zone, err = tzdata.Load(value)
		case "start":
			c.Start, err = window.ParseClock(value)
		case "end":
			c.End, err = window.ParseClock(value)
		case "days":
			err = c.Days.UnmarshalText([]byte(value))
		case "reserve":
			c.Reserve, err = time.ParseDuration(value)
		case "blackout":
			from, rest := twoWords(t, value+" ")
			to, reason, _ := strings.Cut(rest, " ")
			c.Blackouts = append(c.Blackouts, window.Blackout{From: date(t, from), To: date(t, to), Reason: strings.TrimSpace(reason)})
		case "opening":
			days, at := twoWords(t, value)
			var set window.Weekdays
			set, err = window.ParseWeekdays([]string{days})
			for _, day := range set.Days() {
				if err == nil {
					c.Opening[day], err = window.ParseClock(at)
				}
			}
		default:
			err = fmt.Errorf("no such key: %s", key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func twoWords(t *testing.T, line string) (string, string) {
	t.Helper()
	a, b, ok := strings.Cut(line, " ")
	if !ok {
		t.Fatalf("%q: want two words", line)
	}
	return a, b
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func date(t *testing.T, s string) window.Date {
	t.Helper()
	d, err := window.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// anyDate reads a date that need not exist.
func anyDate(t *testing.T, s string) window.Date {
	t.Helper()
	var d window.Date
	if _, err := fmt.Sscanf(s, "%d-%d-%d", &d.Year, &d.Month, &d.Day); err != nil {
		t.Fatal(err)
	}
	return d
}
