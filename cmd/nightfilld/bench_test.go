package main_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/site/run"
)

const (
	benchHosts    = 8
	ticksASecond  = 100 // of /proc/PID/stat on every Linux
	statesOfStat  = 11  // utime, counted from after the name
	benchPackages = "pos-app pos-db payment-gw lab-agent lab-printer"
)

// BenchmarkLabNight runs three ways to the same end in one sitting: the devices alone, a bare
// SSH program, and a night. Five packages whose post-installation takes two seconds go onto
// eight hosts, one by one and each proven. Only ratios mean anything on a shared machine.
func BenchmarkLabNight(b *testing.B) {
	for range b.N {
		benchNight(b)
	}
}

func benchNight(b *testing.B) {
	s := openStore(b, benchHosts)
	names := strings.Fields(benchPackages)
	for n := range benchHosts {
		s.install(n+1, names...)
		for _, name := range names {
			for _, version := range []string{"1.1.0+slow2", "1.2.0+slow2"} {
				s.put(n+1, s.deb(name, version), "/root/"+name+"_"+version+".deb")
			}
		}
	}
	floor := s.everywhere(func(n int) {
		for _, name := range names {
			s.on(n, applying(name, "1.1.0+slow2"))
		}
	})
	bare := s.everywhere(func(n int) { s.bySSH(n, names) })
	for _, name := range names {
		s.debPatch(name, "1.3.0+slow2", "")
	}
	s.publish()
	s.serve()
	far := subscribe(b, s.brokerPort)
	s.file()
	s.run()
	night := s.overnight(patient)
	used := usage(b, s.box.cmd.Process.Pid)
	if want := fmt.Sprintf("%d done", benchHosts*len(names)); night.Summary != want {
		b.Fatalf("the night says %q, want %q", night.Summary, want)
	}
	heard, _ := far.last()
	e := s.measure()
	wall := night.Closed.Sub(night.Opened)

	fmt.Printf("\n%d hosts, %d packages each, 2 s of post-installation in every package\n", benchHosts, len(names))
	fmt.Printf("%-58s %8s %8s\n", "", "seconds", "ratio")
	row := func(what string, d, of time.Duration) {
		fmt.Printf("%-58s %8.2f %7.2fx\n", what, d.Seconds(), d.Seconds()/of.Seconds())
	}
	row("the devices alone (dpkg and a look at the service)", floor, floor)
	row("a bare SSH program, one connection a host", bare, floor)
	row("the night, opened to closed", wall, floor)
	row("its slowest device, first intent to last outcome", e.slowest, floor)
	row("of that on the device: install and verify", e.onDevice, floor)
	fmt.Printf("\n%-10s %6s %16s %16s\n", "step", "count", "mean in journal", "mean on device")
	for _, step := range []run.Step{run.Stage, run.Install, run.Verify} {
		p := e.parts[step]
		n := time.Duration(p.count)
		fmt.Printf("%-10s %6d %15.2fs %15.2fs\n", step, p.count, (p.wall / n).Seconds(), (p.onDevice / n).Seconds())
	}
	fmt.Printf("\nnightfilld: %.1f MB resident at most, %.2f CPU s, %s KB to disk, %s KB written at all, %d events, %d heard far away\n",
		used.resident, used.cpu, used.disk, used.written, night.Rev, heard)
	b.ReportMetric(wall.Seconds()/floor.Seconds(), "night/floor")
	b.ReportMetric(bare.Seconds()/floor.Seconds(), "bare/floor")
	b.ReportMetric(e.slowest.Seconds()/e.onDevice.Seconds(), "wall/device")
}

// applying is what has to be done on a device, as a command.
func applying(name, version string) string {
	return "DEBIAN_FRONTEND=noninteractive dpkg -i /root/" + name + "_" + version + ".deb >/dev/null && systemctl is-active " + name +
		" && dpkg-query -W -f '${Version}' " + name
}

// everywhere does something on all hosts at once and returns how long that took.
func (s *store) everywhere(do func(n int)) time.Duration {
	began := time.Now()
	var all sync.WaitGroup
	for n := range benchHosts {
		all.Go(func() { do(n + 1) })
	}
	all.Wait()
	return time.Since(began)
}

// bySSH does it over one connection, with no more than has to be.
func (s *store) bySSH(n int, names []string) {
	s.tb.Helper()
	address, key := s.host(n)
	pinned, _, _, _, err := ssh.ParseAuthorizedKey([]byte(key))
	if err != nil {
		s.tb.Fatal(err)
	}
	private, err := os.ReadFile(s.key())
	if err != nil {
		s.tb.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		s.tb.Fatal(err)
	}
	client, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(pinned),
		HostKeyAlgorithms: []string{pinned.Type()}, Timeout: quick,
	})
	if err != nil {
		s.tb.Error(err)
		return
	}
	defer client.Close()
	for _, name := range names {
		session, err := client.NewSession()
		if err != nil {
			s.tb.Error(err)
			return
		}
		if out, err := session.CombinedOutput(applying(name, "1.2.0+slow2")); err != nil {
			s.tb.Errorf("%s on host %d: %v %s", name, n, err, out)
		}
		_ = session.Close()
	}
}

// part is how long a step took: from its intent to its outcome in the journal, and on the device.
type part struct {
	count          int
	wall, onDevice time.Duration
}

// evidence is what the journal tells of the time of a night.
type evidence struct {
	parts             map[run.Step]part // of all devices
	slowest, onDevice time.Duration     // of the device that took longest: its whole time, and what it needed itself
}

// measure reads the journal.
func (s *store) measure() evidence {
	s.tb.Helper()
	e := evidence{parts: map[run.Step]part{}}
	begun, first, onDevice := map[string]time.Time{}, map[string]time.Time{}, map[string]time.Duration{}
	for line := range bytes.Lines(s.mustAsk("journal", "--since", "0", "--limit", "100000")) {
		r := decode[run.Record](s.tb, line).Event
		switch r.Kind {
		case run.StepStarted:
			begun[r.Work] = r.At
			if _, seen := first[r.Device]; !seen {
				first[r.Device] = r.At
			}
		case run.StepEnded:
			p := e.parts[r.Step]
			p.count, p.wall, p.onDevice = p.count+1, p.wall+r.At.Sub(begun[r.Work]), p.onDevice+r.Took.Std()
			e.parts[r.Step] = p
			if r.Step != run.Stage {
				onDevice[r.Device] += r.Took.Std()
			}
			if d := r.At.Sub(first[r.Device]); d > e.slowest {
				e.slowest, e.onDevice = d, onDevice[r.Device]
			}
		}
	}
	return e
}

// used is what a process took of the machine.
type used struct {
	disk, written string  // KB
	resident, cpu float64 // MB, s
}

func usage(b *testing.B, pid int) used {
	b.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			b.Fatal(err)
		}
		return string(text)
	}
	field := func(text, name string) int {
		for line := range strings.Lines(text) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == name+":" {
				n, _ := strconv.Atoi(f[1])
				return n
			}
		}
		b.Fatalf("no %s in %q", name, text)
		return 0
	}
	io, stat := read("io"), read("stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+2:])
	user, _ := strconv.Atoi(fields[statesOfStat])
	system, _ := strconv.Atoi(fields[statesOfStat+1])
	return used{
		resident: float64(field(read("status"), "VmHWM")) / 1024,
		disk:     strconv.Itoa(field(io, "write_bytes") / 1024), written: strconv.Itoa(field(io, "wchar") / 1024),
		cpu: float64(user+system) / ticksASecond,
	}
}
