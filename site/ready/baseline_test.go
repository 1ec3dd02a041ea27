package ready_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// lastNight is a night from 23:00 to 01:00 in which till-1 and till-2 were patched, before which
// POS-1 failed, POS-4 was not known, and till-3 did not answer. The store opens at 08:00.
func lastNight() *ready.Baseline {
	before := map[string]site.CheckResult{"POS-4": {Check: "POS-4", Outcome: site.Unknown}}
	for id, outcome := range map[string]site.CheckOutcome{"POS-1": site.Fail, "POS-2": site.Pass, "POS-3": site.Warn, "CARD-1": site.Pass, "SELL": site.Pass} {
		before[id] = site.CheckResult{Check: id, Outcome: outcome}
	}
	return &ready.Baseline{
		Closed: now.Add(-6*time.Hour - 41*time.Minute - 8*time.Second), Until: now.Add(19 * time.Minute), Checks: before, Down: []string{"till-3"}, Up: []string{"till-1", "till-2", "till-4"},
		Did: []site.Did{{Device: "till-2", Patch: "os-7"}, {Device: "till-1", Patch: "pos-2"}, {Device: "till-2", Patch: "pos-2"}},
	}
}

func TestWhenItBroke(t *testing.T) {
	in, morning := input(), now.Add(-time.Hour)
	in.Store.Checks = append(in.Store.Checks, site.Check{ID: "SELL", Kind: site.CheckTCP, Capability: "sell"})
	inTheNight := lastNight().Closed.Add(-30 * time.Minute)
	for _, c := range []struct {
		name, check string
		since       time.Time
		broke       site.Broke
		text        string
		did         int
	}{
		{"before", "POS-1", inTheNight.Add(-24 * time.Hour), site.BeforeNight, "It was already broken before tonight's work.", 0},
		{"before, though its device was patched and it worked in between", "POS-1", morning, site.BeforeNight, "It was already broken before tonight's work.", 0},
		{"in the night", "POS-2", inTheNight, site.Tonight, "It broke during tonight's work on till-2 (os-7, pos-2).", 2},
		{"in the morning", "POS-2", morning, site.Tonight, "It broke after tonight's work on till-2 (os-7, pos-2).", 2},
		{"on a device that was left alone", "POS-3", inTheNight, site.Tonight, "It broke tonight. Nothing was changed on till-3.", 0},
		{"on one that was left alone, in the morning", "POS-3", morning, site.Tonight, "It broke after tonight's work. Nothing was changed on till-3.", 0},
		{"not known", "POS-4", inTheNight, site.NotKnown, "It is not known whether it worked before tonight's work.", 0},
		{"new since", "KDS-1", inTheNight, site.NotKnown, "It is not known whether it worked before tonight's work.", 0},
		{"of the store", "CARD-1", inTheNight, site.Tonight, "It broke tonight. Nothing was changed on CARD-1.", 0},
		{"of all devices that can sell", "SELL", inTheNight, site.Tonight, "It broke during tonight's work on till-2 (os-7, pos-2) and till-1 (pos-2).", 3},
		{"when the store has opened", "POS-2", now.Add(19 * time.Minute), "", "", 0},
	} {
		results := map[string]site.CheckResult{c.check: {Check: c.check, Outcome: site.Fail, At: now}}
		for _, v := range lastNight().Compare(in.Store, results, map[string]time.Time{c.check: c.since}) {
			switch {
			case v.Check == c.check && (v.Broke != c.broke || v.Text != c.text || len(v.Did) != c.did || !v.Since.Equal(c.since)):
				t.Errorf("%s: %+v, want %q %q", c.name, v, c.broke, c.text)
			case v.Check != c.check && (v.Broke != "" || v.After != site.Unknown):
				t.Errorf("%s: %s, of which nothing is known, is %+v", c.name, v.Check, v)
			}
		}
	}
}

func TestCompareNamesEveryCheckOnce(t *testing.T) {
	in := input()
	set(&in, site.Fail, "POS-1")
	set(&in, site.Warn, "POS-2")
	got := lastNight().Compare(in.Store, in.Results, nil)
	want := []site.Compared{
		{Check: "POS-1", Device: "till-1", Before: site.Fail, After: site.Fail, Since: now.Add(-time.Minute), Broke: site.BeforeNight, Text: "It was already broken before tonight's work."},
		{Check: "POS-2", Device: "till-2", Before: site.Pass, After: site.Warn},
		{Check: "POS-3", Device: "till-3", Before: site.Warn, After: site.Pass},
		{Check: "POS-4", Device: "till-4", Before: site.Unknown, After: site.Pass},
		{Check: "CARD-1", Before: site.Pass, After: site.Pass},
		{Check: "KDS-1", Device: "till-1", Before: site.Unknown, After: site.Pass},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// The findings of a judgement say when what fails broke, and no other finding does.
func TestFindingsSayWhenItBroke(t *testing.T) {
	in := input()
	set(&in, site.Fail, "POS-1", "POS-2", "CARD-1")
	set(&in, site.Warn, "POS-4")
	in.Devices = []ready.Fact{{Device: "till-3", State: site.NoAnswer, Since: now.Add(-9 * time.Hour)}}
	in.Since = map[string]time.Time{"CARD-1": now.Add(-time.Hour)}
	told := func(in ready.Input) map[string]site.Broke {
		r, broke := ready.Judge(in), map[string]site.Broke{}
		for _, f := range append(r.Fix, r.Notes...) {
			if broke[f.Code] = f.Broke; (f.Broke == "") != (f.BrokeText == "") {
				t.Errorf("%s is %q and says %q", f.Code, f.Broke, f.BrokeText)
			}
		}
		return broke
	}
	if got := told(in); len(got) != 5 || got["POS-1"] != "" || got["CARD-1"] != "" {
		t.Errorf("without a night the findings are %v", got)
	}
	in.Baseline = lastNight()
	want := map[string]site.Broke{"POS-1": site.BeforeNight, "POS-2": site.Tonight, "CARD-1": site.Tonight, "POS-3": site.BeforeNight, "POS-4": ""}
	if got := told(in); !reflect.DeepEqual(got, want) {
		t.Errorf("the findings are %v, want %v", got, want)
	}
	in.Devices = append(in.Devices, ready.Fact{Device: "till-4", State: site.NoAnswer, Since: now.Add(-time.Hour)})
	want["POS-4"] = site.Tonight // it answered before
	if got := told(in); !reflect.DeepEqual(got, want) {
		t.Errorf("the findings are %v, want %v", got, want)
	}
}

func TestLongNightsAreCutShort(t *testing.T) {
	b := lastNight()
	for _, device := range []string{"till-1", "till-3", "till-4"} {
		for _, patch := range []string{"a", "b", "c", "d"} {
			b.Did = append(b.Did, site.Did{Device: device, Patch: patch})
		}
	}
	in := input()
	in.Store.Checks = []site.Check{{ID: "SELL", Kind: site.CheckTCP, Capability: "sell"}}
	got := b.Compare(in.Store, map[string]site.CheckResult{"SELL": {Outcome: site.Fail, At: b.Closed}}, nil)
	want := "It broke during tonight's work on till-2 (os-7, pos-2), till-1 (pos-2, a, b and 2 more), till-3 (a, b, c and 1 more) and 1 more device."
	if got[0].Text != want {
		t.Errorf("got %q", got[0].Text)
	}
}
