// Package scenario reads the small language in which the tests of the planner and of
// the night describe a store: one fact a line. It is test support and decides nothing.
package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// Scene is a store, its catalog and what was seen of it.
type Scene struct {
	Facts    policy.Facts
	Calendar window.Calendar
}

// The scenes speak of the window that opens on 2026-11-21, in UTC.
const (
	nightYear  = 2026
	nightMonth = time.November
	nightDay   = 21
)

// At returns the moment at which a clock shows hh:mm or hh:mm:ss in the night: from noon
// on the day on which it opens, otherwise on the next.
func At(clock string) (time.Time, error) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		t, err := time.Parse(layout, clock)
		if err != nil {
			continue
		}
		day := nightDay
		if t.Hour() < 12 {
			day++
		}
		return time.Date(nightYear, nightMonth, day, t.Hour(), t.Minute(), t.Second(), 0, time.UTC), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time of the night", clock)
}

// Read reads a scene. Every line is a word, a name, and key=value pairs:
//
//	now 23:00
//	store ring=fleet reserve=45m [mode=bundle]
//	group lanes min_up=2 max_down=50% canary before=tills
//	device srv-1 groups=lanes model=fast has=pos-app:1.0.0 [role=secondary] [silent] [unpinned] [observe] [battery=80] [mains]
//	patch pos-app-1.1.0 package=pos-app below=1.1.0 install=4m ... [draft] [withdrawn=why] [uncached]
//	learned pos-app-1.1.0 model=linux-server install=3m,2m30s reboot=1m rollback=4m
//	hold srv-1 until=05:00 actor=ann
//	headquarters-holds 0142 reason=flood [by=kim]
//	except pos-app-1.1.0 until=05:00 owner=pos devices=srv-1 groups=lanes stores=0142
//	quarantine pos-app-1.1.0 [other]
func Read(text string) (Scene, error) {
	s := &Scene{}
	s.Calendar = window.Calendar{Zone: time.UTC, Start: 23 * 60, End: 5 * 60, Reserve: 45 * time.Minute}
	s.Facts.Store = site.Store{ID: "0142", Org: "acme", Ring: site.RingFleet}
	s.Facts.Inventory, s.Facts.Cached, s.Facts.Holds = site.Inventory{}, map[string]bool{}, map[string]site.Hold{}
	s.Facts.Catalog.Version = 7
	s.Facts.Now, _ = At("23:00")
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) < 2 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := s.line(words[0], words[1], Pairs(words[2:])); err != nil {
			return *s, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	s.Facts.Store.Calendar = s.Calendar
	return *s, nil
}

// Options are the key=value pairs of a line; a bare word has the value "yes".
type Options map[string]string

// Pairs splits words into Options.
func Pairs(words []string) Options {
	o := Options{}
	for _, w := range words {
		key, value, found := strings.Cut(w, "=")
		if !found {
			value = "yes"
		}
		o[key] = value
	}
	return o
}

func (o Options) list(key string) []string {
	if o[key] == "" {
		return nil
	}
	return strings.Split(o[key], ",")
}

func (o Options) length(key, fallback string) site.Duration {
	text := o[key]
	if text == "" {
		text = fallback
	}
	var d site.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return d
}

func (o Options) or(key, fallback string) string {
	if o[key] == "" {
		return fallback
	}
	return o[key]
}

func (s *Scene) line(word, name string, o Options) (err error) {
	switch word {
	case "now":
		s.Facts.Now, err = At(name)
	case "store":
		s.store(name, o)
	case "group":
		err = s.group(name, o)
	case "device":
		s.device(name, o)
	case "patch":
		s.patch(name, o)
	case "learned":
		s.learned(name, o)
	case "hold":
		h := site.Hold{Device: name, Actor: o.or("actor", "ann"), Reason: o.or("reason", "till-in-use")}
		h.Until, err = At(o.or("until", "05:00"))
		s.Facts.Holds[name] = h
	case "headquarters-holds":
		s.Facts.Catalog.HeldStores = map[string]site.StoreHold{name: {Reason: o.or("reason", "flood"), At: s.Facts.Now, By: o["by"]}}
	case "except":
		err = s.except(name, o)
	case "quarantine":
		err = s.quarantine(name, o)
	default:
		err = fmt.Errorf("what is %q?", word)
	}
	return err
}

func (s *Scene) store(name string, o Options) {
	s.Facts.Store.ID = name
	s.Facts.Store.Ring = site.Ring(o.or("ring", "fleet"))
	s.Facts.Store.Mode = site.Mode(o["mode"])
	s.Calendar.Reserve = o.length("reserve", "45m").Std()
}

func (s *Scene) group(name string, o Options) error {
	g := site.Group{ID: name, Canary: o["canary"] != "", Before: o.list("before")}
	if o["min_up"] != "" {
		g.MinUp, _ = strconv.Atoi(o["min_up"])
	}
	err := g.MaxDown.UnmarshalText([]byte(o["max_down"]))
	s.Facts.Store.Groups = append(s.Facts.Store.Groups, g)
	return err
}

