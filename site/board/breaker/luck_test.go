package breaker

import (
	"math"
	"testing"
)

func TestLuck(t *testing.T) {
	for _, c := range []struct {
		count Count
		want  float64
	}{
		{Count{0, 0}, 1}, {Count{0, 100}, 1}, {Count{1, 100}, 1},
		{Count{1, 1}, 0.01}, {Count{2, 2}, 0.0001}, {Count{1, 18}, 0.16549}, {Count{2, 46}, 0.07735}, {Count{5, 46}, 0.00009743},
		{Count{11, 200}, 0.000006882}, {Count{2000, 100_000}, 0},
	} {
		if got := c.count.luck(); math.Abs(got-c.want) > c.want/50+1e-9 {
			t.Errorf("%d of %d: %g, want %g", c.count.Failed, c.count.Tried, got, c.want)
		}
	}
}
