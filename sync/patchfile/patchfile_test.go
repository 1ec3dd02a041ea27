package patchfile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// writePatch writes a patch file with two packages beside it.
func writePatch(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{
		"pos-app_4.2.1_all.deb": "new", "pos-app_4.2.0_all.deb": "old", "tz_1%3a2.0-1_amd64.deb": "epoch", "fix.sh": "#!/bin/sh\n", "empty": "", "p.yaml": text,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "p.yaml")
}

const whole = `id: pos-app-4.2.1
title: POS application 4.2.1
install: {kind: deb}                                 # a comment
classes: [linux-server]
devices: []
applies: {package: pos-app, below: "4.2.1"}
artifacts: [pos-app_4.2.1_all.deb]
severity: critical
vendor_released: 2026-11-10
cves: [CVE-2026-1234]
reboot: may
rollback: {class: package-downgrade, artifacts: [pos-app_4.2.0_all.deb]}
duration: {install: 4m, reboot: 3m, verify: 1m, rollback: 5m}
gates: [{command: ["test", "!", "-e", "/run/pos/eod.lock"], wait: true}]
verify: [{service: pos-app}, {http: "http://127.0.0.1:8080/health"}]
requires: []
supersedes: [pos-app-4.2.0]
owner: pos-app
approval: {change: CHG-1042, reason: "...", security_impact: "...", tested: "...", backout: "...", not_before: , not_after: }
`

