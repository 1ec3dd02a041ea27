package utc

import (
	"encoding/json"
	"testing"
	"time"
)

// told is embedded, and not exported.
type told struct {
	Since time.Time `json:"since"`
}

// TestTimesOfTheAPIAreUTC: wherever a moment stands in an answer, its offset is gone, and what was answered with is as it was.
func TestTimesOfTheAPIAreUTC(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 4, 5, 0, time.FixedZone("CST", -6*3600))
	type ring struct {
		At   time.Time `json:"at"`
		Next *ring     `json:"next,omitempty"`
	}
	type answer struct {
		told
		Never  time.Time         `json:"never,omitzero"`
		Some   []time.Time       `json:"some"`
		None   []time.Time       `json:"none"`
		Map    map[string]*ring  `json:"map"`
		Any    any               `json:"any"`
		Pair   [1]time.Time      `json:"pair"`
		Raw    json.RawMessage   `json:"raw"`
		Words  map[string]string `json:"words"`
		Board  *ring             `json:"-"`
		hidden time.Time
	}
	v := &answer{
		told: told{at}, Some: []time.Time{at}, Map: map[string]*ring{"a": {at, &ring{At: at}}, "b": nil}, Any: ring{At: at}, Pair: [1]time.Time{at},
		Raw: json.RawMessage(`{"at":"2026-11-22T03:04:05-06:00"}`), Words: map[string]string{"at": "2026-11-22T03:04:05-06:00"}, hidden: at,
	}
	v.Board = &ring{At: at}
	before, _ := json.Marshal(v)
	got, err := json.Marshal(Copy(v))
	const utc = `"2026-11-22T09:04:05Z"`
	want := `{"since":` + utc + `,"some":[` + utc + `],"none":null,"map":{"a":{"at":` + utc + `,"next":{"at":` + utc + `}},"b":null},"any":{"at":` + utc + `},"pair":[` + utc +
		`],"raw":{"at":"2026-11-22T03:04:05-06:00"},"words":{"at":"2026-11-22T03:04:05-06:00"}}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if after, _ := json.Marshal(v); string(after) != string(before) || !v.hidden.Equal(at) {
		t.Errorf("what was answered with is changed: %s", after)
	}
	if Copy(v).(*answer).Board != v.Board {
		t.Error("what is not written is copied")
	}
	if Copy(nil) != nil {
		t.Error("nothing is something")
	}
}
