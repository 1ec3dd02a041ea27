package site_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

func TestTiersAreToldInTime(t *testing.T) {
	half := time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC)
	tiers := []site.Escalation{
		{After: site.Duration(30 * time.Minute), To: "Area manager"},
		{To: "Night desk", For: []site.Cause{site.CauseNotReady, site.CauseNoAnswer}},
		{After: site.Duration(time.Hour), To: "Night desk", For: []site.Cause{site.CauseRollbackFailed}},
	}
	names := func(due []site.Escalation) (list string) {
		for _, d := range due {
			list += d.To + ";"
		}
		return list
	}
	told := func(to string, after time.Duration) []site.Told {
		return []site.Told{{To: to, After: site.Duration(after)}}
	}
	for _, tt := range []struct {
		name     string
		alarm    site.Alarm
		after    time.Duration
		due      string
		next     string
		nextAt   time.Duration
		nextKnow bool
	}{
		{"at once", site.Alarm{Cause: site.CauseNotReady}, 0, "Night desk;", "Night desk", 0, true},
		{"early, with not ready", site.Alarm{Cause: site.CauseAtRisk}, 0, "Night desk;", "Night desk", 0, true},
		{"told", site.Alarm{Cause: site.CauseNotReady, Told: told("Night desk", 0)}, 29 * time.Minute, "", "Area manager", 30 * time.Minute, true},
		{"it lasts", site.Alarm{Cause: site.CauseNotReady, Told: told("Night desk", 0)}, 30 * time.Minute, "Area manager;", "Area manager", 30 * time.Minute, true},
		{"the box was away", site.Alarm{Cause: site.CauseNoAnswer}, 2 * time.Hour, "Night desk;Area manager;", "Night desk", 0, true},
		{"another cause", site.Alarm{Cause: site.CauseRollbackFailed}, 0, "", "Area manager", 30 * time.Minute, true},
		{"the same desk later", site.Alarm{Cause: site.CauseRollbackFailed, Told: told("Night desk", 0)}, time.Hour, "Area manager;Night desk;", "Area manager", 30 * time.Minute, true},
		{"taken on", site.Alarm{Cause: site.CauseNotReady, Ack: &site.Ack{}}, 3 * time.Hour, "", "", 0, false},
		{"all told", site.Alarm{Cause: site.CauseNotReady, Told: append(told("Night desk", 0), told("Area manager", 30*time.Minute)...)}, 3 * time.Hour, "", "", 0, false},
		{"the clock was set back", site.Alarm{Cause: site.CauseNotReady}, -time.Hour, "", "Night desk", 0, true},
	} {
		tt.alarm.Since = half
		if got := names(tt.alarm.Due(tiers, half.Add(tt.after))); got != tt.due {
			t.Errorf("%s: due %q, want %q", tt.name, got, tt.due)
		}
		next, at, known := tt.alarm.Next(tiers)
		if next.To != tt.next || known != tt.nextKnow || known && !at.Equal(half.Add(tt.nextAt)) {
			t.Errorf("%s: next %s at %v (%v), want %s", tt.name, next.To, at, known, tt.next)
		}
	}
}
