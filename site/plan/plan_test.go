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
			fmt.Fprintf(&b, "%s %s %s-%s needs %s\n", lane.Device, job.Patch, clock(job.Begins), clock(job.Ends), job.Needs)
		}
	}
	for _, left := range report {
		patch := left.Patch
		if patch == "" {
			patch = "*"
		}
		fmt.Fprintf(&b, "not %s %s: %s: %s\n", left.Device, patch, left.State, left.Reason)
	}
	return b.String()
}
