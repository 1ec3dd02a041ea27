package runner_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/nightfill/nightfill/daemon/runner"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// The window of every night here, in UTC.
const (
	opensAt = window.Clock(23 * 60)
	endsAt  = window.Clock(60)
	reserve = 10 * time.Minute
)

func minutes(n int) site.Duration { return site.Duration(time.Duration(n) * time.Minute) }

func artifact(name string) site.Artifact {
	sum := sha256.Sum256([]byte(name))
	return site.Artifact{Name: name, SHA256: hex.EncodeToString(sum[:]), Size: 20 << 20}
}

// weightless gives every artifact without bytes.
type weightless struct{}

// Open implements runner.Artifacts.
func (weightless) Open(context.Context, site.Artifact) (runner.Bytes, error) {
	return fake.Weightless{}, nil
}

// patches are those of the reference night, in the order in which a device gets them.
func patches() []site.Patch {
	takes := site.Durations{Install: minutes(4), Reboot: minutes(2), Verify: minutes(1), Rollback: minutes(3)}
	return []site.Patch{
		{ID: "os-7", Install: site.Install{Kind: site.InstallScript}, Artifacts: []site.Artifact{artifact("os-7.sh")}, Severity: site.Critical,
			Reboot: site.RebootAlways, Rollback: site.Rollback{Class: site.RollbackScript, Artifacts: []site.Artifact{artifact("os-7-back.sh")}},
			Duration: takes, Verify: []site.Verify{{Service: "core"}}},
		{ID: "pos-2", Install: site.Install{Kind: site.InstallDeb}, Artifacts: []site.Artifact{artifact("pos-app_2.0_all.deb")}, Severity: site.High,
			Groups: []string{"lanes"}, Applies: site.Applies{Package: "pos-app", Below: "2.0"}, Reboot: site.RebootMay,
			Rollback: site.Rollback{Class: site.RollbackDowngrade, Artifacts: []site.Artifact{artifact("pos-app_1.0_all.deb")}},
			Gates:    []site.Gate{{Command: []string{"true"}, Wait: true}}, Duration: takes, Verify: []site.Verify{{Service: "pos"}}},
		{ID: "bad-9", Install: site.Install{Kind: site.InstallScript}, Artifacts: []site.Artifact{artifact("bad-9.sh")}, Severity: site.Medium,
			Groups: []string{"lanes"}, Reboot: site.RebootNever, Rollback: site.Rollback{Class: site.RollbackScript, Artifacts: []site.Artifact{artifact("bad-9-back.sh")}},
			Duration: takes, Verify: []site.Verify{{Service: "pos"}}},
		{ID: "conf-3", Install: site.Install{Kind: site.InstallFile, Path: "/etc/conf"}, Artifacts: []site.Artifact{artifact("conf")}, Severity: site.Medium,
			Devices: []string{"back-1", "back-2", "kiosk-1", "kiosk-2"}, Reboot: site.RebootNever, Rollback: site.Rollback{Class: site.RollbackNone},
			Duration: takes, Verify: []site.Verify{{Command: []string{"true"}}}},
		{ID: "db-5", Install: site.Install{Kind: site.InstallDeb}, Artifacts: []site.Artifact{artifact("db_5.0_all.deb")}, Severity: site.Low,
			Groups: []string{"back"}, Applies: site.Applies{Package: "db", Below: "5.0"}, Reboot: site.RebootNever,
			Rollback: site.Rollback{Class: site.RollbackDowngrade, Artifacts: []site.Artifact{artifact("db_4.0_all.deb")}},
			Gates:    []site.Gate{{Command: []string{"true"}}}, Duration: takes, Verify: []site.Verify{{Service: "db"}}},
	}
}

// machines are the devices of the reference night with their groups.
func machines() []struct{ id, group string } {
	return []struct{ id, group string }{
		{"back-1", "back"}, {"back-2", "back"}, {"till-1", "lanes"}, {"till-2", "lanes"}, {"till-3", "lanes"}, {"till-4", "lanes"},
		{"kiosk-1", ""}, {"kiosk-2", ""},
	}
}

