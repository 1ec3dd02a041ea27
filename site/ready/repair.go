package ready

import (
	"slices"
	"time"
)

// Repair is what the box did by itself about a check that failed.
type Repair struct {
	Device string
	Begun  time.Time
	Ended  time.Time // zero = it is under way
	Done   bool      // it went as it should, whatever the check says now
}

// repairText says what the box did about a check that fails.
func (j *judge) repairText(check string) string {
	r, begun := j.in.Repairs[check]
	switch {
	case !begun:
		return ""
	case r.Ended.IsZero():
		return j.lang.Say("repair_now", "at", j.clock(r.Begun))
	case j.in.Results[check].At.After(r.Ended):
		return j.lang.Say("repair_no_help", "at", j.clock(r.Ended))
	}
	return j.lang.Say("repair_looks", "at", j.clock(r.Ended))
}

// findRepaired names what works again because the box repaired it, once a device.
func (j *judge) findRepaired() {
	for _, l := range j.looks {
		r, begun := j.in.Repairs[l.check.ID]
		same := func(f Finding) bool { return f.Code == CodeRepaired && f.Device == r.Device }
		if !begun || !r.Done || r.Ended.IsZero() || l.is != good || l.result.At.Before(r.Ended) || slices.ContainsFunc(j.notes, same) {
			continue
		}
		f := j.say(CodeRepaired, "it", r.Device, "at", j.clock(r.Ended))
		f.Code, f.Device = CodeRepaired, r.Device
		j.notes = append(j.notes, f)
	}
}
