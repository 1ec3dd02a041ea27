package estimate_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
)

func minutes(n int) site.Duration { return site.Duration(time.Duration(n) * time.Minute) }

func patch(reboot site.Reboot) site.Patch {
	return site.Patch{ID: "app", Reboot: reboot, Duration: site.Durations{
		Install: minutes(10), Reboot: minutes(6), Verify: minutes(1), Rollback: minutes(8), Soak: minutes(2),
	}}
}

// taught learns runs written "install 4m 5m 6m, reboot 1m, other 2m": other is a restart by another patch.
func taught(t *testing.T, text string) estimate.Learned {
	t.Helper()
	var l estimate.Learned
	for part := range strings.SplitSeq(text, ", ") {
		words := strings.Fields(part)
		for _, w := range words[min(1, len(words)):] {
			took, err := time.ParseDuration(w)
			if err != nil {
				t.Fatal(err)
			}
			if words[0] == "other" {
				l = l.Learn("till", "kernel", estimate.Reboot, took)
				continue
			}
			l = l.Learn("till", "app", estimate.Part(words[0]), took)
		}
	}
	return l
}

func TestOf(t *testing.T) {
	for _, c := range []struct{ name, learned, install, reboot, rollback, from string }{
		{"nothing learned", "", "10m0s", "6m0s", "8m0s", "patch file"},
		{"a few shorter runs do not count yet", "install 2m 2m 2m 2m, reboot 1m, rollback 1m", "10m0s", "6m0s", "8m0s", "patch file"},
		{"a longer one counts at once", "install 2m 14m 2m", "14m0s", "6m0s", "8m0s", "learned (n=3)"},
		{"five runs are enough", "install 6m 7m 8m 6m 6m", "8m0s", "6m0s", "8m0s", "learned (n=5)"},
		{"luck has a floor", "install 1s 1s 1s 1s 1s 1s", "5m0s", "6m0s", "8m0s", "learned (n=6)"},
		{"a moment is no longer", "install 10m400ms 10m400ms", "10m0s", "6m0s", "8m0s", "patch file"},
		{"parts of a second do not count", "install 7m59.6s 7m 7m 7m 7m", "8m0s", "6m0s", "8m0s", "learned (n=5)"},
		{"a rollback learns too", "rollback 5m 5m 5m 5m 5m", "10m0s", "6m0s", "5m0s", "patch file, rollback learned (n=5)"},
		{"a restart belongs to the machine", "other 4m 4m 4m 4m 4m", "10m0s", "4m0s", "8m0s", "patch file, restart learned (n=5)"},
		{"even a single one", "other 9m", "10m0s", "9m0s", "8m0s", "patch file, restart learned (n=1)"},
		{"until the patch has made enough itself", "other 4m 4m 4m 4m 4m, reboot 5m 5m 5m 5m 5m", "10m0s", "5m0s", "8m0s", "patch file, restart learned (n=5)"},
		{"its own longest counts from the first", "reboot 7m, other" + strings.Repeat(" 4m", 60), "10m0s", "7m0s", "8m0s", "patch file, restart learned (n=50)"},
		{"both are said", "other 9m, rollback 9m", "10m0s", "9m0s", "9m0s", "patch file, restart learned (n=1), rollback learned (n=1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := taught(t, c.learned)
			e := l.Of("till", patch(site.RebootMay))
			got := fmt.Sprint(e.Install, " ", e.Reboot, " ", e.Rollback, " ", e.From)
			if want := strings.Join([]string{c.install, c.reboot, c.rollback, c.from}, " "); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if e.Verify != minutes(1) || e.Soak != minutes(2) {
				t.Errorf("verification has %s and %s, which nobody may learn", e.Verify, e.Soak)
			}
			if l.Durations("till", patch(site.RebootMay)) != e.Durations {
				t.Errorf("Durations says %+v, Of says %+v", l.Durations("till", patch(site.RebootMay)), e.Durations)
			}
			if other := l.Of("server", patch(site.RebootMay)); other.Durations != patch("").Duration || other.From != estimate.PatchFile {
				t.Errorf("another model learned from it: %+v", other)
			}
		})
	}
}

