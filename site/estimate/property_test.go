package estimate_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
)

func all(runs []int) estimate.Learned {
	var l estimate.Learned
	for _, seconds := range runs {
		l = l.Learn("till", "app", estimate.Install, time.Duration(seconds)*time.Second)
	}
	return l
}

func install(file int, runs []int) int {
	p := site.Patch{ID: "app", Duration: site.Durations{Install: site.Duration(time.Duration(file) * time.Second)}}
	return int(all(runs).Durations("till", p).Install.Std() / time.Second)
}

var (
	lengths = rapid.IntRange(1, 1000)
	times   = rapid.SliceOfN(lengths, 0, 120)
)

// TestBounds: never below half of the patch file, never above the longer of it and the longest run.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file, runs := lengths.Draw(t, "file")*2, times.Draw(t, "runs")
		newest := runs[max(0, len(runs)-estimate.Newest):]
		got, longest := install(file, runs), slices.Max(append([]int{0}, newest...))
		switch {
		case got < file/2 || got > max(file, longest):
			t.Fatalf("%d, the file says %d, the longest run is %d", got, file, longest)
		case len(runs) < estimate.Enough && got != max(file, longest):
			t.Fatalf("%d of few runs, the file says %d, the longest run is %d", got, file, longest)
		case len(all(runs)["till"].Patches["app"][estimate.Install].Took) > estimate.Newest:
			t.Fatalf("too much is remembered")
		}
	})
}

// TestMonotone: where any run, or the patch file, is longer, the estimate is not shorter.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file, runs := lengths.Draw(t, "file"), times.Draw(t, "runs")
		longer := slices.Clone(runs)
		for i := range longer {
			longer[i] += rapid.IntRange(0, 50).Draw(t, "more")
		}
		if a, b := install(file, runs), install(file+rapid.IntRange(0, 50).Draw(t, "more"), longer); b < a {
			t.Fatalf("%d became %d", a, b)
		}
	})
}

// TestOrder: within what is remembered, the order of the runs does not matter, and what is forgotten does not.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file, runs := lengths.Draw(t, "file"), times.Draw(t, "runs")
		newest := runs[max(0, len(runs)-estimate.Newest):]
		if a, b := install(file, runs), install(file, rapid.Permutation(newest).Draw(t, "shuffled")); a != b {
			t.Fatalf("%d became %d", a, b)
		}
	})
}

// TestOneLuckyRun: one run that is shorter than all others never brings the estimate below the
// shortest of the others, nor below what the patch file says while the others are that long.
func TestOneLuckyRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := rapid.SliceOfN(lengths, 1, 120).Draw(t, "runs")
		newest := runs[max(0, len(runs)+1-estimate.Newest):]
		shortest := slices.Min(newest)
		file := rapid.IntRange(1, shortest).Draw(t, "file")
		lucky := rapid.IntRange(1, shortest).Draw(t, "lucky")
		if got := install(file, append(slices.Clone(runs), lucky)); got < shortest {
			t.Fatalf("%d after a run of %d, all others took %d and more", got, lucky, shortest)
		}
	})
}

// TestLonger: each part is the longer one, and verification is the patch file's.
func TestLonger(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) site.Durations {
		d := func(name string) site.Duration { return site.Duration(lengths.Draw(t, name)) }
		return site.Durations{Install: d("install"), Reboot: d("reboot"), Verify: d("verify"), Rollback: d("rollback"), Soak: d("soak")}
	})
	rapid.Check(t, func(t *rapid.T) {
		file, learned := draw.Draw(t, "file"), draw.Draw(t, "learned")
		want := site.Durations{
			Install: max(file.Install, learned.Install), Reboot: max(file.Reboot, learned.Reboot), Verify: file.Verify,
			Rollback: max(file.Rollback, learned.Rollback), Soak: file.Soak,
		}
		if got := estimate.Longer(file, learned); got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}
