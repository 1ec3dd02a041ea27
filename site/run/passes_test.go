package run

import (
	"testing"

	"github.com/nightfill/nightfill/site"
)

// A device that works for another box is not asked again and again: that does not pass by itself.
func TestWhatPasses(t *testing.T) {
	for _, tt := range []struct {
		reason *site.Reason
		want   bool
	}{
		{nil, false},
		{site.Because(site.CodeBusy, "work w1 of apt runs on it"), true},
		{site.Because(site.CodeBusy, "box bbbbbbbbbbbbbbbb works on it", "box", "bbbbbbbbbbbbbbbb"), false},
		{site.Because(site.CodeDiskFull, "its disk is full"), true},
		{site.Because(site.CodeNoRights, "it may not"), false},
	} {
		if got := passes(tt.reason); got != tt.want {
			t.Errorf("%v: %t, want %t", tt.reason, got, tt.want)
		}
	}
}
