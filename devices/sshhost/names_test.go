package sshhost_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// hangs is a resolver that never answers.
func hangs(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, &net.DNSError{Err: "i/o timeout", IsTimeout: true, UnwrapErr: ctx.Err()}
}

// Row 80 of the fault catalogue: nobody answers for names any more. A device that was reached by its name before is reached
// where it was then, and one that is given by its address never needs a name.
func TestNamesAreNotTold(t *testing.T) {
	t.Parallel()
	signer := newSigner(t)
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1", Authorized: signer.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	byAddress, byName := host.Device(), host.Device()
	_, port, _ := net.SplitHostPort(byAddress.Address)
	byName.Address = "srv-1.store.example:" + port
	asked, resolve := 0, func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	driver := sshhost.New(sshhost.Options{Signer: signer, Resolve: func(ctx context.Context, name string) ([]string, error) {
		if asked++; name != "srv-1.store.example" {
			t.Errorf("it asks for %q", name)
		}
		return resolve(ctx, name)
	}})
	t.Cleanup(func() { _ = driver.Close() })
	wantProbe(t, driver, byName)
	resolve = hangs
	for range 3 {
		host.Cut()
		host.Heal()
		began := time.Now()
		wantProbe(t, driver, byName)
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("without names it takes %s", took)
		}
	}
	if asked != 2 {
		t.Errorf("it asked %d times, want once before and once while nobody answered", asked)
	}
	wantProbe(t, driver, byAddress)
	if asked != 2 {
		t.Error("a name is asked for where there is an address")
	}
}

func wantProbe(t *testing.T, driver *sshhost.Driver, device site.Device) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := driver.Probe(ctx, device); err != nil {
		t.Fatalf("%s at %s: %v", device.ID, device.Address, err)
	}
}

// A name that nobody ever told is said to be the trouble, soon.
func TestNameWasNeverTold(t *testing.T) {
	device := site.Device{ID: "srv-1", Class: site.LinuxServer, Address: "srv-1.store.example:22", HostKey: fakessh.PinnedForm(newSigner(t).PublicKey())}
	for _, tt := range []struct {
		resolve func(context.Context, string) ([]string, error)
		why     string
		within  time.Duration
	}{
		{hangs, "no answer within 2s", 2 * time.Second},
		{func(context.Context, string) ([]string, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "srv-1.store.example", IsNotFound: true}
		}, "no such host", 0},
		{func(context.Context, string) ([]string, error) { return nil, nil }, "it has none", 0},
		{func(context.Context, string) ([]string, error) { return nil, errors.New("broken") }, "broken", 0},
	} {
		signer := newSigner(t)
		synctest.Test(t, func(t *testing.T) {
			driver := sshhost.New(sshhost.Options{Signer: signer, Resolve: tt.resolve})
			defer driver.Close()
			began := time.Now()
			_, err := driver.Probe(t.Context(), device)
			want := fmt.Sprintf("cannot reach srv-1 at srv-1.store.example:22: nobody tells the address of srv-1.store.example: %s; write the IP address in the store file", tt.why)
			if err == nil || err.Error() != want || time.Since(began) != tt.within {
				t.Errorf("after %s: %v, want %s", time.Since(began), err, want)
			}
		})
	}
}
