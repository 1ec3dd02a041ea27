package fleetsim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/window"
)

// town is where a simulated store may be.
type town struct{ name, region, zone string }

// towns returns the places of the stores, from east to west.
func towns() []town {
	return []town{
		{"Springfield", "Midwest", "America/Chicago"}, {"Riverside", "West", "America/Los_Angeles"}, {"Franklin", "South", "America/New_York"},
		{"Georgetown", "South", "America/New_York"}, {"Fairview", "Mountain", "America/Denver"}, {"Salem", "Northeast", "America/New_York"},
		{"Madison", "Midwest", "America/Chicago"}, {"Clinton", "Northeast", "America/New_York"}, {"Greenville", "South", "America/New_York"},
		{"Bristol", "Northeast", "America/New_York"}, {"Dayton", "Midwest", "America/New_York"}, {"Mesa", "Mountain", "America/Phoenix"},
		{"Arlington", "South", "America/Chicago"}, {"Oakland", "West", "America/Los_Angeles"}, {"Boise", "Mountain", "America/Boise"},
	}
}

// storeID numbers the stores from 1001, so that a real store of the same organisation has room beside them.
func storeID(n int) string { return fmt.Sprintf("%04d", n+1001) }

// expected returns what headquarters' list of stores says of the nth one.
func expected(n int) board.Expected {
	t := towns()[n%len(towns())]
	return board.Expected{ID: storeID(n), Name: fmt.Sprintf("%s %d", t.name, n/len(towns())+1), Region: t.region}
}

// site returns the nth store with so many devices. opens is when its window opens tonight, and
// length how long it is; opens of zero is the usual 23:00 to 05:00.
func (o Options) site(n int, opens time.Time) (site.Store, error) {
	zone, err := time.LoadLocation(towns()[n%len(towns())].zone)
	if err != nil {
		return site.Store{}, err
	}
	s := site.Store{
		ID: storeID(n), Org: o.Org, Name: expected(n).Name, Ring: ringOf(n), Language: "en",
		Groups:   []site.Group{{ID: "lanes", MinUp: 1, Canary: true}, {ID: "backoffice"}},
		Contacts: []site.Contact{{Name: "Night desk", Phone: "+1 555 0100"}},
	}
	s.Calendar = calendar(zone, opens, o.Live)
	if err := s.Groups[1].MaxDown.UnmarshalText([]byte("1")); err != nil {
		return site.Store{}, err
	}
	rnd := rand.New(rand.NewPCG(o.Seed, uint64(n)))
	for i := range o.Devices {
		s.Devices = append(s.Devices, device(i, rnd))
	}
	sellers := 0
	for _, d := range s.Devices {
		if len(d.Capabilities) > 0 {
			sellers++
			s.Checks = append(s.Checks, site.Check{ID: fmt.Sprintf("POS-%d", sellers), Device: d.ID, Kind: site.CheckService, Name: "pos-app", Capability: "sell"})
		}
	}
	s.Floor = map[string]int{"sell": max(1, sellers*2/3)}
	return s, nil
}

// calendar is the usual one, or one whose window opens at a moment and is so long.
func calendar(zone *time.Location, opens time.Time, length time.Duration) window.Calendar {
	c := window.Calendar{Zone: zone, Start: 23 * 60, End: 5 * 60, Reserve: 45 * time.Minute, Opening: map[time.Weekday]window.Clock{}}
	opening := window.Clock(6*60 + 30)
	if !opens.IsZero() {
		c.Start, c.End, c.Reserve = clockOf(opens.In(zone)), clockOf(opens.Add(length).In(zone)), length/6
		opening = clockOf(opens.Add(length + 20*time.Minute).In(zone))
	}
	for day := time.Sunday; day <= time.Saturday; day++ {
		c.Opening[day] = opening
	}
	return c
}

func clockOf(t time.Time) window.Clock { return window.Clock(t.Hour()*60 + t.Minute()) }

// ringOf puts one store in a hundred into the lab, five into the pilot and the others into the fleet.
func ringOf(n int) site.Ring {
	switch {
	case n%100 == 0:
		return site.RingLab
	case n%20 == 1:
		return site.RingPilot
	}
	return site.RingFleet
}

// device returns the ith device of a store: a server for every six, then tills of three models.
func device(i int, rnd *rand.Rand) site.Device {
	d := site.Device{Class: site.LinuxServer, HostKey: "ssh-ed25519 simulated", User: "patch", Address: fmt.Sprintf("10.77.0.%d:22", i+11)}
	if i%6 == 0 {
		d.ID, d.Model, d.Groups = fmt.Sprintf("srv-%d", i/6+1), "dell-r250", []string{"backoffice"}
		return d
	}
	models := []string{"ncr-xr7", "hp-rp5810", "toshiba-4900"}
	d.ID, d.Model = fmt.Sprintf("till-%d", i-i/6), models[rnd.IntN(len(models))]
	d.Groups, d.Capabilities = []string{"lanes"}, []string{"sell"}
	return d
}
