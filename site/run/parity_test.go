package run_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// differences are all of a replay.
func differences(moments []run.Moment) []run.Difference {
	var all []run.Difference
	for _, m := range moments {
		all = append(all, m.Differs...)
	}
	return all
}

func describe(d run.Difference) string {
	name := func(e *run.Event) string {
		if e == nil {
			return "nothing"
		}
		to := ""
		if e.Kind == run.PatchSettled {
			to = string(e.To)
		}
		return strings.Join([]string{string(e.Kind), e.Device, e.Patch, string(e.Step), to, e.Reason.String()}, " ")
	}
	return "then " + name(d.Then) + ", now " + name(d.Now)
}

// scene plays one scene of testdata and returns its records.
func scene(t *testing.T, file string) []run.Record {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := newNight(t, string(archive.Files[0].Data))
	for _, line := range strings.Split(strings.TrimSpace(string(archive.Files[1].Data)), "\n") {
		n.line(strings.Fields(line))
	}
	return n.records
}

func TestEverySceneReplaysAsItWas(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenes: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			records := scene(t, file)
			moments := run.Replay(run.State{}, records)
			if len(moments) != len(records) {
				t.Fatalf("%d records make %d moments", len(records), len(moments))
			}
			for i, m := range moments {
				if m.Record.Seq != records[i].Seq {
					t.Fatalf("moment %d is of record %d", i, m.Record.Seq)
				}
				for _, d := range m.Differs {
					t.Errorf("record %d: %s", m.Record.Seq, describe(d))
				}
			}
		})
	}
}

// TestAnyNightReplaysAsItWas holds for nights in which anything happens.
func TestAnyNightReplaysAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		night := begin(t)
		for range rapid.IntRange(0, 40).Draw(t, "happenings") {
			night.obey()
			night.happen()
		}
		for i := 0; night.s.Night.Open() && i < 300; i++ {
			night.obey()
			if open := run.Recover(night.s); len(open) > 0 {
				night.goes(open[0], true)
			} else {
				night.now = night.now.Add(10 * time.Minute)
			}
		}
		night.extend()
		night.obey()
		for _, d := range differences(run.Replay(run.State{}, night.records)) {
			t.Fatal(describe(d))
		}
	})
}

// obey does what the rules decide, whatever it is: whether they are right is for TestAnyNight.
func (n *story) obey() {
	for range 100 {
		events, wake := run.Next(n.s, n.now)
		n.wake = wake
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			n.add(e)
		}
	}
	n.t.Fatal("the rules never come to rest")
}

// TestReplayNamesWhatDiffers forges records as another set of rules would have written them.
func TestReplayNamesWhatDiffers(t *testing.T) {
	records := scene(t, "testdata/good.txtar")
	find := func(kind run.Kind, step run.Step) int {
		i := slices.IndexFunc(records, func(r run.Record) bool { return r.Event.Kind == kind && (step == "" || r.Event.Step == step) })
		if i < 0 {
			t.Fatalf("the scene has no %s %s", kind, step)
		}
		return i
	}
	install := find(run.StepStarted, run.Install)
	tests := []struct {
		name  string
		forge func(r []run.Record) []run.Record
		want  string
	}{
		{"a longer deadline", func(r []run.Record) []run.Record {
			r[install].Event.Deadline = r[install].Event.Deadline.Add(time.Hour)
			return r
		}, "then step.started DEVICE PATCH install  , now step.started DEVICE PATCH install  "},
		{"given up instead of installed", func(r []run.Record) []run.Record {
			e := r[install].Event
			r[install].Event = run.Event{Kind: run.PatchSettled, At: e.At, Device: e.Device, Patch: e.Patch, To: site.Skipped, Reason: site.Because(site.CodeNoTime, "no time")}
			return r[:install+1]
		}, "then patch.settled DEVICE PATCH  skipped no time [no_time], now step.started DEVICE PATCH install  "},
		{"installed while the device is held", func(r []run.Record) []run.Record {
			e := r[install].Event
			hold := site.Hold{Device: e.Device, Until: e.At.Add(time.Hour), Reason: "in use", Actor: "ann"}
			held := run.Record{Event: run.Event{Kind: run.HoldSet, At: e.At.Add(-time.Second), Hold: &hold, Device: e.Device}}
			return append(slices.Insert(r[:install:install], install, held), r[install])
		}, "then step.started DEVICE PATCH install  , now patch.settled DEVICE PATCH  held held by ann"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			forged := test.forge(slices.Clone(records))
			found := differences(run.Replay(run.State{}, forged))
			want := strings.NewReplacer("DEVICE", records[install].Event.Device, "PATCH", records[install].Event.Patch).Replace(test.want)
			if len(found) == 0 || !strings.HasPrefix(describe(found[0]), want) {
				for _, d := range found {
					t.Log(describe(d))
				}
				t.Errorf("want first %q", want)
			}
		})
	}
}

// TestReplayTellsWhoWaits looks at the canary of a group.
func TestReplayTellsWhoWaits(t *testing.T) {
	var texts []string
	for _, m := range run.Replay(run.State{}, scene(t, "testdata/canary.txtar")) {
		for _, w := range m.Waits {
			texts = append(texts, w.Device+": "+w.Reason.Text)
		}
	}
	if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "takes it first in group") }) {
		t.Errorf("nobody waits for the canary: %q", texts)
	}
}
