package strict

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
)

// Checker looks at the files that a configuration file names.
type Checker struct {
	file     string
	places   Placed
	problems Problems
}

// Report says that what key names is wrong.
func (k *Checker) Report(key, wrong, instead string) {
	at := k.places[key]
	pointer := "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(key)
	k.problems = append(k.problems, Problem{File: k.file, Line: at.Line, Column: at.column, Key: key, Pointer: pointer, Wrong: wrong, Instead: instead})
}

// Look reads the file at path, which "" means there is none, and reports what is wrong with it.
// It returns whether there is a file and it is good.
func (k *Checker) Look(key, path, absent string, secret bool, good func([]byte) error) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.Report(key, path+" does not exist", absent)
		return false
	case err == nil && !info.Mode().IsRegular():
		k.Report(key, path+" is not a file", "name a file")
		return false
	case err == nil && info.Size() > maxSize:
		k.Report(key, path+" is larger than 1 MiB, which it cannot be", "check the name of the file")
		return false
	}
	if err == nil && secret && info.Mode().Perm()&0o007 != 0 {
		k.Report(key, fmt.Sprintf("%s may be read by everybody on the box (mode %04o)", path, info.Mode().Perm()), "run chmod 600 "+path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		k.Report(key, fmt.Sprintf("cannot be read: %v", err), "make it readable to the user that runs this")
		return false
	}
	if err := good(data); err != nil {
		k.Report(key, path+" "+err.Error(), absent)
		return false
	}
	return true
}

// Pair reports a key that does not belong to its certificate.
func (k *Checker) Pair(name, cert, key string) {
	certificate, err := os.ReadFile(cert)
	if err != nil || GoodCertificates(certificate) != nil {
		return // reported for the certificate
	}
	private, err := os.ReadFile(key)
	if err == nil {
		_, err = tls.X509KeyPair(certificate, private)
	}
	if err != nil {
		k.Report(name, fmt.Sprintf("%s does not belong to the certificate %s", key, cert), "copy the two files that were made together")
	}
}

// GoodSSHKey refuses what is no private SSH key, or one that a passphrase protects.
func GoodSSHKey(data []byte) error {
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

// GoodRoot refuses what is not the root of a signed catalog.
func GoodRoot(data []byte) error {
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

// GoodCertificates refuses what holds no certificate.
func GoodCertificates(data []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return errors.New("holds no certificate in PEM form")
	}
	return nil
}

// GoodKey refuses what holds no private key.
func GoodKey(data []byte) error {
	if !bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		return errors.New("holds no private key in PEM form")
	}
	return nil
}

// GoodPassword refuses what has no password in its first line.
func GoodPassword(data []byte) error {
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if len(bytes.TrimSpace(first)) == 0 {
		return errors.New("has no password in its first line")
	}
	return nil
}

// NewChecker makes a checker for what file names; places say where it names what.
func NewChecker(file string, places Placed) *Checker { return &Checker{file: file, places: places} }

// Found returns what was reported, in the order of the file.
func (k *Checker) Found() Problems { return k.problems.sorted() }
