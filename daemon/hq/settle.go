package hq

import (
	"context"
	"time"
)

// What headquarters says and stops, it says and stops by a board that is of now. After a start the board is
// that of before until the broker has shown what the stores keep there.
const (
	settleAfter = 5 * time.Second  // with a broker that shows nothing more
	settleLimit = 30 * time.Second // with any, or none
	settleTick  = 250 * time.Millisecond
)

// settled makes a part begin when the board is of now, or when that took too long.
func (h *HQ) settled(part func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(settleTick)
		defer tick.Stop()
		limit := time.NewTimer(settleLimit)
		defer limit.Stop()
		for {
			if s := h.fleet.Status(); s.Connected && s.Queued == 0 && time.Since(s.Since) >= settleAfter {
				return part(ctx)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-limit.C:
				return part(ctx)
			case <-tick.C:
			}
		}
	}
}
