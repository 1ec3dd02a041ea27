package main_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
)

// store is a store with real hosts, its own catalog server and broker, and the folder of all.
type store struct {
	*lab
	tb      testing.TB
	folder  string
	ids     []string // of host 1, 2, ...
	users   []string
	other   map[int]reached // hosts that are reached in another way than the lab's sshd
	patches []string        // as YAML
	checks  []string        // as YAML, one line each
	rules   string          // more lines of the store file, with a line break behind each
	group   string          // of every host; "" = none
	starts  time.Time
	ends    time.Time

	catalogPort, brokerPort, readyPort, metricsPort int
	catalog, broker, box                            *program
}

// openStore makes a store of fresh hosts named srv-1 and so on; every second one is entered
// as a user who has to use sudo.
func openStore(tb testing.TB, hosts int) *store {
	tb.Helper()
	s := &store{lab: openLab(tb, hosts), tb: tb, folder: tb.TempDir()}
	for n := 1; n <= hosts; n++ {
		s.ids = append(s.ids, fmt.Sprintf("srv-%d", n))
		s.users = append(s.users, []string{"root", "patch"}[(n+1)%2])
	}
	s.catalogPort, s.brokerPort, s.readyPort, s.metricsPort = freePort(tb), freePort(tb), freePort(tb), freePort(tb)
	s.starts, s.ends = time.Now().Add(-time.Minute), time.Now().Add(40*time.Minute)
	return s
}

// n is the number of the host that is called id.
func (s *store) n(id string) int { return slices.Index(s.ids, id) + 1 }

// write puts a file into the folder and returns its path.
func (s *store) write(name, text string) string {
	s.tb.Helper()
	path := filepath.Join(s.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.tb.Fatal(err)
	}
	return path
}

// patch adds a patch file. What belongs to every patch of the suite is filled in.
func (s *store) patch(id string, lines ...string) {
	text := fmt.Sprintf("id: %s\ntitle: Patch %s\nowner: pos\n%s\n", id, id, strings.Join(lines, "\n"))
	if !strings.Contains(text, "duration:") {
		text += "duration: {install: 20s, reboot: 20s, verify: 10s, rollback: 20s}\n"
	}
	s.patches = append(s.patches, s.write("patches/"+id+".yaml", text))
}

// debPatch adds a patch that brings a package to a version, and can take it back to 1.0.0.
func (s *store) debPatch(name, version, targets string, lines ...string) string {
	id := name + "-" + version
	s.patch(id, append([]string{
		"install: {kind: deb}", targets, fmt.Sprintf("artifacts: [%s]", s.deb(name, version)),
		fmt.Sprintf("applies: {package: %s, below: %q}", name, version),
		fmt.Sprintf("rollback: {class: package-downgrade, artifacts: [%s]}", s.deb(name, "1.0.0")),
		fmt.Sprintf("verify: [{service: %s}]", name),
	}, lines...)...)
	return id
}

// hq runs `nightfill catalog`.
func (s *store) hq(args ...string) {
	s.tb.Helper()
	if _, _, err := call(s.folder, filepath.Join(s.bin, "nightfill"), append([]string{"catalog"}, args...)...); err != nil {
		s.tb.Fatal(err)
	}
}

// publish authors, signs, releases and publishes the patches as their owners and headquarters do.
func (s *store) publish() {
	s.tb.Helper()
	s.hq("init", "hq", "--keys", "keys", "--owner", "pos=2/3")
	s.hq(append([]string{"add", "hq"}, s.patches...)...)
	for _, path := range s.patches {
		s.hq("release", "hq", strings.TrimSuffix(filepath.Base(path), ".yaml"), "--ring", "fleet")
	}
	s.hq("sign", "hq", "--key", "keys/pos-1", "--yes")
	s.hq("sign", "hq", "--key", "keys/pos-3", "--yes")
	s.hq("publish", "hq", "out")
}

