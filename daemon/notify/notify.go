// Package notify tells systemd how the daemon is: that it is ready, what it is doing,
// that it stops, and that it is alive.
//
// Alive means that every core loop did real work since the last time, never merely that
// the process can still run a timer. A call never blocks for longer than a second, the
// environment is never changed, and a daemon that nobody supervises is told so instead
// of pretending to be watched. The package restarts nothing and decides nothing.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/coreos/go-systemd/v22/daemon"
)

// MaxStatus is how many characters of a status systemd is shown at most.
const MaxStatus = 120

// writeDeadline is how long systemd may take to accept a message. It takes microseconds,
// unless it is stuck: then a lost message is better than a stuck daemon.
const writeDeadline = time.Second

// Notifier speaks to the systemd that started this process. All methods may be called
// from any goroutine.
type Notifier struct {
	log      *slog.Logger
	send     func(message string) error
	without  string        // why nobody supervises, "" = somebody does
	watchdog time.Duration // 0 = not watched
	unwatch  string        // why it is not watched

	mu     sync.Mutex
	hearts []*Heart
	status string // the last one that was accepted
}

// New looks at the environment that systemd made and starts nothing. A process that is
// not supervised gets a Notifier too: its messages go nowhere, without an error.
func New(log *slog.Logger) *Notifier {
	n := &Notifier{log: log}
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		n.without = "NOTIFY_SOCKET is not set"
		n.send = func(string) error { return nil }
		return n
	}
	n.send = func(message string) error { return write(address, message, writeDeadline) }
	watchdog, err := daemon.SdWatchdogEnabled(false)
	switch {
	case err != nil:
		n.unwatch = "WATCHDOG_USEC cannot be used: " + err.Error()
	case watchdog > 0:
		n.watchdog = watchdog
	case os.Getenv("WATCHDOG_USEC") != "":
		n.unwatch = fmt.Sprintf("WATCHDOG_PID is %s and this process is %d: let ExecStart name the program itself", os.Getenv("WATCHDOG_PID"), os.Getpid())
	default:
		n.unwatch = "WatchdogSec is not set"
	}
	return n
}

// Supervised reports whether systemd listens to this process.
func (n *Notifier) Supervised() bool { return n.without == "" }

// Watched reports whether systemd restarts this process when it is not alive.
func (n *Notifier) Watched() bool { return n.watchdog > 0 }

// Interval is how often Run looks at the hearts: a third of systemd's patience. A core loop
// must beat at least this often. It is 0 when the process is not watched.
func (n *Notifier) Interval() time.Duration { return n.watchdog / 3 }

// String says in one line who supervises, for the log of a start.
func (n *Notifier) String() string {
	switch {
	case n.without != "":
		return "not supervised: " + n.without
	case n.watchdog == 0:
		return "supervised by systemd without a watchdog: " + n.unwatch
	}
	return fmt.Sprintf("supervised by systemd, which waits %v for a sign of life", n.watchdog)
}

// Ready tells systemd that the daemon recovered and listens.
func (n *Notifier) Ready() error { return n.tell(daemon.SdNotifyReady) }

// Stopping tells systemd that the daemon is on its way out.
func (n *Notifier) Stopping() error { return n.tell(daemon.SdNotifyStopping) }

// Status tells systemd in one line what the daemon is doing. A longer text is cut to
// MaxStatus characters, and what systemd knows already is not sent again.
func (n *Notifier) Status(text string) error {
	line := oneLine(text)
	n.mu.Lock()
	known := n.status == line
	n.mu.Unlock()
	if known {
		return nil
	}
	if err := n.tell("STATUS=" + line); err != nil {
		return err
	}
	n.mu.Lock()
	n.status = line
	n.mu.Unlock()
	return nil
}

func (n *Notifier) tell(message string) error {
	if err := n.send(message); err != nil {
		return fmt.Errorf("cannot tell systemd %q: %v", message, err)
	}
	return nil
}

// oneLine makes text fit for a status: a line break in it would begin another message.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if runes := []rune(text); len(runes) > MaxStatus {
		return string(runes[:MaxStatus-1]) + "…"
	}
	return text
}

// Heart is the sign of life of one core loop.
type Heart struct {
	name string
	beat atomic.Bool
	born time.Time
	last atomic.Int64 // nanoseconds from born to the newest beat
}

// Beat says that the loop did a round of real work. It costs nothing and never blocks.
func (h *Heart) Beat() {
	h.beat.Store(true)
	h.last.Store(int64(time.Since(h.born)))
}

// Heart registers a core loop. From then on systemd is told that the daemon is alive only
// if this loop beats too, so register a loop that runs and only then.
func (n *Notifier) Heart(name string) *Heart {
	h := &Heart{name: name, born: time.Now()}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hearts = append(n.hearts, h)
	return h
}

// Silent returns the core loops that did no round of work for longer than patience, whether
// somebody supervises or not.
func (n *Notifier) Silent(patience time.Duration) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var silent []string
	for _, h := range n.hearts {
		if time.Since(h.born)-time.Duration(h.last.Load()) > patience {
			silent = append(silent, h.name)
		}
	}
	return silent
}

// Run tells systemd every Interval that the daemon is alive, if every heart beat since the
// last time it did so. Otherwise it keeps silent and logs who does not beat; systemd then
// ends the process, and the next start recovers from the journal. Run returns nil when
// ctx ends.
func (n *Notifier) Run(ctx context.Context) error {
	if n.Interval() <= 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(n.Interval())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			n.ping()
		}
	}
}

// ping tells systemd that the daemon is alive, if it is.
func (n *Notifier) ping() {
	n.mu.Lock()
	hearts := slices.Clone(n.hearts)
	n.mu.Unlock()
	var silent []string
	for _, h := range hearts {
		if !h.beat.Load() {
			silent = append(silent, h.name)
		}
	}
	if len(silent) > 0 {
		n.log.Warn("a core loop does not move; without it systemd restarts the daemon", "loops", strings.Join(silent, " "), "patience", n.watchdog.String())
		return
	}
	for _, h := range hearts {
		h.beat.Store(false)
	}
	if err := n.tell(daemon.SdNotifyWatchdog); err != nil {
		n.log.Warn("the sign of life was lost", "error", err)
	}
}

// write sends one datagram, as sd_notify(3) describes it, within the deadline.
func write(address, message string, within time.Duration) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}
