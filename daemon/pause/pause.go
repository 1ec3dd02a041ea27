// Package pause lets a loop wait, and never longer than its context. It starts no goroutine and leaves no timer behind.
package pause

import (
	"context"
	"time"
)

// Until returns when changed is closed or has something to take, after longest at the latest, or when ctx ends. It
// reports whether ctx goes on. A nil changed never changes.
func Until(ctx context.Context, changed <-chan struct{}, longest time.Duration) bool {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// For waits d, unless ctx ends before; it reports whether ctx goes on.
func For(ctx context.Context, d time.Duration) bool { return Until(ctx, nil, d) }
