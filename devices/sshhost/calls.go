package sshhost

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/sshhost/reply"
	"github.com/nightfill/nightfill/site"
)

// The shell text that runs on devices.
var (
	//go:embed sh/common.sh
	commonText string
	//go:embed sh/device.sh
	deviceOnlyText string
	//go:embed sh/runner.sh
	runnerOnlyText string
	//go:embed sh/work.sh
	workOnlyText string

	deviceText = commonText + deviceOnlyText
	runnerText = commonText + runnerOnlyText
	workText   = commonText + workOnlyText
)

// How much a device may answer.
const (
	answerAtMost = 64 << 10
	probeAtMost  = 4 << 20 // some 1,500 packages are 100 KB
)

// Probe implements devices.Driver. It is one command, which only reads.
func (d *Driver) Probe(ctx context.Context, dev site.Device) (site.Observation, error) {
	at := time.Now()
	out, err := d.call(ctx, dev, deviceText+"probe </dev/null\n", probeAtMost)
	if err != nil {
		return site.Observation{}, err
	}
	o, err := reply.Probe(out)
	if err != nil {
		return site.Observation{}, fmt.Errorf("cannot understand what %s says of itself: %w", dev.ID, err)
	}
	o.Device, o.At = dev.ID, at
	return o, nil
}

// Start implements devices.Driver. The runner and the work travel with the command that claims them.
func (d *Driver) Start(ctx context.Context, dev site.Device, w devices.Work) error {
	body, err := Render(w)
	if err != nil {
		return fmt.Errorf("cannot start %s on %s: %w", w.ID, dev.ID, err)
	}
	call := fmt.Sprintf("start_work %s %d %s %s", quote(string(w.ID)), seconds(w.Timeout), quote(w.Owner), d.box())
	_, err = d.call(ctx, dev, deviceText+withFiles(call, runnerText, workText+body), answerAtMost)
	return err
}

// Status implements devices.Driver. The device itself waits, so that the end of work is known at once.
func (d *Driver) Status(ctx context.Context, dev site.Device, id devices.WorkID) (devices.Progress, error) {
	if err := checkID(id); err != nil {
		return devices.Progress{}, err
	}
	call := fmt.Sprintf("status %s %d </dev/null\n", quote(string(id)), waitWithin(ctx, devices.StatusWait))
	out, err := d.call(ctx, dev, deviceText+call, answerAtMost)
	if err != nil {
		return devices.Progress{}, err
	}
	p, err := reply.Status(out)
	if err != nil {
		return devices.Progress{}, fmt.Errorf("cannot understand what %s says of %s: %w", dev.ID, id, err)
	}
	return p, nil
}

// box is who this box is and since when, as words for the device.
func (d *Driver) box() string {
	return quote(d.opts.Box) + " " + strconv.FormatInt(max(0, d.opts.Since.Unix()), 10)
}

// Reboot implements devices.Driver. It is refused with CodeBusy while any work runs on the device.
func (d *Driver) Reboot(ctx context.Context, dev site.Device, id devices.WorkID) error {
	if err := checkID(id); err != nil {
		return err
	}
	_, err := d.call(ctx, dev, deviceText+"reboot_once "+quote(string(id))+" "+d.box()+" </dev/null\n", answerAtMost)
	return err
}

// TakeOver makes a device work for this box, though it worked for one that was set up later by that box's clock. Any other
// box is refused from then on, until one is set up later than all of them or takes it over in its turn. A device that
// works for this box already stays as it is. It is refused with CodeBusy while any work runs on the device.
func (d *Driver) TakeOver(ctx context.Context, dev site.Device) error {
	_, err := d.call(ctx, dev, deviceText+"take_over "+d.box()+" </dev/null\n", answerAtMost)
	return err
}

// Check implements devices.Driver for the kinds that ask a device. The others look from the box
// and are refused with CodeUnsupported.
func (d *Driver) Check(ctx context.Context, dev site.Device, c site.Check) (site.CheckOutcome, string, error) {
	var question string
	switch c.Kind {
	case site.CheckService:
		question = "check proof_service " + quote(c.Name)
	case site.CheckCommand:
		if len(c.Command) == 0 {
			return site.Unknown, "", fmt.Errorf("check %s has no command", c.ID)
		}
		question = "check proof_command" + quoted(c.Command)
	case site.CheckDisk:
		return d.checkDisk(ctx, dev, c)
	case site.CheckClock:
		return d.checkClock(ctx, dev, c)
	case site.CheckVersion:
		return d.checkVersion(ctx, dev, c)
	case site.CheckFileAge:
		return d.checkFileAge(ctx, dev, c)
	case site.CheckBattery:
		return d.checkBattery(ctx, dev, c)
	default:
		return site.Unknown, "", devices.Failure(site.CodeUnsupported, "check %s of kind %q is not a question to a device", c.ID, c.Kind)
	}
	out, err := d.call(ctx, dev, deviceText+workOnlyText+question+" </dev/null\n", answerAtMost)
	if err != nil {
		return site.Unknown, "", err
	}
	return reply.Check(out)
}

// seconds is a length of time for the device: whole seconds, at least one, rounded up.
func seconds(t time.Duration) int { return max(1, int((t+time.Second-1)/time.Second)) }

// withFiles is a call with two texts on the file descriptors 3 and 4.
func withFiles(call, three, four string) string {
	a, b := mark(three), mark(four)
	return call + " 3<<'" + a + "' 4<<'" + b + "'\n" + three + a + "\n" + four + b + "\n"
}

// mark ends a text that does not contain it.
func mark(text string) string {
	for i := 0; ; i++ {
		if m := "NIGHTFILL_END_" + strconv.Itoa(i); !containsLine(text, m) {
			return m
		}
	}
}

func containsLine(text, line string) bool {
	return strings.Contains("\n"+text+"\n", "\n"+line+"\n")
}
