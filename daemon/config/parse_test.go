package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// date writes a date in one word.
func date(y int, m time.Month, d int) window.Date { return window.Date{Year: y, Month: m, Day: d} }

func load(t *testing.T, name string) config.Config {
	t.Helper()
	c, err := config.Load(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// same compares field by field, so that a failure names the field.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if g.Kind() != reflect.Struct {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v\nwant %#v", what, got, want)
		}
		return
	}
	for i := range g.NumField() {
		if f := g.Type().Field(i); f.IsExported() && f.Name != "Zone" {
			same(t, what+"."+f.Name, g.Field(i).Interface(), w.Field(i).Interface())
		}
	}
}

func TestContractExample(t *testing.T) {
	c := load(t, "contract.yaml")
	same(t, "config", c, config.Config{
		File: filepath.Join("testdata", "contract.yaml"),
		Store: site.Store{
			ID: "0142", Org: "acme", Name: "Springfield East", Ring: site.RingFleet, Mode: site.OneByOne, Language: "en",
			Calendar: window.Calendar{
				Start: 23 * 60, End: 5 * 60, Days: 1<<7 - 1, Reserve: 45 * time.Minute,
				Blackouts: []window.Blackout{{From: date(2026, 11, 25), To: date(2026, 12, 2), Reason: "peak trading"}},
				Opening: map[time.Weekday]window.Clock{time.Monday: 390, time.Tuesday: 390, time.Wednesday: 390,
					time.Thursday: 390, time.Friday: 390, time.Saturday: 390, time.Sunday: 480},
			},
			Devices: []site.Device{
				{ID: "srv-1", Class: site.LinuxServer, Address: "10.77.0.11:22", User: "patch", Groups: []string{"lanes"}, Capabilities: []string{"sell"}},
				{ID: "srv-2", Class: site.WindowsServer, Address: "10.77.0.12:22", User: "patch", Groups: []string{"backoffice"}},
				{ID: "hh-01", Class: site.Handheld, Groups: []string{"handhelds"}, Capabilities: []string{"sell-mobile"}},
				{ID: "pinpad-1", Class: site.Observe, Address: "10.77.0.60"},
			},
			Groups: []site.Group{
				{ID: "lanes", MinUp: 2, Canary: true},
				{ID: "handhelds", MaxDown: site.Limit{Percent: 50}},
				{ID: "backoffice", Before: []string{"lanes"}},
			},
			Floor: map[string]int{"sell": 2, "sell-mobile": 1},
			Checks: []site.Check{
				{ID: "POS-1", Device: "srv-1", Kind: site.CheckHTTP, URL: "http://10.77.0.11:8080/health", Capability: "sell", Timeout: site.Duration(10 * time.Second)},
				{ID: "POS-2", Device: "srv-1", Kind: site.CheckService, Name: "pos-app", Capability: "sell", Timeout: site.Duration(10 * time.Second)},
			},
			Contacts: []site.Contact{{Name: "Night desk", Phone: "+1 555 0100", For: []string{"not_ready", "escalation"}, Notice: site.Duration(24 * time.Hour)}},
		},
		Clock: config.Clock{Trust: config.TrustSynchronised},
		Catalog: &config.Catalog{URL: "https://patches.example.com/catalog/", Root: "/etc/nightfill/root.json",
			MaxOffline: 336 * time.Hour, Cache: 40 << 30, Rate: config.Rate{Open: 2 << 20}},
		MQTT:      &config.MQTT{URL: "mqtts://mqtt.example.com:8883", CA: "testdata/ca.pem", Cert: "testdata/store.pem", Key: "testdata/store.key"},
		SSH:       config.SSH{Key: "/etc/nightfill/id_ed25519"},
		Readiness: config.Readiness{At: []time.Duration{-time.Hour, -15 * time.Minute}, Every: 5 * time.Minute},
		Listen:    config.Listen{Ready: ":80", Console: ":8443", Agents: ":7443", Gossip: ":7946", Metrics: "127.0.0.1:9464"},
		Console:   config.Console{TOTP: config.TOTPNever},
		State:     "/var/lib/nightfill",
		Warnings:  c.Warnings,
	})
	if zone := c.Store.Calendar.Zone.String(); zone != "America/Chicago" {
		t.Errorf("zone = %s", zone)
	}
	var warned []string
	for _, w := range c.Warnings {
		warned = append(warned, w.Key)
	}
	same(t, "warnings", warned, []string{"devices[0].host_key", "devices[1].host_key", "groups.lanes.min_up", "readiness.floor.sell"})
}

