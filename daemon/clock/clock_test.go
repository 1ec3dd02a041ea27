package clock_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/clock"
	"github.com/nightfill/nightfill/site"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestJudge(t *testing.T) {
	good := clock.Facts{
		Asked: clock.Synchronised, Now: at("2026-11-22T23:00:00-06:00"), Sync: clock.InStep,
		Built: at("2026-11-20T10:00:00Z"), LastSeen: at("2026-11-23T04:59:00Z"),
	}
	const setIt = "connect it to a time server or set the clock with `timedatectl set-time`"
	for _, row := range []struct {
		name  string
		spoil func(f *clock.Facts)
		trust clock.Trust
		text  string
	}{
		{"good", func(*clock.Facts) {}, clock.Synchronised, ""},
		{"nothing to compare with", func(f *clock.Facts) { f.Built, f.LastSeen = time.Time{}, time.Time{} }, clock.Synchronised, ""},
		{"vouched for", func(f *clock.Facts) { f.Asked, f.Sync = clock.Operator, clock.OutOfStep }, clock.Operator, ""},
		{"vouched for without an answer", func(f *clock.Facts) { f.Asked, f.Sync = clock.Operator, clock.NoAnswer }, clock.Operator, ""},
		{"vouched for and in step", func(f *clock.Facts) { f.Asked = clock.Operator }, clock.Operator, ""},
		{"just built", func(f *clock.Facts) { f.Built = f.Now }, clock.Synchronised, ""},
		{"built a moment later", func(f *clock.Facts) { f.Built = f.Now.Add(time.Second) }, clock.Suspect,
			"the clock of this box shows 2026-11-23 05:00:00 UTC, but this program was built on 2026-11-23 05:00:01 UTC: the clock lost its time; " + setIt + ", and check the clock battery of this box"},
		{"1970, vouched for", func(f *clock.Facts) { f.Asked, f.Now = clock.Operator, at("1970-01-01T00:03:00Z") }, clock.Suspect,
			"the clock of this box shows 1970-01-01 00:03:00 UTC, but this program was built on 2026-11-20 10:00:00 UTC: the clock lost its time; " + setIt + ", and check the clock battery of this box"},
		{"back by two minutes", func(f *clock.Facts) { f.LastSeen = f.Now.Add(2 * time.Minute) }, clock.Synchronised, ""},
		{"back by more", func(f *clock.Facts) { f.LastSeen = f.Now.Add(2*time.Minute + 1) }, clock.Suspect,
			"the clock of this box shows 2026-11-23 05:00:00 UTC, but the newest entry of its journal is of 2026-11-23 05:02:00 UTC: the clock went back by 2m0s, or ran ahead before; " + setIt + "; if 2026-11-23 05:00:00 UTC is right, say so with `nightfill clock confirm`"},
		{"back by three hours, vouched for", func(f *clock.Facts) { f.Asked, f.LastSeen = clock.Operator, f.Now.Add(3*time.Hour) }, clock.Suspect,
			"the clock of this box shows 2026-11-23 05:00:00 UTC, but the newest entry of its journal is of 2026-11-23 08:00:00 UTC: the clock went back by 3h0m0s, or ran ahead before; " + setIt + "; if 2026-11-23 05:00:00 UTC is right, say so with `nightfill clock confirm`"},
		{"out of step", func(f *clock.Facts) {
			f.Sync, f.SyncText = clock.OutOfStep, "the kernel says that it is not synchronised"
		}, clock.Suspect,
			"the clock of this box shows 2026-11-23 05:00:00 UTC, but is not known to be right: the kernel says that it is not synchronised; start chrony or systemd-timesyncd and see `timedatectl`, or write clock.trust: operator in the store file if you vouch for the clock"},
		{"no answer", func(f *clock.Facts) { f.Sync = clock.NoAnswer }, clock.Suspect,
			"the clock of this box shows 2026-11-23 05:00:00 UTC, but is not known to be right: the operating system does not say that it is synchronised; start chrony or systemd-timesyncd and see `timedatectl`, or write clock.trust: operator in the store file if you vouch for the clock"},
		{"another kind", func(f *clock.Facts) { f.Asked = "yes" }, clock.Suspect,
			"the store file asks for clock.trust: yes, which is no kind of trust; write synchronised or operator"},
		{"suspicion asked for", func(f *clock.Facts) { f.Asked = clock.Suspect }, clock.Suspect,
			"the store file asks for clock.trust: suspect, which is no kind of trust; write synchronised or operator"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := good
			row.spoil(&f)
			j := clock.Judge(f)
			if j.Trust != row.trust || j.Trusted() != (row.text == "") || !j.At.Equal(f.Now) {
				t.Errorf("judged %+v, want %s", j, row.trust)
			}
			if row.text == "" {
				if j.Reason != nil {
					t.Errorf("trusted with a reason: %v", j.Reason)
				}
				return
			}
			if j.Reason == nil || j.Reason.Code != site.CodeClockUnsure || j.Reason.Text != row.text {
				t.Errorf("got  %v\nwant %s", j.Reason, row.text)
			}
		})
	}
}

func TestReasonNamesTheFacts(t *testing.T) {
	j := clock.Judge(clock.Facts{Asked: clock.Synchronised, Now: at("2026-11-22T23:00:00-06:00"), Sync: clock.NoAnswer, Built: at("2026-11-20T10:00:00Z")})
	want := map[string]string{"asked": "synchronised", "now": "2026-11-23T05:00:00Z", "sync": "no_answer", "built": "2026-11-20T10:00:00Z"}
	if !maps.Equal(j.Reason.Facts, want) {
		t.Errorf("facts %v, want %v", j.Reason.Facts, want)
	}
}

func TestZeroJudgementIsNotTrusted(t *testing.T) {
	if (clock.Judgement{}).Trusted() || clock.Judge(clock.Facts{}).Trusted() {
		t.Error("nothing is trusted")
	}
}

func TestReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble's time begins at midnight UTC, 2000-01-01
		built, seen := at("1999-12-01T00:00:00Z"), at("1999-12-31T23:00:00Z")
		r := clock.Reader{
			Asked: clock.Synchronised, Built: built, LastSeen: func() time.Time { return seen },
			Kernel: func() (clock.Sync, string) { return clock.InStep, "" },
		}
		want := clock.Facts{Asked: clock.Synchronised, Now: time.Now(), Sync: clock.InStep, Built: built, LastSeen: seen}
		if got := r.Read(); got != want {
			t.Errorf("read %+v, want %+v", got, want)
		}
		if j := r.Judge(); j.Trust != clock.Synchronised {
			t.Errorf("judged %+v", j)
		}
		r.LastSeen, r.Kernel = nil, nil
		if got := r.Read(); !got.LastSeen.IsZero() || got.Sync != clock.NoAnswer {
			t.Errorf("read %+v with nobody to ask", got)
		}
		if j := r.Judge(); j.Trusted() {
			t.Errorf("judged %+v with nobody to ask", j)
		}
	})
}

func TestSystemAnswers(t *testing.T) {
	sync, text := clock.System()
	if (sync == clock.InStep) != (text == "") || sync == "" {
		t.Errorf("the system answers %s, %q", sync, text)
	}
}
