package plan_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
)

var update = flag.Bool("update", false, "rewrite the expected plans")

// TestPlan makes the plan of every scene in testdata and compares it with what is written there.
func TestPlan(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenes: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			scene, err := scenario.Read(string(archive.Files[0].Data))
			if err != nil {
				t.Fatal(err)
			}
			got := write(make2(t, scene))
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "plan", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(archive.Files[1].Data); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// make2 makes the plan twice, since the same facts must give the same plan.
func make2(t *testing.T, scene scenario.Scene) (plan.Plan, plan.Report) {
	t.Helper()
	span, ok := scene.Calendar.Contains(scene.Facts.Now)
	if !ok {
		if span, ok = scene.Calendar.Next(scene.Facts.Now); !ok {
			t.Fatal("no window in sight")
		}
	}
	made, report := plan.Make(scene.Facts, span, scene.Calendar.Reserve)
	again, reportAgain := plan.Make(scene.Facts, span, scene.Calendar.Reserve)
	if a, b := write(made, report), write(again, reportAgain); a != b {
		t.Fatalf("two plans of the same facts differ:\n%s\n%s", a, b)
	}
	return made, report
}

func write(p plan.Plan, report plan.Report) string {
	var b strings.Builder
	clock := func(t time.Time) string { return t.UTC().Format("15:04") }
	fmt.Fprintf(&b, "night %s %s-%s cutoff %s\n", p.Night, clock(p.Opens), clock(p.Closes), clock(p.Cutoff))
	for _, lane := range p.Lanes {
		for _, job := range lane.Jobs {
			fmt.Fprintf(&b, "%s %s %s-%s needs %s", lane.Device, job.Patch, clock(job.Begins), clock(job.Ends), job.Needs)
			if job.Estimate != nil {
				fmt.Fprintf(&b, ", %s", job.Estimate.From)
			}
			if job.Note != "" {
				b.WriteString(" (" + job.Note + ")")
			}
			b.WriteString("\n")
		}
	}
	for _, f := range p.Forgets {
		fmt.Fprintf(&b, "forgets the longest of %s on %s: %v\n", f.Patch, f.Model, f.Parts)
	}
	for _, left := range report {
		patch := left.Patch
		if patch == "" {
			patch = "*"
		}
		fmt.Fprintf(&b, "not %s %s: %s: %s", left.Device, patch, left.State, left.Reason)
		if from := left.Reason.Facts["from"]; from != "" {
			fmt.Fprintf(&b, ", by %s", from)
		}
		if again := left.Reason.Facts["due_again"]; again != "" {
			fmt.Fprintf(&b, ", though %s", again)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestNoTime: the sentence and the facts say by how much a patch does not fit, and what was gone by.
func TestNoTime(t *testing.T) {
	got := plan.NoTime(40*time.Minute+400*time.Millisecond, 27*time.Minute+30*time.Second, "learned (n=12)").String()
	want := "it needs 40 min with its rollback, and 27 min 30 s are left before the cut-off: short by 12 min 30 s" +
		" [no_time from=learned (n=12) left=27m30s needs=40m0s short=12m30s]"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := plan.NoTime(time.Minute, -time.Hour, "patch file").Facts["short"]; got != "1m0s" {
		t.Errorf("an hour after the cut-off it is short by %s", got)
	}
}

// TestExpected: a job without an estimate goes by the patch file.
func TestExpected(t *testing.T) {
	p := site.Patch{ID: "app", Reboot: site.RebootAlways, Duration: site.Durations{Install: 1, Reboot: 2, Verify: 3, Rollback: 4, Soak: 5}}
	if got := (plan.Job{Patch: "app"}).Expected(p); got.Durations != p.Duration || got.From != estimate.PatchFile {
		t.Errorf("got %+v", got)
	}
	learned := estimate.Estimate{Durations: site.Durations{Install: 9}, From: "learned (n=9)"}
	if got := (plan.Job{Patch: "app", Estimate: &learned}).Expected(p); got != learned {
		t.Errorf("got %+v", got)
	}
}
