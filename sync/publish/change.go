package publish

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
)

// Change is what a person is about to sign, compared with what their key signed last.
type Change struct {
	Role    string    `json:"role"`
	Key     string    `json:"key"`
	Version int64     `json:"version"`
	Since   int64     `json:"since"` // the version that this key signed last; 0 = none
	Expires time.Time `json:"expires"`
	Lines   []string  `json:"lines"` // in words: + added, - removed, ~ changed
}

// String returns the change as a person reads it.
func (c Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s signs version %d of %s, valid until %s.\n", c.Key, c.Version, c.Role, c.Expires.Format(time.RFC3339))
	if c.Since == 0 {
		b.WriteString("This key has not signed it before; all of it is new:\n")
	} else {
		fmt.Fprintf(&b, "Since this key signed version %d:\n", c.Since)
	}
	if len(c.Lines) == 0 {
		b.WriteString("  nothing changes but the date until which it is valid\n")
	}
	for _, l := range c.Lines {
		b.WriteString("  " + l + "\n")
	}
	return b.String()
}

// describe compares two versions of a role. before may be nil.
func (b *book) describe(role string, k Key, before, after *targetsMeta) (Change, error) {
	c := Change{Role: role, Key: k.Name(), Version: after.Signed.Version, Expires: after.Signed.Expires}
	if before == nil {
		before = metadata.Targets(time.Time{})
		before.Signed.Version = 0
	}
	c.Since = before.Signed.Version
	if role == "targets" {
		c.Lines = diffLines(b.delegationWords(before), b.delegationWords(after))
		return c, nil
	}
	old, err := b.words(role, before)
	if err != nil {
		return Change{}, err
	}
	now, err := b.words(role, after)
	if err != nil {
		return Change{}, err
	}
	c.Lines = diffLines(old, now)
	return c, nil
}

// words maps each thing that a role lists to lines that describe it.
func (b *book) words(role string, md *targetsMeta) (map[string][]string, error) {
	out := map[string][]string{}
	for path, t := range md.Signed.Targets {
		sum := t.Hashes["sha256"].String()
		if role == site.FleetRole {
			var rules site.Rules
			if err := readJSON(b.path(payloadDir, sum+".json"), &rules); err != nil {
				return nil, err
			}
			ruleWords(out, rules)
			continue
		}
		p, err := b.manifest(sum)
		if err != nil {
			return nil, err
		}
		out[patchID(path)] = patchWords(p)
	}
	return out, nil
}

func ruleWords(out map[string][]string, rules site.Rules) {
	for id, r := range rules.Releases {
		where := "every store of ring " + string(r.Ring) + " and earlier rings"
		if len(r.Stores) > 0 {
			where = "ring " + string(r.Ring) + ", only stores " + strings.Join(r.Stores, ", ")
		}
		out["release "+id] = []string{"to " + where}
	}
	for id, w := range rules.Withdrawn {
		out["withdraw "+id] = []string{"because: " + w.Reason}
	}
}

// patchWords describes a patch to the person who signs it.
func patchWords(p site.Patch) []string {
	classes := make([]string, len(p.Classes))
	for i, c := range p.Classes {
		classes[i] = string(c)
	}
	lines := []string{
		p.Title,
		fmt.Sprintf("%s, severity %s, for %s", p.Install.Kind, p.Severity, strings.Join(classes, ", ")),
		fmt.Sprintf("reboot %s, rollback %s", p.Reboot, p.Rollback.Class),
	}
	for _, a := range p.Artifacts {
		lines = append(lines, artifactWords("artifact", a))
	}
	for _, a := range p.Rollback.Artifacts {
		lines = append(lines, artifactWords("rollback artifact", a))
	}
	return append(lines, otherWords(p)...)
}

func artifactWords(what string, a site.Artifact) string {
	return fmt.Sprintf("%s %s, %d bytes, sha256 %s", what, a.Name, a.Size, a.SHA256)
}

// otherWords lists everything else that is signed, so that nothing is signed unseen.
func otherWords(p site.Patch) []string {
	rest := p
	rest.ID, rest.Title, rest.Severity, rest.Reboot, rest.Classes, rest.Artifacts = "", "", "", "", nil, nil
	rest.Rollback.Class, rest.Rollback.Artifacts, rest.Install.Kind = "", nil, ""
	data, err := json.Marshal(rest)
	if err != nil {
		return []string{err.Error()}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return []string{err.Error()}
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch v := string(fields[name]); v {
		case `""`, `{}`, `null`, `{"kind":""}`, `{"class":""}`:
		default:
			lines = append(lines, name+" "+v)
		}
	}
	return lines
}

// delegationWords describes who may sign what below targets.
func (b *book) delegationWords(md *targetsMeta) map[string][]string {
	out := map[string][]string{}
	if md.Signed.Delegations == nil {
		return out
	}
	for _, d := range md.Signed.Delegations.Roles {
		out["role "+d.Name] = []string{
			b.quorumWords(quorum{d.KeyIDs, d.Threshold}),
			"may sign " + strings.Join(d.Paths, ", "),
		}
	}
	return out
}

func (b *book) quorumWords(q quorum) string {
	names := make([]string, len(q.keys))
	for i, id := range q.keys {
		names[i] = b.keyName(id) + " (" + id[:min(len(id), 12)] + ")"
	}
	slices.Sort(names)
	return fmt.Sprintf("%d of %s must sign", q.need, strings.Join(names, ", "))
}

// describeRoot compares a new root with the newest signed one.
func (b *book) describeRoot(k Key, after *rootMeta) Change {
	words := func(md *rootMeta) map[string][]string {
		out := map[string][]string{}
		for name, r := range md.Signed.Roles {
			out["role "+name] = []string{b.quorumWords(quorum{r.KeyIDs, r.Threshold})}
		}
		return out
	}
	return Change{
		Role: "root", Key: k.Name(), Version: after.Signed.Version, Since: b.signed.root.Signed.Version, Expires: after.Signed.Expires,
		Lines: diffLines(words(b.signed.root), words(after)),
	}
}

// diffLines says what was added, removed and changed, by name.
func diffLines(before, after map[string][]string) []string {
	names := map[string]bool{}
	for n := range before {
		names[n] = true
	}
	for n := range after {
		names[n] = true
	}
	var lines []string
	for _, n := range slices.Sorted(maps.Keys(names)) {
		old, was := before[n]
		now, is := after[n]
		switch {
		case !was:
			lines = append(lines, "+ "+n)
			lines = append(lines, indent("    ", now)...)
		case !is:
			lines = append(lines, "- "+n)
		case !slices.Equal(old, now):
			lines = append(lines, "~ "+n)
			lines = append(lines, indent("    was: ", minus(old, now))...)
			lines = append(lines, indent("    now: ", minus(now, old))...)
		}
	}
	return lines
}

func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func indent(prefix string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = prefix + l
	}
	return out
}
