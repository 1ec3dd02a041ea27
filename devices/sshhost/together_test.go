package sshhost_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
)

// TestOneWorkOfTwoOwnersAtOnce has two boxes begin the very same work in the same moment, as two that plan the same
// night do. It runs once, and neither is told that the device is busy: both can follow it.
func TestOneWorkOfTwoOwnersAtOnce(t *testing.T) {
	host, drivers := senders(t, "", "")
	if err := host.AddService(context.Background(), service, ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for round := range 8 {
		id := devices.WorkID(fmt.Sprintf("round-%d", round))
		var begun sync.WaitGroup
		for i, driver := range drivers {
			w := workOf(t, driver, host.Device(), id)
			w.Owner = fmt.Sprintf("box-%d", i)
			begun.Go(func() {
				if err := driver.Start(ctx, host.Device(), w); err != nil {
					t.Errorf("Start of %s by %s: %v", id, w.Owner, err)
				}
			})
		}
		begun.Wait()
		for _, driver := range drivers {
			p, err := driver.Status(ctx, host.Device(), id)
			for err == nil && p.Phase == devices.PhaseRunning {
				p, err = driver.Status(ctx, host.Device(), id)
			}
			if err != nil || p.Phase != devices.PhaseDone || p.ExitCode != 0 {
				t.Fatalf("%s is %+v, %v", id, p, err)
			}
		}
		runs, err := host.Run(ctx, `cat "$NIGHTFILL_ROOT/var/log/nightfill-runs"`)
		if n := strings.Count(runs, string(id)+"\n"); err != nil || n != 1 {
			t.Fatalf("%s ran %d times, %v", id, n, err)
		}
	}
}
