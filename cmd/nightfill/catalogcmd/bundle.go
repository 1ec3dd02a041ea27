package catalogcmd

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/nightfill/nightfill/sync/publish"
)

// storeFile is a store file with everything that headquarters knows: [1] the id, [2] the
// catalog's address, "" when it is not known. Without what is empty in it, `nightfill config validate` refuses it.
const storeFile = `# The store file of store %[1]s. Fill in what is empty, take the # away in front of what
# this store has, and check the result with: nightfill config validate store.yaml
version: 1
store:
  id: %[1]q
  org:                                               # the company, like acme
  name:                                              # what people call the store, like Springfield East
  timezone:                                          # where the store is, like America/Chicago
  ring: fleet                                        # lab, pilot or fleet
  language: en
opening:                                             # store wall clock; a day not named is closed
  mon-sat:                                           # like "06:30"
  sun:                                               # like "08:00", or closed
window:
  start: "23:00"
  end: "05:00"
  reserve: 45m                                       # kept free at the end for verification and repair
clock: {trust: synchronised}                         # operator: a person vouches for this box's clock
catalog: {url: %[2]q, root: /etc/nightfill/root.json, max_offline: 336h} # url: https://patches.example.com/catalog/
ssh: {key: /etc/nightfill/id_ed25519}
state: /var/lib/nightfill
listen: {ready: ":80"}
#contacts:                                           # who is named when the store is not ready
#  - {name: Night desk, phone: "+1 555 0100", for: [not_ready, escalation]}
#mqtt: {url: "mqtts://mqtt.example.com:8883", username: %[1]q, password_file: /etc/nightfill/mqtt.password}
#groups:
#  lanes: {max_down: 50%%}                             # so many of its devices may be away at a time
#devices:                                            # then, once for each: nightfill enrol till-1
#  - {id: till-1, class: linux-server, address: "10.77.0.11:22", user: patch, groups: [lanes], capabilities: [sell]}
#readiness:
#  floor: {sell: 1}                                  # what the store needs to open
#  checks:
#    - {id: POS-1, device: till-1, kind: service, name: pos-app, capability: sell}
`

// bundle makes what a new store needs: root.json, the only thing it trusts, and a store.yaml
// to be filled in. out is a directory, or a zip file when it ends in .zip.
func bundle(hq *publish.Repo, id, address, out string) error {
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("%s is there already and is not overwritten: choose another --out", out)
	}
	p, err := hq.Provision(id, address)
	if err != nil {
		return err
	}
	files := []bundled{{"root.json", p.Root}, {"store.yaml", fmt.Appendf(nil, storeFile, id, p.URL)}}
	dir := out
	if strings.HasSuffix(out, ".zip") {
		data, err := zipped(files)
		if err != nil {
			return err
		}
		dir, files = filepath.Dir(out), []bundled{{filepath.Base(out), data}}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := renameio.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

type bundled struct {
	name string
	data []byte
}

func zipped(files []bundled) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		e, err := z.Create(f.name)
		if err != nil {
			return nil, err
		}
		if _, err := e.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}
