package runner_test

import (
	"testing"
)

func TestReferenceNight(t *testing.T) {
	night(t, haunt, nil, func(w *world) {
		w.whole()
		w.compare(wanted())
		if testing.Verbose() {
			w.tell()
			t.Logf("%d appends, %d calls, %v", w.journal.appends, w.calls, w.devices.Fired())
		}
	})
}
