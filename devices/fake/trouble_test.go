package fake_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
)

// everyCall makes each call once.
func (r *rig) everyCall(ctx context.Context, d site.Device) map[string]error {
	_, probe := r.Probe(ctx, d)
	_, status := r.Status(ctx, d, "x")
	_, _, check := r.Check(ctx, d, site.Check{ID: "POS-1", Kind: site.CheckService, Name: "pos"})
	p := posApp("p", site.InstallDeb)
	return map[string]error{
		"look at srv-1":       probe,
		"ask srv-1 about x":   status,
		"check POS-1 on":      check,
		"stage p.bin on":      r.Stage(ctx, d, p.Artifacts[0], fake.Weightless{}),
		"start x on srv-1":    r.Start(ctx, d, devices.Work{ID: "x", Kind: devices.Install, Patch: p}),
		"restart srv-1 for x": r.Reboot(ctx, d, "x"),
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(d *fake.Device)
		pin    func(d *site.Device)
		kind   fake.TroubleKind
		code   site.Code
		text   string // of Probe, or of Start where Probe goes well
		logins int
		wait   time.Duration // of each call
	}{
		{name: "another device answers", kind: fake.OtherKey, code: site.CodeIdentity,
			text: "cannot look at srv-1: srv-1 answers with another host key than the pinned one: nothing was sent; compare the keys before you enrol it again"},
		{name: "login refused", kind: fake.LoginRefused, code: site.CodeAuth, logins: 6,
			text: `cannot look at srv-1: srv-1 refuses the login "patch": check the account and the box's key on it`},
		{name: "no answer", kind: fake.NoAnswer, code: "", wait: fake.Silence,
			text: "cannot look at srv-1: it gives no answer"},
		{name: "no power", kind: fake.PowerOff, code: "", wait: fake.Silence,
			text: "cannot look at srv-1: it gives no answer"},
		{name: "nobody there", pin: func(d *site.Device) { d.ID = "srv-9" }, code: "", wait: fake.Silence,
			text: "cannot look at srv-9: it gives no answer"},
		{name: "not enrolled", pin: func(d *site.Device) { d.HostKey = "" }, code: site.CodeNotEnrolled,
			text: "cannot look at srv-1: srv-1 has no pinned host key: enrol it first"},
		{name: "only watched", pin: func(d *site.Device) { d.Class = site.Observe }, code: site.CodeObserveOnly,
			text: "cannot look at srv-1: srv-1 is only watched and never logged in to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, base(), func(t *testing.T, r *rig) {
				before := r.truth()
				if c.kind != "" {
					r.Trouble("srv-1", fake.Trouble{Kind: c.kind})
				}
				if c.pin != nil {
					c.pin(&r.device)
				}
				var results map[string]error
				if d := took(func() { results = r.everyCall(t.Context(), r.device) }); d != 6*c.wait {
					t.Errorf("six calls took %s, want %s each", d, c.wait)
				}
				for call, err := range results {
					t.Log(call, err)
					wantCode(t, err, c.code)
				}
				if err := results["look at srv-1"]; err == nil || err.Error() != c.text {
					t.Errorf("Probe: %v\nwant   %s", err, c.text)
				}
				if after := r.Truth("srv-1"); after.Logins-before.Logins != c.logins || len(after.Runs) != 0 || len(after.Staged) != 0 {
					t.Errorf("%d logins, truth %+v", after.Logins-before.Logins, after)
				}
			})
		})
	}
}

func TestNoRights(t *testing.T) {
	d := base()
	d.NoRights = true
	bubble(t, d, func(t *testing.T, r *rig) {
		for call, err := range r.everyCall(t.Context(), r.device) {
			switch call {
			case "look at srv-1", "ask srv-1 about x", "check POS-1 on":
				if err != nil {
					t.Errorf("%s: %v", call, err)
				}
			default:
				wantCode(t, err, site.CodeNoRights)
			}
		}
	})
}

func TestHandheldNeedsNoPinnedKey(t *testing.T) {
	d := base()
	d.Class = site.Handheld
	bubble(t, d, func(t *testing.T, r *rig) {
		r.device.HostKey = ""
		if _, err := r.Probe(t.Context(), r.device); err != nil {
			t.Error(err)
		}
	})
}

func TestSilenceEndsWithTheContext(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.Cut("srv-1")
		var err error
		d := took(func() { _, err = r.Probe(within(t, 2*time.Second), r.device) })
		if d != 2*time.Second || !errors.Is(err, context.DeadlineExceeded) ||
			err.Error() != "cannot look at srv-1: it gives no answer: context deadline exceeded" {
			t.Errorf("%v after %s", err, d)
		}
	})
}

