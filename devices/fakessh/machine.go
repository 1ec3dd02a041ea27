// Package fakessh makes devices that are almost real: each lives in a directory of
// its own, answers SSH, runs real shells and the real dpkg there without root
// rights, and can be cut off, restarted and reset. Tests, the demo and rehearsals
// run against them. It refuses to touch anything outside its directory, and ends
// every process that was started on a device when the device is closed or reset.
package fakessh

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

//go:embed shims
var shims embed.FS

// Machine is a device without its SSH server: a directory with commands, packages and services in
// it. It is safe for concurrent use.
type Machine struct {
	dir    string
	booted time.Time
	stop   chan struct{}
	done   sync.WaitGroup
	power  *os.File // what the command reboot writes to

	mu    sync.Mutex
	reset func() // what a restart asked for from inside does
}

// NewMachine makes or reopens the device in dir, gives it a new boot id and starts its services.
// onReboot is called on its own goroutine whenever the command reboot runs on the device; Close
// waits for it.
func NewMachine(dir string, onReboot func()) (*Machine, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	m := &Machine{dir: dir, reset: onReboot, stop: make(chan struct{})}
	if err := m.furnish(); err != nil {
		return nil, fmt.Errorf("cannot make a device in %s: %w", dir, err)
	}
	// Both ways, so that opening does not wait for a writer and reading never ends.
	if m.power, err = os.OpenFile(m.path(".power"), os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if err := m.Boot(); err != nil {
		return nil, errors.Join(err, m.power.Close())
	}
	m.done.Go(m.listen)
	m.done.Go(m.age)
	return m, nil
}

// Dir is the directory that the device takes for its root.
func (m *Machine) Dir() string { return m.dir }

func (m *Machine) path(names ...string) string {
	return filepath.Join(append([]string{m.dir}, names...)...)
}

// Env is the environment of every process on the device.
func (m *Machine) Env() []string {
	return []string{
		"NIGHTFILL_ROOT=" + m.dir,
		"PATH=" + m.path("bin") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + m.path("root"), "TMPDIR=" + m.path("tmp"), "LC_ALL=C", "SHELL=/bin/sh",
	}
}

// furnish makes the directories and files of a fresh device; what is there stays.
func (m *Machine) furnish() error {
	for _, d := range []string{"bin", "etc/services", "etc/init.d", "root", "tmp", "run/services", "var/log", "var/lib/dpkg/info",
		"var/lib/dpkg/updates", "var/lib/dpkg/triggers", "proc/sys/kernel/random"} {
		if err := os.MkdirAll(m.path(d), 0o755); err != nil {
			return err
		}
	}
	err := fs.WalkDir(shims, "shims", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := shims.ReadFile(name)
		if err != nil {
			return err
		}
		return replace(m.path("bin", e.Name()), text, 0o755)
	})
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"var/lib/dpkg/status":    "",
		"var/lib/dpkg/available": "",
		"etc/os-release":         "PRETTY_NAME=\"Nightfill simulated device\"\n",
	} {
		if _, err := os.Stat(m.path(name)); err == nil {
			continue
		}
		if err := os.WriteFile(m.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := syscall.Mkfifo(m.path(".power"), 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// replace puts a whole file in place at once: processes may be reading the old one.
func replace(path string, text []byte, mode os.FileMode) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, text, mode); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// Boot gives the device a new boot id, forgets what a restart forgets and starts its services.
func (m *Machine) Boot() error {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	id := fmt.Sprintf("%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	m.mu.Lock()
	m.booted = time.Now()
	m.mu.Unlock()
	for _, d := range []string{"run", "tmp"} {
		if err := os.RemoveAll(m.path(d)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(m.path("run/services"), 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(m.path("tmp"), 0o755); err != nil {
		return err
	}
	if err := replace(m.path("proc/sys/kernel/random/boot_id"), []byte(id), 0o644); err != nil {
		return err
	}
	if err := m.tellUptime(); err != nil {
		return err
	}
	units, err := os.ReadDir(m.path("etc/services"))
	if err != nil {
		return err
	}
	for _, u := range units {
		// A service that cannot start does not keep a device from booting.
		_, _ = m.Run(context.Background(), "systemctl start "+u.Name())
	}
	return nil
}

// Run runs a shell command on the device's console, without SSH, for at most 30 s. What a process that it
// leaves behind still writes is not waited for.
func (m *Machine) Run(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Env, cmd.Dir, cmd.WaitDelay = m.Env(), m.dir, time.Second
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrWaitDelay) { // the command itself ended well
		err = nil
	}
	return string(out), err
}

// AddService makes a service that starts at every boot, and starts it now. canStart is a shell
// text that ends with 0 when the service can start; "" always can.
func (m *Machine) AddService(ctx context.Context, name, canStart string) error {
	if err := replace(m.path("etc/services", name), []byte(canStart+"\n"), 0o644); err != nil {
		return err
	}
	out, err := m.Run(ctx, "systemctl start "+name)
	if err != nil {
		return fmt.Errorf("cannot start %s: %s: %w", name, out, err)
	}
	return nil
}

// tellUptime writes how long the device is up.
func (m *Machine) tellUptime() error {
	m.mu.Lock()
	up := time.Since(m.booted).Seconds()
	m.mu.Unlock()
	return replace(m.path("proc/uptime"), []byte(strconv.FormatFloat(up+1, 'f', 2, 64)+" 0.00\n"), 0o644)
}

// age keeps the device's uptime running.
func (m *Machine) age() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
			_ = m.tellUptime() // a full disk stops the clock, as it stops everything else
		}
	}
}

// listen waits for the command reboot.
func (m *Machine) listen() {
	buf := make([]byte, 64)
	for {
		n, err := m.power.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("reboot")) && m.reset != nil {
			m.reset()
		}
	}
}

// Kill ends every process on the device at once, as a reset does.
func (m *Machine) Kill() {
	mark := []byte("NIGHTFILL_ROOT=" + m.dir)
	for range 100 {
		if m.killOnce(mark) == 0 {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// killOnce kills what it finds and says how many were found; a process may have forked meanwhile.
func (m *Machine) killOnce(mark []byte) int {
	found := 0
	proc, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return 0
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", name, "environ"))
		if err == nil && contains(env, mark) && syscall.Kill(pid, syscall.SIGKILL) == nil {
			found++
		}
	}
	return found
}

func contains(env, mark []byte) bool {
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.Equal(entry, mark) {
			return true
		}
	}
	return false
}

// Close ends everything on the device. Its directory stays.
func (m *Machine) Close() error {
	close(m.stop)
	err := m.power.Close()
	m.done.Wait()
	m.Kill()
	return err
}
