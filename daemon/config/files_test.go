package config_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/daemon/config"
)

const withFiles = `version: 1
store: {id: "0142", org: acme, timezone: America/Chicago}
opening: {mon-sun: "06:30"}
window: {start: "23:00", end: "05:00"}
catalog: {url: "https://patches.example.com/", root: root.json}
mqtt: {url: "mqtts://mqtt.example.com", ca: ca.pem, cert: store.pem, key: store.key, username: store, password_file: password}
ssh: {key: id_ed25519}
devices: [{id: srv-1, class: linux-server, address: 10.0.0.1, user: patch}]
state: state
`

// pair returns a certificate and its key in PEM form.
func pair(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "store-0142"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bytes})
}

// sshKey returns a private SSH key, with a passphrase unless it is "", and its public half.
func sshKey(t *testing.T, passphrase string) (private, public []byte) {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(k, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(k, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	half, err := ssh.NewPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(half)
}

// goodStore makes a folder with a store file and every file that it names.
func goodStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cert, key := pair(t)
	private, _ := sshKey(t, "")
	write(t, dir, "store.yaml", []byte(withFiles))
	write(t, dir, "root.json", []byte(`{"signed":{"_type":"root"}}`))
	write(t, dir, "ca.pem", cert)
	write(t, dir, "store.pem", cert)
	write(t, dir, "store.key", key)
	write(t, dir, "password", []byte("secret\n"))
	write(t, dir, "id_ed25519", private)
	return dir
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	locked, public := sshKey(t, "secret")
	_, otherKey := pair(t)
	const make = "make one with `ssh-keygen -t ed25519 -N ''` and put the public half on the servers"
	tests := []struct {
		name   string
		spoil  func(t *testing.T, dir string)
		want   []string
		asRoot bool // also holds for a user who may read everything
	}{
		{"all is good", func(*testing.T, string) {}, nil, true},
		{"nothing is there", func(t *testing.T, dir string) {
			for _, name := range []string{"root.json", "ca.pem", "store.pem", "store.key", "password", "id_ed25519"} {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, []string{
			"DIR/store.yaml:5:54: catalog.root: DIR/root.json does not exist; copy root.json from the folder that `nightfill catalog publish` wrote",
			"DIR/store.yaml:6:45: mqtt.ca: DIR/ca.pem does not exist; copy the certificate of the broker's authority there",
			"DIR/store.yaml:6:59: mqtt.cert: DIR/store.pem does not exist; copy the store's certificate there",
			"DIR/store.yaml:6:75: mqtt.key: DIR/store.key does not exist; copy the key of the store's certificate there",
			"DIR/store.yaml:6:118: mqtt.password_file: DIR/password does not exist; write the password of the broker into it",
			"DIR/store.yaml:7:12: ssh.key: DIR/id_ed25519 does not exist; " + make,
		}, true},
		{"public half", func(t *testing.T, dir string) { write(t, dir, "id_ed25519", public) },
			[]string{"DIR/store.yaml:7:12: ssh.key: DIR/id_ed25519 is the public half of a key; " + make}, true},
		{"passphrase", func(t *testing.T, dir string) { write(t, dir, "id_ed25519", locked) },
			[]string{"DIR/store.yaml:7:12: ssh.key: DIR/id_ed25519 is protected by a passphrase, which nobody can type at night; " + make}, true},
		{"no key at all", func(t *testing.T, dir string) { write(t, dir, "id_ed25519", []byte("hello")) },
			[]string{"DIR/store.yaml:7:12: ssh.key: DIR/id_ed25519 is not a private SSH key; " + make}, true},
		{"world readable", func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "id_ed25519"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, []string{"DIR/store.yaml:7:12: ssh.key: DIR/id_ed25519 may be read by everybody on the box (mode 0644); run chmod 600 DIR/id_ed25519"}, true},
		{"not readable", func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "id_ed25519"), 0); err != nil {
				t.Fatal(err)
			}
		}, []string{"DIR/store.yaml:7:12: ssh.key: cannot be read: open DIR/id_ed25519: permission denied; make it readable to the user that runs this"}, false},
		{"a folder", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "root.json")); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "root.json"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"DIR/store.yaml:5:54: catalog.root: DIR/root.json is not a file; name a file"}, true},
		{"another role", func(t *testing.T, dir string) {
			write(t, dir, "root.json", []byte(`{"signed":{"_type":"timestamp"}}`))
		}, []string{"DIR/store.yaml:5:54: catalog.root: DIR/root.json is not the root of a signed catalog; copy root.json from the folder that `nightfill catalog publish` wrote"}, true},
		{"certificates", func(t *testing.T, dir string) {
			write(t, dir, "ca.pem", []byte("hello"))
			write(t, dir, "store.key", otherKey)
			write(t, dir, "password", []byte("\nsecret"))
		}, []string{
			"DIR/store.yaml:6:45: mqtt.ca: DIR/ca.pem holds no certificate in PEM form; copy the certificate of the broker's authority there",
			"DIR/store.yaml:6:75: mqtt.key: DIR/store.key does not belong to the certificate DIR/store.pem; copy the two files that were made together",
			"DIR/store.yaml:6:118: mqtt.password_file: DIR/password has no password in its first line; write the password of the broker into it",
		}, true},
		{"too large", func(t *testing.T, dir string) { write(t, dir, "ca.pem", make1MiB()) },
			[]string{"DIR/store.yaml:6:45: mqtt.ca: DIR/ca.pem is larger than 1 MiB, which it cannot be; check the name of the file"}, true},
		{"state is a file", func(t *testing.T, dir string) { write(t, dir, "state", nil) },
			[]string{"DIR/store.yaml:9:8: state: DIR/state is a file; name a folder"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !tt.asRoot && os.Geteuid() == 0 {
				t.Skip("root may read everything")
			}
			dir := goodStore(t)
			tt.spoil(t, dir)
			c, err := config.Load(filepath.Join(dir, "store.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range config.Check(c) {
				got = append(got, strings.ReplaceAll(p.String(), dir, "DIR"))
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func make1MiB() []byte { return make([]byte, 1<<20+1) }

func TestCheckOfAStoreWithoutServers(t *testing.T) {
	c, err := config.Parse("/nowhere/store.yaml", []byte(minimal(t)))
	if err != nil {
		t.Fatal(err)
	}
	if problems := config.Check(c); len(problems) > 0 {
		t.Errorf("a store that logs in nowhere needs no key: %v", problems)
	}
}

// TestNothingIsTouched compares everything about a folder before and after a look at it.
func TestNothingIsTouched(t *testing.T) {
	dir := goodStore(t)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	before := listing(t, dir)
	c, err := config.Load(filepath.Join(dir, "store.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if problems := config.Check(c); len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(strings.Join([]string{e.Name(), info.Mode().String(), info.ModTime().String(), string(data)}, " ") + "\n")
	}
	return b.String()
}

// TestCheckOfAuthorities looks at the files that readiness checks name, at their place in the list.
func TestCheckOfAuthorities(t *testing.T) {
	dir := t.TempDir()
	text := strings.Replace(minimal(t), "window:", "readiness:\n  checks:\n    - {id: A, kind: cert, address: h}\n    - {id: B, kind: cert, address: h, ca: pos-ca.pem}\nwindow:", 1)
	write(t, dir, "store.yaml", []byte(text))
	c, err := config.Load(filepath.Join(dir, "store.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	problems := config.Check(c)
	want := strings.ReplaceAll("DIR/store.yaml:6:43: readiness.checks[1].ca: DIR/pos-ca.pem does not exist; copy the certificate of the authority there", "DIR", dir)
	if len(problems) != 1 || problems[0].String() != want || problems[0].Pointer != "/readiness/checks/1/ca" {
		t.Errorf("got %v\nwant %s", problems, want)
	}
	cert, _ := pair(t)
	write(t, dir, "pos-ca.pem", cert)
	if problems := config.Check(c); len(problems) > 0 {
		t.Errorf("with the file: %v", problems)
	}
}
