package accounts

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

const goodHash = "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func goodContents() contents {
	day := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	return contents{Version: 1, Signer: make([]byte, signerSize), Accounts: []record{
		{Name: "a.khan", Role: site.UserTech, Password: goodHash, TOTP: encodeSecret(make([]byte, secretSize)), TOTPStep: 7, Created: day, Changed: day},
		{Name: "root", Role: site.UserAdmin, Password: goodHash, Created: day, Changed: day, LastLogin: day},
	}}
}

// A file that is damaged is refused with what is wrong and what to do, and stays as it is.
func TestDamagedFile(t *testing.T) {
	whole, err := json.MarshalIndent(goodContents(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, with string) string {
		if !strings.Contains(string(whole), old) {
			t.Fatalf("no %q in the file", old)
		}
		return strings.Replace(string(whole), old, with, 1)
	}
	tests := []struct{ name, text, why string }{
		{"empty", "", "it is not whole: unexpected end of JSON input"},
		{"cut off", string(whole[:len(whole)/2]), "it is not whole: unexpected end of JSON input"},
		{"zeros", strings.Repeat("\x00", 100), `it is not whole: invalid character '\x00' looking for beginning of value`},
		{"newer", swap(`"version": 1`, `"version": 2`), "it has format 2, and this nightfilld reads format 1"},
		{"no version", swap(`"version": 1`, `"version": 0`), "it has format 0, and this nightfilld reads format 1"},
		{"unknown key", swap(`"version": 1`, `"version": 1, "x": 1`), `it cannot be read: json: unknown field "x"`},
		{"more", string(whole) + "{}", `it is not whole: invalid character '{' after top-level value`},
		{"short key", swap(`AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=`, `AAAA`), "its key for browsers is damaged"},
		{"bad name", swap(`"root"`, `"Root!"`), `account 2: "Root!" cannot be a name`},
		{"twice", swap(`"root"`, `"a.khan"`), `account 2: "a.khan" is there twice, or out of order`},
		{"bad role", swap(`"admin"`, `"boss"`), `account 2: "boss" is not a role`},
		{"plain password", swap(goodHash, "hunter2"), "account 1: the password is not an argon2id hash"},
		{"greedy hash", swap("m=64", "m=4000000000"), "account 1: the parameters of the password's hash are out of range"},
		{"no rounds", swap("t=1", "t=0"), "account 1: the parameters of the password's hash are out of range"},
		{"odd parameters", swap("t=1", "q=1"), "account 1: the parameters of the password's hash cannot be read"},
		{"short hash", swap("$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAA$"), "account 1: the password's hash is cut off or damaged"},
		{"spaced hash", swap("m=64,t=1", "m=064,t=1"), "account 1: the password's hash is not in its usual form"},
		{"bad secret", swap(`"totp": "A`, `"totp": "1`), "account 1: the secret of the authenticator app is damaged"},
		{"no time", swap(`"created": "2026-11-22T08:00:00Z"`, `"created": "0001-01-01T00:00:00Z"`), "account 1: its times are damaged"},
		{"too large", string(whole) + strings.Repeat(" ", maxFile), "it is larger than 1 MiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			a, err := Open(Options{Dir: dir, Cost: Cost{64, 1, 1}}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			want := "the accounts in " + path + " cannot be used: " + test.why + ": put back a good copy, or move it away, start nightfilld again and claim the box with the code that it then shows"
			if a.Err() == nil || a.Err().Error() != want {
				t.Errorf("got  %v\nwant %s", a.Err(), want)
			}
			for what, err := range attempts(a) {
				if !is(err, Damaged) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if _, ok, _ := a.ClaimCode(); ok {
				t.Error("a box with a damaged file can be claimed")
			}
			if left, err := os.ReadFile(path); err != nil || string(left) != test.text {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

// attempts does everything that needs the file, and returns what came of it.
func attempts(a *Accounts) map[string]error {
	const word = "three blue bicycles"
	now, errs := time.Now(), map[string]error{}
	_, errs["list"] = a.List()
	_, errs["add"] = a.Add(tContext, New{Name: "x", Role: site.UserAdmin, Password: word}, "me", now)
	errs["remove"] = a.Remove("root", "me", now)
	_, errs["password"] = a.SetPassword(tContext, "root", word, "me", now)
	_, errs["role"] = a.SetRole("root", site.UserAdmin, "me", now)
	_, errs["totp"] = a.SetTOTP("root", true, "me", now)
	_, errs["claim"] = a.Claim(tContext, "x", "x", word, "10.0.0.1", now)
	_, errs["log in"] = a.Authenticate(tContext, Login{Name: "root", Password: word}, now)
	return errs
}

// What is saved is read back the same, and only its owner may read the file.
func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	want := goodContents()
	if err := save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := load(path, Box(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := json.Marshal(want)
	two, _ := json.Marshal(got)
	if !bytes.Equal(one, two) {
		t.Errorf("got  %s\nwant %s", two, one)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// FuzzFile reads anything without harm; what is accepted is whole and survives being written again.
func FuzzFile(f *testing.F) {
	whole, err := json.Marshal(goodContents())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"browser_key":"","accounts":null}`))
	f.Add(bytes.Replace(whole, []byte("m=64"), []byte("m=65536"), 1))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse(data, Box())
		if err != nil {
			return
		}
		for _, r := range c.Accounts {
			if h, err := parseHash(r.Password); err != nil || h.Memory > maxMemory || h.Rounds > maxRounds {
				t.Fatalf("accepted %q", r.Password)
			}
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(again, Box()); err != nil {
			t.Fatalf("cannot read back what was read: %v", err)
		}
	})
}