func TestFullFile(t *testing.T) {
	c := load(t, "full.yaml")
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	same(t, "store names", []string{c.Store.ID, c.Store.Org, c.Store.Name, string(c.Store.Ring), c.Store.Language},
		[]string{"0142", "acme", "Springfield East", "pilot", "pt-BR"})
	w := c.Store.Calendar
	same(t, "window", []any{w.Start, w.End, w.Days.String(), w.Reserve}, []any{window.Clock(1350), window.Clock(1440), "mon-thu,sat", 20 * time.Minute})
	if _, open := w.Opening[time.Sunday]; open || len(w.Opening) != 6 {
		t.Errorf("opening = %v", w.Opening)
	}
	same(t, "mode and roles", []string{string(c.Store.Mode), string(c.Store.Devices[0].Role), string(c.Store.Devices[1].Role)}, []string{"bundle", "primary", "secondary"})
	same(t, "clock", c.Clock.Trust, config.TrustOperator)
	same(t, "catalog", *c.Catalog, config.Catalog{URL: "file:///media/usb/catalog/", Root: "testdata/trust/root.json", MaxOffline: 200 * time.Hour,
		Cache: 3 << 29, Rate: config.Rate{Open: 512 << 10, Closed: 8 << 20}})
	same(t, "mqtt", *c.MQTT, config.MQTT{URL: "mqtts://mqtt.example.com:8883", CA: "testdata/ca.pem", Cert: "testdata/store.pem", Key: "testdata/store.key",
		Username: "store-0142", PasswordFile: "testdata/mqtt.password"})
	same(t, "ssh", c.SSH.Key, "testdata/keys/id_ed25519")
	same(t, "listen", c.Listen, config.Listen{Ready: ":8080", Console: "10.77.0.2:8443", Agents: "[fd00::2]:7443", Metrics: "127.0.0.1:9999"})
	same(t, "console", c.Console, config.Console{TOTP: config.TOTPSevere, Cert: "testdata/console.pem", Key: "/srv/keys/console.key"})
	same(t, "state", c.State, "/srv/nightfill")
	same(t, "readiness", c.Readiness, config.Readiness{At: []time.Duration{-3 * time.Hour, -time.Hour, -15 * time.Minute}, Every: 90 * time.Second})
	same(t, "groups", c.Store.Groups, []site.Group{
		{ID: "lanes", MinUp: 1, MaxDown: site.Limit{Count: 1}, Canary: true, Before: []string{"backoffice", "handhelds"}},
		{ID: "backoffice"}, {ID: "handhelds", MaxDown: site.Limit{Percent: 50}},
	})
	var addresses, models []string
	for _, d := range c.Store.Devices {
		addresses = append(addresses, d.Address)
		models = append(models, d.ModelOrClass())
	}
	same(t, "models", models, []string{"hp-rp5810", "linux-server", "windows-server", "handheld", "handheld", "observe"})
	same(t, "addresses", addresses, []string{"10.77.0.11:22", "[fd00::12]:2222", "office.store.example:22", "", "", "10.77.0.60"})
	if key := c.Store.Devices[0].HostKey; !strings.HasPrefix(key, "ssh-ed25519 AAAA") {
		t.Errorf("host key = %q", key)
	}
	ten := site.Duration(10 * time.Second)
	same(t, "escalation", c.Store.Escalation, []site.Escalation{
		{To: "Night desk", For: []site.Cause{site.CauseNotReady, site.CauseRollbackFailed, site.CauseNoAnswer}},
		{To: "Night desk", After: site.Duration(30 * time.Minute), Webhook: "http://10.77.0.5/hook"},
	})
	if n := c.NotTonight; n == nil || n.Rule != (run.SkipRule{Latest: 22 * 60, MaxPerMonth: 3}) || !strings.HasPrefix(n.PIN, "$argon2id$") {
		t.Errorf("not tonight: %+v", n)
	}
	same(t, "checks", c.Store.Checks, []site.Check{
		{ID: "POS-1", Device: "till-1", Kind: site.CheckHTTP, URL: "http://10.77.0.11:8080/health", Expect: `"db":"up"`, Capability: "sell", Optional: true,
			Timeout: site.Duration(3 * time.Second), MaxAge: site.Duration(20 * time.Minute), What: "Till 1 cannot sell",
			Steps: []string{"Switch the till off and on", "Wait two minutes"}, Else: "Call the night desk and say POS-1"},
		{ID: "POS-2", Device: "till-1", Kind: site.CheckService, Name: "pos-app", Timeout: ten, Repair: &site.Repair{Service: "pos-app"}},
		{ID: "POS-3", Device: "till-1", Kind: site.CheckCommand, Command: []string{"test", "-e", "/run/pos.ready"}, Timeout: ten, Repair: &site.Repair{RollBack: true}},
		{ID: "DISK-1", Device: "till-1", Kind: site.CheckDisk, Path: "/var", MinFree: "5%", Timeout: ten},
		{ID: "DISK-2", Device: "till-2", Kind: site.CheckDisk, Path: "/", MinFree: "500MiB", Timeout: ten},
		{ID: "BOX-1", Device: "till-1", Kind: site.CheckClock, MaxSkew: site.Duration(30 * time.Second), Timeout: ten},
		{ID: "BOX-2", Device: "till-2", Kind: site.CheckClock, MaxSkew: site.Duration(time.Minute), Timeout: ten},
		{ID: "NET-1", Kind: site.CheckTCP, Address: "10.77.0.11:5432", Timeout: ten},
		{ID: "CERT-1", Device: "till-1", Kind: site.CheckCert, Address: "10.77.0.11:443", ServerName: "till-1.store.example", CA: "testdata/pos-ca.pem", Warn: 21, Fail: 3, Timeout: ten},
		{ID: "CERT-2", Kind: site.CheckCert, Address: "10.77.0.12:8443", Warn: 45, Fail: 45, Timeout: ten},
		{ID: "DNS-1", Kind: site.CheckDNS, Names: []string{"patches.example.com", "mqtt.example.com"}, Server: "10.77.0.1:53", Timeout: ten, Retries: 5},
		{ID: "NET-2", Kind: site.CheckGateway, Needs: []string{"DNS-1"}, Timeout: ten},
		{ID: "NET-3", Kind: site.CheckGateway, Address: "10.77.0.2", Timeout: ten},
		{ID: "PRN-1", Device: "till-1", Kind: site.CheckPrinter, Address: "10.77.0.31:9100", Needs: []string{"NET-1", "NET-2"}, Timeout: ten},
		{ID: "POS-4", Device: "till-1", Kind: site.CheckVersion, Package: "pos-app", AtLeast: "4.2.0", AtMost: "1:4.9", Timeout: ten},
		{ID: "PRICE-1", Device: "till-1", Kind: site.CheckFileAge, Path: "/var/lib/pos/prices.db", Max: site.Duration(26 * time.Hour), Timeout: ten},
		{ID: "BAT-1", Device: "hh-01", Kind: site.CheckBattery, MinCharge: 30, Timeout: ten},
		{ID: "HH-1", Device: "hh-01", Kind: site.CheckAgent, Max: site.Duration(15 * time.Minute), Timeout: ten},
	})
}

