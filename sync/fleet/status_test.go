package fleet

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var m meter
	now := night()
	for s := range 20 {
		m.add(100, now.Add(time.Duration(s)*time.Second))
	}
	if got := m.at(now.Add(20 * time.Second)); got != 100 {
		t.Errorf("%v a second, want 100", got)
	}
	if got := m.at(now.Add(25 * time.Second)); got != 50 {
		t.Errorf("%v a second, want 50", got)
	}
	if got := m.at(now.Add(time.Hour)); got != 0 {
		t.Errorf("%v a second, want 0", got)
	}
}
