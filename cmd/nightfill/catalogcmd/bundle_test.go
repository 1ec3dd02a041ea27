package catalogcmd

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/site"
)

const address = "https://patches.example.com/catalog/"

// TestStoreFile fills in the store file the way its comments say, and the daemon reads it.
func TestStoreFile(t *testing.T) {
	empty := fmt.Sprintf(storeFile, "0142", address)
	_, err := config.Parse("store.yaml", []byte(empty))
	const refused = `store.yaml:6:3: store.org: has no value; write one, or remove the key
store.yaml:7:3: store.name: has no value; write one, or remove the key
store.yaml:8:3: store.timezone: has no value; write one, or remove the key
store.yaml:12:3: opening.mon-sat: has no value; write one, or remove the key
store.yaml:13:3: opening.sun: has no value; write one, or remove the key`
	if err == nil || err.Error() != refused {
		t.Errorf("the empty store file is refused with\n%v\nwant\n%s", err, refused)
	}
	like := regexp.MustCompile(`(?m)^( +[a-z-]+:) +#.*\blike ("[^"]*"|[^,\n]*).*$`)
	filled := like.ReplaceAllString(empty, "$1 $2")
	c, err := config.Parse("store.yaml", []byte(filled))
	if err != nil || len(c.Warnings) > 0 {
		t.Fatalf("the filled in store file:\n%s\nis refused with %v, warnings %v", filled, err, c.Warnings)
	}
	s := c.Store
	if s.ID != "0142" || s.Org != "acme" || s.Name != "Springfield East" || s.Ring != site.RingFleet || s.Calendar.Zone.String() != "America/Chicago" || len(s.Calendar.Opening) != 7 {
		t.Errorf("the store is %+v", s)
	}
	if c.Catalog == nil || c.Catalog.URL != address || c.Catalog.Root != "/etc/nightfill/root.json" {
		t.Errorf("the catalog is %+v", c.Catalog)
	}
	head, body, _ := strings.Cut(filled, "version: 1\n")
	all := head + "version: 1\n" + regexp.MustCompile(`(?m)^#`).ReplaceAllString(body, "")
	c, err = config.Parse("store.yaml", []byte(all))
	if err != nil || len(c.Warnings) > 0 {
		t.Fatalf("the whole store file:\n%s\nis refused with %v, warnings %v", all, err, c.Warnings)
	}
	s = c.Store
	if len(s.Contacts) != 1 || len(s.Groups) != 1 || len(s.Devices) != 1 || len(s.Checks) != 1 || s.Floor["sell"] != 1 || c.MQTT == nil || c.MQTT.Username != "0142" {
		t.Errorf("the whole store is %+v, %+v", s, c.MQTT)
	}
}

// TestBundle looks for the same two files in a folder and in a zip file.
func TestBundle(t *testing.T) {
	w := newWorld(t)
	folder, archive := w.path("stores/0142"), w.path("stores/0142.zip")
	w.must(bundle(w.hq, "0142", address, folder))
	w.must(bundle(w.hq, "0142", "", archive)) // the address is remembered
	z, err := zip.OpenReader(archive)
	w.must(err)
	defer z.Close()
	root := w.read("hq/roots/1.root.json")
	for _, name := range []string{"root.json", "store.yaml"} {
		data, err := os.ReadFile(folder + "/" + name)
		w.must(err)
		if got, err := fs.ReadFile(z, name); err != nil || string(got) != string(data) {
			t.Errorf("%s of the zip file is %q, %v", name, got, err)
		}
	}
	if got := w.read("stores/0142/root.json"); !bytes.Equal(got, root) {
		t.Errorf("the store is given another root: %s", got)
	}
	for _, tt := range []struct{ id, address, out, want string }{
		{"0143", "", folder, folder + " is there already and is not overwritten: choose another --out"},
		{"01 43", "", w.path("x"), `"01 43" is not the id of a store: use letters, digits, dots, _ and -, like 0142`},
		{"0143", "patches.example.com", w.path("x"), `"patches.example.com" is not an address: write https://patches.example.com/catalog/`},
	} {
		if err := bundle(w.hq, tt.id, tt.address, tt.out); err == nil || err.Error() != tt.want {
			t.Errorf("bundle(%q, %q) = %v, want %s", tt.id, tt.address, err, tt.want)
		}
	}
	never := w.newCatalog("never")
	w.must(bundle(never, "0142", "", w.path("y"))) // the address is one more thing to be filled in
	file := w.path("y/store.yaml")
	if _, err := config.Load(file); err == nil || !strings.Contains(err.Error(), "store.yaml:19:16: catalog.url: ") {
		t.Errorf("a store file without the catalog's address: %v", err)
	}
}
