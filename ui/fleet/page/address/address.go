package address

import (
	"net/url"
	"slices"
)

// Unknown is the error of a parameter whose value means nothing: the list would not be what was asked for.
type Unknown struct {
	Name, Value string
	Known       []string // what it may be
}

// Error says what the parameter may be.
func (e *Unknown) Error() string {
	return e.Name + " must be one of " + enumerate(e.Known) + ", not \"" + e.Value + "\"."
}

// OneOf returns an Unknown where a value is neither empty nor known.
func OneOf[T ~string](name, value string, known []T) error {
	if value == "" || slices.Contains(known, T(value)) {
		return nil
	}
	e := &Unknown{Name: name, Value: value}
	for _, k := range known {
		e.Known = append(e.Known, string(k))
	}
	return e
}

// With is the address of a path with parameters, and with pairs of a parameter and its value, which replace those. An
// empty value takes the parameter away. The parameters are changed.
func With(path string, v url.Values, pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Del(pairs[i])
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

func enumerate(list []string) string {
	text := ""
	for i, v := range list {
		switch {
		case i == 0:
		case i == len(list)-1:
			text += " and "
		default:
			text += ", "
		}
		text += v
	}
	return text
}
