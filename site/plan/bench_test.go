package plan_test

import (
	"testing"

	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
)

// BenchmarkMake200x40 plans the night of a large store: under 20 ms.
func BenchmarkMake200x40(b *testing.B) {
	scene, err := scenario.Read(scenario.Large(200, 40))
	if err != nil {
		b.Fatal(err)
	}
	span, _ := scene.Calendar.Contains(scene.Facts.Now)
	jobs := 0
	for b.Loop() {
		made, _ := plan.Make(scene.Facts, span, scene.Calendar.Reserve)
		jobs = 0
		for _, lane := range made.Lanes {
			jobs += len(lane.Jobs)
		}
	}
	b.ReportMetric(float64(jobs), "jobs")
}
