package sshhost

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// FetchHostKey asks the SSH server at addr (host:port) for its host key and leaves before any
// login. key is in the form of site.Device.HostKey, fingerprint is what a person compares with the
// device's own console. Nothing proves that the right device answered: a person must.
func FetchHostKey(ctx context.Context, addr string) (key, fingerprint string, err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeWithin)
	defer cancel()
	raw, err := dialTCP(ctx, "tcp", addr)
	if err != nil {
		return "", "", fmt.Errorf("cannot reach %s: %w", addr, err)
	}
	defer raw.Close()
	var seen ssh.PublicKey
	config := clientConfig("nobody", []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	})
	config.HostKeyCallback = func(_ string, _ net.Addr, k ssh.PublicKey) error {
		seen = k
		return errors.New("seen enough")
	}
	if _, _, _, err = handshake(ctx, raw, addr, config); seen == nil {
		return "", "", fmt.Errorf("%s did not show a host key: %w", addr, err)
	}
	return seen.Type() + " " + base64.StdEncoding.EncodeToString(seen.Marshal()), ssh.FingerprintSHA256(seen), nil
}

// pinnedKey is the host key that the device is enrolled with.
func pinnedKey(dev site.Device) (ssh.PublicKey, error) {
	if dev.HostKey == "" {
		return nil, devices.Failure(site.CodeNotEnrolled, "%s has no pinned host key; compare its fingerprint and run: nightfill enrol %s", dev.ID, dev.ID)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(dev.HostKey))
	if err != nil {
		return nil, devices.Failure(site.CodeNotEnrolled, "the pinned host key of %s cannot be read: nightfill enrol %s", dev.ID, dev.ID)
	}
	return key, nil
}

// algorithms are the ways in which a host can prove that it has a key of this type.
func algorithms(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

func isHostKey(e *ssh.AlgorithmNegotiationError) bool { return e.What == "host key" }

// isAuth tells a refused login from every other end of a handshake; the library has no type for it.
func isAuth(err error) bool { return strings.Contains(err.Error(), "unable to authenticate") }
