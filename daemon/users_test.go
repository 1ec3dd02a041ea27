package daemon

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// told returns what the journal tells of accounts.
func told(t *testing.T, d *Daemon) []string {
	t.Helper()
	var all []string
	err := d.journal.Each(1, func(r run.Record) error {
		if e := r.Event; e.Kind == run.AccountChanged || e.Kind == run.LoginEnded {
			all = append(all, strings.TrimSpace(string(e.Kind)+" "+string(e.Outcome)+" "+e.Actor+": "+e.Text))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestClaim shows the code of a new box on its own screen; with it the first admin is made, and after
// that there is no code any more. All of it is in the journal, without a secret.
func TestClaim(t *testing.T) {
	l := newLab(t, 1)
	l.publish()
	cfg := l.storeFile()
	cfg.Listen.Console = ":8443"
	var screen bytes.Buffer
	d, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet(), Console: &screen})
	l.must(err)
	l.must(d.showClaim())
	shown := regexp.MustCompile(`Claim code: (\S+)\r\n`).FindStringSubmatch(screen.String())
	if shown == nil {
		t.Fatalf("the screen shows %q", &screen)
	}
	now := time.Now()
	if _, err := d.users.Claim(t.Context(), "wrong", "boss", "three blue bicycles", "10.77.0.66:1", now); err == nil {
		t.Error("a wrong code claims the box")
	}
	_, err = d.users.Claim(t.Context(), shown[1], "boss", "three blue bicycles", "10.77.0.20:1", now)
	l.must(err)
	_, err = d.users.Authenticate(t.Context(), accounts.Login{Name: "boss", Password: "three blue bicycles", Source: "10.77.0.20:2"}, now)
	l.must(err)
	want := []string{
		"login.ended refused : 1 attempt to log in failed: from 10.77.0.66, for the claim code",
		"account.changed  boss: the box was claimed from 10.77.0.20: account boss was made with the role admin",
		"login.ended ok boss: logged in from 10.77.0.20",
	}
	if got := told(t, d); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the journal tells\n%s", strings.Join(got, "\n"))
	}
	screen.Reset()
	if err := d.showClaim(); err != nil || screen.Len() > 0 {
		t.Errorf("a box that was claimed shows %q, %v", &screen, err)
	}
	l.must(d.journal.Close())
}

// TestUsersOnTheSocket looks after accounts through the control socket of a running box.
func TestUsersOnTheSocket(t *testing.T) {
	l := newLab(t, 1)
	l.publish()
	cfg := l.storeFile()
	d, stop := l.start(cfg)
	c := control.Dial(filepath.Join(cfg.State, "control.sock"))
	defer c.Close()
	l.until(d, "the box runs", func(s run.State) bool { _, err := c.Users(t.Context()); return err == nil })
	_, err := c.AddUser(t.Context(), control.UserAsked{Name: "a.khan", Role: site.UserTech, Password: "three blue bicycles", TOTP: true})
	l.must(err)
	stop()
	again, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	defer func() { l.must(again.journal.Close()) }()
	list, err := again.users.List()
	if err != nil || len(list) != 1 || list[0].Name != "a.khan" || !list[0].TOTP {
		t.Errorf("after a restart: %+v, %v", list, err)
	}
	if got := told(t, again); len(got) != 1 || !strings.HasSuffix(got[0], ": account a.khan was made with the role tech") || strings.HasPrefix(got[0], "account.changed  :") {
		t.Errorf("the journal tells %q", got)
	}
}

// TestDamagedAccounts runs a box whose accounts cannot be used: nobody logs in, and everything else works.
func TestDamagedAccounts(t *testing.T) {
	l := newLab(t, 1)
	l.publish()
	cfg := l.storeFile()
	l.must(os.MkdirAll(cfg.State, 0o755))
	l.must(os.WriteFile(filepath.Join(cfg.State, accounts.FileName), []byte("{"), 0o600))
	d, _ := l.start(cfg)
	c := control.Dial(filepath.Join(cfg.State, "control.sock"))
	defer c.Close()
	l.until(d, "the box runs", func(s run.State) bool { _, err := c.Status(context.Background()); return err == nil })
	_, err := c.Users(t.Context())
	want := "the accounts in " + filepath.Join(cfg.State, accounts.FileName) + " cannot be used: it is not whole: unexpected end of JSON input: " +
		"put back a good copy, or move it away, start nightfilld again and claim the box with the code that it then shows"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
