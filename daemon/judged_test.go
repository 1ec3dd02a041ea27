package daemon

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/ready"
)

// A judgement is shared by who asked before it began, and for a moment after it while nothing is learned.
func TestJudgementsAreShared(t *testing.T) {
	at := time.Now()
	for _, tt := range []struct {
		name   string
		asked  question
		shared bool
	}{
		{"while it was made", question{"en", at.Add(-time.Second), 8, 2}, true},
		{"at once", question{"en", at, 7, 1}, true},
		{"a moment later", question{"en", at.Add(judgedFor - 1), 7, 1}, true},
		{"later", question{"en", at.Add(judgedFor), 7, 1}, false},
		{"after a record", question{"en", at.Add(1), 8, 1}, false},
		{"after a round of checks", question{"en", at.Add(1), 7, 2}, false},
		{"in another language", question{"de", at, 7, 1}, false},
	} {
		var j judgements
		first := j.share(question{"en", at, 7, 1}, func() ready.Report { return ready.Report{Text: "first"} })
		got := j.share(tt.asked, func() ready.Report { return ready.Report{Text: "second"} })
		if shared := got.Text == first.Text; shared != tt.shared {
			t.Errorf("asked %s: %q", tt.name, got.Text)
		}
	}
}
