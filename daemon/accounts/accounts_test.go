package accounts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

var tContext = context.Background()

// The password of every account in these tests.
const secretWord = "three blue bicycles"

// told is an audit that keeps what it is told.
type told struct {
	mu    sync.Mutex
	notes []Note
}

func (t *told) Tell(n Note) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, n)
}

func (t *told) texts() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, n := range t.notes {
		all = append(all, strings.TrimSpace(n.Actor+" "+n.Text))
	}
	return all
}

// open makes accounts with an admin "boss" and a tech "a.khan", in a folder of their own.
func open(t *testing.T, policy Policy) (*Accounts, *told) {
	t.Helper()
	audit := &told{}
	a, err := Open(Options{Dir: t.TempDir(), Policy: policy, Issuer: "Nightfill 0142", Audit: audit, Cost: Cost{64, 1, 1}}, time.Now())
	if err != nil || a.Err() != nil {
		t.Fatal(err, a.Err())
	}
	for name, role := range map[string]site.UserRole{"boss": site.UserAdmin, "a.khan": site.UserTech} {
		if _, err := a.Add(tContext, New{Name: name, Role: role, Password: secretWord}, "me", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	audit.notes = nil
	return a, audit
}

// reopen is the box after a restart.
func reopen(t *testing.T, a *Accounts) *Accounts {
	t.Helper()
	again, err := Open(a.Options, time.Now())
	if err != nil || again.Err() != nil {
		t.Fatal(err, again.Err())
	}
	return again
}

func says(t *testing.T, what string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s\ngot  %s\nwant %s", what, got, want)
	}
}

func TestErrors(t *testing.T) {
	a, _ := open(t, Never)
	add := func(name string, role site.UserRole, password string) error {
		_, err := a.Add(tContext, New{Name: name, Role: role, Password: password}, "me", time.Now())
		return err
	}
	setRole := func(name string, role site.UserRole) error {
		_, err := a.SetRole(name, role, "me", time.Now())
		return err
	}
	setPassword := func(name, password string) error {
		_, err := a.SetPassword(tContext, name, password, "me", time.Now())
		return err
	}
	_, totp := a.SetTOTP("nobody", true, "me", time.Now())
	const words = "take three words that have nothing to do with each other"
	const names = "write 1 to 32 lower-case letters, digits, dots, underscores and hyphens, a letter or digit first"
	tests := []struct {
		what string
		err  error
		want string
	}{
		{"role", add("x", "boss", secretWord), `"boss" is not a role: write one of viewer, tech, admin`},
		{"no role", setRole("a.khan", ""), `"" is not a role: write one of viewer, tech, admin`},
		{"capitals", add("Anna", site.UserTech, secretWord), `"Anna" cannot be the name of an account: ` + names},
		{"empty name", add("", site.UserTech, secretWord), `"" cannot be the name of an account: ` + names},
		{"path", add("../x", site.UserTech, secretWord), `"../x" cannot be the name of an account: ` + names},
		{"long name", add(strings.Repeat("a", 33), site.UserTech, secretWord), `"` + strings.Repeat("a", 33) + `" cannot be the name of an account: ` + names},
		{"taken", add("a.khan", site.UserTech, secretWord), `there is an account "a.khan" already: choose another name, or change this one with: nightfill user password a.khan`},
		{"short", add("x", site.UserTech, "elevenchars"), "the password has 11 characters and needs at least 12: " + words},
		{"common", add("x", site.UserTech, "Password1234!!"), "the password is one of the commonest: " + words},
		{"common keys", setPassword("boss", "qwertyuiopasdfgh"), "the password is one of the commonest: " + words},
		{"count", setPassword("boss", "1234567890123"), "the password is one of the commonest: " + words},
		{"name in it", setPassword("a.khan", "hello A.Khan hello"), "the password contains the name of the account: " + words},
		{"few", setPassword("boss", "abababababababab"), "the password has fewer than 5 different characters: " + words},
		{"control", setPassword("boss", "three blue\nbicycles"), "the password holds something that is no character: use letters, digits, spaces and marks"},
		{"long", setPassword("boss", strings.Repeat("abcdefgh ", 30)), "the password has 270 bytes and may have 256: take a shorter one"},
		{"nobody", setPassword("nobody", secretWord), `there is no account "nobody": there are a.khan boss`},
		{"nobody's role", setRole("nobody", site.UserTech), `there is no account "nobody": there are a.khan boss`},
		{"nobody's app", totp, `there is no account "nobody": there are a.khan boss`},
		{"remove nobody", a.Remove("nobody", "me", time.Now()), `there is no account "nobody": there are a.khan boss`},
		{"last admin", a.Remove("boss", "me", time.Now()), "boss is the last admin and cannot be removed: make another admin first"},
		{"last admin's role", setRole("boss", site.UserTech), "boss is the last admin and must stay one: make another admin first"},
	}
	for _, test := range tests {
		says(t, test.what, test.err, test.want)
	}
	if list, err := a.List(); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestTooMany(t *testing.T) {
	a, _ := open(t, Never)
	boss, _ := a.record("boss")
	err := a.change(func(c *contents) error {
		for n := range maxAccounts - 2 {
			boss.Name = fmt.Sprintf("u%03d", n)
			if err := c.insert(boss, a.Place); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Add(tContext, New{Name: "x", Role: site.UserTech, Password: secretWord}, "me", time.Now())
	says(t, "one too many", err, "there are 200 accounts, which is the most: remove one first")
	if list, err := reopen(t, a).List(); err != nil || len(list) != maxAccounts {
		t.Errorf("%d accounts, %v", len(list), err)
	}
}

func TestGoodPasswords(t *testing.T) {
	for _, good := range []string{secretWord, "correct horse battery", "Grüße aus Köln 7", "x7#Kq9!mPz2$", "北京上海广州深圳重庆天津"} {
		if err := CheckPassword("a.khan", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	// A name of two letters is in too many words.
	if err := CheckPassword("bi", secretWord); err != nil {
		t.Error(err)
	}
}

// Every change is in the file when it returns, and is told without a secret.
func TestChangesAreKeptAndTold(t *testing.T) {
	a, audit := open(t, Never)
	made, err := a.Add(tContext, New{Name: "c.lee", Role: site.UserViewer, Password: secretWord, TOTP: true}, "root", time.Now())
	if err != nil || !made.TOTP || !strings.HasPrefix(made.URI, "otpauth://totp/Nightfill%200142:c.lee?secret=") {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := a.SetRole("c.lee", site.UserAdmin, "root", time.Now()); err != nil {
		t.Fatal(err)
	}
	if off, err := a.SetTOTP("c.lee", false, "root", time.Now()); err != nil || off.TOTP || off.URI != "" {
		t.Fatalf("%+v, %v", off, err)
	}
	if _, err := a.SetPassword(tContext, "c.lee", "four green umbrellas", "root", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := a.Remove("boss", "c.lee", time.Now()); err != nil {
		t.Fatal(err)
	}
	list, err := reopen(t, a).List()
	if err != nil || len(list) != 2 || list[1].Name != "c.lee" || list[1].Role != site.UserAdmin || list[1].TOTP {
		t.Errorf("%+v, %v", list, err)
	}
	want := []string{
		"root account c.lee was made with the role viewer", "root account c.lee: the role is admin now", "root account c.lee: the authenticator app was taken away",
		"root account c.lee: the password was changed", "c.lee account boss was removed",
	}
	if got := audit.texts(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	data, err := os.ReadFile(filepath.Join(a.Dir, FileName))
	if err != nil || strings.Contains(string(data), "umbrellas") {
		t.Errorf("the file holds a password: %v", err)
	}
}

// A change that cannot be written has not happened; a login needs no disk.
func TestFullDisk(t *testing.T) {
	a, _ := open(t, Never)
	gone := a.path
	a.path = filepath.Join(a.Dir, "gone", FileName)
	if err := a.Remove("a.khan", "me", time.Now()); err == nil || !strings.HasPrefix(err.Error(), "cannot write the accounts: ") {
		t.Errorf("removed without a disk: %v", err)
	}
	if _, err := a.Authenticate(tContext, Login{Name: "a.khan", Password: secretWord}, time.Now()); err != nil {
		t.Errorf("a full disk keeps a technician out: %v", err)
	}
	a.path = gone
	if list, _ := reopen(t, a).List(); len(list) != 2 {
		t.Errorf("%v", list)
	}
}
