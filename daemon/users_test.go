package daemon

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/wire"
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

// TestEnrolAtTheFirstLogin goes through the pages of a box that always asks for codes, as somebody does who has a
// password and no authenticator app yet.
func TestEnrolAtTheFirstLogin(t *testing.T) {
	l := newLab(t, 1)
	l.publish()
	cfg := l.storeFile()
	cfg.Listen.Console, cfg.Console.TOTP = "127.0.0.1:0", config.TOTPAlways
	d, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	defer func() { l.must(d.journal.Close()) }()
	_, err = d.users.Add(t.Context(), accounts.New{Name: "a.khan", Role: site.UserTech, Password: "three blue bicycles"}, "me", time.Now())
	l.must(err)
	server := httptest.NewTLSServer(d.console.Handler())
	defer server.Close()
	client := server.Client()
	client.Jar, err = cookiejar.New(nil)
	l.must(err)
	page := func(answer *http.Response, err error) (path, text string) {
		t.Helper()
		l.must(err)
		defer answer.Body.Close()
		all, err := io.ReadAll(answer.Body)
		l.must(err)
		return answer.Request.URL.Path, html.UnescapeString(string(all))
	}
	login := url.Values{"name": {"a.khan"}, "password": {"three blue bicycles"}}
	if path, text := page(client.PostForm(server.URL+"/console/login", login)); path != "/console/account" || !strings.Contains(text, "until then you can do nothing else") {
		t.Fatalf("after the login on %s:\n%s", path, text)
	}
	if path, text := page(client.Get(server.URL + "/console/journal")); path != "/console/account" {
		t.Errorf("it lets into %s:\n%s", path, text)
	}
	_, text := page(client.PostForm(server.URL+"/console/account/app", url.Values{"old": {"three blue bicycles"}}))
	shown := regexp.MustCompile(`otpauth://totp/\S+[?&]secret=([A-Z2-7]+)`).FindStringSubmatch(text)
	if shown == nil {
		t.Fatalf("nothing for the app:\n%s", text)
	}
	if _, text := page(client.PostForm(server.URL+"/console/account/code", url.Values{"code": {codeOf(t, shown[1])}})); !strings.Contains(text, "Your authenticator app is set up.") {
		t.Fatalf("after the code:\n%s", text)
	}
	if path, text := page(client.Get(server.URL + "/console/journal")); path != "/console/journal" {
		t.Errorf("with an app it leads to %s:\n%s", path, text)
	}
	want := []string{
		"login.ended ok a.khan: logged in from 127.0.0.1 without a code, to set up an authenticator app and nothing else",
		"account.changed  a.khan: account a.khan: an authenticator app was set up",
	}
	if got := told(t, d); len(got) != 3 || !slices.Equal(got[1:], want) {
		t.Errorf("the journal tells\n%s", strings.Join(got, "\n"))
	}
	if _, err := d.users.Authenticate(t.Context(), accounts.Login{Name: "a.khan", Password: "three blue bicycles", Source: "10.77.0.20:2", Enrol: true}, time.Now()); err == nil || !strings.HasPrefix(err.Error(), "a code is needed") {
		t.Errorf("the next login: %v", err)
	}
}

// codeOf is what an authenticator app with a secret shows now (RFC 6238).
func codeOf(t *testing.T, secret string) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1000000)
}

// TestUsersOnTheSocket looks after accounts through the control socket of a running box.
func TestUsersOnTheSocket(t *testing.T) {
	l := newLab(t, 1)
	l.publish()
	cfg := l.storeFile()
	d, stop := l.start(cfg)
	c := client.Dial(filepath.Join(cfg.State, "control.sock"))
	defer c.Close()
	l.until(d, "the box runs", func(s run.State) bool { _, err := c.Users(t.Context()); return err == nil })
	_, err := c.AddUser(t.Context(), wire.UserAsked{Name: "a.khan", Role: site.UserTech, Password: "three blue bicycles", TOTP: true})
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
	c := client.Dial(filepath.Join(cfg.State, "control.sock"))
	defer c.Close()
	l.until(d, "the box runs", func(s run.State) bool { _, err := c.Status(context.Background()); return err == nil })
	_, err := c.Users(t.Context())
	want := "the accounts in " + filepath.Join(cfg.State, accounts.FileName) + " cannot be used: it is not whole: unexpected end of JSON input: " +
		"put back a good copy, or move it away, start nightfilld again and claim the box with the code that it then shows"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
