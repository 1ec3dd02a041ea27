package publish

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// keyFile is a key on disk. The public half is readable without the password, so that
// a command can say what a key is for before it asks.
type keyFile struct {
	Version   int             `json:"nightfill_key"`
	Name      string          `json:"name"`
	Public    string          `json:"public"`              // hex
	Seed      string          `json:"seed,omitempty"`      // hex; only in an unencrypted key
	Encrypted json.RawMessage `json:"encrypted,omitempty"` // the seed under scrypt and secretbox
}

// key is one signing key. private is nil until it was unlocked.
type key struct {
	name    string
	path    string
	id      string
	public  ed25519.PublicKey
	private ed25519.PrivateKey
	file    keyFile
}

// newKey makes a key and writes it to dir/name. A file that is there is never overwritten.
func newKey(dir, name string, password Password) (*key, error) {
	path := filepath.Join(dir, name)
	if exists(path) {
		return nil, fmt.Errorf("cannot make key %s: %s is there already and keys are never overwritten; choose another key directory", name, path)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("cannot make key %s: %w", name, err)
	}
	f := keyFile{Version: 1, Name: name, Public: hex.EncodeToString(public)}
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
	if err := writeFile(path, append(data, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("cannot write key %s: %w", name, err)
	}
	k := &key{name: name, path: path, public: public, private: private, file: f}
	return k, k.identify()
}

// readKey reads the public half of a key file.
func readKey(path string) (*key, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read key: %w", err)
	}
	k := &key{path: path}
	if err := json.Unmarshal(data, &k.file); err != nil || k.file.Version != 1 {
		return nil, fmt.Errorf("%s is not a key file of this program; keys are the files that `nightfill catalog init --keys KEYDIR` wrote", path)
	}
	public, err := hex.DecodeString(k.file.Public)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("key file %s is damaged: its public key is not readable; restore it from a backup", path)
	}
	k.public, k.name = public, k.file.Name
	return k, k.identify()
}

func (k *key) identify() error {
	tk, err := k.tuf()
	if err != nil {
		return err
	}
	k.id, err = tk.ID()
	return err
}

func (k *key) tuf() (*metadata.Key, error) { return metadata.KeyFromPublicKey(k.public) }

// unlock reads the private half.
func (k *key) unlock(password Password) error {
	if k.private != nil {
		return nil
	}
	seed, err := k.seed(password)
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

func (k *key) seed(password Password) ([]byte, error) {
	if k.file.Encrypted == nil {
		seed, err := hex.DecodeString(k.file.Seed)
		if err != nil {
			return nil, fmt.Errorf("key file %s is damaged: restore it from a backup", k.path)
		}
		return seed, nil
	}
	word, err := password(k.name)
	if err != nil {
		return nil, err
	}
	seed, err := encrypted.Decrypt(k.file.Encrypted, word)
	if err != nil {
		return nil, fmt.Errorf("cannot open key %s: the password is wrong, or the file is damaged", k.path)
	}
	return seed, nil
}

func (k *key) signer() (signature.Signer, error) {
	return signature.LoadSigner(k.private, crypto.Hash(0))
}

// keysIn reads the public halves of all keys in dir, by key id. Other files are passed over.
func keysIn(dir string) (map[string]*key, error) {
	found := map[string]*key{}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for keys: %w", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if k, err := readKey(filepath.Join(dir, e.Name())); err == nil {
			found[k.id] = k
		}
	}
	return found, nil
}
