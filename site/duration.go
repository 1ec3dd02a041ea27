package site

import (
	"fmt"
	"time"
)

// Duration is a time.Duration that reads and writes as text ("4m", "1h30m0s")
// in JSON and YAML, so that files and records stay readable.
type Duration time.Duration

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns the text form, for example "4m0s".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Negative lengths are
// refused: nothing in a store lasts less than no time.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a length of time: write it like 90s, 4m or 1h30m", text)
	}
	if v < 0 {
		return fmt.Errorf("%q is negative: a length of time is 0 or more", text)
	}
	*d = Duration(v)
	return nil
}
