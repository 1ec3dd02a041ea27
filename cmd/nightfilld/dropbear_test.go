package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
)

const dropbearPort = "2222"

// TestLabDropbear is a night on a small device: dropbear instead of OpenSSH, and busybox for a
// shell and for every tool that busybox has. The programs come from this machine.
func TestLabDropbear(t *testing.T) {
	s := openStore(t, 1)
	s.install(1, "pos-app", "lab-agent", "payment-gw")
	s.shrink(t)
	s.write("patches/note.txt", "week 47\n")
	s.write("patches/count.sh", "#!/bin/sh\necho ran >>/var/lib/lab-runs\nreadlink -f \"$(command -v grep)\"\n")
	s.patch("note", "install: {kind: file, path: /etc/pos-note.txt}", "artifacts: [note.txt]", "rollback: {class: none}")
	s.patch("count", "install: {kind: script}", "artifacts: [count.sh]", "rollback: {class: none}", "verify: [{command: [test, -s, /var/lib/lab-runs]}]")
	s.debPatch("pos-app", "1.1.0", "")
	s.debPatch("lab-agent", "8.0.0", "reboot: always")
	bad := s.debPatch("payment-gw", "9.1.0", "")
	s.publish()
	s.serve()
	s.file()
	s.run()
	night := s.overnight(patient)
	if night.Summary != "4 done, 1 rolled back" {
		t.Errorf("the night says %q: %v", night.Summary, night.Jobs)
	}
	if j := job(t, night, "srv-1", bad); j.State != site.RolledBack {
		t.Errorf("%s is %s: %v", bad, j.State, j.Reason)
	}
	i := slices.IndexFunc(job(t, night, "srv-1", "count").Steps, func(step view.Step) bool { return strings.Contains(step.Output, "busybox") })
	if i < 0 {
		t.Errorf("the script did not run with the tools of busybox: %+v", job(t, night, "srv-1", "count").Steps)
	}
	for name, want := range map[string]string{"pos-app": "1.1.0", "lab-agent": "8.0.0", "payment-gw": "1.0.0"} {
		if got := s.version(1, name); got != want+" install ok installed" {
			t.Errorf("the host has %s %q", name, got)
		}
	}
	if got := s.on(1, "cat /etc/pos-note.txt /var/lib/lab-runs"); got != "week 47\nran" {
		t.Errorf("the host has of the file and the script: %q", got)
	}
	if got := s.boots(1); got != 2 {
		t.Errorf("the host was booted %d times", got)
	}
	if log := s.on(1, "cat /var/log/sshd.log"); strings.Contains(log, "Accepted") {
		t.Errorf("the host was entered by OpenSSH: %s", log)
	}
}

// shrink makes host 1 a small device: dropbear listens, at every boot, and busybox comes first.
func (s *store) shrink(t *testing.T) {
	t.Helper()
	var files []string
	for _, name := range []string{"dropbear", "dropbearkey", "busybox"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("%s is not installed on this machine", name)
		}
		files = append(files, path)
		libraries, err := exec.Command("ldd", path).CombinedOutput() // fails for a static program, which needs none
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(libraries)) {
			if strings.HasPrefix(word, "/") && !slices.Contains(files, word) && !s.has(word) {
				files = append(files, word)
			}
		}
	}
	archive := filepath.Join(s.folder, "small.tar")
	if out, err := exec.Command("tar", append([]string{"-chPf", archive}, files...)...).CombinedOutput(); err != nil {
		t.Fatalf("cannot pack what dropbear needs: %v %s", err, out)
	}
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s.feed(1, f, "tar -xPf - --keep-directory-symlink")
	s.on(1, `set -e
mkdir -p /opt/small /etc/dropbear /etc/lab
# dpkg itself wants GNU tar.
busybox=$(command -v busybox)
for tool in $($busybox --list); do case $tool in
	dpkg*|rpm*|tar|gzip|xz|init|reboot|halt|poweroff|su|login|passwd|start-stop-daemon|run-parts|busybox) ;;
	*) ln -s "$busybox" "/opt/small/$tool" ;;
esac; done
printf '#!%s sh\nPATH=/opt/small:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nexport PATH\nexec %s sh "$@"\n' "$busybox" "$busybox" >/opt/small-shell
chmod 755 /opt/small-shell
echo /opt/small-shell >>/etc/shells
sed -i '/^root:/s|[^:]*$|/opt/small-shell|' /etc/passwd
dropbearkey -t ed25519 -f /etc/dropbear/key >/dev/null 2>&1
printf '#!/bin/sh\ndropbear -r /etc/dropbear/key -s -p `+dropbearPort+` -P /run/dropbear.pid\n' >/etc/lab/rc.local
chmod 755 /etc/lab/rc.local
/etc/lab/rc.local`)
	address, _ := s.host(1)
	s.other = map[int]reached{1: {
		address: strings.TrimSuffix(address, ":22") + ":" + dropbearPort,
		key:     s.on(1, "dropbearkey -y -f /etc/dropbear/key | sed -n 's/^\\(ssh-ed25519 [^ ]*\\).*/\\1/p'"),
	}}
}

// has reports whether host 1 has a file.
func (s *store) has(path string) bool {
	_, err := s.do("exec", "1", "test", "-e", path)
	return err == nil
}
