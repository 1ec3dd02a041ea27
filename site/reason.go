package site

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Code is a stable name of a reason: the same in the journal, over MQTT, on the pages and in `nightfill why`.
type Code string

// The reasons why something is not done, or went wrong. The list is closed: a code that
// is not here has no meaning outside.
const (
	// About the patch.
	CodeNotReleased Code = "not_released" // signed, but in no ring
	CodeWithdrawn   Code = "withdrawn"    // headquarters took it back
	CodeOtherRing   Code = "other_ring"   // not yet released to this store's ring
	CodeOtherStore  Code = "other_store"  // released to named stores only, this is none of them
	CodeNotYet      Code = "not_yet"      // approval begins later
	CodeExpired     Code = "expired"      // approval is over
	CodeSuperseded  Code = "superseded"   // a newer patch makes it unnecessary
	CodeNotCached   Code = "not_cached"   // its bytes are not all in the store
	CodeUnsupported Code = "unsupported"  // this box has no way to do it
	CodeQuarantined Code = "quarantined"  // it proved itself guilty in this store
	// About the catalog.
	CodeNoCatalog          Code = "no_catalog"          // the store never had one
	CodeCatalogOld         Code = "catalog_old"         // not refreshed for too long: nothing new is started
	CodeCatalogExpired     Code = "catalog_expired"     // a signature in it is over
	CodeCatalogRefused     Code = "catalog_refused"     // what was offered or stored is not what headquarters signed
	CodeCatalogUnreachable Code = "catalog_unreachable" // it cannot be fetched now; what is known stays
	// About the device.
	CodeOtherClass    Code = "other_class"    // made for another class of device
	CodeOtherDevice   Code = "other_device"   // named devices or groups only
	CodeNotApplicable Code = "not_applicable" // the device does not need it
	CodeObserveOnly   Code = "observe_only"   // the device is never touched
	CodeNotEnrolled   Code = "not_enrolled"   // no pinned host key
	CodeNoAnswer      Code = "no_answer"      // the device does not answer
	CodeIdentity      Code = "identity"       // it answers with another device's key
	CodeAuth          Code = "auth"           // it refuses the login
	CodeNoRights      Code = "no_rights"      // the login may not become root
	CodeDiskFull      Code = "disk_full"      // not enough room on the device
	CodeBusy          Code = "busy"           // somebody else holds the device's lock; or the device works for another box, which is the fact box
	CodeChanged       Code = "changed"        // it is not as the person saw it who asked
	CodeHeld          Code = "held"           // a person said: not now
	CodeExcepted      Code = "excepted"       // headquarters excepted the device from it for a time
	CodeDirty         Code = "dirty"          // an earlier rollback failed; a person must look first
	// About the night.
	CodeNoTime       Code = "no_time"       // it and its rollback do not fit before the cut-off
	CodeGateClosed   Code = "gate_closed"   // business was not finished
	CodeGroupFloor   Code = "group_floor"   // too few of its group would be left working
	CodeWaiting      Code = "waiting"       // another device or group goes first
	CodeCanaryFailed Code = "canary_failed" // it broke the first device of its group
	CodeRequires     Code = "requires"      // a patch that it needs is not done
	CodeBundleBroke  Code = "bundle_broke"  // another patch of its bundle broke, and all were taken back
	CodeWindowOver   Code = "window_over"   // the maintenance window ended, or is about to
	CodeBatteryLow   Code = "battery_low"   // the device runs on a battery that may not last
	CodeNotDocked    Code = "not_docked"    // the device is in somebody's hand, or on its battery alone
	CodeClockUnsure  Code = "clock_unsure"  // the box does not trust its clock
	CodeBoxFull      Code = "box_full"      // the box lacks disk space for its journal
	CodeBlackout     Code = "blackout"      // the calendar forbids this night
	// About what happened.
	CodeStageFailed    Code = "stage_failed"
	CodeInstallFailed  Code = "install_failed"
	CodeTimedOut       Code = "timed_out"
	CodeTakenBack      Code = "taken_back" // a person wanted it off again
	CodeInterrupted    Code = "interrupted"
	CodeNotBack        Code = "not_back" // it did not come back from a restart
	CodeVerifyFailed   Code = "verify_failed"
	CodeSelfReverted   Code = "self_reverted" // it was installed, and the device had the old version again after its restart
	CodeRollbackFailed Code = "rollback_failed"
	CodeNoRollback     Code = "no_rollback" // it failed and cannot be taken back
)

// Reason says why, with the facts that decided it. Every refusal carries one.
type Reason struct {
	Code  Code              `json:"code"`
	Text  string            `json:"text"`            // one sentence for a technician
	Facts map[string]string `json:"facts,omitempty"` // what was compared, for machines and for `why`
}

// Because makes a reason. facts are pairs of name and value.
func Because(code Code, text string, facts ...string) *Reason {
	r := &Reason{Code: code, Text: text}
	for i := 0; i+1 < len(facts); i += 2 {
		if r.Facts == nil {
			r.Facts = map[string]string{}
		}
		r.Facts[facts[i]] = facts[i+1]
	}
	return r
}

// With returns a copy of the reason with one more fact.
func (r *Reason) With(name, value string) *Reason {
	more := Because(r.Code, r.Text, name, value)
	for k, v := range r.Facts {
		if k != name {
			more.Facts[k] = v
		}
	}
	return more
}

// String returns the text with the code and the facts in a fixed order.
func (r *Reason) String() string {
	if r == nil {
		return ""
	}
	facts := make([]string, 0, len(r.Facts))
	for _, k := range slices.Sorted(maps.Keys(r.Facts)) {
		facts = append(facts, k+"="+r.Facts[k])
	}
	if len(facts) == 0 {
		return fmt.Sprintf("%s [%s]", r.Text, r.Code)
	}
	return fmt.Sprintf("%s [%s %s]", r.Text, r.Code, strings.Join(facts, " "))
}

// Error makes a Reason usable as an error where a call cannot be carried out for a stable reason.
func (r *Reason) Error() string { return r.Text }
