package accounts

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// atHeadquarters opens the accounts of headquarters.
func atHeadquarters(t *testing.T, idle time.Duration) *Accounts {
	t.Helper()
	a, err := Open(Options{Dir: t.TempDir(), Place: Headquarters(), Idle: idle, Cost: Cost{Memory: 8, Rounds: 1, Threads: 1}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestHeadquartersHasItsOwnRolesAndWords(t *testing.T) {
	a := atHeadquarters(t, 0)
	add := func(name string, role site.UserRole) error {
		_, err := a.Add(t.Context(), New{Name: name, Role: role, Password: "three odd words here"}, "root", time.Now())
		return err
	}
	if err := add("kim", site.UserManager); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		err  error
		want string
	}{
		{add("lee", site.UserTech), `"tech" is not a role: write one of viewer, manager, admin`},
		{add("kim", site.UserAdmin), `there is an account "kim" already: choose another name, or change this one with: nightfill-hq user password kim`},
		{a.noClaim(), "this headquarters was claimed already: ask an admin for an account, or on its machine: nightfill-hq user add NAME --role ROLE"},
	}
	for _, tt := range tests {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("got %v\nwant %s", tt.err, tt.want)
		}
	}
	b, err := Open(Options{Dir: a.Dir, Cost: a.Cost}, time.Now())
	if err != nil || b.Err() == nil {
		t.Errorf("a box takes the accounts of headquarters: %v", err)
	}
}

func TestAdmit(t *testing.T) {
	a := atHeadquarters(t, time.Hour)
	now := time.Now()
	e, err := a.Admit("kim@example.com", site.UserManager, "10.0.0.1:5", now)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := a.Session(e.Token, now.Add(59*time.Minute))
	if !ok || s.Account != "kim@example.com" || s.Role != site.UserManager || s.Source != "10.0.0.1" {
		t.Errorf("%+v %t", s, ok)
	}
	if _, ok := a.Session(e.Token, now.Add(2*time.Hour)); ok {
		t.Error("an idle session lives on")
	}
	if _, err := a.Admit("kim", site.UserViewer, "", now); err == nil || err.Error() != `"kim" could be the name of an account here` {
		t.Errorf("a name of a local account: %v", err)
	}
	if _, err := a.Admit("kim@example.com", site.UserTech, "", now); err == nil {
		t.Error("a role that headquarters does not have is admitted")
	}
}

func TestDeclined(t *testing.T) {
	a := atHeadquarters(t, 0)
	audit := &told{}
	a.Audit = audit
	now := time.Now()
	for range 3 { // the others are told a minute later
		a.Declined("192.0.2.1:5", now)
	}
	want := "1 attempt to log in failed: from 192.0.2.1, for the organisation's own login"
	if n := audit.notes; len(n) != 1 || n[0].Text != want || !n[0].Login || n[0].OK {
		t.Errorf("%+v, want %s", n, want)
	}
}