func TestFlapping(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.Trouble("srv-1", fake.Trouble{Kind: fake.Flapping, From: r.after(time.Minute), To: r.after(4 * time.Minute), Up: 20 * time.Second, Down: 40 * time.Second})
		for _, c := range []struct {
			at      time.Duration
			answers bool
		}{
			{59 * time.Second, true}, {60 * time.Second, true}, {79 * time.Second, true}, {80 * time.Second, false},
			{119 * time.Second, false}, {120 * time.Second, true}, {140 * time.Second, false}, {239 * time.Second, false}, {240 * time.Second, true},
		} {
			r.pass(time.Until(r.after(c.at)))
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if _, err := r.Probe(ctx, r.device); (err == nil) != c.answers {
				t.Errorf("after %s: %v, want an answer: %v", c.at, err, c.answers)
			}
			cancel()
		}
	})
}

func TestLinkCutWhileWorkRuns(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.stage(p)
		id := r.begins(devices.Install, p)
		now := time.Now()
		r.Trouble("srv-1", fake.Trouble{Kind: fake.NoAnswer, From: now.Add(5 * time.Second), To: now.Add(10 * time.Second)})
		if _, err := r.Status(t.Context(), r.device, id); err == nil {
			t.Error("a Status goes on over a link that was cut in the middle")
		}
		r.Trouble("srv-1", fake.Trouble{Kind: fake.NoAnswer, From: now.Add(time.Minute), To: now.Add(time.Hour)})
		r.pass(time.Hour)
		if got := r.ends(id); got.Phase != done || got.Took != 4*time.Minute {
			t.Errorf("%+v", got)
		}
		if r.truth().CountWork(id) != 1 {
			t.Error("it ran more than once")
		}
	})
}

func TestAnswerLostOnItsWay(t *testing.T) {
	d := base()
	d.Latency = 2 * time.Second
	bubble(t, d, func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		r.stage(p)
		for name, limit := range map[string]time.Duration{"there": time.Second, "back": 2 * time.Second} {
			w := devices.Work{ID: devices.WorkID(name), Kind: devices.Gate, Patch: p, Owner: "box"}
			if err := r.Start(within(t, limit), r.device, w); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if truth := r.truth(); truth.CountWork("there") != 0 || truth.CountWork("back") != 1 {
			t.Errorf("ran %+v, want the one whose answer was lost and not the one that never arrived", truth.Runs)
		}
	})
}

func TestSlow(t *testing.T) {
	d := base()
	d.Latency = time.Second
	bubble(t, d, func(t *testing.T, r *rig) {
		r.Trouble("srv-1", fake.Trouble{Kind: fake.Slow, To: time.Now().Add(time.Minute), Delay: 9 * time.Second})
		for _, want := range []time.Duration{10 * time.Second, time.Second} {
			if got := took(func() { _, _ = r.Probe(t.Context(), r.device) }); got != want {
				t.Errorf("took %s, want %s", got, want)
			}
			r.pass(time.Minute)
		}
	})
}

func TestLockHeldBySomebodyElse(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		w := devices.Work{ID: "w", Kind: devices.Gate, Patch: p, Owner: "box"}
		r.Trouble("srv-1", fake.Trouble{Kind: fake.LockHeld, Owner: "a technician", To: r.after(time.Minute)})
		err := r.Start(t.Context(), r.device, w)
		wantCode(t, err, site.CodeBusy)
		if want := "cannot start w on srv-1: srv-1 is being worked on by a technician: nothing was begun"; err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
		r.pass(time.Minute)
		if err := r.Start(t.Context(), r.device, w); err != nil {
			t.Error(err)
		}
	})
}

func TestClaimsLost(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		w := devices.Work{ID: "w", Kind: devices.Gate, Patch: p, Owner: "box"}
		for range 2 {
			if err := r.Start(t.Context(), r.device, w); err != nil {
				t.Fatal(err)
			}
			r.ends(w.ID)
			r.Trouble("srv-1", fake.Trouble{Kind: fake.ClaimsLost, From: time.Now()})
			if got, err := r.Status(t.Context(), r.device, w.ID); err != nil || got.Phase != devices.PhaseNone {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if n := r.truth().CountWork("w"); n != 2 {
			t.Errorf("counted %d runs, want the truth: 2", n)
		}
	})
}

