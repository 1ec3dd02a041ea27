package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
)

// Scene is a drawn night: the store, what is approved for it, how fast everything is in truth,
// and what goes wrong.
type Scene struct {
	Seed     uint64
	Store    site.Store // its devices get their keys when the night is played
	Patches  []site.Patch
	Faults   []Fault
	Bolt     bool // the journal is written to files, too
	Nights   []span
	Opens    time.Time      // the first night
	Closes   time.Time      // its end
	arrives  map[string]int // the night by which a patch is approved, where that is not the first
	machines []fake.Device
	scripts  map[pair]fake.Script // how each patch goes on each device
}

// pair is a patch on a device.
type pair struct{ device, patch string }

// span is the window of one night.
type span struct{ opens, closes time.Time }

// Draw makes the night of a seed. Its faults are of the kinds that are named, or of all.
func Draw(seed uint64, kinds ...string) Scene {
	s := Scene{Seed: seed, Bolt: seed%boltEvery == 0, scripts: map[pair]fake.Script{}, arrives: map[string]int{}}
	s.drawNights(draw(seed, streamNights))
	s.drawStore(draw(seed, streamStore))
	s.drawPatches(draw(seed, streamPatches))
	s.addChecks()
	s.drawPace(draw(seed, streamPace))
	s.drawFaults(draw(seed, streamFaults), kinds)
	return s
}

// Alone makes the night of a seed in which one fault of a kind is all that goes wrong.
func Alone(seed uint64, name string) Scene {
	s := Draw(seed, name)
	s.Faults = nil
	for _, k := range kinds() {
		if k.name == name {
			s.Faults = []Fault{s.drawFault(draw(seed, streamFaults), k)}
		}
	}
	return s
}

func (s *Scene) drawStore(c chance) {
	reserve := pick(c, []time.Duration{10 * time.Minute, 15 * time.Minute, 20 * time.Minute})
	s.Store = site.Store{
		ID: "0142", Ring: site.RingFleet, Floor: map[string]int{},
		Calendar: window.Calendar{Zone: s.Opens.Location(), Start: opening * 60, End: window.Clock(s.Closes.Hour() * 60), Reserve: reserve},
	}
	servers, lanes, kiosks := c.between(1, 2), c.between(3, 8), c.between(2, 4)
	s.addGroup(c, site.Group{ID: "servers", Canary: servers > 1 && c.one(0.5)}, servers, "serve")
	s.addGroup(c, site.Group{ID: "lanes", Canary: c.one(0.7)}, lanes, "sell")
	s.addGroup(c, site.Group{ID: "kiosks", Canary: c.one(0.3)}, kiosks, "")
	if c.one(0.6) {
		s.Store.Groups[0].Before = []string{"lanes", "kiosks"}
	}
	switch {
	case c.one(0.6):
		s.Store.Groups[1].MinUp = c.between(1, lanes-1)
	case c.one(0.7):
		s.Store.Groups[1].MaxDown = site.Limit{Percent: pick(c, []int{25, 34, 50})}
	}
	if servers > 1 && c.one(0.8) {
		s.Store.Groups[0].MaxDown = site.Limit{Count: 1}
	}
	if servers > 1 && c.one(0.5) {
		s.Store.Devices[0].Role, s.Store.Devices[1].Role = site.Primary, site.Secondary
	}
	if c.one(0.33) {
		s.Store.Mode = site.Bundle
	}
	s.Store.Floor["serve"], s.Store.Floor["sell"] = 1, max(1, s.Store.Groups[1].MinUp, lanes/2)
}

// addGroup adds a group with its devices.
func (s *Scene) addGroup(c chance, g site.Group, n int, capability string) {
	s.Store.Groups = append(s.Store.Groups, g)
	for i := range n {
		d := site.Device{ID: fmt.Sprintf("%s-%d", g.ID[:len(g.ID)-1], i+1), Class: site.LinuxServer, Groups: []string{g.ID}}
		if capability != "" {
			d.Capabilities = []string{capability}
		}
		s.Store.Devices = append(s.Store.Devices, d)
		s.machines = append(s.machines, fake.Device{
			ID: d.ID, Class: d.Class, Packages: map[string]string{}, Services: []string{"core", "pos"},
			Latency: c.span(5*time.Millisecond, 60*time.Millisecond), Bandwidth: int64(c.between(4, 100)) << 20,
			GateTakes: c.span(200*time.Millisecond, 3*time.Second), ClockOffset: wrong(c),
		})
	}
}

// wrong is how far the clock of a device is off: nothing may hang on it.
func wrong(c chance) time.Duration {
	if c.one(0.9) {
		return 0
	}
	return c.span(-48*time.Hour, 48*time.Hour)
}

func artifact(c chance, name string) site.Artifact {
	sum := sha256.Sum256([]byte(name))
	return site.Artifact{Name: name, SHA256: hex.EncodeToString(sum[:]), Size: int64(c.between(1, 300)) << 20}
}

