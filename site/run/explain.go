package run

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nightfill/nightfill/site"
)

func joined(names []string) string { return strings.Join(names, " ") }

// Explain is the reason of a step that did not end well. The text quotes the last line
// that the step printed, since that is where installers say what went wrong.
func Explain(step Step, outcome Outcome, exitCode int, output string) *site.Reason {
	if outcome == OK {
		return nil
	}
	what := map[Step]string{
		Stage: "the transfer", Gate: "the gate", Install: "the installer", Reboot: "the restart",
		Verify: "verification", Revert: "the rollback", Reboot2: "the restart after the rollback", Prove: "proof of the rollback",
	}[step]
	code := map[Step]site.Code{
		Stage: site.CodeStageFailed, Gate: site.CodeGateClosed, Install: site.CodeInstallFailed, Reboot: site.CodeNotBack,
		Verify: site.CodeVerifyFailed, Revert: site.CodeRollbackFailed, Reboot2: site.CodeNotBack, Prove: site.CodeRollbackFailed,
	}[step]
	var text string
	switch outcome {
	case TimedOut:
		text = what + " was ended because its time was over"
		if step == Install || step == Revert {
			code = site.CodeTimedOut
		}
	case Interrupted:
		text, code = what+" was interrupted by a restart of the device", site.CodeInterrupted
	case Unreached:
		text, code = what+" could not be begun: the device did not take it", site.CodeNoAnswer
	default:
		text = what + " ended with exit code " + strconv.Itoa(exitCode)
	}
	if line := lastLine(output); line != "" {
		text += ": " + line
	}
	return site.Because(code, text)
}

// Closed is the reason of a gate that is closed: Explain's, with what the gate printed as the fact
// `output`, at most 300 bytes of it, and the command that printed it as the fact `gate`.
func Closed(p site.Patch, outcome Outcome, exitCode int, output string) *site.Reason {
	r := Explain(Gate, outcome, exitCode, output)
	if r == nil || r.Code != site.CodeGateClosed {
		return r
	}
	var facts []string
	if gate := closedGate(p, output); gate != "" {
		facts = append(facts, "gate", gate)
	}
	if said := strings.TrimSpace(output); said != "" {
		facts = append(facts, "output", ending(said, maxFact))
	}
	return site.Because(r.Code, r.Text, facts...)
}

// closedGate is the command that closed the gate: the only one of the patch, else the one that the
// output names last. Gates are asked in turn, and the first that is closed ends the asking.
func closedGate(p site.Patch, output string) string {
	command, last := "", -1
	for _, g := range p.Gates {
		words := strings.Join(g.Command, " ")
		if at := strings.LastIndex(output, words); at > last {
			command, last = words, at
		}
	}
	if command == "" && len(p.Gates) == 1 {
		command = strings.Join(p.Gates[0].Command, " ")
	}
	return command
}

// maxFact is how many bytes of an output a reason carries.
const maxFact = 300

// ending is the end of a text, which tells most, as valid text of at most n bytes.
func ending(text string, n int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= n {
		return text
	}
	text = text[len(text)-n:]
	for len(text) > 0 && !utf8.RuneStart(text[0]) {
		text = text[1:]
	}
	return text
}

// SelfReverted says that the device itself took a patch back when it restarted: it had the new
// version after the installation and has, as seen now or after that restart, the one of before again. Nil
// where that cannot be told: the patch is of no package, or nobody saw the new version on the device.
func SelfReverted(p site.Patch, j Job, now *site.Observation) *site.Reason {
	name, installed := p.Applies.Package, j.Ends[Install].Observed
	if now == nil {
		now = j.Ends[Reboot].Observed
	}
	if name == "" || j.Before == nil || installed == nil || now == nil || now.BootID == installed.BootID {
		return nil
	}
	before, after := j.Before.Packages[name], installed.Packages[name]
	if before == after || now.Packages[name] != before || slices.Contains(now.Broken, name) {
		return nil
	}
	return site.Because(site.CodeSelfReverted, j.Device+" took "+p.ID+" back by itself when it restarted: "+name+" is at "+version(before)+" again",
		"package", name, "before", before, "after", after)
}

func version(v string) string {
	if v == "" {
		return "no version"
	}
	return v
}

// lastLine is the line that tells most: the last one, and of dpkg the one before its own
// epilogue, which only repeats the names of packages.
func lastLine(output string) string {
	output, _, _ = strings.Cut(output, "\nErrors were encountered while processing:")
	lines := strings.Split(strings.TrimSpace(output), "\n")
	last := len(lines) - 1
	if last >= 2 && strings.HasPrefix(lines[last-1], "dpkg: error processing ") && !isProgress(lines[last-2]) {
		last -= 2
	}
	line := strings.TrimSpace(lines[last])
	if len(line) > 300 {
		line = line[:300]
	}
	return strings.ToValidUTF8(line, "?")
}

// isProgress reports whether a line of dpkg says only what it is doing.
func isProgress(line string) bool {
	return slices.ContainsFunc([]string{"Setting up ", "Unpacking ", "Preparing to unpack ", "Selecting ", "(Reading database ", "dpkg: "}, func(start string) bool {
		return strings.HasPrefix(line, start)
	})
}

// Whether answers `nightfill why`: what stands between a job of the open night and its
// next step now. Nil means that it is under way or settled, or about to go on.
func Whether(s State, j Job) *site.Reason { return Whethers(s)(j) }

// Whethers is Whether for many jobs of one state: what they have in common is looked at once.
func Whethers(s State) func(Job) *site.Reason {
	var all *decider
	return func(j Job) *site.Reason {
		if !s.Night.Open() || j.Settled || j.Begun() {
			return j.Reason
		}
		at, ok := s.Night.find(j.Device, j.Patch)
		if !ok || s.Night.job(at).patch < 0 {
			return j.Reason
		}
		if all == nil {
			all = newDecider(s, s.At)
		}
		return all.waiting(s.Night.job(at))
	}
}
