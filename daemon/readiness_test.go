package daemon

import (
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// TestDiagnoseBy carries out one check of a device: its result counts and is in the journal, but it is not the round
// of checks for which a night waits, and another device is not looked at.
func TestDiagnoseBy(t *testing.T) {
	l := newLab(t, 2)
	l.publish()
	d, err := New(t.Context(), Options{Config: l.storeFile(), Version: "test", Log: quiet()})
	l.must(err)
	defer func() { l.must(d.journal.Close()) }()
	v, err := d.DiagnoseBy(t.Context(), "till-2", "POS-2")
	l.must(err)
	if len(v.Checks) != 1 || v.Checks[0].Check != "POS-2" || v.Checks[0].Outcome != site.Pass || v.Check != "POS-2" || v.Observation != nil {
		t.Errorf("found %+v", v)
	}
	if s := d.ledger.State(); s.Checks["POS-2"].Outcome != site.Pass || len(s.Checks) != 1 {
		t.Errorf("the journal knows %+v", s.Checks)
	}
	select {
	case <-d.checked:
		t.Error("it counts as a round of checks")
	default:
	}
	if _, _, err := d.CheckNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-d.checked:
	default:
		t.Error("the first round of checks does not count")
	}
	ended := 0
	l.must(d.journal.Each(1, func(r run.Record) error {
		if r.Event.Kind == run.CheckEnded {
			ended++
		}
		return nil
	}))
	if ended != 3 {
		t.Errorf("%d results in the journal: one of the check, and both of the first round are wanted", ended)
	}
	for device, want := range map[string]string{
		"till-1": `till-1 has no check "POS-2": it has POS-1`,
		"none":   "no device is called none; see: nightfill devices",
	} {
		if _, err := d.DiagnoseBy(t.Context(), device, "POS-2"); err == nil || err.Error() != want {
			t.Errorf("%s: %v", device, err)
		}
	}
}
