package publish

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestAnotherCommand: a command waits for another one that is soon over, and says so of one that is not.
func TestAnotherCommand(t *testing.T) {
	r, _, _ := company(t)
	synctest.Test(t, func(t *testing.T) {
		other, err := os.OpenFile(r.path(lockName), os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		for _, c := range []struct {
			busy time.Duration
			want string
		}{{lockWait - time.Millisecond, ""}, {time.Minute, "another command is working on " + r.dir + ": wait until it is finished"}} {
			if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			over := time.AfterFunc(c.busy, func() { _ = unix.Flock(int(other.Fd()), unix.LOCK_UN) })
			_, err := r.Status()
			if err != nil && err.Error() != c.want || err == nil && c.want != "" {
				t.Errorf("busy for %s: %v", c.busy, err)
			}
			over.Stop()
			if err := unix.Flock(int(other.Fd()), unix.LOCK_UN); err != nil {
				t.Fatal(err)
			}
		}
	})
}
