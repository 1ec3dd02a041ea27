package reply

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// leastFree is asked of a disk check that does not say how much must be free.
const leastFree = "5%"

// JudgeRoom compares the free space of a file system with a size like 500MiB or a share like 5%.
func JudgeRoom(path string, free, all int64, want string) (site.CheckOutcome, string, error) {
	if want == "" {
		want = leastFree
	}
	least, err := bytesOf(want, all)
	if err != nil {
		return site.Unknown, "", err
	}
	seen := fmt.Sprintf("%s has %d MiB free of %d MiB, wanted %s", path, free>>20, all>>20, want)
	if float64(free) < least {
		return site.Fail, seen, nil
	}
	return site.Pass, seen, nil
}

// bytesOf reads a size or a share of all.
func bytesOf(want string, all int64) (float64, error) {
	number := strings.TrimRight(want, "%BiKMGTk ")
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, badSize(want)
	}
	switch strings.TrimSpace(want[len(number):]) {
	case "%":
		return f / 100 * float64(all), nil
	case "", "B":
		return f, nil
	case "KiB":
		return f * (1 << 10), nil
	case "MiB":
		return f * (1 << 20), nil
	case "GiB":
		return f * (1 << 30), nil
	case "TiB":
		return f * (1 << 40), nil
	}
	return 0, badSize(want)
}

func badSize(want string) error {
	return fmt.Errorf("%q is not a size: write it like 500MiB, 2GiB or 5%%", want)
}

// JudgeClock compares a device's clock, which tells whole seconds, with the box's time around the question.
func JudgeClock(clock, before, after time.Time, most time.Duration) (site.CheckOutcome, string) {
	skew := time.Duration(0)
	switch {
	case clock.After(after):
		skew = clock.Sub(after)
	case clock.Add(time.Second).Before(before):
		skew = clock.Add(time.Second).Sub(before)
	}
	if skew == 0 {
		return site.Pass, "its clock agrees with the box's to the second"
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	seen := fmt.Sprintf("its clock is %s %s the box's, wanted within %s", skew.Abs().Round(100*time.Millisecond), way, most)
	if skew.Abs() > most {
		return site.Fail, seen
	}
	return site.Pass, seen
}

// JudgeVersion reads "version STATUS|VERSION", the states of dpkg, and compares.
func JudgeVersion(out string, c site.Check) (site.CheckOutcome, string, error) {
	line := strings.TrimSuffix(out, "\n")
	if line == "nodpkg" {
		return site.Unknown, "the device has no dpkg to ask", nil
	}
	said, ok := strings.CutPrefix(line, "version ")
	status, version, both := strings.Cut(said, "|")
	if !ok || !both || strings.Contains(said, "\n") {
		return site.Unknown, "", errors.New("the device's answer to the check is not complete")
	}
	wanted := wantedVersion(c)
	switch {
	case status == "unread":
		return site.Unknown, "dpkg cannot read its database on the device", nil
	case status == "" || strings.HasSuffix(status, " not-installed") || strings.HasSuffix(status, " config-files"):
		return site.Fail, fmt.Sprintf("package %s is not installed, wanted %s", c.Package, wanted), nil
	case !strings.HasSuffix(status, " ok installed"):
		return site.Fail, fmt.Sprintf("package %s %s is broken (%s), wanted %s", c.Package, version, status, wanted), nil
	}
	seen := fmt.Sprintf("package %s is %s, wanted %s", c.Package, version, wanted)
	if c.AtLeast != "" && policy.CompareVersions(version, c.AtLeast) < 0 || c.AtMost != "" && policy.CompareVersions(version, c.AtMost) > 0 {
		return site.Fail, seen, nil
	}
	return site.Pass, seen, nil
}

func wantedVersion(c site.Check) string {
	switch {
	case c.AtLeast != "" && c.AtMost != "":
		return c.AtLeast + " to " + c.AtMost
	case c.AtLeast != "":
		return c.AtLeast + " or higher"
	case c.AtMost != "":
		return c.AtMost + " or lower"
	}
	return "any version"
}

// JudgeFileAge reads "file CHANGED NOW" in seconds, and compares the age of the file.
func JudgeFileAge(out, path string, most time.Duration) (site.CheckOutcome, string, error) {
	if out == "nofile\n" {
		return site.Fail, path + " is not there", nil
	}
	var changed, now int64
	if _, err := fmt.Sscanf(out, "file %d %d\n", &changed, &now); err != nil {
		return site.Unknown, "", errors.New("the device does not tell when the file was changed")
	}
	age := time.Duration(now-changed) * time.Second
	if age < 0 {
		return site.Unknown, fmt.Sprintf("%s was changed %s in the future of the device's clock", path, -age), nil
	}
	seen := fmt.Sprintf("%s was changed %s ago, wanted within %s", path, age, most)
	if age > most {
		return site.Fail, seen, nil
	}
	return site.Pass, seen, nil
}

// JudgeBattery reads "power MAINS CHARGE" and "end". A device without a battery proves nothing.
func JudgeBattery(out string, least int) (site.CheckOutcome, string, error) {
	line, rest, _ := strings.Cut(out, "\n")
	if line == "end" {
		return site.Unknown, "the device tells of no battery", nil
	}
	said, ok := strings.CutPrefix(line, "power ")
	power := powerOf(said)
	if !ok || power == nil || rest != "end\n" {
		return site.Unknown, "", errors.New("the device's answer to the check is not complete")
	}
	charging := "on its battery"
	if power.OnMains {
		charging = "on mains"
	}
	seen := fmt.Sprintf("its battery has %d%%, %s, wanted %d%%", power.Battery, charging, least)
	if power.Battery < least {
		return site.Fail, seen, nil
	}
	return site.Pass, seen, nil
}
