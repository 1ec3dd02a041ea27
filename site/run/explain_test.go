package run_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

func TestExplainQuotesTheTellingLine(t *testing.T) {
	const epilogue = "dpkg: error processing package pos (--install):\n" +
		" installed pos package post-installation script subprocess returned error exit status 1\n" +
		"Errors were encountered while processing:\n pos\n"
	for _, c := range []struct {
		name, output, want string
	}{
		{"nothing", "", "the installer ended with exit code 1"},
		{"a line", "disk is full\n\n", "the installer ended with exit code 1: disk is full"},
		{"a script that says why", "Setting up pos (9.1.0) ...\npos: cannot migrate\n" + epilogue, "the installer ended with exit code 1: pos: cannot migrate"},
		{"a script that says nothing", "Setting up pos (9.1.0) ...\n" + epilogue,
			"the installer ended with exit code 1: installed pos package post-installation script subprocess returned error exit status 1"},
		{"only the epilogue", epilogue,
			"the installer ended with exit code 1: installed pos package post-installation script subprocess returned error exit status 1"},
		{"a long line", strings.Repeat("x", 400), "the installer ended with exit code 1: " + strings.Repeat("x", 300)},
	} {
		t.Run(c.name, func(t *testing.T) {
			reason := run.Explain(run.Install, run.Bad, 1, c.output)
			if reason.Code != site.CodeInstallFailed || reason.Text != c.want {
				t.Errorf("got %s %q, want %q", reason.Code, reason.Text, c.want)
			}
		})
	}
}

func TestClosedCarriesTheGateAndItsOutput(t *testing.T) {
	one := site.Patch{Gates: []site.Gate{{Command: []string{"test", "!", "-e", "/run/eod.lock"}}}}
	two := site.Patch{Gates: []site.Gate{{Command: []string{"pos-idle"}}, {Command: []string{"backup", "--idle"}}}}
	long := strings.Repeat("\u00e9", 200) + "end"
	for _, c := range []struct {
		name        string
		patch       site.Patch
		outcome     run.Outcome
		output      string
		gate, facts string
		code        site.Code
	}{
		{"the only gate", one, run.Bad, "gate closed: test ! -e /run/eod.lock ended with 1\n", "test ! -e /run/eod.lock", "gate closed: test ! -e /run/eod.lock ended with 1", site.CodeGateClosed},
		{"it says nothing", one, run.Bad, " \n", "test ! -e /run/eod.lock", "", site.CodeGateClosed},
		{"the second of two", two, run.Bad, "gate open: pos-idle\ngate closed: backup --idle ended with 3\nat 40 %\n", "backup --idle",
			"gate open: pos-idle\ngate closed: backup --idle ended with 3\nat 40 %", site.CodeGateClosed},
		{"nobody knows which", two, run.TimedOut, "", "", "", site.CodeGateClosed},
		{"a long output", one, run.Bad, long, "test ! -e /run/eod.lock", strings.Repeat("\u00e9", 148) + "end", site.CodeGateClosed},
		{"no text", one, run.Bad, "\xff\xfeno", "test ! -e /run/eod.lock", "?no", site.CodeGateClosed},
		{"cut off", one, run.Interrupted, "x", "", "", site.CodeInterrupted},
	} {
		got := run.Closed(c.patch, c.outcome, 1, c.output)
		if got.Code != c.code || got.Facts["gate"] != c.gate || got.Facts["output"] != c.facts {
			t.Errorf("%s: %s", c.name, got)
		}
		if !utf8.ValidString(got.Facts["output"]) || len(got.Facts["output"]) > 300 {
			t.Errorf("%s: %q is too long or no text", c.name, got.Facts["output"])
		}
	}
	if got := run.Closed(one, run.OK, 0, "open"); got != nil {
		t.Errorf("an open gate is closed: %s", got)
	}
}

func TestSelfReverted(t *testing.T) {
	patch := site.Patch{ID: "pos-2", Applies: site.Applies{Package: "pos", Below: "2.0"}}
	at := func(boot, version string) *site.Observation {
		o := &site.Observation{BootID: boot, Packages: map[string]string{}}
		if version != "" {
			o.Packages["pos"] = version
		}
		return o
	}
	job := func(before, installed, restarted *site.Observation) run.Job {
		return run.Job{Device: "till-1", Patch: "pos-2", Before: before, Ends: map[run.Step]run.Event{
			run.Install: {Outcome: run.OK, Observed: installed}, run.Reboot: {Outcome: run.OK, Observed: restarted}}}
	}
	half := at("b", "1.0")
	half.Broken = []string{"pos"}
	const text = "till-1 took pos-2 back by itself when it restarted: pos is at 1.0 again [self_reverted after=2.0 before=1.0 package=pos]"
	for _, c := range []struct {
		name  string
		patch site.Patch
		job   run.Job
		now   *site.Observation
		want  string
	}{
		{"it did", patch, job(at("a", "1.0"), at("a", "2.0"), nil), at("b", "1.0"), text},
		{"it did, as seen after the restart", patch, job(at("a", "1.0"), at("a", "2.0"), at("b", "1.0")), nil, text},
		{"it had none before", patch, job(at("a", ""), at("a", "2.0"), nil), at("b", ""),
			"till-1 took pos-2 back by itself when it restarted: pos is at no version again [self_reverted after=2.0 before= package=pos]"},
		{"it is on", patch, job(at("a", "1.0"), at("a", "2.0"), nil), at("b", "2.0"), ""},
		{"no restart", patch, job(at("a", "1.0"), at("a", "2.0"), nil), at("a", "1.0"), ""},
		{"it was never on", patch, job(at("a", "1.0"), at("a", "1.0"), nil), at("b", "1.0"), ""},
		{"nobody saw it on", patch, job(at("a", "1.0"), nil, nil), at("b", "1.0"), ""},
		{"a third version", patch, job(at("a", "1.0"), at("a", "2.0"), nil), at("b", "1.5"), ""},
		{"half of it", patch, job(at("a", "1.0"), at("a", "2.0"), nil), half, ""},
		{"nobody looks", patch, job(at("a", "1.0"), at("a", "2.0"), nil), nil, ""},
		{"of no package", site.Patch{ID: "os"}, job(at("a", "1.0"), at("a", "2.0"), nil), at("b", "1.0"), ""},
	} {
		if got := run.SelfReverted(c.patch, c.job, c.now).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
