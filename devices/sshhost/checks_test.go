package sshhost_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// TestChecksOfWhatADeviceTells puts the questions to a real shell behind a real SSH server.
func TestChecksOfWhatADeviceTells(t *testing.T) {
	t.Parallel()
	host, driver := fake(t)
	shell := func(script string) string { return `cd "$NIGHTFILL_ROOT" && ` + script }
	file := func(max time.Duration) site.Check {
		return site.Check{Kind: site.CheckFileAge, Path: "/srv/day's prices.db", Max: site.Duration(max)}
	}
	battery := func(least int) site.Check { return site.Check{Kind: site.CheckBattery, MinCharge: least} }
	supply := `mkdir -p sys/class/power_supply/BAT0 && cd sys/class/power_supply/BAT0 && echo Battery >type && echo %d >capacity && echo %s >status`
	for _, c := range []struct {
		name    string
		before  string
		check   site.Check
		outcome site.CheckOutcome
		seen    string
	}{
		{"no file", "true", file(time.Hour), site.Fail, "/srv/day's prices.db is not there"},
		{"an old file", `mkdir -p srv && touch -d '2026-01-01 00:00:00 UTC' "srv/day's prices.db"`, file(time.Hour), site.Fail, "/srv/day's prices.db was changed ... ago, wanted within 1h0m0s"},
		{"a young file", `touch "srv/day's prices.db"`, file(time.Hour), site.Pass, "/srv/day's prices.db was changed ... ago, wanted within 1h0m0s"},
		{"a file of tomorrow", `touch -d '2099-01-01 00:00:00 UTC' "srv/day's prices.db"`, file(time.Hour), site.Unknown, "/srv/day's prices.db was changed ... in the future of the device's clock"},
		{"a link to an old file", `touch -d '2026-01-01 00:00:00 UTC' srv/old && rm "srv/day's prices.db" && ln -s old "srv/day's prices.db"`, file(time.Hour), site.Fail, "/srv/day's prices.db was changed ... ago, wanted within 1h0m0s"},
		{"a link to nothing", "rm srv/old", file(time.Hour), site.Fail, "/srv/day's prices.db is not there"},
		{"no battery", "true", battery(30), site.Unknown, "the device tells of no battery"},
		{"enough charge", fmt.Sprintf(supply, 30, "Discharging"), battery(30), site.Pass, "its battery has 30%, on its battery, wanted 30%"},
		{"too little charge", fmt.Sprintf(supply, 29, "Charging"), battery(30), site.Fail, "its battery has 29%, on mains, wanted 30%"},
		{"no package", "true", site.Check{Kind: site.CheckVersion, Package: "no-such-package", AtLeast: "1"}, site.Fail, "package no-such-package is not installed, wanted 1 or higher"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := host.Run(context.Background(), shell(c.before)); err != nil {
				t.Fatal(err)
			}
			c.check.ID = "C-1"
			outcome, seen, err := driver.Check(context.Background(), host.Device(), c.check)
			begin, end, open := strings.Cut(c.seen, "...")
			if err != nil || outcome != c.outcome || (seen != c.seen && !(open && strings.HasPrefix(seen, begin) && strings.HasSuffix(seen, end))) {
				t.Errorf("%s %q, %v; want %s %q", outcome, seen, err, c.outcome, c.seen)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []site.Check{file(time.Hour), battery(30), {Kind: site.CheckVersion, Package: "libc6", AtLeast: "1"}} {
		if outcome, seen, err := driver.Check(ctx, host.Device(), c); err == nil || outcome != site.Unknown {
			t.Errorf("%s of a device that does not answer: %s %q, %v", c.Kind, outcome, seen, err)
		}
	}
	for _, kind := range []site.CheckKind{site.CheckCert, site.CheckDNS, site.CheckGateway, site.CheckPrinter, site.CheckAgent, site.CheckTCP} {
		if _, _, err := driver.Check(context.Background(), host.Device(), site.Check{ID: "C-1", Kind: kind}); err == nil || err.Error() != fmt.Sprintf("check C-1 of kind %q is not a question to a device", kind) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
