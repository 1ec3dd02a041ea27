package site

import "time"

// Observation is what one look at a device found. It is always partial and always in the past.
type Observation struct {
	Device        string            `json:"device"`
	At            time.Time         `json:"at"`                // when the box asked, by the box's clock
	Error         *Reason           `json:"error,omitempty"`   // why it could not be looked at; the other fields are then empty
	BootID        string            `json:"boot_id,omitempty"` // changes with every boot (Linux: random/boot_id)
	Uptime        Duration          `json:"uptime,omitempty"`
	Clock         time.Time         `json:"clock,omitempty"`          // the device's own clock
	System        string            `json:"system,omitempty"`         // for people, for example "Debian GNU/Linux 12 (bookworm)"
	Packages      map[string]string `json:"packages,omitempty"`       // installed and configured packages: name -> version
	Broken        []string          `json:"broken,omitempty"`         // packages that are neither installed nor absent (half-configured ...)
	Recorded      map[string]string `json:"recorded,omitempty"`       // patches recorded on the device as done: id -> digest of the artifacts
	DiskFree      int64             `json:"disk_free,omitempty"`      // bytes free where Nightfill stages
	RebootPending bool              `json:"reboot_pending,omitempty"` // the device says that it wants a restart
	Power         *Power            `json:"power,omitempty"`          // nil: the device has no battery
}

// Power is how a device with a battery stands.
type Power struct {
	OnMains bool  `json:"on_mains"`
	Battery int   `json:"battery"`          // percent of its charge, 0 to 100
	Docked  *bool `json:"docked,omitempty"` // nil: it has no dock, or does not tell
}

// Inventory is the newest observation of each device, by device id.
type Inventory map[string]Observation
