package publish

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestEncryptedKey(t *testing.T) {
	dir := t.TempDir()
	made, err := newKey(dir, "owner-1", FixedPassword("secret"))
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
	k, err := readKey(made.path)
	if err != nil || k.id != made.id || k.name != "owner-1" {
		t.Fatalf("key is %+v, %v", k, err)
	}
	want := "cannot open key " + made.path + ": the password is wrong, or the file is damaged"
	if err := k.unlock(FixedPassword("wrong")); err == nil || err.Error() != want {
		t.Errorf("unlock = %v, want %s", err, want)
	}
	if err := k.unlock(FixedPassword("secret")); err != nil || !k.private.Equal(made.private) {
		t.Errorf("unlock = %v", err)
	}
	if _, err := newKey(dir, "owner-1", FixedPassword("")); err == nil || !strings.Contains(err.Error(), "keys are never overwritten") {
		t.Errorf("a key was overwritten: %v", err)
	}
}

func TestDamagedKey(t *testing.T) {
	dir := t.TempDir()
	a, err := newKey(dir, "a-1", FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newKey(dir, "b-1", FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(a.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"not json":     {"key", "is not a key file of this program"},
		"other halves": {strings.Replace(string(data), a.file.Seed, b.file.Seed, 1), "its two halves do not belong together"},
		"no seed":      {strings.Replace(string(data), a.file.Seed, "00", 1), "is damaged: restore it from a backup"},
		"no public":    {strings.Replace(string(data), a.file.Public, "00", 1), "its public key is not readable"},
	} {
		if err := os.WriteFile(a.path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := readKey(a.path)
		if err == nil {
			err = k.unlock(FixedPassword(""))
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
