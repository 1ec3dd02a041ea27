package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/account"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window/tzdata"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// slack is how long after a catalog came into force a plan may still be made from the one before: the
// box looks at its devices first.
const slack = 15 * time.Minute

// root walks the roots of the pack from or to the given one.
func (v *verifier) root() (string, error) {
	var versions []int64
	for _, f := range v.zip.File {
		if rest, ok := strings.CutPrefix(f.Name, evidence.RootFolder); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(rest, ".root.json"), 10, 64)
			if err != nil || evidence.RootFile(n) != f.Name {
				return "", fmt.Errorf("%s is no root", f.Name)
			}
			versions = append(versions, n)
		}
	}
	slices.Sort(versions)
	var files [][]byte
	for _, n := range versions {
		data, err := v.read(evidence.RootFile(n))
		if err != nil {
			return "", err
		}
		files = append(files, data)
	}
	if len(files) == 0 {
		if v.find(evidence.GenerationsFile) != nil {
			return "", errors.New("the pack has signed catalogs and no root")
		}
		return "the pack has no signed catalog, and no root", nil
	}
	var err error
	if v.roots, err = catalog.ReadRoots(files, v.o.Root); err != nil {
		v.roots = catalog.Roots{}
		return "", err
	}
	if v.roots.First() > versions[0] || v.roots.Newest() < versions[len(versions)-1] || v.roots.Newest()-v.roots.First()+1 < int64(len(versions)) {
		return "", errors.New("the roots have other names than their versions")
	}
	text := count(len(files), "root", "roots") + ", each signed by the one before it"
	if v.o.Root == nil {
		text += "; none was given to compare with"
	}
	return text, nil
}

// catalogs verifies each signed catalog as the store did when it accepted it.
func (v *verifier) catalogs() (string, error) {
	list := []archive.Entry{}
	if v.find(evidence.GenerationsFile) != nil {
		data, err := v.read(evidence.GenerationsFile)
		if err != nil {
			return "", err
		}
		if err := json.Unmarshal(data, &list); err != nil {
			return "", fmt.Errorf("%s is not readable: %v", evidence.GenerationsFile, err)
		}
	}
	used := map[string]bool{}
	for _, e := range list {
		proven, err := v.roots.Prove(e, func(sum string) ([]byte, error) {
			used[evidence.CatalogFile(sum)] = true
			return v.read(evidence.CatalogFile(sum))
		})
		if err != nil {
			return "", fmt.Errorf("the catalog of version %d does not verify as of %s: %v", e.Version, judged(e).UTC().Format(time.RFC3339), err)
		}
		v.generations[e.Version] = proven
	}
	for _, f := range v.zip.File {
		if strings.HasPrefix(f.Name, evidence.CatalogFile("")) && !used[f.Name] {
			return "", fmt.Errorf("%s belongs to no catalog of %s", f.Name, evidence.GenerationsFile)
		}
	}
	bound, err := v.bound()
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s, each signed as a store demands it at the time when it was accepted; the journal names the digest of %d", count(len(list), "catalog", "catalogs"), bound)
	if len(list) == 0 {
		text = "none was in force"
	}
	return text, nil
}

// judged is the time as of which a generation is verified.
func judged(e archive.Entry) time.Time {
	if e.Accepted.After(e.Issued) {
		return e.Accepted
	}
	return e.Issued
}

// bound compares the catalogs with what the journal says came into force, and counts those whose digest it names.
func (v *verifier) bound() (int, error) {
	digests := map[int64]bool{}
	for _, r := range v.notes {
		note := r.Event.Catalog
		g := v.generations[note.Version]
		switch {
		case g == nil && v.missing(note.Version):
		case g == nil:
			return 0, fmt.Errorf("the catalog of version %d, which came into force with record %d, is neither in the pack nor named as missing", note.Version, r.Seq)
		case note.Digest != "" && note.Digest != g.Catalog.Digest:
			return 0, fmt.Errorf("the catalog of version %d is not the one that came into force with record %d: its digest is %s, the journal says %s", note.Version, r.Seq, g.Catalog.Digest, note.Digest)
		case g.Entry.Accepted.After(r.Event.At):
			return 0, fmt.Errorf("the catalog of version %d came into force with record %d at %s, and is said to be accepted only at %s",
				note.Version, r.Seq, r.Event.At.UTC().Format(time.RFC3339), g.Entry.Accepted.UTC().Format(time.RFC3339))
		case note.Digest != "":
			digests[note.Version] = true
		}
	}
	return len(digests), nil
}

// missing reports whether the manifest says that a catalog is missing.
func (v *verifier) missing(version int64) bool {
	return slices.ContainsFunc(v.m.Missing, func(x evidence.Missing) bool {
		return x.What == evidence.CatalogName(version) || x.What == evidence.AllCatalogs
	})
}

