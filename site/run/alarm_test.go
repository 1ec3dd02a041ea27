package run_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

func TestAlarmFromBeginToEnd(t *testing.T) {
	at := time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC)
	note := run.AlarmNote{Code: "POS-1", To: "Night desk", Webhook: "http://10.0.0.5/hook"}
	s := run.Foresee(run.State{}, run.Event{Kind: run.AlarmRaised, At: at, Text: "till-1 does not answer", Alarm: &run.AlarmNote{Code: "POS-1", Cause: site.CauseNotReady, Device: "till-1"}})
	want := site.Alarm{Code: "POS-1", Cause: site.CauseNotReady, Device: "till-1", Text: "till-1 does not answer", Since: at}
	same := func(name string) {
		t.Helper()
		if got := s.Alarms["POS-1"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	same("raised")
	before := s
	s = run.Foresee(s, run.Event{Kind: run.AlarmTold, At: at, Alarm: &note})
	want.Told = []site.Told{{To: "Night desk", At: at, Webhook: "http://10.0.0.5/hook"}}
	same("told")
	s = run.Foresee(s, run.Event{Kind: run.AlarmSent, At: at.Add(time.Second), Alarm: &note, Outcome: run.Bad})
	want.Told = []site.Told{{To: "Night desk", At: at, Webhook: "http://10.0.0.5/hook", Sent: site.SentFailed}}
	same("sent")
	if reason := run.MayAck(s, "POS-1"); reason != nil {
		t.Errorf("nobody may take it on: %v", reason)
	}
	s = run.Foresee(s, run.Event{Kind: run.AlarmAcked, At: at.Add(time.Minute), Actor: "ann", Text: "on my way", Alarm: &run.AlarmNote{Code: "POS-1"}})
	want.Ack = &site.Ack{Actor: "ann", Reason: "on my way", At: at.Add(time.Minute)}
	same("taken on")
	if reason := run.MayAck(s, "POS-1"); reason == nil || reason.Text != "POS-1 was taken on by ann already: on my way" {
		t.Errorf("taken on twice: %v", reason)
	}
	if reason := run.MayAck(s, "POS-2"); reason == nil || reason.Text != "there is no alarm POS-2 now; see: nightfill status" {
		t.Errorf("no alarm: %v", reason)
	}
	if got := before.Alarms["POS-1"]; len(got.Told) != 0 || got.Ack != nil {
		t.Errorf("the state before was changed: %+v", got)
	}
	s = run.Foresee(s, run.Event{Kind: run.AlarmRaised, At: at.Add(time.Hour), Text: "till-1 cannot sell", Alarm: &run.AlarmNote{Code: "POS-1", Cause: site.CauseNotReady}})
	want = site.Alarm{Code: "POS-1", Cause: site.CauseNotReady, Text: "till-1 cannot sell", Since: at.Add(time.Hour)}
	same("raised anew")
	s = run.Foresee(s, run.Event{Kind: run.AlarmCleared, Alarm: &run.AlarmNote{Code: "POS-1"}}, run.Event{Kind: run.AlarmTold, Alarm: &note}, run.Event{Kind: run.AlarmRaised})
	if len(s.Alarms) != 0 {
		t.Errorf("what is over is still there: %+v", s.Alarms)
	}
}