// serve starts the catalog server and the broker.
func (s *store) serve() {
	s.tb.Helper()
	s.catalog = start(s.tb, s.folder, "catalog", filepath.Join(s.bin, "nightfill"), "catalog", "serve", "out", "--listen", fmt.Sprintf("127.0.0.1:%d", s.catalogPort))
	conf := s.write("mosquitto.conf", fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stdout\nmax_queued_messages 0\n", s.brokerPort))
	s.broker = start(s.tb, s.folder, "mosquitto", "mosquitto", "-c", conf)
	until(s.tb, quick, "the catalog server and mosquitto listen", func() (bool, string) {
		return answers(s.catalogPort) && answers(s.brokerPort), fmt.Sprintf("catalog %v, broker %v", answers(s.catalogPort), answers(s.brokerPort))
	})
}

// reached is how a host is written in the store file.
type reached struct{ address, key string }

// reach is where a host is reached, and by what key it is known.
func (s *store) reach(n int) reached {
	if r, other := s.other[n]; other {
		return r
	}
	address, key := s.host(n)
	return reached{address, key}
}

// file writes the store file.
func (s *store) file() string {
	var b strings.Builder
	clock := func(t time.Time) string { return t.UTC().Format("15:04") }
	fmt.Fprintf(&b, "version: 1\nstore: {id: \"0142\", org: acme, name: Lab, timezone: UTC, ring: fleet}\n")
	fmt.Fprintf(&b, "opening: {mon-sun: %q}\n", clock(s.ends.Add(30*time.Minute)))
	fmt.Fprintf(&b, "window: {start: %q, end: %q, reserve: 1m}\nclock: {trust: operator}\n", clock(s.starts), clock(s.ends))
	fmt.Fprintf(&b, "catalog: {url: \"http://127.0.0.1:%d/\", root: out/root.json}\nmqtt: {url: \"mqtt://127.0.0.1:%d\"}\nssh: {key: %s}\ndevices:\n",
		s.catalogPort, s.brokerPort, s.key())
	for i, id := range s.ids {
		r := s.reach(i + 1)
		fmt.Fprintf(&b, "  - {id: %s, class: linux-server, address: %q, user: %s, host_key: %q, capabilities: [sell], groups: [%s]}\n", id, r.address, s.users[i], r.key, s.group)
	}
	b.WriteString(s.rules)
	fmt.Fprintf(&b, "readiness:\n  floor: {sell: 1}\n  checks: [%s]\n", strings.Join(s.checks, ", "))
	fmt.Fprintf(&b, "listen: {ready: \"127.0.0.1:%d\", console: off, agents: off, gossip: off, metrics: \"127.0.0.1:%d\"}\nstate: state\n", s.readyPort, s.metricsPort)
	return s.write("store.yaml", b.String())
}

// run starts nightfilld and waits until it answers.
func (s *store) run() {
	s.tb.Helper()
	s.box = start(s.tb, s.folder, "nightfilld", filepath.Join(s.bin, "nightfilld"), "--config", "store.yaml")
	until(s.tb, quick, "nightfilld answers", func() (bool, string) {
		if s.box.ended() {
			s.tb.Fatalf("nightfilld ended by itself: %s", tail(s.box.log, 3000))
		}
		_, _, err := s.ask("status")
		return err == nil, fmt.Sprint(err)
	})
}

// ask runs `nightfill` and returns its JSON. Exit code 3, not all is good, is no error.
func (s *store) ask(args ...string) (out []byte, code int, err error) {
	out, code, err = call(s.folder, filepath.Join(s.bin, "nightfill"), append(args, "--state", "state", "--json")...)
	if code == 3 {
		err = nil
	}
	return out, code, err
}

func (s *store) mustAsk(args ...string) []byte {
	s.tb.Helper()
	out, _, err := s.ask(args...)
	if err != nil {
		s.tb.Fatal(err)
	}
	return out
}

// night asks for the night; false while there is none, or while the box does not answer.
func (s *store) night() (view.Night, bool) {
	s.tb.Helper()
	out, _, err := s.ask("night")
	if err != nil {
		return view.Night{}, false
	}
	return decode[view.Night](s.tb, out), true
}

// overnight waits until the night is closed.
func (s *store) overnight(limit time.Duration) view.Night {
	s.tb.Helper()
	var night view.Night
	until(s.tb, limit, "the night is closed", func() (bool, string) {
		if s.box.ended() {
			s.tb.Fatal("nightfilld ended by itself")
		}
		n, ok := s.night()
		night = n
		return ok && !n.Open, fmt.Sprintf("%s; %s", n.Summary, underWay(n))
	})
	return night
}

func underWay(n view.Night) string {
	var open []string
	for _, j := range n.Jobs {
		if j.Step != "" || j.State == site.Queued || j.State == site.Waiting {
			open = append(open, fmt.Sprintf("%s %s %s %s %v", j.Device, j.Patch, j.State, j.Step, j.Reason))
		}
	}
	return strings.Join(open, "; ")
}

// job finds what became of a patch on a device.
func job(tb testing.TB, n view.Night, device, patch string) view.Job {
	tb.Helper()
	for _, j := range n.Jobs {
		if j.Device == device && j.Patch == patch {
			return j
		}
	}
	tb.Fatalf("the night has no job %s on %s; it has %s, left out %v", patch, device, underWay(n), n.Left)
	return view.Job{}
}

// get asks a page on loopback.
func get(port int, path string) (body string, header http.Header, err error) {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(text), resp.Header, err
}
