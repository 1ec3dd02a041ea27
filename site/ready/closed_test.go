package ready_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// Nobody is sent to switch on a device that is on and lets the box do nothing, as with another host key.
func TestDeviceThatAnswersIsNotCalledOff(t *testing.T) {
	for answers, want := range map[bool]string{false: "till-3 does not answer", true: "till-3 could not be checked"} {
		in := input()
		in.Devices = []ready.Fact{{Device: "till-3", State: site.NoAnswer, Since: now.Add(-time.Hour), Answers: answers}}
		r, told := ready.Judge(in), ""
		for _, f := range append(r.Fix, r.Notes...) {
			if f.Device == "till-3" {
				told = f.What
			}
		}
		if told != want {
			t.Errorf("answers %v: it says %q, want %q", answers, told, want)
		}
	}
}
