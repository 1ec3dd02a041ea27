package keyfile

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Password returns the password of the key with this name. It is asked only for
// encrypted keys, and when keys are made; an empty password means unencrypted.
type Password func(keyName string) ([]byte, error)

// FixedPassword is a Password that is the same for every key. FixedPassword("") is for
// labs and demos: keys made with it are not encrypted.
func FixedPassword(p string) Password {
	return func(string) ([]byte, error) { return []byte(p), nil }
}

// content is what a key file holds. The public half is readable without the password, so
// that a command can say what a key is for before it asks.
type content struct {
	Version   int             `json:"nightfill_key"`
	Name      string          `json:"name"`
	Public    string          `json:"public"`              // hex
	Seed      string          `json:"seed,omitempty"`      // hex; only in an unencrypted key
	Encrypted json.RawMessage `json:"encrypted,omitempty"` // the seed under scrypt and secretbox
}

// Key is one key file. Its private half is opened when it signs for the first time.
type Key struct {
	path     string
	password Password
	id       string
	public   ed25519.PublicKey
	private  ed25519.PrivateKey // nil until it was unlocked
	file     content
}

// Name is the name that the key was made with, like pos-app-1.
func (k *Key) Name() string { return k.file.Name }

// ID is the name of the key in signed roles: the hash of its public half, in hex.
func (k *Key) ID() string { return k.id }

// Signer opens the private half, asking for the password when the file is encrypted and
// was not opened before.
func (k *Key) Signer() (signature.Signer, error) {
	if err := k.unlock(); err != nil {
		return nil, err
	}
	return signature.LoadSigner(k.private, crypto.Hash(0))
}

// create makes a key and writes it to dir/name. A file that is there is never overwritten.
func create(dir, name string, password Password) (*Key, error) {
	path := filepath.Join(dir, name)
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("cannot make key %s: %s is there already and keys are never overwritten; choose another key directory", name, path)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("cannot make key %s: %w", name, err)
	}
	f := content{Version: 1, Name: name, Public: hex.EncodeToString(public)}
	word, err := password(name)
	if err != nil {
		return nil, err
	}
	if len(word) == 0 {
		f.Seed = hex.EncodeToString(private.Seed())
	} else if f.Encrypted, err = encrypted.Encrypt(private.Seed(), word); err != nil {
		return nil, fmt.Errorf("cannot encrypt key %s: %w", name, err)
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := writeFile(path, append(data, '\n')); err != nil {
		return nil, fmt.Errorf("cannot write key %s: %w", name, err)
	}
	k := &Key{path: path, password: password, public: public, private: private, file: f}
	return k, k.identify()
}

// Read reads the public half of the key file at path. password is asked when the key signs.
func Read(path string, password Password) (*Key, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read key: %w", err)
	}
	k := &Key{path: path, password: password}
	if err := json.Unmarshal(data, &k.file); err != nil || k.file.Version != 1 {
		return nil, fmt.Errorf("%s is not a key file of this program; keys are the files that `nightfill catalog init --keys KEYDIR` wrote", path)
	}
	public, err := hex.DecodeString(k.file.Public)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("key file %s is damaged: its public key is not readable; restore it from a backup", path)
	}
	k.public = public
	return k, k.identify()
}

func (k *Key) identify() error {
	tk, err := k.tuf()
	if err != nil {
		return err
	}
	k.id, err = tk.ID()
	return err
}

func (k *Key) tuf() (*metadata.Key, error) { return metadata.KeyFromPublicKey(k.public) }

// unlock reads the private half.
func (k *Key) unlock() error {
	if k.private != nil {
		return nil
	}
	seed, err := k.seed()
	if err != nil {
		return err
	}
	if len(seed) != ed25519.SeedSize {
		return fmt.Errorf("key file %s is damaged: restore it from a backup", k.path)
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !k.public.Equal(private.Public()) {
		return fmt.Errorf("key file %s is damaged: its two halves do not belong together; restore it from a backup", k.path)
	}
	k.private = private
	return nil
}

func (k *Key) seed() ([]byte, error) {
	if k.file.Encrypted == nil {
		seed, err := hex.DecodeString(k.file.Seed)
		if err != nil {
			return nil, fmt.Errorf("key file %s is damaged: restore it from a backup", k.path)
		}
		return seed, nil
	}
	word, err := k.password(k.file.Name)
	if err != nil {
		return nil, err
	}
	seed, err := encrypted.Decrypt(k.file.Encrypted, word)
	if err != nil {
		return nil, fmt.Errorf("cannot open key %s: the password is wrong, or the file is damaged", k.path)
	}
	return seed, nil
}