func TestReadWholePatch(t *testing.T) {
	p, files, err := Read(writePatch(t, whole))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"pos-app-4.2.1","title":"POS application 4.2.1","install":{"kind":"deb"},"classes":["linux-server"],` +
		`"applies":{"package":"pos-app","below":"4.2.1"},"artifacts":[{"name":"pos-app_4.2.1_all.deb","sha256":"` + digest("new") + `","size":3}],` +
		`"severity":"critical","vendor_released":"2026-11-10","cves":["CVE-2026-1234"],"reboot":"may",` +
		`"rollback":{"class":"package-downgrade","artifacts":[{"name":"pos-app_4.2.0_all.deb","sha256":"` + digest("old") + `","size":3}]},` +
		`"duration":{"install":"4m0s","reboot":"3m0s","verify":"1m0s","rollback":"5m0s"},"gates":[{"command":["test","!","-e","/run/pos/eod.lock"],"wait":true}],` +
		`"verify":[{"service":"pos-app"},{"http":"http://127.0.0.1:8080/health"}],"supersedes":["pos-app-4.2.0"],"owner":"pos-app",` +
		`"approval":{"change":"CHG-1042","reason":"...","security_impact":"...","tested":"...","backout":"..."}}`
	if string(got) != want {
		t.Errorf("manifest is\n%s\nwant\n%s", got, want)
	}
	for _, a := range slices.Concat(p.Artifacts, p.Rollback.Artifacts) {
		data, err := os.ReadFile(files[a.SHA256])
		if err != nil || digest(string(data)) != a.SHA256 || int64(len(data)) != a.Size {
			t.Errorf("artifact %+v is not %s", a, files[a.SHA256])
		}
	}
}

func TestReadDefaults(t *testing.T) {
	p, _, err := Read(writePatch(t, "\uFEFFid: a\ntitle: t\ninstall:\n  kind: deb\nartifacts:\n  - tz_1%3a2.0-1_amd64.deb\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := p.Duration
	switch {
	case p.Reboot != site.RebootNever, p.Severity != site.Medium, p.Owner != "owner", p.Rollback.Class != site.RollbackNone:
		t.Errorf("defaults are %+v", p)
	case d.Install.Std() != 2*time.Minute, d.Reboot.Std() != 3*time.Minute, d.Verify.Std() != time.Minute, d.Rollback.Std() != 2*time.Minute, d.Soak != 0:
		t.Errorf("durations are %+v", d)
	case len(p.Classes) != 1 || p.Classes[0] != site.LinuxServer:
		t.Errorf("classes are %v", p.Classes)
	case p.Applies != site.Applies{Package: "tz", Below: "1:2.0-1"}:
		t.Errorf("applies is %+v", p.Applies)
	}
}

func TestReadMoments(t *testing.T) {
	p, _, err := Read(writePatch(t, "id: a\ntitle: t\ninstall: {kind: script, args: [-v]}\nartifacts: [fix.sh]\napproval: {not_before: 2026-11-22, not_after: 2026-11-23}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Approval.NotBefore.Format(time.RFC3339) + " " + p.Approval.NotAfter.Format(time.RFC3339); got != "2026-11-22T00:00:00Z 2026-11-24T00:00:00Z" {
		t.Errorf("approval is from %s", got)
	}
}

func TestReadProblems(t *testing.T) {
	const head, deb, art = "id: a\ntitle: t\n", "install: {kind: deb}\n", "artifacts: [pos-app_4.2.1_all.deb]\n"
	tests := []struct{ name, text, want string }{
		{"empty", "", "p.yaml:1:1: the file is empty: write at least id, title, install"},
		{"not yaml", "id: [a\n", "p.yaml:1:5: this is not YAML: sequence end token ']' not found"},
		{"a list", "- a\n", "p.yaml:1:1: the file must be keys with values: write id: ..."},
		{"two documents", head + deb + art + "---\nid: b\n", "p.yaml:6:1: there is a second document after ---: write one file for each"},
		{"twice", head + deb + art + "title: u\n", `p.yaml:5:1: this is not YAML: mapping key "title" already defined at [2:1]`},
		{"no install", head + art, "p.yaml:1:1: install is missing: write install: {kind: deb}"},
		{"no artifacts", head + deb, "p.yaml:1:1: artifacts are missing: write artifacts: [FILE]"},
		{"artifacts no list", head + deb + "artifacts: x\n", "p.yaml:4:12: artifacts must be a list: write [a, b]"},
		{"empty artifact", head + "install: {kind: script}\nartifacts: [empty]\n", "p.yaml:4:13: cannot read the artifact: DIR/empty is empty"},
		{"artifact a directory", head + "install: {kind: script}\nartifacts: [.]\n", "p.yaml:4:13: cannot read the artifact: DIR is not a file"},
		{"no name of a deb", head + deb + "artifacts: [fix.sh]\n", `p.yaml:4:12: cannot tell package and version from "fix.sh" (NAME_VERSION_ARCH.deb): write applies: {package: NAME, below: VERSION}`},
		{"kind", head + "install: {kind: msi}\n" + art, `p.yaml:3:17: install.kind "msi" is not possible: this version installs deb, script and file`},
		{"file without path", head + "install: {kind: file}\n" + art, `p.yaml:3:10: install.path "" must be the absolute path of the file on the device, like /etc/pos/pos.conf`},
		{"file with dots", head + "install: {kind: file, path: /etc/../x}\n" + art, `p.yaml:3:29: install.path "/etc/../x" must be the absolute path of the file on the device, like /etc/pos/pos.conf`},
		{"mode", head + "install: {kind: file, path: /x, mode: rwx}\n" + art, `p.yaml:3:39: install.mode "rwx" is not a mode: write three octal digits, like "0644"`},
		{"path of a deb", head + "install: {kind: deb, path: /x}\n" + art, "p.yaml:3:28: install.path is only for kind file: leave it out"},
		{"args of a deb", head + "install: {kind: deb, args: [a]}\n" + art, "p.yaml:3:28: install.args is only for kind script: leave it out"},
		{"class", head + deb + art + "classes: [linux-sever]\n", `p.yaml:5:10: class "linux-sever" does not exist: did you mean "linux-server"?`},
		{"half an applies", head + deb + art + "applies: {package: a}\n", `p.yaml:5:10: applies needs both: write applies: {package: pos-app, below: "4.2.1"}`},
		{"severity", head + deb + art + "severity: hihg\n", `p.yaml:5:11: severity "hihg" does not exist: did you mean "high"?`},
		{"cve", head + deb + art + "cves: [2026-1]\n", `p.yaml:5:7: "2026-1" is not the number of a CVE: write CVE-2026-1234`},
		{"date", head + deb + art + "vendor_released: 10.11.2026\n", `p.yaml:5:18: vendor_released: "10.11.2026" is not a date: write it like 2026-11-22`},
		{"duration", head + deb + art + "duration: {install: 4}\n", `p.yaml:5:21: duration.install: "4" is not a length of time: write it like 90s, 4m or 1h30m`},
		{"negative duration", head + deb + art + "duration: {soak: -4m}\n", `p.yaml:5:18: duration.soak: "-4m" is negative: a length of time is 0 or more`},
		{"gate", head + deb + art + "gates: [{wait: true}]\n", `p.yaml:5:9: a gate needs a command: write {command: ["test", "!", "-e", "/run/pos/eod.lock"]}`},
		{"wait", head + deb + art + "gates: [{command: [a], wait: often}]\n", "p.yaml:5:30: wait must be true or false"},
		{"verify nothing", head + deb + art + "verify: [{}]\n", "p.yaml:5:10: an entry of verify asks exactly one thing: write service, http, tcp or command"},
		{"verify http", head + deb + art + "verify: [{http: localhost}]\n", `p.yaml:5:17: "localhost" is not an address: write http://127.0.0.1:8080/health`},
		{"rollback class", head + deb + art + "rollback: {class: uninstall}\n", `p.yaml:5:19: rollback.class "uninstall" is not possible: this version takes back with none, package-downgrade and script`},
		{"rollback without artifact", head + deb + art + "rollback: {class: script}\n", "p.yaml:5:11: rollback.class script needs artifacts: write artifacts: [FILE]"},
		{"none with artifact", head + deb + art + "rollback: {class: none, artifacts: [fix.sh]}\n", "p.yaml:5:36: rollback.class none takes nothing back: leave the artifacts out, or write class: package-downgrade"},
		{"itself", head + deb + art + "requires: [a]\n", "p.yaml:1:5: the patch names itself in requires or supersedes"},
		{"moment", head + deb + art + "approval: {not_after: soon}\n", `p.yaml:5:23: not_after "soon" is not a time: write 2026-11-22 or 2026-11-22T23:00:00Z`},
		{"ends first", head + deb + art + "approval: {not_before: 2026-11-22, not_after: 2026-11-20}\n", "p.yaml:5:11: approval ends before it begins: not_after must be later than not_before"},
		{"nested key", head + deb + art + "approval: {resaon: x}\n", `p.yaml:5:12: unknown key "resaon" in approval: did you mean "reason"?`},
		{"anchor", head + deb + art + "owner: &x pos\n", "p.yaml:5:8: owner uses an anchor, an alias or a tag, which are not read here: write the value out\n" +
			"p.yaml:5:8: owner \"\" is not a name: write the owner given to `nightfill catalog init --owner`"},
		{"owner", head + deb + art + "owner: POS App\n", "p.yaml:5:8: owner \"POS App\" is not a name: write the owner given to `nightfill catalog init --owner`"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := writePatch(t, tt.text)
			_, _, err := Read(path)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error is %v", err)
			}
			got := strings.ReplaceAll(strings.ReplaceAll(err.Error(), path, "p.yaml"), filepath.Dir(path), "DIR")
			if got != tt.want {
				t.Errorf("problems are\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// FuzzRead reads anything: it may be refused, never crash, and never lack id or title.
func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add("id: {")
	f.Add("- &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		p, _, err := Read(writePatch(t, text))
		if err == nil && (p.ID == "" || p.Title == "" || p.Install.Kind == "") {
			t.Errorf("%q was read as %+v", text, p)
		}
	})
}
