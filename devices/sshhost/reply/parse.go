// Package reply reads what devices answer: of themselves, of work, of staged files and of checks. It is pure: text in,
// facts or an error out. What is not complete or makes no sense is an error or unknown, never a fact.
package reply

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

var validBoot = regexp.MustCompile(`^[0-9a-f-]{36}$`)

// Probe reads the answer of probe. An answer that was cut off is an error.
func Probe(out string) (site.Observation, error) {
	o := site.Observation{Packages: map[string]string{}}
	complete := false
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		value = strings.ToValidUTF8(value, "?")
		switch key {
		case "boot":
			o.BootID = value
		case "up":
			o.Uptime = site.Duration(uptime(value))
		case "clock":
			if s, err := strconv.ParseInt(value, 10, 64); err == nil {
				o.Clock = time.Unix(s, 0)
			}
		case "system":
			o.System = strings.Trim(value, `"'`)
		case "free":
			o.DiskFree, _ = strconv.ParseInt(value, 10, 64)
		case "reboot":
			o.RebootPending = true
		case "power":
			o.Power = powerOf(value)
		case "record":
			id, digest, _ := strings.Cut(value, " ")
			if o.Recorded == nil {
				o.Recorded = map[string]string{}
			}
			o.Recorded[id] = digest
		case "unread":
			o.Error = site.Because(site.CodeNoAnswer, "it cannot say which packages it has: dpkg cannot read its database; look at it with: dpkg --audit")
		case "p":
			addPackage(&o, value)
		case "end":
			complete = true
		}
	}
	if !complete {
		return site.Observation{}, errors.New("the answer is not complete")
	}
	if !validBoot.MatchString(o.BootID) {
		return site.Observation{}, fmt.Errorf("%q is not a boot id", o.BootID)
	}
	return o, nil
}

// powerOf reads "yes 80" or "no 80": on mains, and the charge in percent. Nil = it is neither.
func powerOf(value string) *site.Power {
	mains, charge, _ := strings.Cut(value, " ")
	battery, err := strconv.Atoi(charge)
	if err != nil || battery < 0 || mains != "yes" && mains != "no" {
		return nil
	}
	return &site.Power{OnMains: mains == "yes", Battery: min(battery, 100)}
}

// addPackage reads one line of dpkg-query: status, name and version between tabs.
func addPackage(o *site.Observation, line string) {
	status, rest, _ := strings.Cut(line, "\t")
	name, version, ok := strings.Cut(rest, "\t")
	words := strings.Fields(status)
	if !ok || name == "" || len(words) != 3 {
		return
	}
	switch {
	case words[2] == "not-installed" || words[2] == "config-files":
	case words[2] == "installed" && words[1] == "ok":
		o.Packages[name] = version
	default:
		o.Broken = append(o.Broken, name)
	}
}

// uptime reads seconds with a fraction; 0 = not known.
func uptime(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f < 1e9) {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// Status reads the answer of status.
func Status(out string) (devices.Progress, error) {
	head, output, ok := strings.Cut(out, "output\n")
	if !ok {
		return devices.Progress{}, errors.New("the answer is not complete")
	}
	p := devices.Progress{Output: tail(output, 4096)}
	told := false // with which exit code it ended
	for line := range strings.Lines(head) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "phase":
			p.Phase = devices.Phase(f[1])
		case len(f) == 4 && f[0] == "result":
			if from, to := uptime(f[2]), uptime(f[3]); from > 0 && to >= from {
				p.Took = to - from
			}
			if p.Phase == devices.PhaseDone {
				code, err := strconv.Atoi(f[1])
				if err != nil {
					return devices.Progress{}, fmt.Errorf("%q is not an exit code", f[1])
				}
				p.ExitCode, told = code, true
			}
		}
	}
	switch p.Phase {
	case devices.PhaseDone:
		if !told {
			return devices.Progress{}, errors.New("it is done, and no exit code is told")
		}
		return p, nil
	case devices.PhaseNone, devices.PhaseRunning, devices.PhaseTimedOut, devices.PhaseLost, devices.PhaseInterrupted:
		return p, nil
	}
	return devices.Progress{}, fmt.Errorf("%q is not a phase", p.Phase)
}

// tail is the end of s as valid text of at most n bytes.
func tail(s string, n int) string {
	if len(s) > n {
		s = s[len(s)-n:]
		for len(s) > 0 && s[0]&0xC0 == 0x80 { // not in the middle of a character
			s = s[1:]
		}
	}
	return strings.ToValidUTF8(s, "?")
}

// Check reads the answer of check.
func Check(out string) (site.CheckOutcome, string, error) {
	outcome, seen := site.Unknown, ""
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case key == "outcome" && (value == "pass" || value == "fail"):
			outcome = site.CheckOutcome(value)
		case key == "seen":
			seen = strings.ToValidUTF8(value, "?")
		}
	}
	if outcome == site.Unknown {
		return outcome, "", errors.New("the device's answer to the check is not complete")
	}
	return outcome, seen, nil
}

// Room reads "room FREE ALL" in bytes.
func Room(out string) (free, all int64, err error) {
	if _, err := fmt.Sscanf(out, "room %d %d\n", &free, &all); err != nil || all <= 0 || free < 0 {
		return 0, 0, errors.New("the device does not tell how full its disk is")
	}
	return free, all, nil
}

// Clock reads "clock SECONDS".
func Clock(out string) (time.Time, error) {
	var s int64
	if _, err := fmt.Sscanf(out, "clock %d\n", &s); err != nil {
		return time.Time{}, errors.New("the device does not tell its time")
	}
	return time.Unix(s, 0), nil
}

// Stage reads the answer of stage_begin.
func Stage(out string) (have int64, part string, complete bool, err error) {
	have = -1
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "complete":
			return 0, "", true, nil
		case "have":
			if have, err = strconv.ParseInt(value, 10, 64); err != nil || have < 0 {
				return 0, "", false, fmt.Errorf("the device says that it has %q bytes", value)
			}
		case "part":
			part = value
		}
	}
	if have < 0 || part == "" {
		return 0, "", false, errors.New("the device's answer about the staged file is not complete")
	}
	return have, part, false, nil
}
