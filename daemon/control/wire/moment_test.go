package wire_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

// TestMoment reads the moments that people write.
func TestMoment(t *testing.T) {
	zone, err := tzdata.Load("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ text, now, want string }{
		{"05:00", "2026-11-22T05:30:00-06:00", "2026-11-23T05:00:00-06:00"},
		{"05:00", "2026-11-22T05:00:00-06:00", "2026-11-23T05:00:00-06:00"},
		{"05:00", "2026-11-22T04:59:00-06:00", "2026-11-22T05:00:00-06:00"},
		{"24:00", "2026-11-22T04:59:00-06:00", "2026-11-23T00:00:00-06:00"},
		{"23:00", "2026-11-22T04:59:00Z", "2026-11-22T05:00:00Z"}, // 22:59 in the store
		{"05:00", "2026-10-31T23:00:00-05:00", "2026-11-01T05:00:00-06:00"},
		{"4h", "2026-11-22T05:30:00-06:00", "2026-11-22T09:30:00-06:00"},
		{"2026-12-02T05:00:00Z", "2026-11-22T05:30:00-06:00", "2026-12-02T05:00:00Z"},
		{"-4h", "2026-11-22T05:30:00-06:00", ""},
		{"25:00", "2026-11-22T05:30:00-06:00", ""},
		{"", "2026-11-22T05:30:00-06:00", ""},
	}
	for _, tt := range tests {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.Moment(tt.text, now, zone)
		if tt.want == "" {
			if want := fmt.Sprintf("%q is not a moment: write it like 05:00 (store time), 4h, or 2026-11-22T05:00:00Z", tt.text); err == nil || err.Error() != want {
				t.Errorf("%q: got %v, %v, want the error %s", tt.text, got, err, want)
			}
			continue
		}
		want, parseErr := time.Parse(time.RFC3339, tt.want)
		if err != nil || parseErr != nil || !got.Equal(want) {
			t.Errorf("%q at %s: got %v, %v, want %v", tt.text, tt.now, got, err, want)
		}
	}
}
