package patchfile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/suggest"
)

// reader turns a patch file into a site.Patch.
type reader struct {
	document
	dir   string            // artifacts are relative to it
	files map[string]string // sha256 -> where the bytes are
}

// What may be written in a patch file, in the order in which people write it.
var (
	patchKeys = []string{"id", "title", "install", "classes", "devices", "groups", "stores", "applies", "artifacts", "severity",
		"vendor_released", "cves", "reboot", "rollback", "duration", "gates", "verify", "requires", "supersedes", "owner", "approval"}
	installKeys  = []string{"kind", "path", "mode", "owner", "args"}
	appliesKeys  = []string{"package", "below"}
	rollbackKeys = []string{"class", "artifacts", "args"}
	durationKeys = []string{"install", "reboot", "verify", "rollback", "soak"}
	gateKeys     = []string{"command", "wait"}
	verifyKeys   = []string{"service", "http", "tcp", "command"}
	approvalKeys = []string{"change", "reason", "security_impact", "tested", "backout", "not_before", "not_after"}

	debName     = regexp.MustCompile(`^([a-z0-9][a-z0-9+.-]+)_([^_]+)_([a-z0-9-]+)\.deb$`)
	cvePattern  = regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,}$`)
	idPattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]*$`) // of a patch
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)   // of an owner
	modePattern = regexp.MustCompile(`^0?[0-7]{3}$`)
)

// Read reads the patch file at path. files says for each artifact's sha256 where its bytes
// are now; they may change until they are copied, so whoever copies them hashes them again.
// The error is Problems when the file was read and something in it is wrong: all of it at once.
func Read(path string) (patch site.Patch, files map[string]string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return site.Patch{}, nil, fmt.Errorf("cannot read the patch file: %w", err)
	}
	r := &reader{document: document{file: path}, dir: filepath.Dir(path), files: map[string]string{}}
	if m, ok := r.parse(data, patchKeys); ok {
		patch = r.patch(m)
	}
	if err := r.err(); err != nil {
		return site.Patch{}, nil, err
	}
	return patch, r.files, nil
}

func (r *reader) patch(m mapping) site.Patch {
	p := site.Patch{
		ID:         r.text(m, "id"),
		Title:      r.text(m, "title"),
		Install:    r.install(m),
		Classes:    r.classes(m),
		Devices:    r.list(m, "devices"),
		Groups:     r.list(m, "groups"),
		Stores:     r.list(m, "stores"),
		Artifacts:  r.artifacts(m, "artifacts"),
		Severity:   oneOf(r, m, "severity", site.Medium, site.Critical, site.High, site.Medium, site.Low),
		CVEs:       r.cves(m),
		Reboot:     oneOf(r, m, "reboot", site.RebootNever, site.RebootNever, site.RebootMay, site.RebootAlways),
		Rollback:   r.rollback(m),
		Duration:   r.durations(m),
		Gates:      r.gates(m),
		Verify:     r.verifications(m),
		Requires:   r.ids(m, "requires"),
		Supersedes: r.ids(m, "supersedes"),
		Owner:      r.text(m, "owner"),
		Approval:   r.approval(m),
	}
	p.VendorReleased = r.date(m, "vendor_released")
	p.Applies = r.applies(m, p)
	if p.Owner == "" && !m.has("owner") {
		p.Owner = "owner"
	}
	r.check(m, p)
	return p
}

// check looks at what no single key can tell.
func (r *reader) check(m mapping, p site.Patch) {
	if !idPattern.MatchString(p.ID) {
		r.complain(m.where("id"), "id %q is not usable: write small letters, digits, dots, + and -, like pos-app-4.2.1", p.ID)
	}
	if p.Title == "" {
		r.complain(m.where("title"), "title is missing: write one line that says what the patch is")
	}
	if !namePattern.MatchString(p.Owner) {
		r.complain(m.where("owner"), "owner %q is not a name: write the owner given to `nightfill catalog init --owner`", p.Owner)
	}
	if p.Install.Kind != "" && len(p.Artifacts) == 0 && (!m.has("artifacts") || m.empty("artifacts")) {
		r.complain(m.where("artifacts"), "artifacts are missing: write artifacts: [FILE]")
	}
	if slices.Contains(p.Requires, p.ID) || slices.Contains(p.Supersedes, p.ID) {
		r.complain(m.where("id"), "the patch names itself in requires or supersedes")
	}
	if b, a := p.Approval.NotBefore, p.Approval.NotAfter; b != nil && a != nil && !a.After(*b) {
		r.complain(m.where("approval"), "approval ends before it begins: not_after must be later than not_before")
	}
}

