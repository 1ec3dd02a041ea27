package order

import (
	"slices"

	"github.com/nightfill/nightfill/site"
)

// Verb is one thing that a person may ask for. The page, the protocol and the tests go by this one
// table; nightfill has a command of the same name.
type Verb struct {
	Name  string    `json:"verb"`
	Label string    `json:"label"` // on the button
	Tier  site.Tier `json:"tier"`  // of one device; for the whole store see TierOf
	// Effect says what it does, and Lasts how long that takes.
	Effect string `json:"effect"`
	Lasts  string `json:"lasts"`
	Store  bool   `json:"store"`  // it may be asked of the whole store
	Device bool   `json:"device"` // it may be asked of one device
	Patch  bool   `json:"patch"`  // it names a patch
	Until  bool   `json:"until"`  // it names a moment, like 05:00 or 4h
	Key    bool   `json:"key"`    // it names a host key
	Many   bool   `json:"many"`   // it may be asked of several devices in one go, each by itself
	// Number: the number of the store has to be typed while it trades.
	Number bool `json:"number"`
}

// The verbs.
const (
	Retry    = "retry"
	RollBack = "rollback"
	Hold     = "hold"
	Release  = "release"
	Diagnose = "diagnose"
	Check    = "check"
	Refresh  = "refresh"
	Restart  = "restart"
	Enrol    = "enrol"
	Shell    = "shell"
)

// Verbs returns the table, in the order in which buttons stand.
func Verbs() []Verb {
	return []Verb{
		{Name: Retry, Label: "Retry", Tier: site.TierMild, Device: true, Many: true, Patch: true,
			Effect: "Tries the patch once more tonight, by the rules of the night.", Lasts: "as long as the patch takes"},
		{Name: RollBack, Label: "Roll back", Tier: site.TierModerate, Device: true, Many: true, Patch: true, Number: true,
			Effect: "Takes the patch off the device again and proves that what was there before is back.", Lasts: "as long as the rollback takes; the device is away meanwhile"},
		{Name: Hold, Label: "Hold", Tier: site.TierModerate, Device: true, Many: true, Store: true, Until: true,
			Effect: "Nothing is begun until then. What is being installed now is finished or taken back first.", Lasts: "until the moment that you name"},
		{Name: Release, Label: "Release", Tier: site.TierModerate, Device: true, Many: true, Store: true,
			Effect: "Ends the hold, or says that you have looked at the device and it may be patched again.", Lasts: "at once"},
		{Name: Diagnose, Label: "Diagnose", Tier: site.TierMild, Device: true, Many: true,
			Effect: "Looks at the device; nothing on it is changed.", Lasts: "up to a minute"},
		{Name: Check, Label: "Check now", Tier: site.TierMild, Store: true,
			Effect: "Carries out every readiness check of the store; nothing is changed.", Lasts: "up to a minute"},
		{Name: Refresh, Label: "Refresh now", Tier: site.TierMild, Store: true,
			Effect: "Looks for a newer catalog now, and fetches what is missing. What is not signed as it should be changes nothing.", Lasts: "up to three minutes for the catalog; artifacts go on arriving by themselves"},
		{Name: Restart, Label: "Restart", Tier: site.TierModerate, Device: true, Many: true, Number: true,
			Effect: "Restarts the device and sees that it comes back.", Lasts: "up to 15 minutes; the device is away meanwhile"},
		{Name: Enrol, Label: "Enrol", Tier: site.TierModerate, Device: true, Key: true,
			Effect: "Pins the key that the device offers. From then on only a device with this key is talked to.", Lasts: "at once"},
		{Name: Shell, Label: "Terminal", Tier: site.TierModerate, Device: true, Number: true,
			Effect: "Opens a recorded terminal on the device. What it shows is kept, what you type is not. The night begins nothing there meanwhile.", Lasts: "until you end it"},
	}
}

// verbOf finds a verb by its name.
func verbOf(name string) (Verb, bool) {
	verbs := Verbs()
	i := slices.IndexFunc(verbs, func(v Verb) bool { return v.Name == name })
	if i < 0 {
		return Verb{}, false
	}
	return verbs[i], true
}

// TierOf is how much the verb can do to a store when it is asked of a device, or with
// site.AllDevices of all of them.
func (v Verb) TierOf(device string) site.Tier {
	if device == site.AllDevices && v.Tier == site.TierModerate {
		return site.TierSevere
	}
	return v.Tier
}

// NeedsReason reports whether a reason has to be written: for all that is more than mild, and for
// everything that touches a device while the store trades.
func (v Verb) NeedsReason(device string, trading bool) bool {
	return v.TierOf(device) != site.TierMild || trading && device != ""
}

// NeedsNumber reports whether the number of the store has to be typed.
func (v Verb) NeedsNumber(device string, trading bool) bool {
	return v.TierOf(device) == site.TierSevere || v.Number && trading
}
