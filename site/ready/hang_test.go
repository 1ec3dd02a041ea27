package ready_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"pgregory.net/rapid"
)

// mall has eight tills of which two must sell, a gateway and a store server that the tills need.
func mall() ready.Input {
	in := ready.Input{Now: now, Started: now.Add(-time.Hour), Results: map[string]site.CheckResult{}}
	in.Store.Floor = map[string]int{"sell": 2}
	in.Store.Devices = []site.Device{{ID: "srv-1", Address: "10.77.0.10:22"}}
	in.Store.Checks = []site.Check{{ID: "DB-1", Device: "srv-1", Kind: site.CheckTCP, Address: "10.77.0.10:5432"}}
	for i := range 8 {
		till := fmt.Sprintf("till-%d", i+1)
		in.Store.Devices = append(in.Store.Devices, site.Device{ID: till, Address: "10.77.0.2" + till[5:] + ":22", Capabilities: []string{"sell"}})
		in.Store.Checks = append(in.Store.Checks, site.Check{ID: "POS-" + till[5:], Device: till, Kind: site.CheckService, Name: "pos", Capability: "sell", Needs: []string{"DB-1"}})
	}
	in.Store.Checks = append(in.Store.Checks, site.Check{ID: "NET-1", Kind: site.CheckGateway})
	for _, c := range in.Store.Checks {
		in.Results[c.ID] = site.CheckResult{Check: c.ID, Device: c.Device, Outcome: site.Pass, At: now.Add(-time.Minute)}
	}
	return in
}

func tills(prefix string) []string {
	var all []string
	for i := range 8 {
		all = append(all, fmt.Sprintf("%s-%d", prefix, i+1))
	}
	return all
}