// pages makes everything anew that follows from the records, and compares.
func (v *verifier) pages() (string, error) {
	data, err := v.read(evidence.StoreFile)
	if err != nil {
		return "", err
	}
	var store evidence.Store
	if err := json.Unmarshal(data, &store); err != nil {
		return "", fmt.Errorf("%s is not readable: %v", evidence.StoreFile, err)
	}
	if store.ID != v.m.Store || store.Org != v.m.Org || store.Name != v.m.Name || store.Timezone != v.m.Timezone {
		return "", fmt.Errorf("%s speaks of store %s of %s, the manifest of store %s of %s", evidence.StoreFile, store.ID, store.Org, v.m.Store, v.m.Org)
	}
	zone, err := tzdata.Load(v.m.Timezone)
	if err != nil {
		return "", err
	}
	a := account.New(v.m.Case(store.Store, zone, v.generations), func(name string, data []byte) error {
		v.made[name] = archive.Digest(data)
		return nil
	})
	if err := v.records(func(r journal.Raw) error {
		if len(r.Event) == 0 {
			return nil
		}
		rec, err := r.Record()
		if err != nil {
			return err
		}
		return a.Take(rec)
	}); err != nil {
		return "", err
	}
	if err := a.End(); err != nil {
		return "", err
	}
	v.installs, v.told = a.Installs(), true
	v.made[evidence.ExplainFile] = archive.Digest([]byte(evidence.Explain(v.m)))
	if !slices.Equal(a.Nights(), v.m.Nights) {
		return "", fmt.Errorf("the journal tells the nights %s, the manifest %s", strings.Join(a.Nights(), " "), strings.Join(v.m.Nights, " "))
	}
	return v.compare()
}

// compare holds the pages of the pack against those that were made anew.
func (v *verifier) compare() (string, error) {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(v.made)) {
		if have := v.content[name]; have != v.made[name] && v.find(name) != nil {
			wrong = append(wrong, fmt.Errorf("%s does not follow from the journal: made anew it is another", name))
		} else if v.find(name) == nil {
			wrong = append(wrong, fmt.Errorf("%s follows from the journal and is missing", name))
		}
	}
	for _, f := range v.zip.File {
		source := slices.Contains([]string{evidence.ManifestFile, evidence.SumsFile, evidence.JournalFile, evidence.StoreFile}, f.Name) || strings.HasPrefix(f.Name, "catalog/")
		if !source && v.made[f.Name] == "" {
			wrong = append(wrong, fmt.Errorf("%s does not follow from the journal: no pack has such a file", f.Name))
		}
	}
	if len(wrong) > 0 && v.o.Version != v.m.ProgramVersion {
		wrong = append(wrong, fmt.Errorf("the pack was made by nightfill %s and this is %s: compare the pages with the nightfill that made them", v.m.ProgramVersion, v.o.Version))
	}
	return fmt.Sprintf("%d reports and tables, made anew from the journal: the same", len(v.made)), errors.Join(wrong...)
}

// approvals traces each installation to what was signed.
func (v *verifier) approvals() (string, error) {
	if !v.told {
		return "", errors.New("the journal could not be told anew: see pages")
	}
	var wrong []error
	for _, g := range v.gaps {
		wrong = append(wrong, fmt.Errorf("%s: what was begun there cannot be shown; make the pack in the store", g))
	}
	for _, seq := range v.bare {
		wrong = append(wrong, fmt.Errorf("record %d: only its hash is known: what was begun there cannot be shown; make the pack in the store", seq))
	}
	patches := map[string]bool{}
	for _, i := range v.installs {
		patches[i.Patch.ID] = true
		if err := v.approved(i); err != nil {
			wrong = append(wrong, fmt.Errorf("%s on %s (record %d): %w", i.Patch.ID, i.Device, i.Seq, err))
		}
	}
	if len(v.installs) == 0 {
		return "nothing was installed", errors.Join(wrong...)
	}
	return fmt.Sprintf("%s of %s, each approved by enough keys in the catalog that was in force",
		count(len(v.installs), "installation", "installations"), count(len(patches), "patch", "patches")), errors.Join(wrong...)
}

// count writes a number with the word for it.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func (v *verifier) approved(i account.Install) error {
	if i.Catalog == 0 {
		return errors.New("no plan in the journal names it")
	}
	g := v.generations[i.Catalog]
	if g == nil {
		return fmt.Errorf("the signed catalog of version %d, from which it was planned, is not in the pack: its approval cannot be shown", i.Catalog)
	}
	if judged(g.Entry).After(i.Planned) {
		return fmt.Errorf("it was planned at %s from the catalog of version %d, which came later", i.Planned.UTC().Format(time.RFC3339), i.Catalog)
	}
	for _, r := range v.notes {
		if newer := r.Event.Catalog.Version; newer > i.Catalog && r.Event.At.Add(slack).Before(i.Planned) {
			return fmt.Errorf("it was planned from the catalog of version %d, and version %d was in force", i.Catalog, newer)
		}
	}
	if err := g.Judge(i.Patch.ID, v.m.Store, i.Planned); err != nil {
		return err
	}
	p := slices.IndexFunc(g.Catalog.Patches, func(a site.Approved) bool { return a.Patch.ID == i.Patch.ID })
	signed, err := json.Marshal(g.Catalog.Patches[p].Patch)
	if err != nil {
		return err
	}
	begun, err := json.Marshal(i.Patch)
	if err != nil {
		return err
	}
	if !bytes.Equal(signed, begun) {
		return fmt.Errorf("what was begun is not what was signed in the catalog of version %d", i.Catalog)
	}
	return nil
}
