package accounts

import (
	"maps"
	"net"
	"net/netip"
	"time"
)

// The limits of attempts, within what PCI DSS 8.3.4 asks for: at most ten, then half an hour.
const (
	maxFromOne = 10               // failures from one address, or one browser that is known, for all names
	maxForName = 30               // failures for one name from everywhere but browsers that are known
	lockFor    = 30 * time.Minute // and after so long without a failure all is forgotten
	freeTries  = 2                // failures before attempts are slowed down
	maxDelay   = 30 * time.Second
	maxSources = 4096 // that are remembered at most
	maxNames   = 1024
)

// tries are the failures of one source, or for one name. Times are counted from the start of the
// daemon on a clock that never jumps.
type tries struct {
	of    map[string]int // failures for each name from this source, or from each source for this name
	total int
	last  time.Duration
	until time.Duration // locked until; 0 = not locked
	stays bool          // never forgotten to make room: an account has the name
}

// over reports whether nothing of t counts any more.
func (t *tries) over(now time.Duration) bool {
	return t.until > 0 && now >= t.until || t.until == 0 && now-t.last >= lockFor
}

// charge counts one failure.
func (t *tries) charge(of string, now time.Duration, most int) {
	t.of[of]++
	t.total++
	t.last = now
	if t.total >= most {
		t.until = now + lockFor
	}
}

// refund takes back failures, and the lock that came with them.
func (t *tries) refund(of string, n, most int) {
	n = min(n, t.of[of])
	if t.of[of] -= n; t.of[of] == 0 {
		delete(t.of, of)
	}
	if t.total -= n; t.total < most {
		t.until = 0
	}
}

// wait is how long a source must wait before its next attempt.
func (t *tries) wait(now time.Duration) time.Duration {
	return max(0, t.until-now, t.last+delay(t.total)-now)
}

// delay is how long an attempt must come after so many failures.
func delay(failures int) time.Duration {
	if failures < freeTries {
		return 0
	}
	return min(time.Second<<(failures-freeTries), maxDelay)
}

// limits counts the failures of everybody. It is not safe for concurrent use.
type limits struct {
	sources, names map[string]*tries
}

func newLimits() *limits { return &limits{sources: map[string]*tries{}, names: map[string]*tries{}} }

// attempt is one attempt to log in. Known sources, which are browsers in which the account logged in
// before, are not touched by the failures of others.
type attempt struct {
	name, source string
	exists       bool // an account has the name
	known        bool
}

// begin lets an attempt be looked at, and counts it as failed until it is ended otherwise. An attempt
// that must wait is not counted.
func (l *limits) begin(a attempt, now time.Duration) (wait time.Duration) {
	source := entry(l.sources, a.source, now)
	wait = source.wait(now)
	name := &tries{of: map[string]int{}}
	if !a.known {
		name = entry(l.names, a.name, now)
		wait = max(wait, name.until-now)
	}
	if wait > 0 {
		return wait
	}
	source.charge(a.name, now, maxFromOne)
	keep(l.sources, a.source, source, maxSources, now)
	if !a.known {
		name.charge(a.source, now, maxForName)
		name.stays = a.exists
		keep(l.names, a.name, name, maxNames, now)
	}
	return 0
}

// undo takes back what begin counted: nothing was learned from the attempt.
func (l *limits) undo(a attempt) { l.refund(a, 1) }

// succeed forgets the failures of this source for this name. Those for other names stay, so that nobody
// guesses on behind an account of their own.
func (l *limits) succeed(a attempt) { l.refund(a, maxForName) }

func (l *limits) refund(a attempt, n int) {
	if t := l.sources[a.source]; t != nil {
		t.refund(a.name, n, maxFromOne)
	}
	if t := l.names[a.name]; t != nil && !a.known {
		t.refund(a.source, n, maxForName)
	}
}

// sweep drops what counts no more.
func (l *limits) sweep(now time.Duration) {
	for _, m := range []map[string]*tries{l.sources, l.names} {
		maps.DeleteFunc(m, func(_ string, t *tries) bool { return t.over(now) })
	}
}

func entry(m map[string]*tries, key string, now time.Duration) *tries {
	if t := m[key]; t != nil && !t.over(now) {
		return t
	}
	return &tries{of: map[string]int{}}
}

// keep puts an entry into a table of limited size. In a full one, whoever failed the longest ago is forgotten.
func keep(m map[string]*tries, key string, t *tries, most int, now time.Duration) {
	if m[key] == nil && len(m) >= most {
		maps.DeleteFunc(m, func(_ string, t *tries) bool { return t.over(now) })
	}
	if m[key] == nil && len(m) >= most {
		oldest := ""
		for k, t := range m {
			if !t.stays && (oldest == "" || t.last < m[oldest].last) {
				oldest = k
			}
		}
		delete(m, oldest)
	}
	m[key] = t
}

// sourceOf is what an address is counted as: itself, or its network of 64 bits, for a machine has
// as many IPv6 addresses there as it likes.
func sourceOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}
