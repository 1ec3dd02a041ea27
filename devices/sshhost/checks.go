package sshhost

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/devices/sshhost/reply"
	"github.com/nightfill/nightfill/site"
)

func (d *Driver) checkDisk(ctx context.Context, dev site.Device, c site.Check) (site.CheckOutcome, string, error) {
	path := c.Path
	if path == "" {
		path = "/"
	}
	out, err := d.call(ctx, dev, deviceText+`room "$R"`+quote(path)+"\n"+`echo "room $F $A"`+"\n", answerAtMost)
	if err != nil {
		return site.Unknown, "", err
	}
	free, all, err := reply.Room(out)
	if err != nil {
		return site.Unknown, "", err
	}
	return reply.JudgeRoom(path, free, all, c.MinFree)
}

func (d *Driver) checkClock(ctx context.Context, dev site.Device, c site.Check) (site.CheckOutcome, string, error) {
	before := time.Now()
	out, err := d.call(ctx, dev, deviceText+`echo "clock $(date +%s)"`+"\n", answerAtMost)
	if err != nil {
		return site.Unknown, "", err
	}
	clock, err := reply.Clock(out)
	if err != nil {
		return site.Unknown, "", err
	}
	outcome, seen := reply.JudgeClock(clock, before, time.Now(), c.MaxSkew.Std())
	return outcome, seen, nil
}

// checkVersion asks the package manager; the box compares.
func (d *Driver) checkVersion(ctx context.Context, dev site.Device, c site.Check) (site.CheckOutcome, string, error) {
	question := "if command -v dpkg-query >/dev/null 2>&1; then package " + quote(c.Package) + `; printf 'version %s|%s\n' "$PS" "$PV"; else echo nodpkg; fi` + "\n"
	out, err := d.call(ctx, dev, deviceText+workOnlyText+question, answerAtMost)
	if err != nil {
		return site.Unknown, "", err
	}
	return reply.JudgeVersion(out, c)
}

// checkFileAge asks when a file was changed last, by the device's own clock.
func (d *Driver) checkFileAge(ctx context.Context, dev site.Device, c site.Check) (site.CheckOutcome, string, error) {
	question := `f="$R"` + quote(c.Path) + `; if [ -e "$f" ]; then echo "file $(stat -L -c %Y "$f") $(date +%s)"; else echo nofile; fi` + "\n"
	out, err := d.call(ctx, dev, deviceText+question, answerAtMost)
	if err != nil {
		return site.Unknown, "", err
	}
	return reply.JudgeFileAge(out, c.Path, c.Max.Std())
}

func (d *Driver) checkBattery(ctx context.Context, dev site.Device, c site.Check) (site.CheckOutcome, string, error) {
	out, err := d.call(ctx, dev, deviceText+"power; echo end\n", answerAtMost)
	if err != nil {
		return site.Unknown, "", err
	}
	return reply.JudgeBattery(out, c.MinCharge)
}
