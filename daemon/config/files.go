package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/site"
)

// Check looks at the files that the store file names and returns what is wrong with
// them, in the order of the file. It reads them and changes nothing; it does not
// look at dates, because a box may not know the time yet.
func Check(c Config) []Problem {
	k := checker{file: c.File, places: c.places}
	if c.needsSSH() {
		k.look("ssh.key", c.SSH.Key, "make one with `ssh-keygen -t ed25519 -N ''` and put the public half on the servers", true, goodSSHKey)
	}
	if c.Catalog != nil {
		k.look("catalog.root", c.Catalog.Root, "copy root.json from the folder that `nightfill catalog publish` wrote", false, goodRoot)
	}
	if m := c.MQTT; m != nil {
		k.look("mqtt.ca", m.CA, "copy the certificate of the broker's authority there", false, goodCertificates)
		k.look("mqtt.cert", m.Cert, "copy the store's certificate there", false, goodCertificates)
		if k.look("mqtt.key", m.Key, "copy the key of the store's certificate there", true, goodKey) {
			k.pair("mqtt.key", m.Cert, m.Key)
		}
		k.look("mqtt.password_file", m.PasswordFile, "write the password of the broker into it", true, goodPassword)
	}
	for i, check := range c.Store.Checks {
		k.look(fmt.Sprintf("readiness.checks[%d].ca", i), check.CA, "copy the certificate of the authority there", false, goodCertificates)
	}
	if info, err := os.Stat(c.State); err == nil && !info.IsDir() {
		k.report("state", c.State+" is a file", "name a folder")
	}
	return k.problems.sorted()
}

// needsSSH reports whether the store has a device that is logged in to.
func (c Config) needsSSH() bool {
	for _, d := range c.Store.Devices {
		if d.Class == site.LinuxServer || d.Class == site.WindowsServer {
			return true
		}
	}
	return false
}

// checker looks at the files that a configuration file names.
type checker struct {
	file     string
	places   map[string]place
	problems Problems
}

func (k *checker) report(key, wrong, instead string) {
	at := k.places[key]
	pointer := "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(key)
	k.problems = append(k.problems, Problem{File: k.file, Line: at.line, Column: at.column, Key: key, Pointer: pointer, Wrong: wrong, Instead: instead})
}

// look reads the file at path, which "" means there is none, and reports what is wrong with it.
// It returns whether there is a file and it is good.
func (k *checker) look(key, path, absent string, secret bool, good func([]byte) error) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.report(key, path+" does not exist", absent)
		return false
	case err == nil && !info.Mode().IsRegular():
		k.report(key, path+" is not a file", "name a file")
		return false
	case err == nil && info.Size() > maxSize:
		k.report(key, path+" is larger than 1 MiB, which it cannot be", "check the name of the file")
		return false
	}
	if err == nil && secret && info.Mode().Perm()&0o007 != 0 {
		k.report(key, fmt.Sprintf("%s may be read by everybody on the box (mode %04o)", path, info.Mode().Perm()), "run chmod 600 "+path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		k.report(key, fmt.Sprintf("cannot be read: %v", err), "make it readable to the user that runs this")
		return false
	}
	if err := good(data); err != nil {
		k.report(key, path+" "+err.Error(), absent)
		return false
	}
	return true
}

// pair reports a key that does not belong to its certificate.
func (k *checker) pair(name, cert, key string) {
	certificate, err := os.ReadFile(cert)
	if err != nil || goodCertificates(certificate) != nil {
		return // reported for the certificate
	}
	private, err := os.ReadFile(key)
	if err == nil {
		_, err = tls.X509KeyPair(certificate, private)
	}
	if err != nil {
		k.report(name, fmt.Sprintf("%s does not belong to the certificate %s", key, cert), "copy the two files that were made together")
	}
}

func goodSSHKey(data []byte) error {
	_, err := ssh.ParseRawPrivateKey(data)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return errors.New("is protected by a passphrase, which nobody can type at night")
	case err == nil:
		return nil
	}
	if _, _, _, _, public := ssh.ParseAuthorizedKey(data); public == nil {
		return errors.New("is the public half of a key")
	}
	return errors.New("is not a private SSH key")
}

func goodRoot(data []byte) error {
	var root struct {
		Signed struct {
			Type string `json:"_type"`
		} `json:"signed"`
	}
	if json.Unmarshal(data, &root) != nil || root.Signed.Type != "root" {
		return errors.New("is not the root of a signed catalog")
	}
	return nil
}

func goodCertificates(data []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return errors.New("holds no certificate in PEM form")
	}
	return nil
}

func goodKey(data []byte) error {
	if !bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		return errors.New("holds no private key in PEM form")
	}
	return nil
}

func goodPassword(data []byte) error {
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if len(bytes.TrimSpace(first)) == 0 {
		return errors.New("has no password in its first line")
	}
	return nil
}
