package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

var (
	rolePattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	idPattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]*$`)
	digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// role is the signed file of targets, or of a role below it.
type role = metadata.Metadata[metadata.TargetsType]

// generation is one complete, verified catalog.
type generation struct {
	name    string // gen/N
	files   map[string][]byte
	catalog site.Catalog
	expires map[string]time.Time // of targets and of each role below it
	targets *role                // as it was verified
	signed  map[string]*role     // those below it
	at      time.Time            // when it is judged; zero, or before it was issued: when it was issued
	rules   site.Rules
	holds   site.Holds // empty where the catalog has no such role
}

// The names of a generation's files: ROLE.json and payload/SHA256.
func payloadName(sum string) string { return "payload/" + sum }

// verifySet verifies a complete catalog without any network. The time of reference is the
// one at which headquarters signed; whether that is too long ago is asked elsewhere.
//
// Timestamp and snapshot may be signed by keys of an earlier root of the chain: replacing
// them does not take approvals back. The targets role must be signed by keys of the newest.
func verifySet(c chain, read func(name string) ([]byte, error)) (*generation, error) {
	return verifyAt(c, time.Time{}, read)
}

// verifyAt is verifySet with a later time of reference than that of signing.
func verifyAt(c chain, at time.Time, read func(name string) ([]byte, error)) (*generation, error) {
	var first error
	for n := len(c.files); n > 0; n-- {
		g := &generation{files: map[string][]byte{}, expires: map[string]time.Time{}, signed: map[string]*role{}, at: at}
		err := guarded("the catalog", func() error { return g.verify(c, n, read) })
		if err == nil {
			return g, nil
		}
		if !errors.Is(err, &metadata.ErrUnsignedMetadata{}) {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func (g *generation) verify(c chain, n int, read func(string) ([]byte, error)) error {
	load := func(name string) ([]byte, error) {
		data, err := read(name)
		g.files[name] = data
		return data, err
	}
	tm, err := c.trust(n)
	if err != nil {
		return err
	}
	if err := g.timestamp(tm, load); err != nil {
		return err
	}
	data, err := load("snapshot.json")
	if err != nil {
		return err
	}
	if _, err := tm.UpdateSnapshot(data, false); err != nil {
		return err
	}
	if data, err = load("targets.json"); err != nil {
		return err
	}
	targets, err := tm.UpdateTargets(data)
	if err != nil {
		return err
	}
	if err := c.newest().VerifyDelegate("targets", targets); err != nil {
		return fmt.Errorf("headquarters replaced the keys of targets: %v", err)
	}
	g.expires["targets"], g.targets = targets.Signed.Expires, targets
	roles, err := delegations(targets)
	if err != nil {
		return err
	}
	return g.roles(tm, roles, load)
}

// ref is the time that signatures must outlive.
func (g *generation) ref() time.Time {
	if g.at.After(g.catalog.Issued) {
		return g.at
	}
	return g.catalog.Issued
}

func (g *generation) timestamp(tm *trustedmetadata.TrustedMetadata, load func(string) ([]byte, error)) error {
	data, err := load("timestamp.json")
	if err != nil {
		return err
	}
	// Read before it is verified, and used only to verify it: a forged time fails the next line.
	ts, err := metadata.Timestamp().FromBytes(data)
	if err != nil {
		return err
	}
	if g.catalog.Issued, err = issued(ts); err != nil {
		return err
	}
	tm.RefTime = g.ref()
	g.catalog.Digest = archive.Digest(data)
	if ts, err = tm.UpdateTimestamp(data); err != nil {
		return err
	}
	g.catalog.Version = ts.Signed.Version
	return hashed("snapshot.json", ts.Signed.Meta["snapshot.json"])
}

// roles verifies every role below targets and what it lists.
func (g *generation) roles(tm *trustedmetadata.TrustedMetadata, roles []string, load func(string) ([]byte, error)) error {
	ruled := false
	for _, role := range roles {
		data, err := load(role + ".json")
		if err != nil {
			return err
		}
		md, err := tm.UpdateDelegatedTargets(data, role, "targets")
		if err != nil {
			return err
		}
		g.expires[role] = md.Signed.Expires
		g.signed[role] = md
		listed, err := contents(role, md)
		if err != nil {
			return err
		}
		for _, p := range listed {
			data, err := load(payloadName(p.digest))
			if err != nil {
				return err
			}
			if err := p.file.VerifyLengthHashes(data); err != nil {
				return fmt.Errorf("%s: %w", p.path, err)
			}
			switch role {
			case site.FleetRole:
				ruled, err = true, g.readRules(data)
			case site.HoldsRole:
				err = g.readHolds(data)
			default:
				err = g.addPatch(role, p, data)
			}
			if err != nil {
				return err
			}
		}
	}
	if !ruled {
		return fmt.Errorf("the catalog has no %s", site.RulesTarget)
	}
	if err := g.apply(g.rules); err != nil {
		return err
	}
	g.stop()
	return nil
}

// payload is one target of a role.
type payload struct {
	path   string
	digest string
	file   *metadata.TargetFiles
}

// contents lists what a role lists, by path. A role may list only what is in its own folder,
// delegates to nobody, and names each file by sha256.
func contents(role string, md *metadata.Metadata[metadata.TargetsType]) ([]payload, error) {
	if md.Signed.Delegations != nil {
		return nil, fmt.Errorf("role %s delegates to other roles, which is not done in this catalog", role)
	}
	var out []payload
	for p, f := range md.Signed.Targets {
		sum := f.Hashes["sha256"].String()
		switch {
		case role == site.FleetRole && p != site.RulesTarget:
			return nil, fmt.Errorf("role %s lists %q, which this version does not know: update Nightfill on this box", role, p)
		case role == site.HoldsRole && p != site.HoldsTarget:
			return nil, fmt.Errorf("role %s lists %q, which it may not", role, p)
		case role != site.FleetRole && role != site.HoldsRole && (p != site.PatchTarget(role, patchID(p)) || !idPattern.MatchString(patchID(p))):
			return nil, fmt.Errorf("role %s lists %q, which it may not", role, p)
		case !digestPattern.MatchString(sum) || f.Length < 1 || f.Length > maxPayload:
			return nil, fmt.Errorf("role %s lists %q without a usable sha256 and length", role, p)
		}
		out = append(out, payload{path: p, digest: sum, file: f})
	}
	slices.SortFunc(out, func(a, b payload) int { return strings.Compare(a.path, b.path) })
	return out, nil
}

func patchID(target string) string { return strings.TrimSuffix(path.Base(target), ".json") }

// delegations checks who may sign what, and returns the names of the roles, sorted.
func delegations(targets *metadata.Metadata[metadata.TargetsType]) ([]string, error) {
	d := targets.Signed.Delegations
	if len(targets.Signed.Targets) > 0 || d == nil || d.SuccinctRoles != nil {
		return nil, errors.New("the targets role must only delegate to the fleet and to owners")
	}
	var names []string
	for _, r := range d.Roles {
		want := site.RolePaths(r.Name)
		reserved := slices.Contains([]string{"root", "targets", "snapshot", "timestamp", "mirrors"}, r.Name)
		switch {
		case reserved || !rolePattern.MatchString(r.Name):
			return nil, fmt.Errorf("targets delegates to a role with the name %q, which is not possible", r.Name)
		case slices.Contains(names, r.Name):
			return nil, fmt.Errorf("targets delegates twice to %s", r.Name)
		case !slices.Equal(r.Paths, []string{want}) || len(r.PathHashPrefixes) > 0 || !r.Terminating:
			return nil, fmt.Errorf("targets lets %s sign %q, expected %s only", r.Name, r.Paths, want)
		}
		names = append(names, r.Name)
	}
	if !slices.Contains(names, site.FleetRole) {
		return nil, fmt.Errorf("targets does not delegate to %s", site.FleetRole)
	}
	slices.Sort(names)
	return names, nil
}

// hashed refuses an entry without length and sha256: they are checked before a file is parsed.
func hashed(name string, m *metadata.MetaFiles) error {
	if m == nil || m.Length < 1 || len(m.Hashes["sha256"]) == 0 {
		return fmt.Errorf("%s is listed without length and sha256", name)
	}
	return nil
}

// issued is when a timestamp was signed, as it says itself.
func issued(ts *metadata.Metadata[metadata.TimestampType]) (time.Time, error) {
	text, ok := ts.Signed.UnrecognizedFields[site.IssuedField].(string)
	if !ok {
		return time.Time{}, fmt.Errorf("the timestamp does not say when it was issued (%s)", site.IssuedField)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("the timestamp was issued at %q, which is not a time", text)
	}
	if t.After(ts.Signed.Expires) {
		return time.Time{}, fmt.Errorf("the timestamp was issued at %s, after it ended", text)
	}
	return t.UTC(), nil
}

// decode reads JSON with no unknown keys: what this version does not understand could forbid something.
func decode(what string, data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s is not readable by this version: %v; update Nightfill on this box", what, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%s has more after its end", what)
	}
	return nil
}

func (g *generation) readRules(data []byte) error {
	if err := decode(site.RulesTarget, data, &g.rules); err != nil {
		return err
	}
	return form(site.RulesTarget, g.rules.Schema, site.RulesSchema)
}

// form refuses a target of another form than the one that this version knows.
func form(target string, has, knows int) error {
	if has != knows {
		return fmt.Errorf("%s has form %d, this version knows %d: update Nightfill on this box", target, has, knows)
	}
	return nil
}

// addPatch reads a manifest and checks that it is the one its role and path promise.
func (g *generation) addPatch(role string, p payload, data []byte) error {
	var patch site.Patch
	if err := decode(p.path, data, &patch); err != nil {
		return err
	}
	if patch.ID != patchID(p.path) || patch.Owner != role {
		return fmt.Errorf("%s is about patch %q of owner %q", p.path, patch.ID, patch.Owner)
	}
	for _, a := range slices.Concat(patch.Artifacts, patch.Rollback.Artifacts) {
		plain := a.Name != "" && a.Name != "." && a.Name != ".." && !strings.ContainsAny(a.Name, "/\\\x00\n")
		if !plain || !digestPattern.MatchString(a.SHA256) || a.Size < 1 {
			return fmt.Errorf("%s names an artifact %q that is not usable", p.path, a.Name)
		}
	}
	if slices.ContainsFunc(g.catalog.Patches, func(o site.Approved) bool { return o.Patch.ID == patch.ID }) {
		return fmt.Errorf("patch %s is listed by two owners", patch.ID)
	}
	g.catalog.Patches = append(g.catalog.Patches, site.Approved{Patch: patch})
	return nil
}

// apply adds to each patch where headquarters let it go, and where it excepted devices from it.
func (g *generation) apply(rules site.Rules) error {
	for _, e := range rules.Exceptions {
		if e.Patch == "" || e.Owner == "" || e.Reason == "" || e.Expires.IsZero() {
			return fmt.Errorf("%s excepts %q without a patch, an owner, a reason or an end", site.RulesTarget, e.Patch)
		}
	}
	for i := range g.catalog.Patches {
		p := &g.catalog.Patches[i]
		if r, ok := rules.Releases[p.Patch.ID]; ok {
			if r.Ring.Order() == 0 {
				return fmt.Errorf("%s releases %s to ring %q, which does not exist", site.RulesTarget, p.Patch.ID, r.Ring)
			}
			p.Release = &r
		}
		if w, ok := rules.Withdrawn[p.Patch.ID]; ok {
			p.Withdrawn = &w
		}
		for _, e := range rules.Exceptions {
			if e.Patch == p.Patch.ID {
				p.Exceptions = append(p.Exceptions, e)
			}
		}
	}
	slices.SortFunc(g.catalog.Patches, func(a, b site.Approved) int { return strings.Compare(a.Patch.ID, b.Patch.ID) })
	return nil
}
