package sshhost

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// Names that become file names on a device, or words of a line in a file there. How long one may be is not in its
// pattern: a counted repetition is a large program, which every command would make when it starts.
var (
	validID       = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)
	validOwner    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:@-]*$`)
	validService  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._:@-]*$`)
	validPatch    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]*$`)
	validArtifact = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+~:@=,-]*$`)
	validDigest   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	validMode     = regexp.MustCompile(`^[0-7]{3,4}$`)
	validUser     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?$`)
)

// How many bytes a name may have.
const (
	nameAtMost     = 128
	artifactAtMost = 251 // a file name, with room for what is put behind it
)

// fits reports whether a name has its form and is not too long.
func fits(form *regexp.Regexp, name string, atMost int) bool {
	return len(name) <= atMost && form.MatchString(name)
}

// quote makes any text one word of a POSIX shell. NUL, which no argument can hold, is dropped.
func quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", `'\''`) + "'"
}

// quoted makes words, each with a space before it.
func quoted(words []string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(" " + quote(w))
	}
	return b.String()
}

func checkID(id devices.WorkID) error {
	if !fits(validID, string(id), nameAtMost) {
		return fmt.Errorf("%q is not a work id: lower-case letters, digits, dot and hyphen only", id)
	}
	return nil
}

func checkArtifact(a site.Artifact) error {
	if !fits(validArtifact, a.Name, artifactAtMost) || !validDigest.MatchString(a.SHA256) || a.Size < 0 {
		return fmt.Errorf("artifact %q is not a plain file name with a SHA-256 digest and a size", a.Name)
	}
	return nil
}

// Render turns work into the shell text that does it on a device, to be run after the functions
// of sh/work.sh. It is a pure function: the same work gives the same text. Its errors are about
// the patch, and final.
func Render(w devices.Work) (string, error) {
	if err := checkWork(w); err != nil {
		return "", err
	}
	var steps string
	var err error
	switch w.Kind {
	case devices.Gate:
		steps = gateText(w.Patch)
	case devices.Install:
		steps, err = installText(w.Patch, w.Timeout)
	case devices.Verify:
		steps = verifyText(w)
	case devices.Revert:
		steps, err = revertText(w.Patch, w.Timeout)
	case devices.Prove:
		steps = proveText(w)
	case devices.Restart:
		return fmt.Sprintf("# %s of %s\nrestart_service %s\n", w.Kind, w.Service, quote(w.Service)), nil
	default:
		err = fmt.Errorf("%q is not a kind of work", w.Kind)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("# %s of %s\n", w.Kind, w.Patch.ID) + entriesText(w.Patch.Verify) + steps, nil
}

func checkWork(w devices.Work) error {
	if err := checkID(w.ID); err != nil {
		return err
	}
	if !fits(validOwner, w.Owner, nameAtMost) {
		return fmt.Errorf("%q cannot be the owner of a lock: letters, digits and . _ : @ - only", w.Owner)
	}
	if w.Kind == devices.Restart {
		if !fits(validService, w.Service, nameAtMost) {
			return fmt.Errorf("%q is not the name of a service: letters, digits and . _ : @ - only", w.Service)
		}
		return nil
	}
	if !fits(validPatch, w.Patch.ID, nameAtMost) {
		return fmt.Errorf("%q is not a patch id: letters, digits and . _ + ~ - only", w.Patch.ID)
	}
	for _, list := range [][]site.Artifact{w.Patch.Artifacts, w.Patch.Rollback.Artifacts} {
		for _, a := range list {
			if err := checkArtifact(a); err != nil {
				return err
			}
		}
	}
	if w.Patch.Install.Kind == site.InstallFile {
		return checkFile(w.Patch.Install)
	}
	return nil
}

func checkFile(in site.Install) error {
	if !strings.HasPrefix(in.Path, "/") || strings.HasSuffix(in.Path, "/") {
		return fmt.Errorf("install path %q is not an absolute path of a file", in.Path)
	}
	if in.Mode != "" && !validMode.MatchString(in.Mode) {
		return fmt.Errorf("install mode %q is not octal like 0644", in.Mode)
	}
	if in.Owner != "" && !validUser.MatchString(in.Owner) {
		return fmt.Errorf("install owner %q is not user or user:group", in.Owner)
	}
	return nil
}

// entriesText makes one function of each verify entry.
func entriesText(entries []site.Verify) string {
	var b strings.Builder
	for i, v := range entries {
		proof := "proof_command" + quoted(v.Command)
		switch {
		case v.Service != "":
			proof = "proof_service " + quote(v.Service)
		case v.HTTP != "":
			proof = "proof_http " + quote(v.HTTP)
		case v.TCP != "":
			proof = "proof_tcp " + quote(v.TCP)
		}
		fmt.Fprintf(&b, "entry_%d() { %s; }\n", i+1, proof)
	}
	return b.String()
}

func gateText(p site.Patch) string {
	var b strings.Builder
	for _, g := range p.Gates {
		b.WriteString("gate" + quoted(g.Command) + "\n")
	}
	b.WriteString("exit 0\n")
	return b.String()
}

func installText(p site.Patch, timeout time.Duration) (string, error) {
	kind := p.Install.Kind
	if len(p.Artifacts) == 0 {
		return "", fmt.Errorf("patch %s has no artifacts", p.ID)
	}
	first := files(p.Artifacts[:1])
	base := fmt.Sprintf("baseline %s %d", quote(p.ID), len(p.Verify))
	switch kind {
	case site.InstallDeb:
		return base + "\ninstall_deb " + repairWithin(timeout) + files(p.Artifacts) + "\n", nil
	case site.InstallScript:
		return base + "\nrun_script" + first + quoted(p.Install.Args) + "\n", nil
	case site.InstallFile:
		mode, owner := p.Install.Mode, p.Install.Owner
		if mode == "" {
			mode = "0644"
		}
		if owner == "" {
			owner = "root:root"
		}
		path := quote(p.Install.Path)
		return base + " " + path + "\ninstall_file" + first + " " + path + " " + mode + " " + quote(owner) + "\n", nil
	}
	return "", devices.Failure(site.CodeUnsupported, "this box cannot install %q on a Linux server", kind)
}

// repairWithin is how many seconds of the work may go into repairing what was there before.
func repairWithin(timeout time.Duration) string { return strconv.Itoa(max(5, seconds(timeout)/4)) }

// files are the digest and the name of each artifact, as words.
func files(list []site.Artifact) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteString(" " + quote(a.SHA256) + " " + quote(a.Name))
	}
	return b.String()
}

// verifyText proves that the patch is on: what the installer promises, then every entry.
func verifyText(w devices.Work) string {
	p := w.Patch
	var proofs []string
	switch {
	case p.Install.Kind == site.InstallDeb && p.Applies.Package != "":
		proofs = append(proofs, "proof_package "+quote(p.Applies.Package)+" "+quote(p.Applies.Below))
	case p.Install.Kind == site.InstallDeb:
		proofs = debs(p.Artifacts)
	case p.Install.Kind == site.InstallFile && len(p.Artifacts) > 0:
		proofs = append(proofs, "proof_file "+quote(p.Install.Path)+" "+quote(p.Artifacts[0].SHA256))
	}
	proofs = append(proofs, fmt.Sprintf("entries %d", len(p.Verify)))
	return all(proofs) + fmt.Sprintf("verify %s %s %d %d\n",
		quote(p.ID), quote(policy.Digest(p)), seconds(w.Timeout), soak(p))
}

func debs(list []site.Artifact) []string {
	var proofs []string
	for _, a := range list {
		proofs = append(proofs, "proof_deb"+files([]site.Artifact{a}))
	}
	return proofs
}

func all(proofs []string) string { return "all() { " + strings.Join(proofs, " && ") + "; }\n" }

// soak is for how many seconds proofs must hold.
func soak(p site.Patch) int {
	if p.Duration.Soak <= 0 {
		return 0
	}
	return seconds(p.Duration.Soak.Std())
}

// revertText takes the record of the patch away first: whatever becomes of the rest, it is not done any more.
func revertText(p site.Patch, timeout time.Duration) (string, error) {
	forget := `forget "$S/patches/"` + quote(p.ID) + "\n"
	list := p.Rollback.Artifacts
	switch {
	case p.Rollback.Class == site.RollbackNone || p.Rollback.Class == "":
		return "", devices.Failure(site.CodeNoRollback, "patch %s has no rollback", p.ID)
	case len(list) == 0:
		return "", fmt.Errorf("the rollback of patch %s has no artifacts", p.ID)
	case p.Rollback.Class == site.RollbackDowngrade:
		return forget + "revert_deb " + repairWithin(timeout) + files(list) + "\n", nil
	case p.Rollback.Class == site.RollbackScript:
		return forget + "run_script" + files(list[:1]) + quoted(p.Rollback.Args) + "\n", nil
	}
	return "", devices.Failure(site.CodeUnsupported, "this box cannot do the rollback %q of patch %s", p.Rollback.Class, p.ID)
}

// proveText proves that the patch is off: the versions of before, and every entry that held before.
func proveText(w devices.Work) string {
	p := w.Patch
	var proofs []string
	switch {
	case p.Install.Kind == site.InstallDeb && p.Applies.Package != "" && w.Before.BootID != "":
		name := p.Applies.Package
		proofs = append(proofs, "proof_exact "+quote(name)+" "+quote(w.Before.Packages[name]))
	case p.Install.Kind == site.InstallDeb:
		proofs = debs(p.Rollback.Artifacts)
	case p.Install.Kind == site.InstallFile:
		proofs = append(proofs, "file_before "+quote(p.ID)+" "+quote(p.Install.Path))
	}
	proofs = append(proofs, fmt.Sprintf("entries_before %s %d", quote(p.ID), len(p.Verify)))
	return all(proofs) + fmt.Sprintf("prove_off %s %d %d\n", quote(p.ID), seconds(w.Timeout), soak(p))
}
