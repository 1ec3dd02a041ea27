package ready_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

func TestWhatTheBoxRepaired(t *testing.T) {
	looked := now.Add(-time.Minute)
	for _, tt := range []struct {
		name    string
		outcome site.CheckOutcome
		repair  ready.Repair
		says    string // in the finding of the check
		note    string // about what works again
	}{
		{"under way", site.Fail, ready.Repair{Begun: now.Add(-2 * time.Minute)}, "The store box is repairing this since 07:39.", ""},
		{"not looked at since", site.Fail, ready.Repair{Begun: looked, Ended: now, Done: true}, "The store box repaired something at 07:41 and looks again.", ""},
		{"it did not help", site.Fail, ready.Repair{Begun: looked, Ended: looked.Add(-time.Minute), Done: true}, "The store box tried to repair this at 07:39. It did not help.", ""},
		{"it could not be done", site.Fail, ready.Repair{Begun: looked, Ended: looked.Add(-time.Minute)}, "The store box tried to repair this at 07:39. It did not help.", ""},
		{"it works again", site.Pass, ready.Repair{Ended: looked.Add(-time.Minute), Done: true}, "", "The store box repaired till-3 at 07:39"},
		{"it works again, but not by that", site.Pass, ready.Repair{Ended: looked.Add(-time.Minute)}, "", ""},
		{"it worked when it was looked at before", site.Pass, ready.Repair{Ended: now, Done: true}, "", ""},
	} {
		in := input()
		set(&in, tt.outcome, "POS-3")
		tt.repair.Device = "till-3"
		in.Repairs = map[string]ready.Repair{"POS-3": tt.repair}
		says, note := "", ""
		for _, f := range ready.Judge(in).Notes {
			if f.Code == "POS-3" {
				says = f.Repair
			}
			if f.Code == ready.CodeRepaired {
				note = f.What
			}
		}
		if says != tt.says || note != tt.note {
			t.Errorf("%s: %q and %q, want %q and %q", tt.name, says, note, tt.says, tt.note)
		}
	}
}
