package sshhost_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices/sshhost"
)

// TestCrowdedOpenSSH is row 49 of the fault catalogue: a scanner holds all connections that sshd lets come to a login. The
// device does not answer, which is said soon; when the scanner is gone it does.
func TestCrowdedOpenSSH(t *testing.T) {
	s, signer, key := openSSHServer(t, "MaxStartups 2", "LoginGraceTime 120")
	h := s.host(t, signer, key, sshhost.Options{})
	var scanner []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Read(make([]byte, 4)); err != nil { // sshd has taken it
			t.Fatal(err)
		}
		scanner = append(scanner, c)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	_, err := h.Driver.Probe(ctx, h.Device)
	if err == nil || !strings.HasPrefix(err.Error(), "cannot log in to srv-1 at "+h.Device.Address+": ") || time.Since(began) > 10*time.Second {
		t.Errorf("a crowded sshd is told after %s as %v", time.Since(began), err)
	}
	t.Logf("it says: %v", err)
	for _, c := range scanner {
		_ = c.Close()
		_, _ = io.Copy(io.Discard, c)
	}
	for err != nil && ctx.Err() == nil { // sshd needs a moment to see that they are gone
		_, err = h.Driver.Probe(ctx, h.Device)
	}
	if err != nil {
		t.Errorf("after the scanner: %v", err)
	}
}