// shown writes findings as CODE(hidden checks; hidden devices).
func shown(findings []ready.Finding) string {
	var all []string
	for _, f := range findings {
		s := f.Code
		if len(f.Hides)+len(f.HidesDevices) > 0 {
			s += fmt.Sprintf("(%s; %s)", strings.Join(f.Hides, " "), strings.Join(f.HidesDevices, " "))
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

func TestOneFindingForWhatHangs(t *testing.T) {
	pos := strings.Join(tills("POS"), " ")
	down := func(in *ready.Input, ids ...string) {
		for _, id := range ids {
			in.Devices = append(in.Devices, ready.Fact{Device: id, State: site.NoAnswer, Since: now.Add(-time.Hour)})
		}
	}
	tests := []struct {
		name    string
		change  func(*ready.Input)
		verdict site.Verdict
		fix     string
		notes   string
		soWhat  string // of the first finding
	}{
		{"7 of 8 tills", func(in *ready.Input) { set(in, site.Fail, "POS-3") }, site.ReadyNotes, "", "POS-3", "7 of 8 devices can sell. You need 2."},
		{"2 of 8 tills", func(in *ready.Input) { set(in, site.Fail, tills("POS")[:6]...) }, site.ReadyNotes, "", strings.Join(tills("POS")[:6], " "), "2 of 8 devices can sell. You need 2."},
		{"1 of 8 tills", func(in *ready.Input) { set(in, site.Fail, tills("POS")[:7]...) }, site.NotReady, strings.Join(tills("POS")[:7], " "), "", "1 of 8 devices can sell. You need 2."},
		{"the network", func(in *ready.Input) {
			set(in, site.Fail, "NET-1")
			set(in, site.Unknown, append(tills("POS"), "DB-1")...)
		},
			site.NotReady, "NET-1(DB-1 " + pos + "; )", "", "The store needs this to open. 9 other checks hang on it."},
		{"the network, and every device is silent", func(in *ready.Input) {
			set(in, site.Fail, "NET-1")
			set(in, site.Unknown, append(tills("POS"), "DB-1")...)
			down(in, append(tills("till"), "srv-1")...)
		}, site.NotReady, "NET-1(DB-1 " + pos + "; srv-1 " + strings.Join(tills("till"), " ") + ")", "", "The store needs this to open. 9 other checks hang on it."},
		{"a network check that is optional hides no red", func(in *ready.Input) {
			in.Store.Checks[9].Optional = true
			set(in, site.Fail, append(tills("POS"), "NET-1")...)
		}, site.NotReady, "NET-1(DB-1 " + pos + "; )", "", "The store needs this to open. 9 other checks hang on it."},
		{"an optional network check makes the rest unknown", func(in *ready.Input) {
			in.Store.Checks[9].Optional = true
			set(in, site.Fail, "NET-1")
		}, site.CannotTell, "", "NET-1(DB-1 " + pos + "; )", "You can open without it. 9 other checks hang on it."},
		{"what the tills need", func(in *ready.Input) { set(in, site.Fail, "DB-1") }, site.NotReady, "DB-1(" + pos + "; )", "", "The store needs this to open. 8 other checks hang on it."},
		{"the server is silent", func(in *ready.Input) { down(in, "srv-1") }, site.NotReady, "DB-1(" + pos + "; )", "", "The store needs this to open. 8 other checks hang on it."},
		{"one hangs", func(in *ready.Input) {
			set(in, site.Fail, "DB-1")
			in.Store.Checks = append(in.Store.Checks[:2:2], in.Store.Checks[9])
		},
			site.NotReady, "DB-1(POS-1; )", "", "The store needs this to open. 1 other check hangs on it."},
		{"nobody knows of the network", func(in *ready.Input) { set(in, site.Unknown, "NET-1") }, site.CannotTell, "", "NET-1(DB-1 " + pos + "; )", "It may work all the same. 9 other checks hang on it."},
		{"nobody looked at the network", func(in *ready.Input) { delete(in.Results, "NET-1") }, site.CannotTell, "", "NET-1(DB-1 " + pos + "; )", "It may work all the same. 9 other checks hang on it."},
		{"a failure behind the unknown is shown", func(in *ready.Input) { set(in, site.Unknown, "NET-1"); set(in, site.Fail, "DB-1") },
			site.NotReady, "DB-1(" + pos + "; )", "NET-1", "The store needs this to open. 8 other checks hang on it."},
		{"a network check that does not apply", func(in *ready.Input) { set(in, site.NotApplicable, "NET-1"); set(in, site.Fail, "POS-1") },
			site.ReadyNotes, "", "POS-1", "7 of 8 devices can sell. You need 2."},
		{"a warning hides nothing", func(in *ready.Input) { set(in, site.Warn, "DB-1"); set(in, site.Fail, "POS-1") },
			site.ReadyNotes, "", "POS-1 DB-1", "7 of 8 devices can sell. You need 2."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := mall()
			tt.change(&in)
			r := ready.Judge(in)
			if r.Verdict != tt.verdict || shown(r.Fix) != tt.fix || shown(r.Notes) != tt.notes {
				t.Errorf("%s\nfix   %s\nnotes %s\nwant %s\nfix   %s\nnotes %s", r.Verdict, shown(r.Fix), shown(r.Notes), tt.verdict, tt.fix, tt.notes)
			}
			if first := append(r.Fix, r.Notes...)[0]; first.SoWhat != tt.soWhat {
				t.Errorf("so what: %q, want %q", first.SoWhat, tt.soWhat)
			}
		})
	}
}

// greenness puts the verdicts in order; a night that runs is left out.
func greenness(v site.Verdict) int {
	return slices.Index([]site.Verdict{site.NotReady, site.CannotTell, site.ReadyNotes, site.Ready}, v)
}

func TestAFailingParentNeverMakesGreener(t *testing.T) {
	fewer := 0
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		in.Night = nil
		before := ready.Judge(in)
		parent := site.Check{
			ID: "P-1", Kind: rapid.SampledFrom(kinds).Draw(t, "parent kind"), Device: rapid.SampledFrom(names).Draw(t, "parent device"),
			Capability: rapid.SampledFrom(abilites).Draw(t, "parent capability"), Optional: rapid.Bool().Draw(t, "parent optional"),
		}
		outcome := rapid.SampledFrom([]site.CheckOutcome{site.Fail, site.Fail, site.Unknown, ""}).Draw(t, "parent outcome")
		if outcome != site.Fail || slices.ContainsFunc(in.Devices, func(f ready.Fact) bool { return f.Device == parent.Device }) {
			parent.Capability = "" // one more device that perhaps can is rightly a hope
		}
		after := in
		after.Results = map[string]site.CheckResult{"P-1": {Check: "P-1", Outcome: outcome, At: now.Add(-time.Minute)}}
		after.Store.Checks = []site.Check{parent}
		skipped := rapid.Bool().Draw(t, "children are not looked at")
		for _, c := range in.Store.Checks {
			result, seen := in.Results[c.ID]
			if rapid.Bool().Draw(t, "child") {
				c.Needs = append(slices.Clone(c.Needs), "P-1")
				if skipped && (result.Outcome == site.Pass || result.Outcome == site.Warn) {
					result.Outcome = site.Unknown
				}
			}
			if seen {
				after.Results[c.ID] = result
			}
			after.Store.Checks = append(after.Store.Checks, c)
		}
		r := ready.Judge(after)
		if greenness(r.Verdict) > greenness(before.Verdict) {
			t.Fatalf("%s became %s", before.Verdict, r.Verdict)
		}
		if len(r.Fix)+len(r.Notes) < len(before.Fix)+len(before.Notes) {
			fewer++
		}
		everythingIsShown(t, after, r)
	})
	if fewer == 0 && !testing.Short() {
		t.Error("no parent ever hid a finding: the property proved nothing")
	}
}

