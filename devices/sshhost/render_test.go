package sshhost

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

var update = flag.Bool("update", false, "write the golden files anew")

func digestOf(c string) string { return strings.Repeat(c, 64) }

// debPatch is the patch of the contract's example, with a name that needs quoting.
func debPatch() site.Patch {
	return site.Patch{
		ID: "pos-app-4.2.1", Install: site.Install{Kind: site.InstallDeb}, Applies: site.Applies{Package: "pos-app", Below: "4.2.1"},
		Artifacts: []site.Artifact{{Name: "pos-app_4.2.1_all.deb", SHA256: digestOf("a"), Size: 1}, {Name: "pos-db_4.2.1_all.deb", SHA256: digestOf("b"), Size: 1}},
		Rollback:  site.Rollback{Class: site.RollbackDowngrade, Artifacts: []site.Artifact{{Name: "pos-app_4.2.0_all.deb", SHA256: digestOf("c"), Size: 1}}},
		Gates:     []site.Gate{{Command: []string{"test", "!", "-e", "/run/pos/eod.lock"}}},
		Verify: []site.Verify{{Service: "pos-app"}, {HTTP: "http://127.0.0.1:8080/health"}, {TCP: "127.0.0.1:7001"},
			{Command: []string{"sh", "-c", "it's $HOME"}}},
		Duration: site.Durations{Soak: site.Duration(5 * time.Second)},
	}
}

func TestRender(t *testing.T) {
	deb := debPatch()
	anyDeb := deb
	anyDeb.Applies = site.Applies{}
	script := deb
	script.Install = site.Install{Kind: site.InstallScript, Args: []string{"--now", ""}}
	script.Rollback.Class, script.Rollback.Args = site.RollbackScript, []string{"back"}
	file := deb
	file.Install = site.Install{Kind: site.InstallFile, Path: "/etc/pos/it's.conf", Mode: "0600", Owner: "pos:pos"}
	before := site.Observation{BootID: "x", Packages: map[string]string{"pos-app": "4.2.0"}}
	for name, patch := range map[string]site.Patch{"deb": deb, "any-deb": anyDeb, "script": script, "file": file} {
		for _, kind := range []devices.Kind{devices.Gate, devices.Install, devices.Verify, devices.Revert, devices.Prove} {
			t.Run(name+"-"+string(kind), func(t *testing.T) {
				got, err := Render(devices.Work{ID: "w1", Kind: kind, Patch: patch, Before: before, Timeout: time.Minute, Owner: "box"})
				if err != nil {
					t.Fatal(err)
				}
				golden := filepath.Join("testdata", name+"-"+string(kind)+".sh")
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil || got != string(want) {
					t.Errorf("%s (%v): got\n%s\nwant\n%s", golden, err, got, want)
				}
			})
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	const name = `"../x" is not a plain file name with a SHA-256 digest and a size`
	for _, c := range []struct {
		name   string
		change func(w *devices.Work)
		want   string
		code   site.Code
	}{
		{"id", func(w *devices.Work) { w.ID = "../x" }, `"../x" is not a work id: lower-case letters, digits, dot and hyphen only`, ""},
		{"owner", func(w *devices.Work) { w.Owner = "a b" }, `"a b" cannot be the owner of a lock: letters, digits and . _ : @ - only`, ""},
		{"service", func(w *devices.Work) { w.Kind, w.Service = devices.Restart, "-a b" }, `"-a b" is not the name of a service: letters, digits and . _ : @ - only`, ""},
		{"patch", func(w *devices.Work) { w.Patch.ID = "a/b" }, `"a/b" is not a patch id: letters, digits and . _ + ~ - only`, ""},
		{"artifact", func(w *devices.Work) { w.Patch.Artifacts[0].Name = "../x" }, "artifact " + name, ""},
		{"rollback artifact", func(w *devices.Work) { w.Patch.Rollback.Artifacts[0].Name = "../x" }, "artifact " + name, ""},
		{"no artifacts", func(w *devices.Work) { w.Patch.Artifacts = nil }, "patch pos-app-4.2.1 has no artifacts", ""},
		{"kind", func(w *devices.Work) { w.Kind = "dance" }, `"dance" is not a kind of work`, ""},
		{"installer", func(w *devices.Work) { w.Patch.Install.Kind = "msi" }, `this box cannot install "msi" on a Linux server`, site.CodeUnsupported},
		{"path", func(w *devices.Work) { w.Patch.Install = site.Install{Kind: site.InstallFile, Path: "etc/x"} },
			`install path "etc/x" is not an absolute path of a file`, ""},
		{"mode", func(w *devices.Work) {
			w.Patch.Install = site.Install{Kind: site.InstallFile, Path: "/x", Mode: "u+x"}
		},
			`install mode "u+x" is not octal like 0644`, ""},
		{"file owner", func(w *devices.Work) {
			w.Patch.Install = site.Install{Kind: site.InstallFile, Path: "/x", Owner: "a b"}
		},
			`install owner "a b" is not user or user:group`, ""},
		{"no rollback", func(w *devices.Work) { w.Kind, w.Patch.Rollback.Class = devices.Revert, site.RollbackNone },
			"patch pos-app-4.2.1 has no rollback", site.CodeNoRollback},
		{"other rollback", func(w *devices.Work) { w.Kind, w.Patch.Rollback.Class = devices.Revert, "snapshot" },
			`this box cannot do the rollback "snapshot" of patch pos-app-4.2.1`, site.CodeUnsupported},
		{"empty rollback", func(w *devices.Work) { w.Kind, w.Patch.Rollback.Artifacts = devices.Revert, nil },
			"the rollback of patch pos-app-4.2.1 has no artifacts", ""},
	} {
		w := devices.Work{ID: "w1", Kind: devices.Install, Patch: debPatch(), Timeout: time.Minute, Owner: "box"}
		c.change(&w)
		_, err := Render(w)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: error is %v, want %q", c.name, err, c.want)
		}
		var reason *site.Reason
		if errors.As(err, &reason) != (c.code != "") || (reason != nil && reason.Code != c.code) {
			t.Errorf("%s: reason is %+v, want the code %q", c.name, reason, c.code)
		}
	}
}