// furnish puts the devices into the simulation and returns what a night is planned from.
func furnish(devices *fake.Store) policy.Facts {
	store := site.Store{
		ID: "0142", Ring: site.RingFleet,
		Groups: []site.Group{
			{ID: "back", Before: []string{"lanes"}},
			{ID: "lanes", MinUp: 2, Canary: true},
		},
		Calendar: window.Calendar{Zone: time.UTC, Start: opensAt, End: endsAt, Reserve: reserve},
	}
	for _, m := range machines() {
		d := devices.Add(fake.Device{
			ID: m.id, Class: site.LinuxServer, Packages: map[string]string{"pos-app": "1.0", "db": "4.0"},
			Services: []string{"core", "pos", "db"}, VerifyTakes: 20 * time.Second, Latency: 20 * time.Millisecond,
		})
		if m.group != "" {
			d.Groups = []string{m.group}
		}
		store.Devices = append(store.Devices, d)
	}
	facts := policy.Facts{Store: store, Catalog: site.Catalog{Version: 1}, Cached: map[string]bool{}}
	for _, p := range patches() {
		facts.Catalog.Patches = append(facts.Catalog.Patches, site.Approved{Patch: p, Release: &site.Release{Ring: site.RingFleet}})
		for _, a := range policy.Needed(p) {
			facts.Cached[a.SHA256] = true
		}
	}
	return facts
}

// at is a moment of the night that opens on the first day of a bubble; after midnight it is
// the day after.
func at(hour, minute int) time.Time {
	day := 1
	if hour < 12 {
		day = 2
	}
	return time.Date(2000, 1, day, hour, minute, 0, 0, time.UTC)
}

// haunt makes the devices of the reference night misbehave.
func haunt(devices *fake.Store) {
	wrong := fake.Outcome{Exit: 1, Leaves: fake.Unchanged}
	devices.Script("back-2", "os-7", fake.Script{Boot: fake.Boot{Ignored: true, Times: 1}})
	devices.Script("back-2", "conf-3", fake.Script{Install: wrong})
	devices.Trouble("back-1", fake.Trouble{Kind: fake.GateClosed, Patch: "db-5"})
	devices.Script("till-1", "pos-2", fake.Script{Install: fake.Outcome{WantsReboot: true}})
	devices.Script("till-1", "bad-9", fake.Script{Install: fake.Outcome{StopsServices: true}})
	devices.Script("till-2", "os-7", fake.Script{Install: fake.Outcome{Resets: time.Minute, Times: 1, Midway: fake.Broken}})
	devices.Trouble("till-2", fake.Trouble{Kind: fake.GateClosed, Patch: "pos-2", To: at(23, 36)})
	devices.Script("till-3", "pos-2", fake.Script{Install: fake.Outcome{StopsServices: true}})
	devices.Trouble("till-4", fake.Trouble{Kind: fake.NoAnswer, From: at(23, 33), To: at(23, 53)})
	devices.Script("till-4", "pos-2", fake.Script{Install: wrong})
	devices.Script("kiosk-1", "os-7", fake.Script{Boot: fake.Boot{Dead: true, Times: 1}})
	devices.Script("kiosk-2", "os-7", fake.Script{Install: fake.Outcome{Exit: 1, Leaves: fake.Broken}, Revert: wrong})
}

// wanted is how each job of the reference night ends.
func wanted() map[string]site.State {
	return map[string]site.State{
		"back-1 os-7": site.Done, "back-1 conf-3": site.Done, "back-1 db-5": site.Skipped,
		"back-2 os-7": site.Done, "back-2 conf-3": site.Failed, "back-2 db-5": site.Skipped,
		"till-1 os-7": site.Done, "till-1 pos-2": site.Done, "till-1 bad-9": site.RolledBack,
		"till-2 os-7": site.Done, "till-2 pos-2": site.Done, "till-2 bad-9": site.Skipped,
		"till-3 os-7": site.Done, "till-3 pos-2": site.RolledBack, "till-3 bad-9": site.Skipped,
		"till-4 os-7": site.Done, "till-4 pos-2": site.RolledBack, "till-4 bad-9": site.Skipped,
		"kiosk-1 os-7": site.NoAnswer, "kiosk-1 conf-3": site.NoAnswer,
		"kiosk-2 os-7": site.RollbackFailed, "kiosk-2 conf-3": site.Skipped,
	}
}
