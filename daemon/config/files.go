package config

import (
	"fmt"
	"os"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
)

// Check looks at the files that the store file names and returns what is wrong with
// them, in the order of the file. It reads them and changes nothing; it does not
// look at dates, because a box may not know the time yet.
func Check(c Config) []strict.Problem {
	k := strict.NewChecker(c.File, c.places)
	if c.NeedsSSH() {
		k.Look("ssh.key", c.SSH.Key, "make one with `ssh-keygen -t ed25519 -N ''` and put the public half on the servers", true, strict.GoodSSHKey)
	}
	if c.Catalog != nil {
		k.Look("catalog.root", c.Catalog.Root, "copy root.json from the folder that `nightfill catalog publish` wrote", false, strict.GoodRoot)
	}
	if m := c.MQTT; m != nil {
		k.Look("mqtt.ca", m.CA, "copy the certificate of the broker's authority there", false, strict.GoodCertificates)
		k.Look("mqtt.cert", m.Cert, "copy the store's certificate there", false, strict.GoodCertificates)
		if k.Look("mqtt.key", m.Key, "copy the key of the store's certificate there", true, strict.GoodKey) {
			k.Pair("mqtt.key", m.Cert, m.Key)
		}
		k.Look("mqtt.password_file", m.PasswordFile, "write the password of the broker into it", true, strict.GoodPassword)
	}
	for i, check := range c.Store.Checks {
		k.Look(fmt.Sprintf("readiness.checks[%d].ca", i), check.CA, "copy the certificate of the authority there", false, strict.GoodCertificates)
	}
	if info, err := os.Stat(c.State); err == nil && !info.IsDir() {
		k.Report("state", c.State+" is a file", "name a folder")
	}
	return k.Found()
}

// NeedsSSH reports whether the store has a device that is logged in to: without one there need be no key.
func (c Config) NeedsSSH() bool {
	for _, d := range c.Store.Devices {
		if d.Class == site.LinuxServer || d.Class == site.WindowsServer {
			return true
		}
	}
	return false
}
