package roles_test

import (
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// TestThreshold signs a role with two of three keys: only the second puts it in force, and
// what was pending is still so after the directory is read again.
func TestThreshold(t *testing.T) {
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, now, names := t.TempDir(), time.Date(2026, 11, 22, 2, 30, 1, 0, time.UTC), map[string]string{}
	keys, err := keyfile.Open(t.TempDir(), keyfile.FixedPassword(""))
	do(err)
	signers := func(role string, threshold, n int) roles.Signers {
		s := roles.Signers{Role: role, Threshold: threshold, Paths: []string{role + "/*"}}
		for i := range n {
			k, err := roles.MakeKey(keys, roles.KeyName(role, i+1))
			do(err)
			names[k.ID()] = k.Name()
			s.Keys = append(s.Keys, k)
		}
		return s
	}
	pos := signers("pos", 2, 3)
	do(roles.Create(dir, []roles.Signers{signers("root", 1, 1), signers("targets", 1, 1), signers("snapshot", 1, 1), signers("timestamp", 1, 1)}, []roles.Signers{pos}, now))
	wanted := map[string]*metadata.TargetFiles{"pos/p1.json": roles.Target([]byte("{}"))}
	for i, want := range []struct {
		missing string
		inForce int
		version int64
	}{
		{"1 of 2 signatures, waiting for 1 of pos-2, pos-3", 0, 20261122023001},
		{"it is complete", 1, 20261122023002}, // a version of the same second is the next number
	} {
		b, err := roles.Load(dir, names)
		do(err)
		md, dropped := b.Prepare("pos", wanted, now)
		if len(dropped) > 0 || roles.HasSigned(md, pos.Keys[i].ID()) {
			t.Fatalf("%v is dropped, or key %d signed before", dropped, i)
		}
		do(b.Sign("pos", md, pos.Keys[i]))
		if got := b.Missing("pos", md.Signatures); got != want.missing {
			t.Errorf("missing is %q, want %q", got, want.missing)
		}
		do(b.Settle())
		if got := len(b.Signed.Roles["pos"].Signed.Targets); got != want.inForce || b.Signed.Version("pos") != want.version {
			t.Errorf("%d files are in force in version %d, want %+v", got, b.Signed.Version("pos"), want)
		}
	}
}
