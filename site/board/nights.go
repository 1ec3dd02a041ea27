package board

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// A store is on the board for years: of its past the board keeps what is asked of all stores at once. All
// of it is in the database.
const (
	nightsKept  = 8   // a week, and tonight
	windowsKept = 400 // as long as events are kept
)

// Window is when one of a store's windows opened.
type Window struct {
	Night string // its date
	Opens Time
}

// opened takes in that a window opened.
func (s *Store) opened(f Fact) bool {
	if !put(f, s.Opened, f.Name) {
		return false
	}
	opens := At(s.Opened[f.Name].Opens)
	keepNewest(s.Opened)
	i, known := slices.BinarySearchFunc(s.Windows, f.Name, func(w Window, night string) int { return strings.Compare(w.Night, night) })
	switch {
	case opens.IsZero() && known:
		s.Windows = slices.Delete(s.Windows, i, i+1)
	case known:
		s.Windows[i].Opens = opens
	case !opens.IsZero():
		same(&f.Name)
		s.Windows = slices.Insert(s.Windows, i, Window{f.Name, opens})
	}
	s.Windows = slices.Delete(s.Windows, 0, max(0, len(s.Windows)-windowsKept))
	return true
}

// FirstWindow is when the first window opened that opened at from or later; zero where there is none yet.
func (s *Store) FirstWindow(from time.Time) time.Time {
	i, _ := slices.BinarySearchFunc(s.Windows, At(from), func(w Window, from Time) int {
		if w.Opens.Before(from) {
			return -1
		}
		return 1
	})
	if i == len(s.Windows) {
		return time.Time{}
	}
	return s.Windows[i].Opens.Time()
}

// keepNewest leaves the newest nights, which are named by their dates.
func keepNewest[T any](nights map[string]T) {
	for len(nights) > nightsKept {
		delete(nights, slices.Min(slices.Collect(maps.Keys(nights))))
	}
}

// Forget takes the jobs off the board that were over before a moment and whose patch is not in the store's
// catalog any more: nobody is asked for them. They stay in the database.
func (b *Board) Forget(before time.Time) {
	for _, s := range b.Stores {
		if s.Catalog.Version == 0 {
			continue
		}
		wanted := map[string]bool{}
		for _, patch := range s.Catalog.Patches {
			wanted[patch] = true
		}
		for _, d := range s.Devices {
			d.Jobs = slices.DeleteFunc(d.Jobs, func(j *Job) bool {
				return !wanted[j.Patch] && j.State.Final() && j.At.Time().Before(before)
			})
		}
	}
}
