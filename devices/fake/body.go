package fake

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// exitNotStaged is the exit code of work that misses an artifact. Nothing is changed.
const exitNotStaged = 66

// finish does what a piece of work does when it ends by itself.
func (m *machine) finish(j *job, at time.Time) (exit int, output string) {
	switch j.work.Kind {
	case devices.Gate:
		exit, output = m.gate(j.work.Patch, j.outcome, at)
	case devices.Install:
		exit, output = m.install(j.work.Patch, j.outcome, at)
	case devices.Revert:
		exit, output = m.revert(j.work.Patch, j.outcome, at)
	case devices.Verify:
		exit, output = m.verify(j)
	case devices.Prove:
		exit, output = m.prove(j)
	case devices.Restart:
		exit, output = m.restartService(j.work.Service)
	default:
		exit, output = 2, fmt.Sprintf("%s is no kind of work\n", j.work.Kind)
	}
	if j.outcome.Output != "" {
		output = j.outcome.Output
	}
	return exit, output
}

// cutOff leaves what work leaves that did not come to its end.
func (m *machine) cutOff(j *job, at time.Time) {
	o := j.outcome
	o.Leaves, o.Exit = pick(o.Midway, Unchanged), 0
	switch j.work.Kind {
	case devices.Install:
		m.install(j.work.Patch, o, at)
	case devices.Revert:
		m.revert(j.work.Patch, o, at)
	}
}

func (m *machine) gate(p site.Patch, o Outcome, at time.Time) (int, string) {
	_, closed := m.trouble(GateClosed, at, func(t Trouble) bool { return t.Patch == "" || t.Patch == p.ID })
	if o.Exit != 0 {
		return o.Exit, "the gate is closed\n"
	}
	for _, g := range p.Gates {
		if command := strings.Join(g.Command, " "); closed || m.fails(command) {
			return 1, "the gate is closed: " + command + "\n"
		}
	}
	if closed {
		return 1, "the gate is closed\n"
	}
	return 0, "the gate is open\n"
}

// restartService brings up a service that did not come up by itself. What a patch broke stays down.
func (m *machine) restartService(name string) (int, string) {
	delete(m.stopped, stop{name, causeBoot})
	if !m.serves(name) {
		return 1, "service " + name + " is not running\n"
	}
	return 0, "service " + name + " is running\n"
}

// fails reports whether a command exits with something other than 0.
func (m *machine) fails(command string) bool {
	return command == "false" || slices.Contains(m.Failing, command)
}

func (m *machine) install(p site.Patch, o Outcome, at time.Time) (int, string) {
	if name := m.missing(p.Artifacts); name != "" {
		return exitNotStaged, name + " is not staged: nothing was changed\n"
	}
	if _, known := m.priors[p.ID]; !known { // a revert ended while this ran, and forgot what it had put back
		m.remember(p)
	}
	switch pick(o.Leaves, Changed) {
	case Broken:
		m.breakUp(p)
		return o.Exit, "half of " + p.ID + " is installed\n"
	case Unchanged:
		return o.Exit, "exit code " + fmt.Sprint(o.Exit) + "\n"
	}
	m.apply(p)
	m.pending = m.pending || wantsReboot(p, o)
	m.after(p, o, at)
	return o.Exit, "installed " + p.ID + "\n"
}

func (m *machine) revert(p site.Patch, o Outcome, at time.Time) (int, string) {
	if p.Rollback.Class == "" || p.Rollback.Class == site.RollbackNone {
		return 1, p.ID + " has no way back: nothing was changed\n"
	}
	if name := m.missing(p.Rollback.Artifacts); name != "" {
		return exitNotStaged, name + " is not staged: nothing was changed\n"
	}
	switch pick(o.Leaves, Changed) {
	case Broken:
		m.breakUp(p)
		delete(m.recorded, p.ID)
		return o.Exit, "half of " + p.ID + " is taken back\n"
	case Unchanged:
		return o.Exit, "exit code " + fmt.Sprint(o.Exit) + "\n"
	}
	m.restore(p)
	delete(m.recorded, p.ID)
	m.pending = m.pending || wantsReboot(p, o)
	m.after(p, o, at)
	return o.Exit, "took back " + p.ID + "\n"
}

