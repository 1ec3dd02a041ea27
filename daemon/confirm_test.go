package daemon

import (
	"os"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// A clock that ran ahead has left a time of the future in the journal: nothing is begun until a person says that the
// clock is right, and that word outlasts the box.
func TestClockIsConfirmed(t *testing.T) {
	l := newLab(t, 1)
	l.script("first", "true")
	l.publish()
	cfg := l.storeFile()
	l.must(os.MkdirAll(cfg.State, 0o755))
	j, err := journal.Open(t.Context(), journal.Options{Dir: cfg.State, Ballast: -1})
	l.must(err)
	_, err = j.Append([]run.Event{{Kind: run.DaemonStarted, At: time.Now().AddDate(3, 0, 0)}}, true)
	l.must(err)
	l.must(j.Close())
	first, stop := l.start(cfg)
	l.until(first, "doubt in the clock", func(s run.State) bool { return s.Unsure != nil && s.Unsure.Code == site.CodeClockUnsure })
	if unsure, err := first.ConfirmClock("compared with the phone", "ann"); err != nil || unsure != nil {
		t.Fatalf("confirmed, and unsure because of %v: %v", unsure, err)
	}
	if _, err := first.ConfirmClock("once more", "ann"); err == nil {
		t.Error("it is confirmed twice")
	}
	l.until(first, "the end of the night", closed)
	stop()
	second, _ := l.start(cfg)
	if s := second.State(); s.Unsure != nil || s.TrustedAt.After(time.Now()) || jobs(second)[0].State != site.Done {
		t.Errorf("after a restart: unsure %v, newest time %s, %+v", s.Unsure, s.TrustedAt, jobs(second))
	}
	var told []run.Event
	l.must(second.journal.Each(0, func(r run.Record) error {
		if r.Event.Kind == run.ClockConfirmed {
			told = append(told, r.Event)
		}
		return nil
	}))
	if len(told) != 1 || told[0].Actor != "ann" || told[0].Text != "compared with the phone" {
		t.Errorf("the journal tells %+v", told)
	}
}
