package hq

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
)

// A logout is a line of its own in the audit log, and no login.
func TestALogoutIsWrittenDown(t *testing.T) {
	h := open(t, nil)
	for _, n := range []accounts.Note{
		{At: time.Now(), Actor: "kim", Login: true, OK: true, Text: "logged in from 192.0.2.1"},
		{At: time.Now(), Actor: "kim", Logout: true, Text: "a session of account kim was ended: logged out"},
	} {
		audit{h}.Tell(n)
	}
	deeds, err := h.db.NewestDeeds(t.Context(), 0, 2)
	if err != nil || len(deeds) != 2 || deeds[0].Verb != "logout" || deeds[0].Actor != "kim" || deeds[0].Outcome != "ok" || deeds[1].Verb != "login" {
		t.Errorf("%+v %v", deeds, err)
	}
}

// Without a login, the pages answer at this machine's own name and at that of address.
func TestHostsWithoutALogin(t *testing.T) {
	h := open(t, func(c *hqfile.Headquarters) { c.Login.Off, c.Address = true, "https://hq.example.com" })
	got := ""
	for _, host := range []string{"localhost:8444", "hq.example.com", "evil.example"} {
		r, w := httptest.NewRequest("GET", "/healthz", nil), httptest.NewRecorder()
		r.Host = host
		h.pages.ServeHTTP(w, r)
		got += fmt.Sprint(w.Code, " ")
	}
	if got != "200 200 421 " {
		t.Errorf("answers are %s", got)
	}
}
