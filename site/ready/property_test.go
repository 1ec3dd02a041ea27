package ready_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"pgregory.net/rapid"
)

var (
	kinds    = site.CheckKinds()
	outcomes = []site.CheckOutcome{site.Pass, site.Pass, site.Pass, site.Pass, site.Warn, site.Fail, site.Unknown, site.NotApplicable, ""}
	abilites = []string{"", "", "sell", "sell-mobile", "cards", "kitchen_screens", "prices", "print"}
	names    = []string{"", "srv-1", "srv-2", "hh-01", "hh-02"}
	states   = []site.State{site.NoAnswer, site.Restarting, site.Installing, site.RollbackFailed, site.Done}
	notes    = []ready.NoteKind{ready.LineDown, ready.HeldBack, ready.HeldAbove, ready.TakenBack, ready.NotFinished, ready.ClockUnsure, ready.BoxFull, ready.CatalogOld, "other"}
)

func anyInput(t *rapid.T) ready.Input {
	in := ready.Input{Now: now, Started: now.Add(-40 * time.Minute), Results: map[string]site.CheckResult{}, Store: site.Store{Floor: map[string]int{}}}
	for _, d := range names[1:] {
		in.Store.Devices = append(in.Store.Devices, site.Device{ID: d, Capabilities: rapid.SliceOfNDistinct(rapid.SampledFrom(abilites[2:]), 0, 2, rapid.ID).Draw(t, "capabilities")})
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(abilites[2:]), 0, 3, rapid.ID).Draw(t, "floors") {
		in.Store.Floor[name] = rapid.IntRange(-1, 3).Draw(t, "floor")
	}
	for i := range rapid.IntRange(0, 7).Draw(t, "checks") {
		c := site.Check{
			ID: "X-" + string(rune('1'+i)), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Device: rapid.SampledFrom(names).Draw(t, "device"),
			Capability: rapid.SampledFrom(abilites).Draw(t, "capability"), Optional: rapid.IntRange(0, 4).Draw(t, "optional") == 0,
			MaxAge: site.Duration(rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(t, "max age")),
		}
		if i > 0 && rapid.IntRange(0, 2).Draw(t, "hangs") == 0 {
			c.Needs = []string{in.Store.Checks[rapid.IntRange(0, i-1).Draw(t, "needs")].ID}
		}
		in.Store.Checks = append(in.Store.Checks, c)
		if rapid.IntRange(0, 9).Draw(t, "seen") > 0 {
			ago := rapid.SampledFrom([]int{1, 1, 1, 1, 5, 15, 16, 39, 41, -1}).Draw(t, "minutes ago")
			in.Results[c.ID] = site.CheckResult{Check: c.ID, Outcome: rapid.SampledFrom(outcomes).Draw(t, "outcome"), At: now.Add(-time.Duration(ago) * time.Minute)}
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "facts") {
		in.Devices = append(in.Devices, ready.Fact{Device: rapid.SampledFrom(names[1:]).Draw(t, "fact of"), State: rapid.SampledFrom(states).Draw(t, "state")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "notes") {
		n := ready.Note{Kind: rapid.SampledFrom(notes).Draw(t, "note"), Device: "srv-1", Since: now.Add(-time.Hour)}
		if rapid.Bool().Draw(t, "until") {
			n.Until = now.Add(48 * time.Hour)
		}
		in.Notes = append(in.Notes, n)
	}
	if rapid.IntRange(0, 9).Draw(t, "night") == 0 {
		in.Night = &ready.Night{Total: 4, Settled: 1, Ends: now.Add(time.Hour), Closes: now.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "closes")) * time.Hour), Busy: []string{"srv-1"}}
	}
	if rapid.Bool().Draw(t, "phone") {
		in.Store.Contacts = []site.Contact{{Name: "Night desk", Phone: "+1 555 0100"}}
	}
	return in
}

// proof reports, by itself and naively, whether the newest result of a check shows that it passes now.
func proof(in ready.Input, c site.Check) bool {
	r, ok := in.Results[c.ID]
	limit := 15 * time.Minute
	if c.MaxAge != 0 {
		limit = c.MaxAge.Std()
	}
	if !ok || r.At.Before(in.Started) || r.At.After(in.Now) || r.At.Before(in.Now.Add(-limit)) {
		return false
	}
	for _, f := range in.Devices {
		if f.Device == c.Device && (f.State == site.NoAnswer || f.State == site.Restarting || f.State == site.Installing) {
			return false
		}
	}
	return r.Outcome == site.Pass || r.Outcome == site.Warn
}

func green(v site.Verdict) bool { return v == site.Ready || v == site.ReadyNotes }