// everythingIsShown proves that nothing that failed is lost: each failure is a finding, or hidden in one.
func everythingIsShown(t *rapid.T, in ready.Input, r ready.Report) {
	told := map[string]bool{}
	for _, f := range append(slices.Clone(r.Fix), r.Notes...) {
		told[f.Code], told[f.Device] = true, true
		for _, id := range append(slices.Clone(f.Hides), f.HidesDevices...) {
			if told[id+" hidden"] {
				t.Fatalf("%s is hidden twice", id)
			}
			told[id], told[id+" hidden"] = true, true
		}
	}
	for _, c := range in.Store.Checks {
		res := in.Results[c.ID]
		if res.Outcome == site.Fail && proofOfFailure(in, c) && !told[c.ID] && !told[c.Device] {
			t.Fatalf("%s failed and nothing says so", c.ID)
		}
	}
	for _, f := range in.Devices {
		if f.State == site.NoAnswer && !told[f.Device] && in.Night == nil {
			t.Fatalf("%s does not answer and nothing says so", f.Device)
		}
	}
}

// proofOfFailure reports whether a failure is fresh and its device is there to fail.
func proofOfFailure(in ready.Input, c site.Check) bool {
	passes := in
	passes.Results = map[string]site.CheckResult{c.ID: in.Results[c.ID]}
	passes.Results[c.ID] = site.CheckResult{At: in.Results[c.ID].At, Outcome: site.Pass}
	return proof(passes, c)
}

// TestGreenNeedsEveryAncestor takes the proof of one ancestor away, in every way that time and
// restarts have: what hangs on it proves nothing any more.
func TestGreenNeedsEveryAncestor(t *testing.T) {
	for name, change := range map[string]func(*ready.Input){
		"too old":         func(in *ready.Input) { age(in, "NET-1", -16*time.Minute) },
		"from the future": func(in *ready.Input) { age(in, "NET-1", time.Second) },
		"from before this start": func(in *ready.Input) {
			age(in, "NET-1", -90*time.Minute)
			in.Store.Checks[9].MaxAge = site.Duration(3 * time.Hour)
		},
		"the clock jumped forward":   func(in *ready.Input) { in.Now = in.Now.Add(15 * time.Minute) },
		"the clock jumped back":      func(in *ready.Input) { in.Now = in.Now.Add(-2 * time.Minute) },
		"the box was restarted":      func(in *ready.Input) { in.Started = in.Now },
		"it could not be looked at":  func(in *ready.Input) { set(in, site.Unknown, "NET-1") },
		"nobody ever looked":         func(in *ready.Input) { delete(in.Results, "NET-1") },
		"it passed once, now not so": func(in *ready.Input) { set(in, site.Fail, "NET-1") },
	} {
		in := mall()
		if v := ready.Judge(in).Verdict; v != site.Ready {
			t.Fatalf("before: %s", v)
		}
		change(&in)
		r := ready.Judge(in)
		if green(r.Verdict) || len(r.Working) > 0 || r.Checks.OK > 0 {
			t.Errorf("%s: %s, working %q, %+v", name, r.Verdict, r.Working, r.Checks)
		}
	}
}

func age(in *ready.Input, id string, by time.Duration) {
	r := in.Results[id]
	r.At = in.Now.Add(by)
	in.Results[id] = r
}
