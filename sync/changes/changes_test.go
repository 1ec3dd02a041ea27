package changes

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

var expires = time.Date(2027, 2, 20, 2, 30, 0, 0, time.UTC)

func pos(change func(*site.Patch)) map[string]site.Patch {
	p := site.Patch{
		ID: "pos-4.2.1", Title: "POS", Severity: site.High, Install: site.Install{Kind: site.InstallDeb}, Reboot: site.RebootMay,
		Classes: []site.Class{site.LinuxServer}, Rollback: site.Rollback{Class: site.RollbackNone}, Owner: "pos",
		Artifacts: []site.Artifact{{Name: "pos.deb", SHA256: "abcd", Size: 3}},
	}
	if change != nil {
		change(&p)
	}
	return map[string]site.Patch{p.ID: p}
}

func TestSigning(t *testing.T) {
	excepted := site.Rules{Exceptions: []site.Exception{
		{Patch: "a", Owner: "pos-owner", Reason: "prints twice", Expires: expires},
		{Patch: "a", Owner: "ann", Reason: "old till", Expires: expires, Devices: []string{"till-1"}, Groups: []string{"lanes"}, Stores: []string{"0142"},
			Risk: "receipts twice", Controls: "manager looks"},
	}}
	longer := site.Rules{Exceptions: []site.Exception{{Patch: "a", Owner: "bob", Reason: "prints twice", Expires: expires.AddDate(0, 1, 0)}}}
	withdrawn := site.Rules{Withdrawn: map[string]site.Withdrawal{"a": {Reason: "prints twice"}}}
	released := site.Rules{Releases: map[string]site.Release{"a": {Ring: site.RingPilot}, "b": {Ring: site.RingLab, Stores: []string{"1", "2"}}}}
	tests := []struct {
		name string
		s    Signing
		want string
	}{
		{"new patch", Signing{Key: "pos-1", Role: "pos", Version: 7, Expires: expires, After: Content{Patches: pos(nil)}},
			`pos-1 signs version 7 of pos, valid until 2027-02-20T02:30:00Z.
This key has not signed it before; all of it is new:
  + pos-4.2.1
      POS
      deb, severity high, for linux-server
      reboot may, rollback none
      artifact pos.deb, 3 bytes, sha256 abcd
      duration {"install":"0s","reboot":"0s","verify":"0s","rollback":"0s"}
      owner "pos"
`},
		{"nothing", Signing{Key: "pos-1", Role: "pos", Version: 8, Since: 7, Expires: expires, Before: Content{Patches: pos(nil)}, After: Content{Patches: pos(nil)}},
			`pos-1 signs version 8 of pos, valid until 2027-02-20T02:30:00Z.
Since this key signed version 7:
  nothing changes but the date until which it is valid
`},
		{"changed patch", Signing{Key: "pos-1", Role: "pos", Version: 8, Since: 7, Expires: expires, Before: Content{Patches: pos(nil)}, After: Content{Patches: pos(func(p *site.Patch) {
			p.Rollback = site.Rollback{Class: site.RollbackScript, Artifacts: []site.Artifact{{Name: "undo.sh", SHA256: "ef", Size: 2}}}
			p.Install.Args = []string{"-v"}
			p.Owner = ""
		})}},
			`pos-1 signs version 8 of pos, valid until 2027-02-20T02:30:00Z.
Since this key signed version 7:
  ~ pos-4.2.1
      was: reboot may, rollback none
      was: owner "pos"
      now: reboot may, rollback script
      now: rollback artifact undo.sh, 2 bytes, sha256 ef
      now: install {"kind":"","args":["-v"]}
`},
		{"rules", Signing{Key: "fleet-1", Role: "fleet", Version: 8, Since: 7, Expires: expires, Before: Content{Rules: released}, After: Content{Rules: withdrawn}},
			`fleet-1 signs version 8 of fleet, valid until 2027-02-20T02:30:00Z.
Since this key signed version 7:
  - release a
  - release b
  + withdraw a
      because: prints twice
`},
		{"first rules", Signing{Key: "fleet-1", Role: "fleet", Version: 7, Expires: expires, After: Content{Rules: released}},
			`fleet-1 signs version 7 of fleet, valid until 2027-02-20T02:30:00Z.
This key has not signed it before; all of it is new:
  + release a
      to every store of ring pilot and earlier rings
  + release b
      to ring lab, only stores 1, 2
`},
		{"exceptions", Signing{Key: "fleet-1", Role: "fleet", Version: 8, Since: 7, Expires: expires, After: Content{Rules: excepted}},
			`fleet-1 signs version 8 of fleet, valid until 2027-02-20T02:30:00Z.
Since this key signed version 7:
  + except a everywhere
      until 2027-02-20T02:30:00Z, answered for by pos-owner
      because: prints twice
  + except a on devices till-1 and groups lanes, in stores 0142
      until 2027-02-20T02:30:00Z, answered for by ann
      because: old till
      risk: receipts twice
      controls: manager looks
`},
		{"exception made longer", Signing{Key: "fleet-1", Role: "fleet", Version: 9, Since: 8, Expires: expires, Before: Content{Rules: excepted}, After: Content{Rules: longer}},
			`fleet-1 signs version 9 of fleet, valid until 2027-02-20T02:30:00Z.
Since this key signed version 8:
  ~ except a everywhere
      was: until 2027-02-20T02:30:00Z, answered for by pos-owner
      now: until 2027-03-20T02:30:00Z, answered for by bob
  - except a on devices till-1 and groups lanes, in stores 0142
`},
		{"holds", Signing{Key: "holds-1", Role: "holds", Version: 2, Since: 1, Expires: expires, After: Content{Holds: site.Holds{Patches: map[string]site.PatchHold{
			"a": {Reason: "prints twice", At: expires}, "b": {Reason: "bad", At: expires, Digest: "abcd"}}}}},
			`holds-1 signs version 2 of holds, valid until 2027-02-20T02:30:00Z.
Since this key signed version 1:
  + hold a
      since 2027-02-20T02:30:00Z
      because: prints twice
  + hold b
      since 2027-02-20T02:30:00Z
      because: bad
      only the bytes abcd
`},
		{"hold stores", Signing{Key: "holds-1", Role: "holds", Version: 2, Since: 1, Expires: expires, Before: Content{Holds: site.Holds{Stores: map[string]site.StoreHold{
			"0424": {Reason: "flood", At: expires}}}}, After: Content{Holds: site.Holds{Stores: map[string]site.StoreHold{
			"0423": {Reason: "the power is cut", At: expires, By: "kim"}}}}}, `holds-1 signs version 2 of holds, valid until 2027-02-20T02:30:00Z.
Since this key signed version 1:
  + hold store 0423
      nothing is begun in it since 2027-02-20T02:30:00Z
      because: the power is cut
      asked for by kim
  - hold store 0424
`},
		{"lift stores", Signing{Key: "fleet-1", Role: "fleet", Version: 2, Since: 1, Expires: expires, After: Content{Rules: site.Rules{LiftedStores: map[string]time.Time{"0423": expires}}}}, `fleet-1 signs version 2 of fleet, valid until 2027-02-20T02:30:00Z.
Since this key signed version 1:
  + lift the hold of store 0423
      if it was set up to 2027-02-20T02:30:00Z
`},
		{"lift", Signing{Key: "fleet-1", Role: "fleet", Version: 2, Since: 1, Expires: expires, After: Content{Rules: site.Rules{Lifted: map[string]time.Time{"a": expires}}}},
			`fleet-1 signs version 2 of fleet, valid until 2027-02-20T02:30:00Z.
Since this key signed version 1:
  + lift the hold of a
      if it was set up to 2027-02-20T02:30:00Z
`},
		{"keys", Signing{Key: "root-1", Role: "root", Version: 2, Since: 1, Expires: expires,
			Before: Content{Roles: map[string][]string{"root": {"1 of root-1 (aa) must sign"}, "targets": {"1 of targets-1 (bb) must sign"}}},
			After:  Content{Roles: map[string][]string{"root": {"1 of root-1 (aa) must sign"}, "targets": {"1 of targets-2 (cc) must sign"}}}},
			`root-1 signs version 2 of root, valid until 2027-02-20T02:30:00Z.
Since this key signed version 1:
  ~ role targets
      was: 1 of targets-1 (bb) must sign
      now: 1 of targets-2 (cc) must sign
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.String(); got != tt.want {
				t.Errorf("text is\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