// after lets the services of a patch go the way of the script.
func (m *machine) after(p site.Patch, o Outcome, at time.Time) {
	switch {
	case o.StopsServices:
		m.halt(p, p.ID, at)
	case o.StopsAfter > 0:
		m.die(dying{p, o.StopsAfter}, at)
	}
}

func wantsReboot(p site.Patch, o Outcome) bool {
	return p.Reboot == site.RebootAlways || p.Reboot == site.RebootMay && o.WantsReboot
}

// verify passes when the patch is on and the device works, and then records the patch.
func (m *machine) verify(j *job) (int, string) {
	p := j.work.Patch
	if problems := append(m.notOn(p), m.ailments(p)...); len(problems) > 0 {
		return pick(j.outcome.Exit, 1), strings.Join(problems, "\n") + "\n"
	}
	if j.outcome.Exit != 0 {
		return j.outcome.Exit, "the verification does not work\n"
	}
	m.recorded[p.ID] = policy.Digest(p)
	return 0, p.ID + " is proven\n"
}

// prove passes when the patch is off, what was there before is back, and everything
// works that worked when the patch was begun to be installed.
func (m *machine) prove(j *job) (int, string) {
	p, before := j.work.Patch, j.work.Before
	problems := slices.DeleteFunc(m.ailments(p), func(s string) bool { return slices.Contains(m.ailing[p.ID], s) })
	if _, on := m.applied[p.ID]; on {
		problems = append(problems, p.ID+" is still on the device")
	}
	if _, still := m.recorded[p.ID]; still {
		problems = append(problems, p.ID+" is still recorded")
	}
	for _, c := range packagesOf(p) {
		if is, was := m.packages[c.name], before.Packages[c.name]; is != was {
			problems = append(problems, fmt.Sprintf("%s is at %q and was at %q", c.name, is, was))
		}
		if m.broken[c.name] && !slices.Contains(before.Broken, c.name) {
			problems = append(problems, c.name+" is half-configured")
		}
	}
	if len(problems) > 0 {
		return pick(j.outcome.Exit, 1), strings.Join(problems, "\n") + "\n"
	}
	return j.outcome.Exit, p.ID + " is off and what was there is back\n"
}

// notOn says why a patch is not on the device.
func (m *machine) notOn(p site.Patch) []string {
	var problems []string
	changes := packagesOf(p)
	if _, on := m.applied[p.ID]; len(changes) == 0 && !on {
		problems = append(problems, p.ID+" is not on the device")
	}
	for _, c := range changes {
		version, installed := m.packages[c.name]
		if m.broken[c.name] {
			problems = append(problems, c.name+" is half-configured")
		} else if !installed || policy.CompareVersions(version, c.version) < 0 {
			problems = append(problems, fmt.Sprintf("%s is at %q, want %s", c.name, version, c.version))
		}
	}
	return problems
}

// ailments says what does not work of that which the patch has verified.
func (m *machine) ailments(p site.Patch) []string {
	var problems []string
	if m.broken[p.ID] {
		problems = append(problems, p.ID+" is half-configured")
	}
	for _, v := range p.Verify {
		command := strings.Join(v.Command, " ")
		switch {
		case v.Service != "" && !m.serves(v.Service):
			problems = append(problems, "service "+v.Service+" is not running")
		case v.HTTP+v.TCP != "" && m.hurt():
			problems = append(problems, v.HTTP+v.TCP+" does not answer")
		case command != "" && (m.hurt() || m.fails(command)):
			problems = append(problems, command+" fails")
		}
	}
	return problems
}

// missing returns the name of the first artifact that is not on the device in full.
func (m *machine) missing(list []site.Artifact) string {
	for _, a := range list {
		if _, ok := m.staged[a.SHA256]; !ok {
			return a.Name
		}
	}
	return ""
}
