package config

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
)

// rollBack is what repair says to have tonight's newest patch taken back.
const rollBack = "rollback"

// repair reads what the box may do by itself: rollback, or a service that is started anew.
func (f *file) repair(v strict.Value) *site.Repair {
	if _, keys := v.Node.(ast.MapNode); keys {
		r := &site.Repair{}
		f.Object(v, strict.Need("service", "pos-app", f.Into(&r.Service)))
		return r
	}
	if _, ok := f.Choice(v, rollBack); ok {
		return &site.Repair{RollBack: true}
	}
	return nil
}

// settleRepair refuses a repair of a device that is not touched.
func (f *file) settleRepair(c site.Check, at strict.Value) {
	if c.Repair == nil {
		return
	}
	d, known := f.Config.Store.Device(c.Device)
	switch {
	case c.Device == "":
		f.Fail(at, "there is no device to repair", "name the device of the check, or remove repair")
	case known && !d.Patchable():
		f.Fail(at, d.ID+" is only observed: nothing on it is ever changed", "remove repair")
	case known && d.Class == site.Handheld:
		f.Fail(at, d.ID+" may be in somebody's hand: handhelds are not repaired by themselves", "remove repair")
	}
}
