package accounts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"github.com/nightfill/nightfill/site"
)

// FileName is the name of the file in the state directory.
const FileName = "accounts.json"

const (
	formatVersion = 1
	maxFile       = 1 << 20 // bytes
	maxAccounts   = 200
	signerSize    = 32
)

// contents is what the file holds.
type contents struct {
	Version  int      `json:"version"`
	Signer   []byte   `json:"browser_key"` // signs the tokens of browsers that are known
	Accounts []record `json:"accounts"`    // by name
}

// record is one account with its secrets.
type record struct {
	Name      string        `json:"name"`
	Role      site.UserRole `json:"role"`
	Password  string        `json:"password"`            // argon2id in the PHC string form
	TOTP      string        `json:"totp,omitempty"`      // the secret of the authenticator app, base32
	TOTPStep  int64         `json:"totp_step,omitempty"` // of the last code that was used
	Created   time.Time     `json:"created"`
	Changed   time.Time     `json:"changed"`
	LastLogin time.Time     `json:"last_login,omitzero"`
}

func (c contents) clone() contents {
	c.Accounts = slices.Clone(c.Accounts)
	return c
}

// at finds the place of a name, or where it would stand.
func (c contents) at(name string) (int, bool) {
	return slices.BinarySearchFunc(c.Accounts, name, func(r record, name string) int {
		switch {
		case r.Name < name:
			return -1
		case r.Name > name:
			return 1
		}
		return 0
	})
}

// find returns the account of a name to be changed in place, nil when there is none.
func (c contents) find(name string) *record {
	i, ok := c.at(name)
	if !ok {
		return nil
	}
	return &c.Accounts[i]
}

func (c contents) admins() int {
	n := 0
	for _, r := range c.Accounts {
		if r.Role == site.UserAdmin {
			n++
		}
	}
	return n
}

// parse reads the file, strictly: what is damaged in one place is not trusted in another.
func parse(data []byte, p Place) (contents, error) {
	var probe struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return contents{}, fmt.Errorf("it is not whole: %v", err)
	}
	if probe.Version > formatVersion {
		return contents{}, fmt.Errorf("it has format %d, and this %s reads format %d", probe.Version, p.Program, formatVersion)
	}
	var c contents
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return contents{}, fmt.Errorf("it cannot be read: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return contents{}, errors.New("something follows after its end")
	}
	switch {
	case c.Version != formatVersion:
		return contents{}, fmt.Errorf("it has format %d, and this %s reads format %d", c.Version, p.Program, formatVersion)
	case len(c.Signer) != signerSize:
		return contents{}, errors.New("its key for browsers is damaged")
	case len(c.Accounts) > maxAccounts:
		return contents{}, fmt.Errorf("it has %d accounts and may have %d", len(c.Accounts), maxAccounts)
	}
	for i, r := range c.Accounts {
		if err := r.check(p); err != nil {
			return contents{}, fmt.Errorf("account %d: %v", i+1, err)
		}
		if i > 0 && c.Accounts[i-1].Name >= r.Name {
			return contents{}, fmt.Errorf("account %d: %q is there twice, or out of order", i+1, r.Name)
		}
	}
	return c, nil
}

func (r record) check(p Place) error {
	if !namePattern.MatchString(r.Name) {
		return fmt.Errorf("%q cannot be a name", r.Name)
	}
	if !p.has(r.Role) {
		return fmt.Errorf("%q is not a role", r.Role)
	}
	if _, err := parseHash(r.Password); err != nil {
		return err
	}
	if r.TOTP != "" {
		if _, err := decodeSecret(r.TOTP); err != nil {
			return err
		}
	}
	if r.Created.IsZero() || r.Changed.IsZero() || r.TOTPStep < 0 {
		return errors.New("its times are damaged")
	}
	return nil
}

// load reads the file. One that is not there holds no account.
func load(path string, p Place, random io.Reader) (contents, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		c := contents{Version: formatVersion, Signer: make([]byte, signerSize)}
		_, err := io.ReadFull(random, c.Signer)
		return c, err
	}
	if err != nil {
		return contents{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return contents{}, err
	}
	if len(data) > maxFile {
		return contents{}, errors.New("it is larger than 1 MiB")
	}
	return parse(data, p)
}

// save replaces the file in one step; after a crash the old one or the new one is there, whole.
func save(path string, c contents) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(path, append(data, '\n'), 0o600, renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("cannot write the accounts: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("cannot write the accounts: %w", err)
	}
	return nil
}

// syncDir makes a rename last through a power cut: an account that was removed must not come back.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
