package sshhost

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// leastFree is asked of a disk check that does not say how much must be free.
const leastFree = "5%"

// judgeRoom compares the free space of a file system with a size like 500MiB or a share like 5%.
func judgeRoom(path string, free, all int64, want string) (site.CheckOutcome, string, error) {
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

// judgeClock compares a device's clock, which tells whole seconds, with the box's time around the question.
func judgeClock(clock, before, after time.Time, most time.Duration) (site.CheckOutcome, string) {
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
	seen := fmt.Sprintf("its clock is %s ahead of the box's", skew.Round(100*time.Millisecond))
	if skew < 0 {
		seen = fmt.Sprintf("its clock is %s behind the box's", (-skew).Round(100*time.Millisecond))
	}
	if skew.Abs() > most {
		return site.Fail, seen
	}
	return site.Pass, seen
}
