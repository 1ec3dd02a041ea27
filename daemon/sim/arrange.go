package sim

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
)

// furnish puts the devices of the scene into a simulation, haunted as the faults say, and
// returns what a night is planned from. It feels what was wrong before.
func (s *Scene) furnish(store *fake.Store, feel func(fault string)) policy.Facts {
	facts := policy.Facts{Store: s.Store, Catalog: site.Catalog{Version: 1}, Cached: map[string]bool{}}
	facts.Store.Devices = slices.Clone(s.Store.Devices)
	for i, m := range s.machines {
		for _, f := range s.Faults {
			if f.Kind == brokenBefore && f.hits(m.ID) {
				if name := s.patch(f.Patch).Applies.Package; name != "" {
					m.Broken = append(slices.Clone(m.Broken), name)
					feel(brokenBefore)
				}
			}
		}
		added := store.Add(m)
		d := &facts.Store.Devices[i]
		d.Address, d.User, d.HostKey = added.Address, added.User, added.HostKey
	}
	s.haunt(store, feel)
	for _, p := range s.Patches {
		facts.Catalog.Patches = append(facts.Catalog.Patches, site.Approved{Patch: p, Release: &site.Release{Ring: site.RingFleet}})
		for _, a := range policy.Needed(p) {
			facts.Cached[a.SHA256] = true
		}
	}
	return facts
}

// hits reports whether a fault is about a device.
func (f Fault) hits(device string) bool {
	if f.Device != "" || f.Share == 0 {
		return f.Device == "" || f.Device == device
	}
	hash := fnv.New32a()
	fmt.Fprint(hash, device, f.Kind, f.Patch, f.At)
	return int(hash.Sum32()%100) < f.Share
}

// haunt makes the devices behave as drawn and misbehave as the faults say.
func (s *Scene) haunt(store *fake.Store, feel func(fault string)) {
	edits := map[string]func(*fake.Script){}
	for _, k := range kinds() {
		if k.script != nil {
			edits[k.name] = k.script
		}
	}
	for _, d := range s.Store.Devices {
		for _, p := range s.Patches {
			script := s.scripts[pair{d.ID, p.ID}]
			for _, f := range s.Faults {
				if edit := edits[f.Kind]; edit != nil && f.hits(d.ID) && f.Patch == p.ID {
					edit(&script)
				}
			}
			store.Script(d.ID, p.ID, script)
		}
		for n, f := range s.Faults {
			if f.hits(d.ID) {
				s.befall(store, d.ID, f, n, feel)
			}
		}
	}
}

// befall adds what a fault does to a device by the clock.
func (s *Scene) befall(store *fake.Store, device string, f Fault, n int, feel func(fault string)) {
	t := fake.Trouble{Kind: fake.TroubleKind(f.Kind), From: s.Opens.Add(f.At + time.Duration(n)*time.Microsecond)}
	if f.For > 0 {
		t.To = t.From.Add(f.For)
	}
	switch t.Kind {
	case fake.NoAnswer, fake.OtherKey, fake.LoginRefused, fake.DiskFull, fake.PowerOff, fake.ClaimsLost:
	case fake.Slow:
		t.Delay = 4*time.Second + time.Duration(len(device))*time.Millisecond
	case fake.Flapping:
		t.Up, t.Down = 20*time.Second+3*time.Millisecond, 40*time.Second+5*time.Millisecond
	case fake.LockHeld:
		t.Owner = "another box"
	case fake.GateClosed:
		t.Patch = f.Patch
	default:
		switch f.Kind {
		case powerCut, stripOff:
			t.Kind = fake.PowerOff
		case accessPoint:
			t.Kind = fake.NoAnswer
		default:
			return
		}
		feel(f.Kind)
	}
	store.Trouble(device, t)
}

// schedule plans what befalls the box, and what people and headquarters do, by the clock.
func (w *world) schedule() {
	for n, f := range w.scene.Faults {
		at := w.scene.Opens.Add(f.At + time.Duration(n)*time.Microsecond)
		switch f.Kind {
		case boxDies, powerCut:
			w.plan(action{at, func() bool { w.die(f.For, f.Kind); return true }})
		case toldTwice:
			w.plan(action{at, func() bool { return w.say(f.Kind, w.news(), w.news()) }})
			w.plan(action{at.Add(f.For), func() bool { return w.say(f.Kind, w.news()) }})
		case withdrawn:
			w.plan(action{at, func() bool { w.withdraw(f.Patch, at); return true }})
			w.plan(action{at, func() bool { return w.say(f.Kind, w.news()) }})
		case held:
			device := f.Device
			if device == "" {
				device = site.AllDevices
			}
			hold := &site.Hold{Device: device, Until: at.Add(f.For), Reason: "late customers", Actor: "ann"}
			w.plan(action{at, func() bool { return w.say(f.Kind, run.Event{Kind: run.HoldSet, Hold: hold}) }})
		}
	}
}

// withdraw takes a patch back at headquarters.
func (w *world) withdraw(patch string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	patches := slices.Clone(w.facts.Catalog.Patches)
	for i := range patches {
		if patches[i].Patch.ID == patch {
			patches[i].Withdrawn = &site.Withdrawal{Reason: "it is bad", At: at}
		}
	}
	w.facts.Catalog.Patches = patches
	w.version++
}

// deliver brings the patches of a night.
func (w *world) deliver(night int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.night = night
	for _, arrives := range w.scene.arrives {
		if arrives == night && night > 0 {
			w.version++
			w.plan(action{time.Now().Add(7 * time.Second), func() bool { return w.say("delivered", w.news()) }})
			return
		}
	}
}

// news is what the journal is told of the catalog as it is now.
func (w *world) news() run.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	note := &run.CatalogNote{Version: w.version + 1, Withdrawn: map[string]string{}}
	for _, a := range w.facts.Catalog.Patches {
		if w.scene.arrives[a.Patch.ID] <= w.night {
			note.Patches = append(note.Patches, a.Patch.ID)
		}
		if a.Withdrawn != nil {
			note.Withdrawn[a.Patch.ID] = a.Withdrawn.Reason
		}
	}
	return run.Event{Kind: run.CatalogUpdated, Catalog: note}
}
