package daemon

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
)

// undoable adds a patch that a script takes back.
func (l *lab) undoable(id, body, back string) {
	l.write("patches/"+id+".sh", "#!/bin/sh\n"+body+"\n")
	l.write("patches/"+id+"-back.sh", "#!/bin/sh\n"+back+"\n")
	l.patches[id] = l.write("patches/"+id+".yaml", fmt.Sprintf(
		"id: %s\ntitle: %s\ninstall: {kind: script}\nartifacts: [%s.sh]\nrollback: {class: script, artifacts: [%s-back.sh]}\nreboot: never\nduration: {install: 30s, verify: 5s, rollback: 10s}\nowner: owner\n", id, id, id, id))
}

// TestBoxRepairsWhatTheNightBroke: one patch breaks a test that its rollback mends, on till-1, another stops
// a service, on till-2. Both checks pass again without a person, once, and the page says so.
func TestBoxRepairsWhatTheNightBroke(t *testing.T) {
	l := newLab(t, 2)
	l.check = `["sh", "-c", "test ! -e $NIGHTFILL_ROOT/broken"], repair: rollback`
	l.must(l.hosts[1].AddService(t.Context(), "pos-app", ""))
	_, err := l.hosts[0].Run(t.Context(), `echo >"$NIGHTFILL_ROOT/first"`)
	l.must(err)
	l.undoable("breaker", `if [ -e "$NIGHTFILL_ROOT/first" ]; then echo >"$NIGHTFILL_ROOT/broken"; else systemctl stop pos-app; fi`, `rm -f "$NIGHTFILL_ROOT/broken"`)
	l.publish()
	cfg := l.storeFile()
	cfg.Store.Checks = append(cfg.Store.Checks, site.Check{ID: "APP-2", Device: "till-2", Kind: site.CheckService, Name: "pos-app", Repair: &site.Repair{Service: "pos-app"}})
	d, stop := l.start(cfg)
	l.until(d, "both repairs, and looks after them", func(s run.State) bool {
		return s.Repairs["POS-1"].Outcome == run.OK && s.Repairs["APP-2"].Outcome == run.OK && s.Checks["POS-1"].Outcome == site.Pass && s.Checks["APP-2"].Outcome == site.Pass
	})
	s := d.State()
	if j, _ := s.Job("till-1", "breaker"); j.State != site.RolledBack {
		t.Errorf("the patch on till-1 is %s", j.State)
	}
	if j, _ := s.Job("till-2", "breaker"); j.State != site.Done {
		t.Errorf("the patch on till-2 is %s: its service was started anew, and that was all", j.State)
	}
	if q, is := s.Quarantine["breaker"]; !is || !strings.Contains(q.Reason.Text, "nightfill (self-repair)") && !strings.Contains(q.Reason.Text, "it was wanted off till-1") {
		t.Errorf("the quarantine: %+v", q)
	}
	var begun, ended int
	l.must(d.journal.Each(1, func(r run.Record) error {
		switch r.Event.Kind {
		case run.RepairBegun:
			begun++
		case run.RepairEnded:
			ended++
		}
		return nil
	}))
	if begun != 2 || ended != 2 {
		t.Errorf("%d repairs were begun and %d ended", begun, ended)
	}
	if len(run.Repairs(s, d.store, s.At)) > 0 {
		t.Error("more is to be repaired")
	}
	if _, _, err := d.CheckNow(t.Context()); err != nil { // a look that certainly began after the repairs
		t.Fatal(err)
	}
	var repaired []string
	for _, f := range d.View(t.Context()).Report.Notes {
		if f.Code == ready.CodeRepaired {
			repaired = append(repaired, f.Device)
		}
	}
	if len(repaired) != 2 {
		t.Errorf("the page tells of repairs of %v; %+v", repaired, view.StatusOf(d.View(t.Context())).Problems)
	}
	l.replays(d)
	stop()
}
