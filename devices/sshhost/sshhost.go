// Package sshhost reaches Linux servers over SSH. A device needs nothing but an
// SSH server and a POSIX shell: what is to be done there is sent as shell text,
// claimed on the device under a durable id and run detached from the login, so
// that neither a dropped connection nor a power cut on the box ends it or runs it
// twice. The package never logs in to a device without a pinned host key, never
// offers anything but its key, and never retries by itself.
package sshhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// Options are what a Driver needs from outside.
type Options struct {
	// Signer is the key with which the box logs in everywhere.
	Signer ssh.Signer
	// Box tells this box from any other that reaches the same devices, as part of a file name: what two boxes send
	// does not mix. It is to stay the same over restarts, so that a transfer is resumed.
	Box string
	// Since is when Box was set up, to the second. A device that worked for a box which was set up later refuses this one
	// all work and restarts, with CodeBusy. With an empty Box it is not asked.
	Since time.Time
	// Dial opens connections; nil is TCP with keep-alive.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolve finds the IP addresses of a host that the store file gives by name; nil asks as the system does. A device that
	// is given by its IP address never needs it.
	Resolve func(ctx context.Context, host string) ([]string, error)
	// Log is where connections are told of; nil is nowhere.
	Log *slog.Logger
	// Root is put before every path on the device, for devices that live in a directory; "" is a real device.
	Root string
}

// Driver is a devices.Driver for Linux servers. It keeps one connection to each
// device and opens it when it is needed. It is safe for concurrent use.
type Driver struct {
	opts  Options
	names *names
	work  sync.WaitGroup // every goroutine of the driver

	mu     sync.Mutex
	peers  map[string]*peer
	shells map[*Shell]struct{} // that have not ended
	closed bool
}

var _ devices.Driver = (*Driver)(nil)

// New returns a driver. It connects to nothing until it is asked something.
func New(o Options) *Driver {
	if o.Dial == nil {
		o.Dial = dialTCP
	}
	if o.Resolve == nil {
		o.Resolve = net.DefaultResolver.LookupHost
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Driver{opts: o, names: &names{resolve: o.Resolve, known: map[string]found{}}, peers: map[string]*peer{}, shells: map[*Shell]struct{}{}}
}

// Close ends every connection and waits until nothing of the driver runs any more.
// Work on the devices goes on. Calls after Close fail.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	for _, p := range d.peers {
		p.drop()
	}
	for s := range d.shells {
		s.conn.close()
	}
	d.mu.Unlock()
	d.work.Wait()
	return nil
}

// begin counts a call in, unless the driver is closed; the caller counts it out with d.work.Done.
func (d *Driver) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	d.work.Add(1)
	return nil
}

// call runs shell text as root on the device and returns what it printed after the greeting.
// It is one question: one session on the connection that is kept. A shell carries out what it reads as it comes; the braces
// make it read to the end first, so that of a text that was cut off nothing is done.
func (d *Driver) call(ctx context.Context, dev site.Device, script string, limit int) (string, error) {
	if d.opts.Root != "" {
		script = "NIGHTFILL_ROOT=" + quote(d.opts.Root) + "\n" + script
	}
	script = "{\n" + script + "}\n"
	var res result
	var err error
	for range 3 { // a command that was not taken has done nothing
		res, err = d.exec(ctx, dev, asRoot("exec $r sh -s"), strings.NewReader(script), limit)
		if !errors.Is(err, errNotTaken) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return "", err
	}
	return answer(dev, res)
}

// asRoot makes a command line that runs the shell text with $r set to what makes a command root.
func asRoot(text string, args ...string) string {
	var b strings.Builder
	b.WriteString(`sh -c ` + quote(`r=; [ "$(id -u)" = 0 ] || r="sudo -n"; `+text) + " nightfill")
	for _, a := range args {
		b.WriteString(" " + quote(a))
	}
	return b.String()
}

// greeting is the first line of every answer: before it, the device's own words are skipped.
const greeting = "nightfill 1\n"

// answer turns the result of a question into what was answered or the reason why not.
func answer(dev site.Device, res result) (string, error) {
	if strings.Contains(res.stderr, "No space left on device") {
		return "", devices.Failure(site.CodeDiskFull, "the disk of %s is full: %s", dev.ID, lastLine(res.stderr))
	}
	_, out, greeted := strings.Cut(res.stdout, greeting)
	if !greeted {
		return "", devices.Failure(site.CodeNoRights, "%s may not become root on %s: %s", userOf(dev), dev.ID, lastLine(res.stderr))
	}
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "error "); ok {
			return "", refusal(dev, strings.TrimSpace(rest))
		}
		if line == "output\n" {
			break
		}
	}
	if res.exit != 0 {
		return "", fmt.Errorf("%s answered with exit code %d: %s", dev.ID, res.exit, lastLine(res.stderr))
	}
	return out, nil
}

// refusal is the error for a line "error CODE TEXT" of a device.
func refusal(dev site.Device, text string) error {
	code, what, _ := strings.Cut(text, " ")
	switch c := site.Code(code); c {
	case "box":
		return site.Because(site.CodeBusy, fmt.Sprintf("%s is busy: box %s works on it, which was set up later than this one or took it over. Only if this one is to do so: "+
			"stop the other, then: nightfill takeover %s --reason R", dev.ID, what, dev.ID), "box", what)
	case site.CodeBusy:
		return devices.Failure(c, "%s is busy: %s", dev.ID, what)
	case site.CodeDiskFull:
		return devices.Failure(c, "the disk of %s is full: %s", dev.ID, what)
	case site.CodeStageFailed:
		return devices.Failure(c, "%s did not get the right bytes: %s", dev.ID, what)
	}
	return fmt.Errorf("%s refuses: %s", dev.ID, what)
}

// lastLine is the end of what a command complained, for one-line messages.
func lastLine(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "?"))
	s = s[strings.LastIndexByte(s, '\n')+1:]
	if s == "" {
		return "it said nothing"
	}
	return s[:min(len(s), 300)]
}

func userOf(dev site.Device) string {
	if dev.User == "" {
		return "root"
	}
	return dev.User
}

// waitWithin is how long a device may be asked to wait so that the answer still comes within ctx.
func waitWithin(ctx context.Context, most time.Duration) int {
	if until, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(until)-2*time.Second)
	}
	return max(0, int(most/time.Second))
}

// errClosed is returned by calls after Close.
var errClosed = errors.New("the driver is closed")