func TestGreenOnlyWithProof(t *testing.T) {
	greens := 0
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		r := ready.Judge(in)
		if !green(r.Verdict) {
			return
		}
		greens++
		able, proven := map[string]map[string]bool{}, false
		for _, c := range in.Store.Checks {
			if c.Optional {
				continue
			}
			good := proof(in, c)
			proven = proven || good
			if c.Capability == "" {
				if res := in.Results[c.ID]; !good && !(res.Outcome == site.NotApplicable && !res.At.After(now)) {
					t.Fatalf("%s although the required %s is not proven", r.Verdict, c.ID)
				}
				continue
			}
			if able[c.Capability] == nil {
				able[c.Capability] = map[string]bool{}
			}
			before, more := able[c.Capability][c.Device]
			able[c.Capability][c.Device] = good && (before || !more)
		}
		if !proven {
			t.Fatalf("%s although nothing is proven", r.Verdict)
		}
		for name, floor := range in.Store.Floor {
			n := 0
			for _, good := range able[name] {
				if good {
					n++
				}
			}
			if n < floor {
				t.Fatalf("%s although only %d of %d devices are proven to %s", r.Verdict, n, floor, name)
			}
		}
		if r.Checks.OK == 0 || in.Night != nil || len(r.Fix) > 0 {
			t.Fatalf("%s with %+v, night %v, fix %v", r.Verdict, r.Checks, in.Night, r.Fix)
		}
		if r.Verdict == site.Ready && r.Checks.Failed > 0 {
			t.Fatalf("ready without a note, but %d checks failed", r.Checks.Failed)
		}
	})
	if greens == 0 && !testing.Short() { // a short run draws too few
		t.Error("no history was green: the property proved nothing")
	}
}

func TestTakingDataAwayNeverMakesGreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		if green(ready.Judge(in).Verdict) || len(in.Results) == 0 {
			return
		}
		lost := in
		lost.Results = map[string]site.CheckResult{}
		kept := rapid.IntRange(0, 1<<7-1).Draw(t, "kept")
		for i, c := range in.Store.Checks {
			res, ok := in.Results[c.ID]
			if ok && res.Outcome != site.Fail && kept&(1<<i) != 0 {
				lost.Results[c.ID] = res
			} else if ok && res.Outcome == site.Fail {
				lost.Results[c.ID] = res
			}
		}
		if v := ready.Judge(lost).Verdict; green(v) {
			t.Fatalf("with fewer results the verdict became %s", v)
		}
		lost.Now = lost.Now.Add(2 * time.Hour)
		if v := ready.Judge(lost).Verdict; green(v) {
			t.Fatalf("two hours later the verdict became %s", v)
		}
	})
}

func TestEveryTextIsPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		r := ready.Judge(in)
		texts := append([]string{r.Text, r.Line()}, r.Working...)
		for _, f := range append(r.Fix, r.Notes...) {
			texts = append(texts, f.What, f.SoWhat, f.Else)
			texts = append(texts, f.Steps...)
			if f.Code == "" || f.What == "" || f.SoWhat == "" {
				t.Errorf("a finding lacks a part: %+v", f)
			}
			if f.BlocksTrading && (len(f.Steps) == 0 || f.Else == "") {
				t.Errorf("a red finding says not what to do: %+v", f)
			}
			if len(f.Steps) > 3 {
				t.Errorf("%d steps: %q", len(f.Steps), f.Steps)
			}
			for _, step := range f.Steps {
				if n := len(strings.Fields(step)); n > 12 {
					t.Errorf("%d words in the step %q", n, step)
				}
			}
		}
		for _, text := range texts {
			if fault := lint(text); fault != "" {
				t.Errorf("%q: %s", text, fault)
			}
		}
	})
}

var jargon = strings.Fields("service daemon timeout rollback rolled node endpoint wan mqtt hash exit null error code process server " +
	"host ssh http tcp port patch reboot kernel api json please successfully successful failed one two three four five six seven eight nine ten")

// lint names the first rule of the shop's language that a text breaks.
func lint(text string) string {
	if strings.ContainsAny(text, "!%") {
		return "exclamation mark or percentage"
	}
	for sentence := range strings.SplitSeq(text+" ", ". ") {
		words := strings.FieldsFunc(sentence, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '\'' && r != ':'
		})
		if len(words) > 15 {
			return "a sentence of more than 15 words"
		}
		for _, w := range words {
			for _, j := range jargon {
				if strings.EqualFold(w, j) {
					return "the word " + j
				}
			}
		}
	}
	return ""
}

func TestLintFindsFaults(t *testing.T) {
	for _, text := range []string{
		"The service is down.", "Done!", "7% left", "Two tills work.", "Wait. Timeout.",
		"This is a sentence that goes on and on until nobody knows what it was about.",
	} {
		if lint(text) == "" {
			t.Errorf("%q passes", text)
		}
	}
}
