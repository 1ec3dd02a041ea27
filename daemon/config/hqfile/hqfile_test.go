package hqfile_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/config/strict/stricttest"
	"github.com/nightfill/nightfill/site"
)

func TestHeadquarters(t *testing.T) {
	h, err := hqfile.Load("testdata/headquarters.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Settle(); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(h.Org, h.MQTT.Shared, h.MQTT.URL, h.DB, h.TLS, h.State, len(h.Stores), h.Stores[0], *h.Catalog, h.Login, h.OIDC.Issuer, h.Address,
		h.OIDC.Roles[site.UserManager], *h.SMTP, h.Webhooks, h.Escalation, h.Compliance.Limits[site.Critical].Days, h.Breaker[site.RingFleet], h.HomeAssistant)
	want := `acmehqmqtts://mqtt.example.com:8883postgres://nightfill@db.example.com/nightfill{false false testdata/pages.pem testdata/pages.key}testdata/state2 {0142 Springfield East Midwest} ` +
		`{https://patches.example.com/catalog/ testdata/root.json /srv/catalog /srv/www testdata/online} {false always 30m0s} https://login.example.com/ https://hq.example.com [patch-team] ` +
		`{mail.example.com:587 starttls testdata/ca.pem nightfill@example.com n testdata/smtp.password} [{pager https://pager.example.com/hook testdata/pager.secret}] ` +
		`[{0s true [] [pager] [] 0s} {30m0s false [not_ready] [] [ops@example.com] 4h0m0s}]3 {5 10 4} true`
	if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestHeadquartersWithoutWords(t *testing.T) {
	h, err := hqfile.Parse("/etc/hq.yaml", []byte("version: 1\norg: acme\nmqtt: {url: mqtt://127.0.0.1:1883}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Settle(); err != nil {
		t.Fatal(err)
	}
	if h.DB != "sqlite:/var/lib/nightfill-hq/hq.db" || h.Listen != ":8444" || h.TLS.Off || h.Login.Idle != 15*time.Minute || h.Compliance.Limits[site.High].Days != 30 {
		t.Errorf("%+v", h)
	}
}

// badHeadquarters are rows of a file and what the reader says about it.
var badHeadquarters = []struct{ row, want string }{
	{"version: 2", "hq.yaml:1:10: version: is not 1; write version: 1, without quotes"},
	{"orgs: acme", "hq.yaml:1:1: orgs: is not a known key; did you mean org?"},
	{"db: mysql://x", `hq.yaml:1:5: db: "mysql://x" is no database; write sqlite:PATH, or postgres://USER@HOST/NAME`},
	{"db: postgres://u:p@h/d", "hq.yaml:1:5: db: holds a password; remove it: put it into a file of the form of ~/.pgpass and name that file in the variable PGPASSFILE"},
	{"login: off", "hq.yaml:1:8: login: nobody would have to log in at :8444, which others can reach; remove it, or listen on 127.0.0.1"},
	{"tls: off", "hq.yaml:1:6: tls: passwords would travel in the clear to :8444; remove it, or listen on 127.0.0.1"},
	{"tls: {cert: a.pem}", "hq.yaml:1:13: tls.cert: needs key beside it; write key too, or remove cert"},
	{"listen: 127.0.0.1:9465", `hq.yaml:1:9: listen: "127.0.0.1:9465" is the address of both listen and metrics; write another port`},
	{"listen: off", `hq.yaml:1:9: listen: headquarters without its pages is nothing; write an address like ":8444"`},
	{`stores: [{id: "1"}, {id: "1"}]`, "hq.yaml:1:21: stores[1]: store 1 is there twice, the first time in line 1; keep one of them"},
	{"stores: gone.csv", "hq.yaml:1:9: stores: cannot be read: open gone.csv: no such file or directory; write a file with the columns id, name and region"},
	{"catalog: {url: \"https://a/\", root: r, keys: k, work: w}", "hq.yaml:1:45: catalog.keys: needs out beside it; write out too, or remove keys"},
	{"oidc: {issuer: \"http://login.example.com\", client_id: a, roles: {admin: [x]}}\naddress: https://b", "hq.yaml:1:16: oidc.issuer: is not encrypted; write https://"},
	{"oidc: {issuer: \"https://login.example.com\", client_id: a, roles: {boss: [x]}}\naddress: https://b", "hq.yaml:1:67: oidc.roles.boss: is not a known key; write one of viewer, manager, admin"},
	{"oidc: {issuer: \"https://login.example.com\", client_id: a, roles: {admin: [x]}}", "hq.yaml:1:7: oidc: needs address in the file, to which the browser comes back; write address: https://hq.example.com"},
	{"smtp: {url: \"smtp+plain://m\", from: a@b, username: x, password_file: p}", "hq.yaml:1:52: smtp.username: would travel in the clear; write smtp:// or smtps:// in smtp.url"},
	{"smtp: {url: \"smtp://m\", from: nobody}", `hq.yaml:1:31: smtp.from: "nobody" is not a mail address; write it like ops@example.com`},
	{"escalation: [{after: 1h}]", "hq.yaml:1:14: escalation[0]: tells nobody; write webhooks or mail"},
	{"escalation: [{mail: [a@b]}]", "hq.yaml:1:21: escalation[0].mail: needs a mail server; write smtp: {url: ..., from: ...}"},
	{"webhooks: [{name: a, url: \"http://h\"}]\nescalation: [{webhooks: [b]}]", `hq.yaml:2:26: escalation[0].webhooks[0]: "b" is not known here; did you mean a?`},
	{"webhooks: [{name: a, url: \"http://h\"}, {name: a, url: \"http://h\"}]", `hq.yaml:1:47: webhooks[1].name: "a" is there twice; give each webhook a name of its own`},
	{"compliance: {days: {high: 0}}", "hq.yaml:1:27: compliance.days.high: 0 is not a number from 1 up; write a number like 2"},
	{"breaker: {lab: {share: 0.5}}", "hq.yaml:1:24: breaker.lab.share: is the number 0.5, not text; put it in quotes: \"0.5\""},
}

func TestBadHeadquarters(t *testing.T) {
	for _, tt := range badHeadquarters {
		text := tt.row + "\n"
		for _, line := range []string{"version: 1", "org: acme", "mqtt: {url: mqtt://h:1883}"} {
			if key, _, _ := strings.Cut(line, ":"); !strings.Contains("\n"+text, "\n"+key) {
				text += line + "\n"
			}
		}
		_, err := hqfile.Parse("hq.yaml", []byte(text))
		if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%s:\n got %s\nwant %s", tt.row, got, tt.want)
		}
	}
	if _, err := hqfile.Parse("hq.yaml", []byte("x: 1\norg: a b\nmqtt: {url: ftp://h}")); len(strings.Split(fmt.Sprint(err), "\n")) != 4 {
		t.Errorf("not all problems at once: %v", err)
	}
}

func TestSettle(t *testing.T) {
	tests := []struct {
		change func(*hqfile.Headquarters)
		want   string
	}{
		{func(h *hqfile.Headquarters) {}, ""},
		{func(h *hqfile.Headquarters) { h.MQTT.URL = "" }, "no broker is named: write mqtt: {url: ...} in the file, or --mqtt mqtt://HOST:1883"},
		{func(h *hqfile.Headquarters) { h.Login.Off = true }, "nobody would have to log in at :8444, which others can reach: listen on 127.0.0.1, or keep the login on"},
		{func(h *hqfile.Headquarters) { h.TLS.Off = true }, "passwords would travel in the clear to :8444: listen on 127.0.0.1, or keep tls on"},
		{func(h *hqfile.Headquarters) { h.Login.Off, h.Listen = true, "127.0.0.1:1" }, ""},
		{func(h *hqfile.Headquarters) { h.Login.Off, h.Listen = true, "localhost:1" }, ""},
		{func(h *hqfile.Headquarters) { h.Listen = "" }, "no address is named to listen on: write listen in the file, or --listen 127.0.0.1:8444"},
	}
	for _, tt := range tests {
		h := hqfile.Lab()
		h.MQTT.URL = "mqtt://h:1883"
		tt.change(&h)
		if err := h.Settle(); err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

func TestReadStores(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stores.csv")
	read := func(text string) string {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := hqfile.ReadStores(path)
		if err != nil {
			return strings.ReplaceAll(err.Error(), path, "F")
		}
		return fmt.Sprint(list)
	}
	tests := []struct{ text, want string }{
		{"\ufeffregion, id\nMidwest, 0142\n,7\n", "[{0142  Midwest} {7  }]"},
		{"id,name\n1,a\n1,b\n", "F: line 3: store 1 is there already, in line 2"},
		{"name\na\n", "F: line 1: there is no column id"},
		{"id,colour\n1,red\n", `F: line 1: "colour" is not a known column`},
		{"id\na/b\n", `F: line 2: "a/b" cannot be the id of a store`},
		{"id,name\n1\n", "F: record on line 2: wrong number of fields"},
	}
	for _, tt := range tests {
		if got := read(tt.text); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func TestSchemaOfHeadquarters(t *testing.T) {
	var s stricttest.Object
	if err := json.Unmarshal(hqfile.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	w := stricttest.Walker{Seen: map[string]bool{}}
	w.Walk("", s, stricttest.Decoded(t, "headquarters.yaml"))
	for _, wrong := range w.Wrong {
		t.Error(wrong)
	}
	stricttest.Each("", s, func(way, name string, _, _ stricttest.Object) {
		full := strings.TrimPrefix(way+"."+name, ".")
		if !w.Seen[full] {
			t.Errorf("testdata/headquarters.yaml has no %s", full)
		}
		if help, err := hqfile.Explain(strings.ReplaceAll(full, "[]", "")); err != nil || help.Description == "" || help.Type == "" {
			t.Errorf("%s: %+v, %v", full, help, err)
		}
		// the reader knows the key: one of the wrong kind is refused with its name
		file := stricttest.Decoded(t, "headquarters.yaml")
		if strings.Contains(full, "[]") || full == "tls" || full == "login" || full == "breaker" || full == "stores" {
			return
		}
		stricttest.Insert(file, way, name, []any{[]any{}})
		text, _ := json.Marshal(file)
		if _, err := hqfile.Parse("hq.yaml", text); err == nil || !strings.Contains(err.Error(), full) || strings.Contains(err.Error(), "not a known key") {
			t.Errorf("%s: the reader says %v", full, err)
		}
	})
	keys, err := hqfile.Explain("")
	if err != nil || !slices.Contains(keys.Keys, "escalation") {
		t.Errorf("%v, %v", keys, err)
	}
	if _, err := hqfile.Explain("loginn"); err == nil || err.Error() != `the headquarters file has no key "loginn": did you mean login?` {
		t.Errorf("%v", err)
	}
}

func TestCheckHeadquarters(t *testing.T) {
	h, err := hqfile.Load("testdata/headquarters.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, p := range hqfile.Check(h) {
		keys = append(keys, p.Key)
	}
	want := "mqtt.ca mqtt.cert mqtt.key mqtt.password_file tls.cert tls.key catalog.root catalog.work catalog.out catalog.keys oidc.client_secret_file smtp.ca smtp.password_file webhooks[0].secret_file"
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