func (s *Scene) drawPatches(c chance) {
	versions := map[string]int{}
	for n := range c.between(2, 8) {
		p := site.Patch{
			ID: fmt.Sprintf("patch-%d", n+1), Reboot: pick(c, []site.Reboot{site.RebootNever, site.RebootNever, site.RebootMay, site.RebootAlways}),
			Severity: pick(c, []site.Severity{site.Critical, site.High, site.Medium, site.Low}),
			Verify:   pick(c, [][]site.Verify{{{Service: "core"}}, {{Service: "pos"}}, {{Service: "pos"}, {TCP: "127.0.0.1:80"}}, {{Command: []string{"true"}}}}),
		}
		s.aim(c, &p)
		s.pack(c, &p, versions)
		p.Duration = site.Durations{
			Install: round(c.minutes(5, 15)), Reboot: round(c.minutes(4, 8)), Verify: round(c.minutes(1, 2)), Rollback: round(c.minutes(5, 15)),
		}
		if c.one(0.3) {
			p.Duration.Soak = round(c.minutes(2, 5))
		}
		if c.one(0.3) {
			p.Gates = []site.Gate{{Command: []string{"test", "!", "-e", "/run/eod.lock"}, Wait: c.one(0.7)}}
		}
		if n > 0 && c.one(0.2) {
			p.Requires = []string{s.Patches[c.IntN(n)].ID}
		}
		s.Patches = append(s.Patches, p)
		if late := len(s.Nights) > 1 && c.one(0.4); late {
			s.arrives[p.ID] = c.IntN(len(s.Nights))
		}
	}
	for i := range s.machines {
		for name := range versions {
			s.machines[i].Packages[name] = "1.0"
		}
	}
}

func round(d time.Duration) site.Duration { return site.Duration(d.Round(time.Second)) }

// aim says which devices a patch is for.
func (s *Scene) aim(c chance, p *site.Patch) {
	switch {
	case c.one(0.45):
	case c.one(0.6):
		p.Groups = []string{"lanes"}
	case c.one(0.5):
		p.Groups = []string{"servers", "kiosks"}
	default:
		for _, d := range s.Store.Devices {
			if c.one(0.5) {
				p.Devices = append(p.Devices, d.ID)
			}
		}
	}
}

// pack draws how a patch is put on and taken back.
func (s *Scene) pack(c chance, p *site.Patch, versions map[string]int) {
	kind := pick(c, []site.InstallKind{site.InstallDeb, site.InstallDeb, site.InstallScript, site.InstallFile})
	p.Install = site.Install{Kind: kind}
	p.Rollback = site.Rollback{Class: site.RollbackScript, Artifacts: []site.Artifact{artifact(c, p.ID+"-back.sh")}}
	switch kind {
	case site.InstallDeb:
		name := fmt.Sprintf("app-%d", c.between(1, 4))
		was := max(1, versions[name])
		versions[name] = was + 1
		p.Applies = site.Applies{Package: name, Below: fmt.Sprintf("%d.0", was+1)}
		p.Artifacts = []site.Artifact{artifact(c, fmt.Sprintf("%s_%d.0_all.deb", name, was+1))}
		p.Rollback = site.Rollback{Class: site.RollbackDowngrade, Artifacts: []site.Artifact{artifact(c, fmt.Sprintf("%s_%d.0_all.deb", name, was))}}
	case site.InstallFile:
		p.Install.Path = "/etc/" + p.ID
		p.Artifacts = []site.Artifact{artifact(c, p.ID+".conf")}
	default:
		p.Artifacts = []site.Artifact{artifact(c, p.ID+".sh")}
	}
	if c.one(0.12) {
		p.Rollback = site.Rollback{Class: site.RollbackNone}
	}
}

// drawPace draws how long each patch takes on each device in truth: mostly less than estimated.
func (s *Scene) drawPace(c chance) {
	for _, m := range s.machines {
		model := c.minutes(0.7, 1.3).Minutes()
		for _, p := range s.Patches {
			pace := func(d site.Duration) time.Duration {
				return time.Duration(float64(d) * min(1.9, model*c.minutes(0.7, 1.2).Minutes())).Round(time.Millisecond)
			}
			s.scripts[pair{m.ID, p.ID}] = fake.Script{
				Install: fake.Outcome{Takes: pace(p.Duration.Install), WantsReboot: c.one(0.45)},
				Verify:  fake.Outcome{Takes: proof(pace(p.Duration.Verify), p) + p.Duration.Soak.Std()},
				Prove:   fake.Outcome{Takes: proof(pace(p.Duration.Verify), p)},
				Revert:  fake.Outcome{Takes: pace(p.Duration.Rollback)},
				Boot:    fake.Boot{Takes: pace(p.Duration.Reboot)},
			}
		}
	}
}

// proof is how long a proof takes: less than it is given, since one that takes longer fails.
func proof(pace time.Duration, p site.Patch) time.Duration {
	return min(pace, p.Duration.Verify.Std()*9/10)
}

// patch returns the drawn patch with this id, whatever the rules were told about it.
func (s *Scene) patch(id string) site.Patch {
	for _, p := range s.Patches {
		if p.ID == id {
			return p
		}
	}
	panic("sim: there is no patch " + id)
}
