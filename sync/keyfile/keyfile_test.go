package keyfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEncryptedKey(t *testing.T) {
	dir := t.TempDir()
	made, err := create(dir, "owner-1", FixedPassword("secret"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(made.path)
	if err != nil || bytes.Contains(data, []byte(`"seed"`)) {
		t.Fatalf("the key is readable without its password: %s, %v", data, err)
	}
	if st, err := os.Stat(made.path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key file is %v, %v", st.Mode(), err)
	}
	k, err := Read(made.path, FixedPassword("wrong"))
	if err != nil || k.ID() != made.ID() || k.Name() != "owner-1" {
		t.Fatalf("key is %+v, %v", k, err)
	}
	want := "cannot open key " + made.path + ": the password is wrong, or the file is damaged"
	if _, err := k.Signer(); err == nil || err.Error() != want {
		t.Errorf("signer = %v, want %s", err, want)
	}
	k.password = FixedPassword("secret")
	if _, err := k.Signer(); err != nil || !k.private.Equal(made.private) {
		t.Errorf("signer = %v", err)
	}
	want = "cannot make key owner-1: " + made.path + " is there already and keys are never overwritten; choose another key directory"
	if _, err := create(dir, "owner-1", FixedPassword("")); err == nil || err.Error() != want {
		t.Errorf("a key was overwritten: %v, want %s", err, want)
	}
}

func TestDamagedKey(t *testing.T) {
	dir := t.TempDir()
	a, err := create(dir, "a-1", FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	b, err := create(dir, "b-1", FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(a.path)
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, replaced string) string { return strings.Replace(string(data), old, replaced, 1) }
	for name, tt := range map[string]struct{ text, want string }{
		"not json":     {"key", "FILE is not a key file of this program; keys are the files that `nightfill catalog init --keys KEYDIR` wrote"},
		"later form":   {with(`"nightfill_key": 1`, `"nightfill_key": 2`), "FILE is not a key file of this program; keys are the files that `nightfill catalog init --keys KEYDIR` wrote"},
		"other halves": {with(a.file.Seed, b.file.Seed), "key file FILE is damaged: its two halves do not belong together; restore it from a backup"},
		"short seed":   {with(a.file.Seed, "00"), "key file FILE is damaged: restore it from a backup"},
		"no seed":      {with(a.file.Seed, "seed"), "key file FILE is damaged: restore it from a backup"},
		"no public":    {with(a.file.Public, "00"), "key file FILE is damaged: its public key is not readable; restore it from a backup"},
	} {
		if err := os.WriteFile(a.path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := Read(a.path, FixedPassword(""))
		if err == nil {
			_, err = k.Signer()
		}
		if err == nil || strings.ReplaceAll(err.Error(), a.path, "FILE") != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// TestFolder makes keys in a folder that is not there yet, and finds them and one from elsewhere.
func TestFolder(t *testing.T) {
	dir, elsewhere, none := filepath.Join(t.TempDir(), "keys"), t.TempDir(), FixedPassword("")
	f, err := Open(dir, none)
	if err != nil {
		t.Fatal(err)
	}
	public, err := f.Make("fleet-1")
	if err != nil {
		t.Fatal(err)
	}
	id, err := public.ID()
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", st.Mode(), err)
	}
	other, err := create(elsewhere, "pos-1", none)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir, none, other.path)
	if err != nil {
		t.Fatal(err)
	}
	for key, at := range map[string]struct{ first, again bool }{id: {true, true}, other.ID(): {false, true}, "unknown": {false, false}} {
		for _, tt := range []struct {
			f    *Folder
			want bool
		}{{f, at.first}, {again, at.again}} {
			if s, err := tt.f.Signer(key); err != nil || (s != nil) != tt.want {
				t.Errorf("signer of %s is %v, %v; want one: %v", key, s, err, tt.want)
			}
		}
	}
	missing := filepath.Join(elsewhere, "pos-2")
	want := "cannot read key: open " + missing + ": no such file or directory"
	if _, err := Open(dir, none, missing); err == nil || err.Error() != want {
		t.Errorf("open = %v, want %s", err, want)
	}
}
