package overview

import (
	"cmp"
	"slices"
	"time"
)

// Zone is the stores of one time zone: their windows open together.
type Zone struct {
	Zone    string         `json:"zone"` // IANA name; "" = not told
	Total   int            `json:"total"`
	Buckets []Count        `json:"buckets"` // they add up to Total
	Jobs    int            `json:"jobs"`
	Settled int            `json:"settled"`
	Opens   time.Time      `json:"window_opens,omitzero"`  // the first window of the zone that counts
	Closes  time.Time      `json:"window_closes,omitzero"` // the last one
	EndsMin time.Time      `json:"ends_first,omitzero"`    // when the open nights end, as the stores expect it
	EndsMax time.Time      `json:"ends_last,omitzero"`
	Loc     *time.Location `json:"-"`
}

// zones gathers stores by time zone, the one whose window opens first at the top.
func zones(stores []Store, now time.Time) []Zone {
	of, counts := map[string]*Zone{}, map[string]map[Bucket]int{}
	for _, s := range stores {
		z, ok := of[s.Zone]
		if !ok {
			z = &Zone{Zone: s.Zone, Loc: s.Loc}
			of[s.Zone], counts[s.Zone] = z, map[Bucket]int{}
		}
		z.Total++
		z.Jobs += s.Total
		z.Settled += s.Settled
		counts[s.Zone][s.Bucket]++
		z.Opens, z.Closes = earlier(z.Opens, s.WindowOpens), later(z.Closes, s.WindowCloses)
		if s.Ends.After(now) {
			z.EndsMin, z.EndsMax = earlier(z.EndsMin, s.Ends), later(z.EndsMax, s.Ends)
		}
	}
	list := make([]Zone, 0, len(of))
	for name, z := range of {
		for _, b := range Buckets() {
			z.Buckets = append(z.Buckets, Count{string(b), b.Word(), counts[name][b]})
		}
		list = append(list, *z)
	}
	slices.SortFunc(list, func(a, b Zone) int {
		switch {
		case a.Opens.IsZero() != b.Opens.IsZero():
			if a.Opens.IsZero() {
				return 1
			}
			return -1
		case !a.Opens.Equal(b.Opens):
			return a.Opens.Compare(b.Opens)
		}
		return cmp.Compare(a.Zone, b.Zone)
	})
	return list
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