func (s *Scene) device(name string, o Options) {
	d := site.Device{ID: name, Class: site.Class(o.or("class", "linux-server")), Model: o["model"], HostKey: "ssh-ed25519 AAAA", Groups: o.list("groups"), Role: site.Role(o["role"])}
	if o["unpinned"] != "" {
		d.HostKey = ""
	}
	if o["observe"] != "" {
		d.Class = site.Observe
	}
	s.Facts.Store.Devices = append(s.Facts.Store.Devices, d)
	seen := site.Observation{Device: name, At: s.Facts.Now, BootID: "boot-1", Packages: map[string]string{}, Recorded: map[string]string{}}
	if o["silent"] != "" {
		seen.Error = site.Because(site.CodeNoAnswer, name+" does not answer")
	}
	if o["battery"] != "" {
		seen.Power = &site.Power{OnMains: o["mains"] != ""}
		seen.Power.Battery, _ = strconv.Atoi(o["battery"])
	}
	for _, p := range o.list("has") {
		pkg, version, _ := strings.Cut(p, ":")
		seen.Packages[pkg] = version
	}
	for _, id := range o.list("did") {
		seen.Recorded[id] = policy.Digest(site.Patch{Artifacts: []site.Artifact{artifact(id)}})
	}
	s.Facts.Inventory[name] = seen
}

func (s *Scene) learned(patch string, o Options) {
	for _, part := range []estimate.Part{estimate.Install, estimate.Reboot, estimate.Rollback} {
		for _, took := range o.list(string(part)) {
			length := Options{"took": took}.length("took", "")
			s.Facts.Learned = s.Facts.Learned.Learn(o.or("model", string(site.LinuxServer)), patch, part, length.Std())
		}
	}
}

func artifact(id string) site.Artifact {
	return site.Artifact{Name: id, SHA256: strings.Repeat("0", 63) + fmt.Sprint(len(id)%10) + id, Size: 1 << 20}
}

func (s *Scene) patch(name string, o Options) {
	p := site.Patch{
		ID: name, Title: name, Install: site.Install{Kind: site.InstallKind(o.or("kind", "deb"))}, Classes: []site.Class{site.LinuxServer},
		Devices: o.list("devices"), Groups: o.list("groups"), Stores: o.list("stores"),
		Applies: site.Applies{Package: o["package"], Below: o["below"]}, Artifacts: []site.Artifact{artifact(name)},
		Severity: site.Severity(o.or("severity", "medium")), Reboot: site.Reboot(o.or("reboot", "never")),
		Rollback: site.Rollback{Class: site.RollbackClass(o.or("rollback", "script"))},
		Duration: site.Durations{Install: o.length("install", "4m"), Reboot: o.length("restart", "3m"), Verify: o.length("verify", "1m"), Rollback: o.length("revert", "5m")},
		Requires: o.list("requires"), Supersedes: o.list("supersedes"), Owner: "pos",
	}
	if o["gate"] != "" {
		p.Gates = []site.Gate{{Command: []string{"closed"}, Wait: o["gate"] == "wait"}}
	}
	if o["released"] != "" {
		_ = p.VendorReleased.UnmarshalText([]byte(o["released"]))
	}
	a := site.Approved{Patch: p, Release: &site.Release{Ring: site.Ring(o.or("ring", "fleet"))}}
	if o["draft"] != "" {
		a.Release = nil
	}
	if o["withdrawn"] != "" {
		a.Withdrawn = &site.Withdrawal{Reason: o["withdrawn"], At: s.Facts.Now}
	}
	if o["not_after"] != "" {
		t, _ := At(o["not_after"])
		a.Patch.Approval.NotAfter = &t
	}
	if o["uncached"] == "" {
		s.Facts.Cached[artifact(name).SHA256] = true
	}
	s.Facts.Catalog.Patches = slices.DeleteFunc(s.Facts.Catalog.Patches, func(b site.Approved) bool { return b.Patch.ID == name })
	s.Facts.Catalog.Patches = append(s.Facts.Catalog.Patches, a)
}

func (s *Scene) approved(patch string) (*site.Approved, error) {
	i := slices.IndexFunc(s.Facts.Catalog.Patches, func(a site.Approved) bool { return a.Patch.ID == patch })
	if i < 0 {
		return nil, fmt.Errorf("there is no patch %q above", patch)
	}
	return &s.Facts.Catalog.Patches[i], nil
}

func (s *Scene) except(patch string, o Options) error {
	a, err := s.approved(patch)
	if err != nil {
		return err
	}
	until, err := At(o.or("until", "05:00"))
	a.Exceptions = append(a.Exceptions, site.Exception{
		Patch: patch, Devices: o.list("devices"), Groups: o.list("groups"), Stores: o.list("stores"),
		Owner: o.or("owner", "pos-owner"), Reason: o.or("reason", "vendor-fix-pending"), Expires: until,
	})
	return err
}

// quarantine keeps a patch from the whole store; with the word other, for bytes that it has no more.
func (s *Scene) quarantine(patch string, o Options) error {
	a, err := s.approved(patch)
	if err != nil {
		return err
	}
	q := site.Quarantine{Patch: patch, Digest: policy.Digest(a.Patch), Since: s.Facts.Now, Reason: site.Because(site.CodeQuarantined, "it broke srv-1")}
	if o["other"] != "" {
		q.Digest = "other"
	}
	if s.Facts.Quarantine == nil {
		s.Facts.Quarantine = map[string]site.Quarantine{}
	}
	s.Facts.Quarantine[patch] = q
	return nil
}
