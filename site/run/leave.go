package run

import "slices"

// leave keeps the list of ids that the store had. The one that it has is not on it, whatever it was called before.
func (s *State) leave(e Event) {
	gone := e.Text
	if e.Renamed != nil {
		gone = e.Renamed.To
	}
	left := slices.DeleteFunc(slices.Clone(s.Left), func(id string) bool { return id == gone })
	if e.Renamed != nil && !slices.Contains(left, e.Renamed.From) {
		left = append(left, e.Renamed.From)
	}
	s.Left = left
}