func TestChecks(t *testing.T) {
	d := base()
	d.DiskSize, d.DiskFree, d.ClockOffset, d.Failing = 1000<<20, 100<<20, -3*time.Minute, []string{"grep -q ok /run/till"}
	for _, c := range []struct {
		check   site.Check
		trouble fake.TroubleKind
		want    site.CheckOutcome
		seen    string
	}{
		{check: site.Check{Kind: site.CheckTCP}, want: site.Pass, seen: "answers"},
		{check: site.Check{Kind: site.CheckHTTP}, trouble: fake.NoAnswer, want: site.Fail, seen: "no answer"},
		{check: site.Check{Kind: site.CheckHTTP}, trouble: fake.CheckFails, want: site.Fail, seen: "fails as told"},
		{check: site.Check{Kind: site.CheckService, Name: "pos"}, want: site.Pass, seen: "pos is running"},
		{check: site.Check{Kind: site.CheckService, Name: "tax"}, want: site.Fail, seen: "tax is not running"},
		{check: site.Check{Kind: site.CheckService, Name: "pos"}, trouble: fake.CheckFails, want: site.Fail, seen: "fails as told"},
		{check: site.Check{Kind: site.CheckCommand, Command: []string{"grep", "-q", "ok", "/run/till"}}, want: site.Fail, seen: "grep -q ok /run/till: exit code 1"},
		{check: site.Check{Kind: site.CheckCommand, Command: []string{"true"}}, want: site.Pass, seen: "true: exit code 0"},
		{check: site.Check{Kind: site.CheckDisk, MinFree: "10%"}, want: site.Pass, seen: "104857600 of 1048576000 bytes free"},
		{check: site.Check{Kind: site.CheckDisk, MinFree: "10.1%"}, want: site.Fail, seen: "104857600 of 1048576000 bytes free"},
		{check: site.Check{Kind: site.CheckDisk, MinFree: "100MiB"}, trouble: fake.DiskFull, want: site.Fail, seen: "0 of 1048576000 bytes free"},
		{check: site.Check{Kind: site.CheckDisk, MinFree: "lots"}, want: site.Unknown, seen: `"lots" is no amount of room`},
		{check: site.Check{Kind: site.CheckClock}, want: site.Fail, seen: "clock is off by -3m0s"},
		{check: site.Check{Kind: site.CheckClock, MaxSkew: site.Duration(3 * time.Minute)}, want: site.Pass, seen: "clock is off by -3m0s"},
		{check: site.Check{Kind: "smell"}, want: site.NotApplicable, seen: `"smell" is no kind of check`},
	} {
		bubble(t, d, func(t *testing.T, r *rig) {
			if c.trouble != "" {
				r.Trouble("srv-1", fake.Trouble{Kind: c.trouble})
			}
			got, seen, err := r.Check(t.Context(), r.device, c.check)
			if got != c.want || seen != c.seen || err != nil {
				t.Errorf("%+v with %q: %s, %q, %v; want %s, %q", c.check, c.trouble, got, seen, err, c.want, c.seen)
			}
		})
	}
}

func TestLookFromOutsideSeesWhatAPatchStopped(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		p := posApp("p", site.InstallDeb)
		p.Verify = []site.Verify{{HTTP: "http://127.0.0.1/health"}, {TCP: "127.0.0.1:80"}, {Command: []string{"curl"}}}
		r.Script("", "p", fake.Script{Install: fake.Outcome{StopsServices: true}})
		r.stage(p)
		r.wants(devices.Install, p, done, 0)
		if got := r.does(devices.Verify, p).Output; got != "http://127.0.0.1/health does not answer\n127.0.0.1:80 does not answer\ncurl fails\n" {
			t.Errorf("verification printed %q", got)
		}
		if got, seen, _ := r.Check(t.Context(), r.device, site.Check{Kind: site.CheckHTTP}); got != site.Fail || seen != "connection refused" {
			t.Errorf("%s, %s", got, seen)
		}
	})
}

func TestObservationTellsTheClock(t *testing.T) {
	d := base()
	d.ClockOffset = -time.Hour
	bubble(t, d, func(t *testing.T, r *rig) {
		r.pass(time.Minute)
		got, err := r.Probe(t.Context(), r.device)
		if err != nil || !got.Clock.Equal(r.after(time.Minute-time.Hour)) || !got.At.Equal(r.after(time.Minute)) || got.Uptime.Std() != time.Minute {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// A device that comes off its dock and back says so in every look, by the clock.
func TestPowerChangesOverTime(t *testing.T) {
	yes, no := true, false
	handheld := base()
	handheld.Power = &site.Power{OnMains: true, Battery: 95, Docked: &yes}
	bubble(t, handheld, func(t *testing.T, r *rig) {
		r.Trouble("srv-1", fake.Trouble{Kind: fake.Undocked, From: r.after(time.Minute), To: r.after(3 * time.Minute)})
		r.Trouble("srv-1", fake.Trouble{Kind: fake.OnBattery, From: r.after(2 * time.Minute), To: r.after(4 * time.Minute), Battery: 20})
		for _, want := range []site.Power{
			{OnMains: true, Battery: 95, Docked: &yes}, {Battery: 95, Docked: &no}, {Battery: 20, Docked: &no}, {Battery: 20, Docked: &yes}, {OnMains: true, Battery: 95, Docked: &yes},
		} {
			o, err := r.Probe(t.Context(), r.device)
			if err != nil || !reflect.DeepEqual(o.Power, &want) {
				t.Errorf("%+v, %v; want %+v", o.Power, err, want)
			}
			*o.Power = site.Power{} // a copy: it changes nothing on the device
			r.pass(time.Minute)
		}
	})
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.Trouble("srv-1", fake.Trouble{Kind: fake.Undocked})
		if o, err := r.Probe(t.Context(), r.device); err != nil || o.Power != nil {
			t.Errorf("a device without a battery says %+v, %v", o.Power, err)
		}
	})
}
