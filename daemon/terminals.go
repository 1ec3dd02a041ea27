package daemon

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// newDesk is where people's terminals are kept.
func (d *Daemon) newDesk() *terminal.Desk {
	return terminal.New(terminal.Options{
		Shell: d.shell, Device: d.device, Hands: d.hands, Journal: d.journal, Dir: d.recordings(), Log: d.Log,
	})
}

func (d *Daemon) recordings() string { return filepath.Join(d.Config.State, "recordings") }

// shell opens a shell on a device over the box's own SSH.
func (d *Daemon) shell(ctx context.Context, device site.Device, size terminal.Size) (terminal.Shell, error) {
	if device.Class != site.LinuxServer {
		return nil, devices.Failure(site.CodeUnsupported, "this box has no way to open a shell on %s: its class is %s", device.ID, device.Class)
	}
	shell, err := d.hosts.Shell(ctx, device, size.Cols, size.Rows)
	if err != nil {
		return nil, err // and not a Shell that is nil inside
	}
	return shell, nil
}

// closeTerminals gives back the devices of terminals that a crash ended, and closes their recordings
// with what is there.
func (d *Daemon) closeTerminals() error {
	return d.hands.ForgetTerminals(func(session string) (string, time.Duration) {
		digest, lasted, err := terminal.Salvage(d.recordings(), session)
		if err != nil {
			d.Log.Error("a terminal ended with the box", "recording", session, "err", err)
		}
		return digest, lasted
	})
}

// forgetRecordings removes recordings from before a moment, as the journal forgets them.
func (d *Daemon) forgetRecordings(ctx context.Context, before time.Time) error {
	if d.ledger.State().Unsure != nil {
		return nil // a wrong clock must not forget anything
	}
	if err := d.desk.Forget(ctx, before); err != nil {
		return fmt.Errorf("recordings from before %s are still kept: %w", before.Format(time.DateOnly), err)
	}
	return nil
}

// Terminals keeps the terminals of the box.
func (d *Daemon) Terminals() *terminal.Desk { return d.desk }