func TestMinimalFileHasDefaults(t *testing.T) {
	c := load(t, "minimal.yaml")
	if c.Catalog != nil || c.MQTT != nil {
		t.Errorf("a catalog or a broker came from nowhere: %v %v", c.Catalog, c.MQTT)
	}
	same(t, "name", c.Store.Name, "0142")
	same(t, "reserve", c.Store.Calendar.Reserve, 45*time.Minute)
	same(t, "days", c.Store.Calendar.Days, window.Weekdays(0))
	same(t, "ssh", c.SSH.Key, "testdata/id_ed25519")
	if len(c.Warnings) != 1 || c.Warnings[0].Key != "opening" {
		t.Errorf("warnings = %v", c.Warnings)
	}
}

func TestMarkOfTheEncodingIsNoKey(t *testing.T) {
	text := "\uFEFF" + minimal(t)
	if _, err := config.Parse("store.yaml", []byte(text)); err != nil {
		t.Error(err)
	}
	want := `store.yaml:1:1: oops: is not a known key`
	if _, err := config.Parse("store.yaml", []byte("\uFEFFoops: 1\n"+minimal(t))); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReserveOfNothing(t *testing.T) {
	for _, zero := range []string{"0", "0s", "0m"} {
		text := strings.Replace(minimal(t), `end: "05:00"`, `end: "05:00", reserve: `+zero, 1)
		c, err := config.Parse("store.yaml", []byte(text))
		if err != nil || c.Store.Calendar.Reserve != 0 {
			t.Errorf("reserve %s: %v, %v", zero, c.Store.Calendar.Reserve, err)
		}
	}
}

func minimal(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLoadOfWhatIsNoStoreFile(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{filepath.Join(dir, "none.yaml"), "cannot read the store file: stat DIR/none.yaml: no such file or directory"},
		{dir, "cannot read the store file: DIR is not a file"},
		{big, "DIR/big.yaml:1:1: is larger than 1 MiB, which is no store file; check the name of the file"},
	}
	for _, tt := range tests {
		_, err := config.Load(tt.path)
		if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != tt.want {
			t.Errorf("Load(%s) = %v\nwant %s", tt.path, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"contract.yaml", "full.yaml", "minimal.yaml", "bad.txtar"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{"", "\x00", "a: [", "? a", "- - -", strings.Repeat("[", 5000), strings.Repeat("- ", 5000), "version: 2", "<<: *a", "version: 1\nversion: 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("store.yaml", data)
		if err == nil {
			if c.Store.Calendar.Zone == nil || c.Store.Calendar.Validate() != nil || c.Store.ID == "" {
				t.Fatalf("accepted a store without a valid calendar or id:\n%s", data)
			}
			return
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(line, "store.yaml:") {
				t.Fatalf("a problem spreads over lines or has no place: %q", line)
			}
		}
	})
}
