package publish

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/sync/publish/roles"

	"github.com/nightfill/nightfill/site/suggest"
)

// RotateOptions say which key is replaced.
type RotateOptions struct {
	Role    string
	Replace string        // name of the key to take out; "" = the oldest of the role
	Keys    roles.Keyring // makes the new key, and signs with those at hand
	Now     time.Time
}

// Rotation is the outcome of replacing a key.
type Rotation struct {
	Role    string    `json:"role"`
	Old     string    `json:"old"`
	New     string    `json:"new"`
	Waiting []Waiting `json:"waiting,omitempty"` // who must sign before it is in force
}

// Rotate makes a new key for a role and takes an old one out. The roles above and below
// are signed again with the keys at hand; what is missing is named, and Sign completes it.
// Until then everything goes on with the old keys.
func (r *Repo) Rotate(o RotateOptions) (Rotation, error) {
	var out Rotation
	err := r.locked(func(b *book) error {
		if err := b.settle(); err != nil {
			return err
		}
		if b.Pending.Root != nil || b.Pending.Targets != nil {
			return errors.New("an earlier change of keys waits for signatures: complete it first, see `nightfill catalog status`")
		}
		var err error
		out, err = b.rotate(o)
		return err
	})
	return out, err
}

func (b *book) rotate(o RotateOptions) (Rotation, error) {
	if b.Signed.Quorum(o.Role).Need == 0 {
		known := append([]string{"root", "targets", "snapshot", "timestamp"}, b.Signed.Delegated()...)
		return Rotation{}, fmt.Errorf("there is no role %q: %s", o.Role, suggest.Known(o.Role, known))
	}
	old, err := b.KeyOf(o.Role, o.Replace)
	if err != nil {
		return Rotation{}, err
	}
	k, err := roles.MakeKey(o.Keys, b.NextKeyName(o.Role))
	if err != nil {
		return Rotation{}, err
	}
	b.cfg.Names[k.ID()] = k.Name()
	if err := writeJSON(b.path(configName), b.cfg); err != nil {
		return Rotation{}, err
	}
	if err := b.Replace(o.Role, old, k, o.Keys, o.Now); err != nil {
		return Rotation{}, err
	}
	if err := b.settle(); err != nil {
		return Rotation{}, err
	}
	out := Rotation{Role: o.Role, Old: b.KeyName(old), New: k.Name()}
	out.Waiting, err = b.waiting()
	out.Waiting = slices.DeleteFunc(out.Waiting, func(w Waiting) bool { return w.Have >= w.Need || len(w.Patches) > 0 && b.Pending.Targets == nil })
	return out, err
}
