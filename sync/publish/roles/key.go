package roles

import (
	"fmt"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Key is a key that a person signs with.
type Key interface {
	Name() string
	ID() string
	Signer() (signature.Signer, error) // may ask for a password
}

// Keyring is the keys that a command works with.
type Keyring interface {
	// Make makes a key with this name and keeps it for good. It never replaces one.
	Make(name string) (*metadata.Key, error)
	// Signer opens the key with this id; nil without an error when it is not at hand.
	Signer(id string) (signature.Signer, error)
}

// Held is the key with this id and name of a ring, which may not have it.
func Held(id, name string, keys Keyring) Key { return held{id, name, keys} }

// held is a key of a Keyring.
type held struct {
	id, name string
	keys     Keyring
}

// Name is the key's name in the catalog.
func (h held) Name() string { return h.name }

// ID is the key's id.
func (h held) ID() string { return h.id }

// Signer opens the key.
func (h held) Signer() (signature.Signer, error) { return h.keys.Signer(h.id) }

// Made is a key that was just made.
type Made struct {
	held
	Public *metadata.Key
}

// MakeKey makes a key with this name in a ring.
func MakeKey(keys Keyring, name string) (Made, error) {
	public, err := keys.Make(name)
	if err != nil {
		return Made{}, err
	}
	id, err := public.ID()
	return Made{held{id, name, keys}, public}, err
}

// SignAll adds the signatures of all keys to md.
func SignAll[T metadata.Roles](md *metadata.Metadata[T], keys ...Key) error {
	for _, k := range keys {
		s, err := k.Signer()
		if err != nil {
			return err
		}
		if _, err := md.Sign(s); err != nil {
			return fmt.Errorf("cannot sign with %s: %w", k.Name(), err)
		}
	}
	return nil
}

// atHand reports whether a key can sign: it is in its ring and opens.
func (h held) atHand() bool {
	s, err := h.keys.Signer(h.id)
	return s != nil && err == nil
}