// TestNeverRestarts checks that the restarts of a model say nothing of a patch that makes none.
func TestNeverRestarts(t *testing.T) {
	e := taught(t, "other 9m").Of("till", patch(site.RebootNever))
	if e.Reboot != 0 || e.From != estimate.PatchFile {
		t.Errorf("got a restart of %s from %s", e.Reboot, e.From)
	}
}

// TestP95 compares with nearest ranks that were counted by hand.
func TestP95(t *testing.T) {
	for n, want := range map[int]int{1: 1, 4: 4, 5: 5, 19: 19, 20: 19, 21: 20, 39: 38, 40: 38, 50: 48, 51: 49, 200: 198} {
		var l estimate.Learned
		for i := range n {
			l = l.Learn("till", "app", estimate.Install, time.Duration(i+1)*time.Minute)
		}
		if got := l["till"].Patches["app"][estimate.Install].P95; got != minutes(want) {
			t.Errorf("of %d runs of 1 to %d minutes the 95th percentile is %s, want %s", n, n, got, minutes(want))
		}
	}
}

func TestLearnsNothing(t *testing.T) {
	if l := estimate.Learned(nil).Learn("", "app", estimate.Install, time.Minute).Learn("till", "app", estimate.Install, 0); len(l) != 0 {
		t.Errorf("learned %v", l)
	}
}

func TestOnly(t *testing.T) {
	l := taught(t, "install 4m, other 3m")
	less := l.Only(func(patch string) bool { return patch == "kernel" })
	if len(less["till"].Patches) != 1 || less["till"].Patches["kernel"] == nil || len(less["till"].Reboot.Took) != 1 {
		t.Errorf("kept %v", less)
	}
	if len(l["till"].Patches) != 2 {
		t.Errorf("what was there has changed: %v", l)
	}
	if l := estimate.Learned(nil).Only(func(string) bool { return true }); len(l) != 0 {
		t.Errorf("nothing became %v", l)
	}
}

// TestValue checks that learning leaves what was known as it was, and that a checkpoint brings it back.
func TestValue(t *testing.T) {
	before := taught(t, "install 4m 5m, reboot 3m")
	text, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	after := before.Learn("till", "app", estimate.Install, time.Hour).Learn("till", "app", estimate.Reboot, time.Hour).Learn("pc", "x", estimate.Install, time.Hour)
	var back estimate.Learned
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, before) {
		t.Errorf("%v: %s came back as %v, is %v", err, text, back, before)
	}
	if reflect.DeepEqual(after, before) || len(after) != 2 {
		t.Errorf("learned nothing: %v", after)
	}
	longest := slices.Max(after["till"].Patches["app"][estimate.Install].Took)
	if longest.Std() != time.Hour {
		t.Errorf("the longest is %s", longest)
	}
}

// The longest run is forgotten, and nothing else; what was learned before stays as it was.
func TestForget(t *testing.T) {
	for _, c := range []struct{ learned, part, install, reboot, rollback, from string }{
		{"install 2m 14m 2m", "install", "10m0s", "6m0s", "8m0s", "patch file"},
		{"install 14m", "install", "10m0s", "6m0s", "8m0s", "patch file"},
		{"install 12m 30m 15m", "install", "15m0s", "6m0s", "8m0s", "learned (n=2)"},
		{"install 12m, rollback 20m", "rollback", "12m0s", "6m0s", "8m0s", "learned (n=1)"},
		{"other 9m 20m", "reboot", "10m0s", "9m0s", "8m0s", "patch file, restart learned (n=1)"},
		{"reboot 20m", "reboot", "10m0s", "6m0s", "8m0s", "patch file"},
		{"", "install", "10m0s", "6m0s", "8m0s", "patch file"},
	} {
		l := taught(t, c.learned)
		before := fmt.Sprint(l)
		e := l.Forget("till", "app", estimate.Part(c.part)).Of("till", patch(site.RebootMay))
		got := fmt.Sprint(e.Install, " ", e.Reboot, " ", e.Rollback, " ", e.From)
		if want := strings.Join([]string{c.install, c.reboot, c.rollback, c.from}, " "); got != want {
			t.Errorf("%s without %s: got %s, want %s", c.learned, c.part, got, want)
		}
		if fmt.Sprint(l) != before {
			t.Errorf("%s: it was changed to %v", c.learned, l)
		}
	}
}
