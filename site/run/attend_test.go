package run_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// Nobody is looked at but those that neither the night nor a person is at work on, and only while
// somebody waits for room in a group or is missed.
func TestBystanders(t *testing.T) {
	const lanes = "group lanes min_up=1\ndevice till-1 groups=lanes\ndevice till-2 groups=lanes\ndevice till-3 groups=lanes\n"
	for _, test := range []struct {
		name, facts string
		before      func(*night)
		want        string
	}{
		{"all of a group", lanes + "patch one kind=script", nil, "[till-1 till-2 till-3]"},
		{"but where a step is under way", lanes + "patch one kind=script devices=till-2", (*night).decide, "[till-1 till-3]"},
		{"but where a person works", lanes + "patch one kind=script", func(n *night) { n.add(run.Event{Kind: run.TerminalOpened, Device: "till-3", Actor: "ann"}) }, "[till-1 till-2]"},
		{"not without limits", "device till-1\ndevice till-2\npatch one kind=script", nil, "[]"},
		{"without limits where one is missed", "device till-1\ndevice till-2 silent\npatch one kind=script", nil, "[till-1 till-2]"},
		{"not when all is settled", lanes + "patch one kind=script", func(n *night) { n.play(nil) }, "[]"},
		{"not before the window, nor from the cut-off", lanes + "patch one kind=script", func(n *night) { n.clock("04:15") }, "[]"},
		{"not while nothing may be begun", lanes + "patch one kind=script", func(n *night) { n.line([]string{"unsure", "now"}) }, "[]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNight(t, test.facts)
			if test.before != nil {
				test.before(n)
			}
			if got := fmt.Sprint(run.Bystanders(n.s, n.now)); got != test.want {
				t.Errorf("looked at are %s, want %s", got, test.want)
			}
		})
	}
}

// A look tells only what is new, and nothing of a device that was heard of since, or that the night
// is at work on; the states before it stay as they were.
func TestAttendance(t *testing.T) {
	n := newNight(t, "group lanes min_up=1\ndevice till-1 groups=lanes\ndevice till-2 groups=lanes\npatch one kind=script\n")
	missed := func(device string, at time.Time) int {
		o := site.Observation{Device: device, At: at, Error: site.Because(site.CodeNoAnswer, device+" does not answer")}
		return len(run.Attendance(n.s, site.Inventory{device: o}, n.now))
	}
	began := n.now
	n.decide()
	if missed("till-1", n.now) != 0 {
		t.Error("a device is missed while a step runs on it")
	}
	n.clock("23:01")
	n.end("till-1", run.OK, nil)
	if missed("till-1", began) != 0 || missed("till-1", n.now.Add(time.Second)) != 1 {
		t.Error("a look from before the end of a step tells of the device, or one after it does not")
	}
	if missed("till-9", n.now) != 0 {
		t.Error("a device is missed that the store has not")
	}
	n.line([]string{"hold", "till-1", "until=04:00"}) // so that nothing is begun on it
	was := n.s
	n.clock("23:02")
	n.look("till-1", true)
	if down(was, "till-1") || !down(n.s, "till-1") || missed("till-1", n.now) != 0 {
		t.Error("the state of before has changed, or the new one has not")
	}
	n.end("till-2", run.OK, nil)
	n.look("till-1", false)
	if down(n.s, "till-1") {
		t.Error("it answers, and is still missed")
	}
}

// A step that shows that a device answers ends that it is missed.
func TestStepEndsAbsence(t *testing.T) {
	n := newNight(t, "group lanes min_up=1\ndevice till-1 groups=lanes\ndevice till-2 groups=lanes\npatch one kind=script\n")
	n.look("till-1", true)
	for _, outcome := range []run.Outcome{run.Unreached, run.OK} {
		if !down(n.s, "till-1") {
			t.Fatal("it is not missed")
		}
		n.end("till-1", outcome, nil)
		n.now = n.now.Add(2 * time.Minute)
		n.decide()
	}
	if down(n.s, "till-1") {
		t.Error("it took a file, and is still missed")
	}
}

func down(s run.State, device string) bool {
	for _, m := range s.Night.Plan.Members {
		if m.Device == device {
			return m.Down
		}
	}
	return false
}

// arrive lets all devices answer, and the night take up what is new with them.
func (n *night) arrive() {
	facts := n.scene.Facts
	facts.Now, facts.Inventory = n.now, site.Inventory{}
	for _, d := range facts.Store.Devices {
		facts.Inventory[d.ID] = site.Observation{Device: d.ID, At: n.now}
	}
	for _, e := range run.Attendance(n.s, facts.Inventory, n.now) {
		n.add(e)
	}
	span, _ := n.scene.Calendar.Contains(n.now)
	made, report := plan.Make(facts, span, n.scene.Calendar.Reserve)
	if !run.Extendable(n.s, n.now) {
		n.t.Fatal("nothing may be added")
	}
	more := run.Extension(n.s, made)
	n.add(run.Event{Kind: run.NightExtended, Night: more.Night, Plan: &more, Report: report})
}

// TestExtendWhileWaiting: a night in which the only device that answers waits for room takes up the
// one that came too late.
func TestExtendWhileWaiting(t *testing.T) {
	n := newNight(t, "group lanes min_up=1\ndevice till-1 groups=lanes\ndevice till-2 groups=lanes silent\npatch one kind=script\n")
	n.decide()
	n.end("till-1", run.OK, nil)
	n.decide()
	if n.s.Night.Settled() != 0 || !run.Extendable(n.s, n.now) {
		t.Fatal("the only till that answers was begun, or nothing may be added")
	}
	n.arrive()
	n.play(nil)
	for _, id := range []string{"till-1", "till-2"} {
		if j, _ := n.s.Job(id, "one"); j.State != site.Done {
			t.Errorf("%s is %s because %v", id, j.State, j.Reason)
		}
	}
}

// A late device stands behind all others in the order of the plan. Where the others wait for it, it
// takes a patch first all the same: a canary that waited for it would hold up the whole store.
func TestLateDeviceTakesItsTurn(t *testing.T) {
	for _, test := range []struct{ name, groups, late string }{
		{"secondary", "group servers canary\ndevice srv-1 groups=servers role=primary\ndevice srv-2 groups=servers role=secondary", "srv-2"},
		{"earlier group", "group all canary\ngroup servers before=lanes\ngroup lanes min_up=1\n" +
			"device srv-1 groups=servers,all\ndevice till-1 groups=lanes,all\ndevice till-2 groups=lanes,all", "srv-1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNight(t, strings.Replace(test.groups, "device "+test.late, "device "+test.late+" silent", 1)+"\npatch one kind=script gate=wait\n")
			n.arrive()
			n.play(nil)
			for j := range n.s.Night.Jobs() {
				if j.State != site.Done {
					t.Errorf("%s is %s because %v", j.Device, j.State, j.Reason)
				}
			}
			if n.s.Night.Total() < 2 {
				t.Error("the late one was not taken up")
			}
		})
	}
}
