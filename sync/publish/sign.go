package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// ErrNotConfirmed is returned by Sign when the person said no. Nothing was signed.
var ErrNotConfirmed = errors.New("not signed: you said no")

// Signed says what a signature did.
type Signed struct {
	Role     string   `json:"role"`
	Key      string   `json:"key"`
	Version  int64    `json:"version"`
	Have     int      `json:"have"`              // signatures that count now
	Need     int      `json:"need"`              // signatures that are needed
	Complete bool     `json:"complete"`          // signed by enough keys; the next publish carries it
	Dropped  []string `json:"dropped,omitempty"` // keys that signed an older content of this version and must sign again
}

// Sign signs what waits for a key: the drafts of an owner, the rules of the
// fleet, or changed keys of root and targets. With nothing waiting it renews the signature.
// confirm sees what changed since the key signed last and says yes or no; nil says yes.
// The signatures of other people on the same version are kept.
func (r *Repo) Sign(k roles.Key, now time.Time, confirm func(Change) (bool, error)) ([]Signed, error) {
	var out []Signed
	err := r.locked(func(b *book) error {
		if err := b.settle(); err != nil {
			return err
		}
		names := slices.DeleteFunc(b.RolesOf(k.ID()), func(role string) bool { return role == "snapshot" || role == "timestamp" })
		if len(names) == 0 {
			return b.refuseKey(k)
		}
		for _, role := range names {
			s, err := b.sign(role, k, now, confirm)
			if err != nil {
				return err
			}
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

func (b *book) refuseKey(k roles.Key) error {
	if names := b.RolesOf(k.ID()); len(names) > 0 {
		return fmt.Errorf("key %s signs %s, which `nightfill catalog publish` does: put the key file into %s", k.Name(), strings.Join(names, " and "), b.cfg.Keys)
	}
	return fmt.Errorf("key %s is of no role in this catalog: it was replaced, or it belongs to another catalog", k.Name())
}

func (b *book) sign(role string, k roles.Key, now time.Time, confirm func(Change) (bool, error)) (Signed, error) {
	if role == "root" {
		return b.signRoot(k, now, confirm)
	}
	wanted, payloads, err := b.wanted(role)
	if err != nil {
		return Signed{}, err
	}
	for _, data := range payloads {
		if err := b.keepPayload(data); err != nil {
			return Signed{}, err
		}
	}
	md, dropped := b.Prepare(role, wanted, now)
	if roles.HasSigned(md, k.ID()) {
		return Signed{}, fmt.Errorf("key %s has signed this version of %s already: %s", k.Name(), role, b.Missing(role, md.Signatures))
	}
	if err := b.agree(role, k, md, confirm); err != nil {
		return Signed{}, err
	}
	if err := b.Book.Sign(role, md, k); err != nil {
		return Signed{}, err
	}
	return b.signed(Signed{Role: role, Key: k.Name(), Version: md.Signed.Version, Dropped: dropped}, md.Signatures)
}

// signed puts a signature in force if it is enough, and fills in what that did.
func (b *book) signed(s Signed, signatures []metadata.Signature) (Signed, error) {
	q := b.QuorumNow(s.Role)
	s.Have, s.Need = q.Count(signatures), q.Need
	if err := b.settle(); err != nil {
		return Signed{}, err
	}
	s.Complete = b.Signed.Version(s.Role) == s.Version
	return s, nil
}

// agree shows the change and asks. An answer other than yes is ErrNotConfirmed.
func (b *book) agree(role string, k roles.Key, md *roles.Targets, confirm func(Change) (bool, error)) error {
	if confirm == nil {
		return nil
	}
	before, err := b.LastSeen(role, k.ID())
	if err != nil {
		return err
	}
	change, err := b.describe(role, k, before, md)
	if err != nil {
		return err
	}
	return ask(confirm, change)
}

func ask(confirm func(Change) (bool, error), change Change) error {
	yes, err := confirm(change)
	if err == nil && !yes {
		err = ErrNotConfirmed
	}
	return err
}

// wanted is what a role should list, and the content of what is new in it.
func (b *book) wanted(role string) (map[string]*metadata.TargetFiles, [][]byte, error) {
	listed := map[string]*metadata.TargetFiles{}
	switch role {
	case "targets":
		return listed, nil, nil
	case site.FleetRole:
		data, err := json.Marshal(b.rules)
		listed[site.RulesTarget] = roles.Target(data)
		return listed, [][]byte{data}, err
	}
	maps.Copy(listed, b.Signed.Roles[role].Signed.Targets)
	drafts, err := b.draftsOf(role)
	if err != nil {
		return nil, nil, err
	}
	var payloads [][]byte
	for _, d := range drafts {
		listed[site.PatchTarget(role, d.patch.ID)] = roles.Target(d.data)
		payloads = append(payloads, d.data)
	}
	return listed, payloads, nil
}

// signRoot signs the pending root, or renews the signed one.
func (b *book) signRoot(k roles.Key, now time.Time, confirm func(Change) (bool, error)) (Signed, error) {
	md, err := b.PrepareRoot(now)
	if err != nil {
		return Signed{}, err
	}
	if roles.HasSigned(md, k.ID()) {
		return Signed{}, fmt.Errorf("key %s has signed this version of root already: %s", k.Name(), b.Missing("root", md.Signatures))
	}
	if confirm != nil {
		if err := ask(confirm, b.describeRoot(k, md)); err != nil {
			return Signed{}, err
		}
	}
	if err := b.SignRoot(md, k); err != nil {
		return Signed{}, err
	}
	return b.signed(Signed{Role: "root", Key: k.Name(), Version: md.Signed.Version}, md.Signatures)
}

// settle puts in force what enough keys signed, and removes the drafts that are signed now.
func (b *book) settle() error {
	if err := b.Settle(); err != nil {
		return err
	}
	drafts, err := b.drafts()
	if err != nil {
		return err
	}
	for _, d := range drafts {
		if t := b.signedTarget(d.patch.Owner, d.patch.ID); t != nil && t.Hashes["sha256"].String() == d.digest {
			if err := b.noteApproved(d); err != nil {
				return err
			}
			if err := os.Remove(b.path(draftsDir, d.patch.ID+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
