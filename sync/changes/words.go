package changes

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// words maps each thing in a content to lines that describe it.
func words(c Content) map[string][]string {
	out := map[string][]string{}
	for id, p := range c.Patches {
		out[id] = patchWords(p)
	}
	ruleWords(out, c.Rules)
	for id, h := range c.Holds.Patches {
		out["hold "+id] = holdWords(h)
	}
	for id, h := range c.Holds.Stores {
		out["hold store "+id] = storeHoldWords(h)
	}
	for name, lines := range c.Roles {
		out["role "+name] = lines
	}
	return out
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
	for id, t := range rules.Lifted {
		out["lift the hold of "+id] = []string{"if it was set up to " + t.Format(time.RFC3339)}
	}
	for id, t := range rules.LiftedStores {
		out["lift the hold of store "+id] = []string{"if it was set up to " + t.Format(time.RFC3339)}
	}
	for _, e := range rules.Exceptions {
		out["except "+e.Patch+" "+e.Scope()] = exceptionWords(e)
	}
}

func holdWords(h site.PatchHold) []string {
	lines := []string{"since " + h.At.Format(time.RFC3339), "because: " + h.Reason}
	if h.Digest != "" {
		lines = append(lines, "only the bytes "+h.Digest)
	}
	return lines
}

func storeHoldWords(h site.StoreHold) []string {
	lines := []string{"nothing is begun in it since " + h.At.Format(time.RFC3339), "because: " + h.Reason}
	if h.By != "" {
		lines = append(lines, "asked for by "+h.By)
	}
	return lines
}

func exceptionWords(e site.Exception) []string {
	lines := []string{"until " + e.Expires.Format(time.RFC3339) + ", answered for by " + e.Owner, "because: " + e.Reason}
	if e.Risk != "" {
		lines = append(lines, "risk: "+e.Risk)
	}
	if e.Controls != "" {
		lines = append(lines, "controls: "+e.Controls)
	}
	return lines
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
