package daemon

import (
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// TestNightIsNotBlamedForWhatWasBroken: a check that failed before the night is said to have, one that
// passed and fails since names the patch, and both are the same in the journal, the report and the findings.
func TestNightIsNotBlamedForWhatWasBroken(t *testing.T) {
	l := newLab(t, 3)
	l.check = `["sh", "-c", "test ! -e $NIGHTFILL_ROOT/broken"]`
	_, err := l.hosts[0].Run(t.Context(), `echo before >"$NIGHTFILL_ROOT/broken"`)
	l.must(err)
	l.script("breaker", `[ -e "$NIGHTFILL_ROOT/spared" ] || echo by-patch >"$NIGHTFILL_ROOT/broken"`)
	_, err = l.hosts[2].Run(t.Context(), `echo >"$NIGHTFILL_ROOT/spared"`)
	l.must(err)
	l.publish()
	d, stop := l.start(l.storeFile())
	l.until(d, "the comparison with what was before", func(s run.State) bool { return closed(s) && s.Night.AtClose != nil })
	state := d.State()
	for id, want := range map[string]site.CheckOutcome{"POS-1": site.Fail, "POS-2": site.Pass, "POS-3": site.Pass} {
		if got := state.Night.Before.Checks[id].Outcome; got != want {
			t.Errorf("before the night %s is %q, want %q", id, got, want)
		}
	}
	for i, want := range []site.Compared{
		{Check: "POS-1", Before: site.Fail, After: site.Fail, Broke: site.BeforeNight, Text: "It was already broken before tonight's work."},
		{Check: "POS-2", Before: site.Pass, After: site.Fail, Broke: site.Tonight, Text: "It broke during tonight's work on till-2 (breaker)."},
		{Check: "POS-3", Before: site.Pass, After: site.Pass},
	} {
		got := state.Night.AtClose[i]
		after := strings.Replace(got.Text, "after tonight's", "during tonight's", 1) // as soon as the night is over, or when the checks ran in it
		if got.Check != want.Check || got.Before != want.Before || got.After != want.After || got.Broke != want.Broke || after != want.Text {
			t.Errorf("at its close: %+v, want %+v", got, want)
		}
	}
	told := map[string]site.Broke{}
	report := d.Report()
	for _, f := range append(report.Fix, report.Notes...) {
		told[f.Code] = f.Broke
	}
	if told["POS-1"] != site.BeforeNight || told["POS-2"] != site.Tonight {
		t.Errorf("the findings say %v", told)
	}
	if problems := strings.Join(view.StatusOf(d.View(t.Context())).Problems, "\n"); !strings.Contains(problems, "[POS-2] It broke ") || strings.Contains(problems, "POS-1") {
		t.Errorf("the status says %q", problems)
	}
	night, err := d.NightAt(t.Context(), window.Date{})
	l.must(err)
	if len(night.Checks) != 3 || night.Checks[1].AtClose != site.Fail || night.Passes != 1 {
		t.Errorf("the report has %d passes and the checks %+v", night.Passes, night.Checks)
	}
	if got := night.Devices[0].Before; got != "POS-1 failed before the night" || night.Devices[1].Before != "" {
		t.Errorf("the report says of devices %q and %q", got, night.Devices[1].Before)
	}
	l.replays(d)
	stop()
}
