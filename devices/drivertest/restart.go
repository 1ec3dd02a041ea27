package drivertest

import (
	"testing"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

func restartsService(t *testing.T, h *Host) {
	w := h.work("restart-1", devices.Restart, site.Patch{})
	w.Service = h.Service
	if p := h.run(t, w); p.Phase != devices.PhaseDone || p.ExitCode != 0 {
		t.Errorf("restart of %s: %+v, want done with 0", h.Service, p)
	}
	if err := h.Driver.Start(bounded(t), h.Device, w); err != nil {
		t.Errorf("the same id again: %v", err)
	}
	c := site.Check{ID: "S-1", Device: h.Device.ID, Kind: site.CheckService, Name: h.Service}
	if outcome, seen, err := h.Driver.Check(bounded(t), h.Device, c); err != nil || outcome != site.Pass {
		t.Errorf("the service afterwards: %s %q %v", outcome, seen, err)
	}
	none := h.work("restart-2", devices.Restart, site.Patch{})
	none.Service = "no-such-service"
	if p := h.run(t, none); p.Phase != devices.PhaseDone || p.ExitCode == 0 {
		t.Errorf("a service that the device does not have: %+v, want done and not 0", p)
	}
}