func (r *reader) install(m mapping) (in site.Install) {
	if !m.has("install") {
		r.complain(m.at, "install is missing: write install: {kind: deb}")
		return in
	}
	sub, ok := r.mapping(m.fields["install"].value, "install", installKeys)
	if !ok {
		return in
	}
	in = site.Install{Path: r.text(sub, "path"), Mode: r.text(sub, "mode"), Owner: r.text(sub, "owner"), Args: r.list(sub, "args")}
	kind := r.text(sub, "kind")
	switch site.InstallKind(kind) {
	case site.InstallDeb, site.InstallScript, site.InstallFile:
		in.Kind = site.InstallKind(kind)
	default:
		r.complain(sub.where("kind"), "install.kind %q is not possible: this version installs deb, script and file", kind)
		return in
	}
	file := in.Kind == site.InstallFile
	if file && (!filepath.IsAbs(in.Path) || filepath.Clean(in.Path) != in.Path || in.Path == "/") {
		r.complain(sub.where("path"), "install.path %q must be the absolute path of the file on the device, like /etc/pos/pos.conf", in.Path)
	}
	if file && in.Mode != "" && !modePattern.MatchString(in.Mode) {
		r.complain(sub.where("mode"), "install.mode %q is not a mode: write three octal digits, like \"0644\"", in.Mode)
	}
	for _, k := range []string{"path", "mode", "owner"} {
		if !file && sub.has(k) {
			r.complain(sub.where(k), "install.%s is only for kind file: leave it out", k)
		}
	}
	if in.Kind != site.InstallScript && sub.has("args") {
		r.complain(sub.where("args"), "install.args is only for kind script: leave it out")
	}
	return in
}

func (r *reader) classes(m mapping) []site.Class {
	if !m.has("classes") {
		return []site.Class{site.LinuxServer}
	}
	known := []string{string(site.LinuxServer), string(site.WindowsServer), string(site.Handheld)}
	var out []site.Class
	for _, c := range r.list(m, "classes") {
		if !slices.Contains(known, c) {
			r.complain(m.where("classes"), "class %q does not exist: %s", c, suggest.Known(c, known))
		}
		out = append(out, site.Class(c))
	}
	return out
}

// applies reads the question asked of a device. For a deb without one it is taken from the artifact's name.
func (r *reader) applies(m mapping, p site.Patch) (a site.Applies) {
	if !m.has("applies") {
		if p.Install.Kind == site.InstallDeb && len(p.Artifacts) > 0 {
			a = r.appliesFromName(m, p.Artifacts[0].Name)
		}
		return a
	}
	sub, ok := r.mapping(m.fields["applies"].value, "applies", appliesKeys)
	if !ok {
		return a
	}
	a = site.Applies{Package: r.text(sub, "package"), Below: r.text(sub, "below")}
	if (a.Package == "") != (a.Below == "") {
		r.complain(sub.at, "applies needs both: write applies: {package: pos-app, below: \"4.2.1\"}")
	}
	return a
}

func (r *reader) appliesFromName(m mapping, name string) site.Applies {
	parts := debName.FindStringSubmatch(name)
	if parts == nil {
		r.complain(m.where("artifacts"), "cannot tell package and version from %q (NAME_VERSION_ARCH.deb): write applies: {package: NAME, below: VERSION}", name)
		return site.Applies{}
	}
	version, err := url.PathUnescape(parts[2]) // an epoch's colon is written %3a in file names
	if err != nil {
		version = parts[2]
	}
	return site.Applies{Package: parts[1], Below: version}
}

func (r *reader) artifacts(m mapping, name string) []site.Artifact {
	var out []site.Artifact
	names := map[string]bool{}
	for _, n := range r.items(m, name) {
		path := r.scalar(n, "an entry of "+name)
		if path == "" {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(r.dir, path)
		}
		a, err := hashFile(path)
		if err != nil {
			r.complain(start(n), "cannot read the artifact: %v", err)
			continue
		}
		if names[a.Name] {
			r.complain(start(n), "two artifacts are named %q: the name is the file's name on the device", a.Name)
		}
		names[a.Name] = true
		out = append(out, a)
		r.files[a.SHA256] = path
	}
	return out
}

func hashFile(path string) (site.Artifact, error) {
	f, err := os.Open(path)
	if err != nil {
		return site.Artifact{}, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return site.Artifact{}, fmt.Errorf("%s is not a file", path)
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return site.Artifact{}, err
	}
	if n == 0 {
		return site.Artifact{}, fmt.Errorf("%s is empty", path)
	}
	return site.Artifact{Name: filepath.Base(path), SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, nil
}

func (r *reader) cves(m mapping) []string {
	list := r.list(m, "cves")
	for _, c := range list {
		if !cvePattern.MatchString(c) {
			r.complain(m.where("cves"), "%q is not the number of a CVE: write CVE-2026-1234", c)
		}
	}
	return list
}

func (r *reader) ids(m mapping, name string) []string {
	list := r.list(m, name)
	for _, id := range list {
		if !idPattern.MatchString(id) {
			r.complain(m.where(name), "%q in %s is not the id of a patch", id, name)
		}
	}
	return list
}
