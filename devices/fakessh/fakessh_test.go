package fakessh_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/devices/fakessh"
)

func TestBuildDebIsARealPackage(t *testing.T) {
	tool, err := exec.LookPath("dpkg-deb")
	if err != nil {
		t.Skip("dpkg-deb is not installed")
	}
	p := fakessh.Package{Name: "pos-app", Version: "1.2-3", Depends: "libc6",
		Files: map[string]string{"/usr/bin/pos": "#!/bin/sh\n", "/etc/pos/app.conf": "x\n"}, Postinst: "exit 0"}
	var one, two bytes.Buffer
	for _, b := range []*bytes.Buffer{&one, &two} {
		if err := fakessh.BuildDeb(b, p); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same package gave different bytes")
	}
	file := filepath.Join(t.TempDir(), "p.deb")
	if err := os.WriteFile(file, one.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"-f Package Version Depends", "Package: pos-app\nVersion: 1.2-3\nDepends: libc6\n"},
		{"-c", "./usr/bin/pos"},
		{"-c", "-rwxr-xr-x root/root"},
		{"-I", "postinst"},
	} {
		args := strings.Fields(c.args)
		out, err := exec.Command(tool, append([]string{args[0], file}, args[1:]...)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("dpkg-deb %s: %v\n%s\nwant %q in it", c.args, err, out, c.want)
		}
	}
}

func TestBuildDebRefusesBadPaths(t *testing.T) {
	for _, name := range []string{"relative", "/a/../b", "/dir/"} {
		err := fakessh.BuildDeb(&bytes.Buffer{}, fakessh.Package{Name: "x", Version: "1", Files: map[string]string{name: ""}})
		want := `cannot build x: "` + name + `" is not a clean absolute path`
		if err == nil || err.Error() != want {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

func TestCloseEndsEveryProcess(t *testing.T) {
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := host.Run(context.Background(), "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Close(); err != nil {
		t.Fatal(err)
	}
	if env, err := os.ReadFile("/proc/" + strings.TrimSpace(out) + "/environ"); err == nil && len(env) > 0 {
		t.Error("a process of the device is still there after Close")
	}
	if err := host.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestRunDoesNotWaitForWhatACommandLeavesBehind(t *testing.T) {
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	out, err := host.Run(t.Context(), "sleep 1000 & echo installed")
	if err != nil || out != "installed\n" {
		t.Errorf("Run: %q, %v", out, err)
	}
}

func TestSameDirectoryIsTheSameDevice(t *testing.T) {
	dir := t.TempDir()
	var keys, boots []string
	for range 2 {
		host, err := fakessh.Start(fakessh.Options{Dir: dir, ID: "srv-1"})
		if err != nil {
			t.Fatal(err)
		}
		boot, err := host.Run(context.Background(), `cat "$NIGHTFILL_ROOT/proc/sys/kernel/random/boot_id"`)
		if err != nil {
			t.Fatal(err)
		}
		keys, boots = append(keys, host.Device().HostKey), append(boots, boot)
		if err := host.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if keys[0] != keys[1] {
		t.Error("the host key changed")
	}
	if boots[0] == boots[1] {
		t.Error("the boot id did not change")
	}
}

func TestServices(t *testing.T) {
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	ctx := context.Background()
	if err := host.AddService(ctx, "till", "true"); err != nil {
		t.Fatal(err)
	}
	if err := host.AddService(ctx, "bad", "false"); err == nil {
		t.Error("a service that cannot start was started")
	}
	for _, c := range []struct{ command, want string }{
		{"systemctl is-active till", "active"},
		{"systemctl is-active bad", "failed"},
		{"systemctl is-active none.service", "inactive"},
		{"systemctl stop till; systemctl is-active till", "inactive"},
		{"systemctl restart till; systemctl is-active till.service", "active"},
		{"sudo -n systemctl is-active till", "active"},
	} {
		out, _ := host.Run(ctx, c.command)
		if strings.TrimSpace(out) != c.want {
			t.Errorf("%s: %q, want %q", c.command, out, c.want)
		}
	}
}
