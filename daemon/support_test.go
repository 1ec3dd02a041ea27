package daemon

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/bundle"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// guarded is a box with a secret in every place that can hold one.
func guarded(t *testing.T) (*lab, *Daemon, []string) {
	t.Helper()
	l := newLab(t, 1)
	l.publish()
	text, err := os.ReadFile(l.storeFile().File)
	l.must(err)
	l.write("mqtt-password", "Mqtt-Pass-1\n")
	pin := `$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$UGluLUhhc2gtMi1QaW4tSGFzaC0yLVBpbi1IYXNo`
	text = append(text, []byte(`# Comment-Secret-3
contacts: [{name: Desk, phone: "1"}]
escalation: [{to: Desk, webhook: "http://10.0.0.9/hook/Webhook-Secret-4"}]
mqtt: {url: "mqtt://127.0.0.1:1", username: Mqtt-User-5, password_file: mqtt-password}
`)...)
	text = bytes.Replace(text, []byte("console: off"), []byte(`console: "127.0.0.1:65001"`), 1)
	cfg, err := config.Load(l.write("store.yaml", string(text)))
	l.must(err)
	cfg.NotTonight = &config.NotTonight{PIN: pin}
	d, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	t.Cleanup(func() { _ = d.journal.Close() })
	l.must(d.showClaim())
	code := claimCode(t, d)
	made, err := d.users.Add(t.Context(), accounts.New{Name: "a.khan", Role: site.UserTech, Password: "three blue bicycles", TOTP: true}, "me", time.Now())
	l.must(err)
	d.Log.Warn("the broker refuses", "password", "Mqtt-Pass-1", "url", "mqtt://u:Url-Secret-6@host", "app", made.URI)
	for _, e := range []run.Event{
		{Kind: run.HoldSet, Device: "till-1", Actor: "ann", Hold: &site.Hold{Device: "till-1", Until: time.Now().Add(time.Hour), Reason: "token=Hold-Token-7"}, Text: "token=Hold-Token-7"},
		{Kind: run.StepEnded, Device: "till-1", Patch: "a", Step: run.Verify, Outcome: run.Bad, Output: "DB_PASSWORD=Output-Secret-8\nsent Mqtt-Pass-1 to Webhook-Secret-4\n"},
	} {
		e.At = time.Now()
		l.must(d.ledger.Add(e))
	}
	d.remember([]site.CheckResult{{Check: "POS-1", Device: "till-1", Outcome: site.Fail, At: time.Now(), Seen: "Authorization: Bearer Check-Token-9"}}, true)
	secret := strings.Split(strings.Split(made.URI, "secret=")[1], "&")[0]
	planted := append(d.users.Secrets(), code, secret, "Mqtt-Pass-1", "c29tZXNhbHRzb21lc2FsdA", "Comment-Secret-3", "Webhook-Secret-4", "Mqtt-User-5", "Url-Secret-6", "Hold-Token-7", "Output-Secret-8", "Check-Token-9")
	for _, path := range []string{cfg.SSH.Key, filepath.Join(cfg.State, "console.pem")} {
		key, err := os.ReadFile(path)
		l.must(err)
		planted = append(planted, strings.Split(string(key), "\n")[1])
	}
	return l, d, slices.DeleteFunc(planted, func(s string) bool { return s == "" })
}

// claimCode is the code as the log has it.
func claimCode(t *testing.T, d *Daemon) string {
	t.Helper()
	var log bytes.Buffer
	if _, err := d.recent.WriteTo(&log); err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(log.String(), `"claim_code":"`)
	code, _, _ := strings.Cut(rest, `"`)
	if !found || len(code) < 8 {
		t.Fatalf("no claim code in %s", log.String())
	}
	return code
}

// taken makes a bundle and reads it.
func (l *lab) taken(d *Daemon, device string) (map[string]string, bundle.Manifest) {
	l.t.Helper()
	var out bytes.Buffer
	_, err := d.Bundle(l.t.Context(), bundle.Ask{Device: device, Reason: "TICKET 7", Actor: "a.khan"}, &out)
	l.must(err)
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	l.must(err)
	files, m := map[string]string{}, bundle.Manifest{}
	for _, f := range z.File {
		body, err := f.Open()
		l.must(err)
		text, err := io.ReadAll(body)
		l.must(err)
		files[f.Name] = string(text)
		if strings.HasSuffix(f.Name, ".json") && !json.Valid(text) {
			l.t.Errorf("%s is no JSON", f.Name)
		}
	}
	l.must(json.Unmarshal([]byte(files[bundle.ManifestName]), &m))
	return files, m
}

// A bundle has every part, and no secret is in any of them; who took it is in the journal.
func TestBundle(t *testing.T) {
	l, d, planted := guarded(t)
	files, m := l.taken(d, "till-1")
	if len(planted) < 14 {
		t.Fatalf("only %d secrets are planted", len(planted))
	}
	for name, text := range files {
		for _, secret := range planted {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s:\n%.2000s", name, secret, text)
			}
		}
	}
	for name, want := range map[string]string{
		"versions.json": `"nightfilld": "test"`, "status.json": `"store": "7"`, "ready.json": `"verdict"`, "checks.json": `"POS-1"`, "devices.json": `"till-1"`,
		"observations.json": "{", "night.json": "null", "plan.json": `"plan"`, "catalog.json": `"usable"`, "clock.json": `"asked": "operator"`, "disk.json": `"free_bytes"`,
		"store.yaml": "id: till-1", "metrics.txt": "nightfill_build_info", "log.jsonl": `"the broker refuses"`, "journal.jsonl": `"hold.set"`, "journal-verify.json": `"records"`,
		"device.json": `"schema": "diagnosis/1"`, "device-journal.jsonl": "sent [left out] to",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s has no %s:\n%.1000s", name, want, files[name])
		}
	}
	if len(m.Missing) > 0 || m.MadeBy != "a.khan" || m.Reason != "TICKET 7" || m.Device != "till-1" || m.Store != "7" || m.Redacted < 10 || len(m.LeftOut) != 5 {
		t.Errorf("the manifest: %+v", m)
	}
	records, err := d.journal.Since(d.journal.Last(), 1)
	l.must(err)
	if e := records[0].Event; e.Kind != run.LookAsked || e.Text != "bundle" || e.Actor != "a.khan" || e.Why != "TICKET 7" || e.Device != "till-1" {
		t.Errorf("the record: %+v", e)
	}
	if files, _ := l.taken(d, ""); files["device.json"] != "" {
		t.Error("a bundle of the store is about a device")
	}
}

// What is broken is named, and the rest is there.
func TestBundleOfABrokenBox(t *testing.T) {
	l, d, _ := guarded(t)
	l.must(os.Remove(d.Config.File))
	l.must(os.Remove(d.Config.MQTT.PasswordFile))
	l.must(os.Mkdir(d.Config.MQTT.PasswordFile, 0o700))
	l.must(d.journal.Close())
	files, m := l.taken(d, "")
	got := fmt.Sprint(m.Missing)
	for _, want := range []string{"record of who took this bundle", "{secrets of mqtt-password cannot look for them: read ", "{store.yaml cannot read the store file: open ", "journal.jsonl", "journal-verify.json"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if !strings.Contains(files["status.json"], `"store": "7"`) || files["store.yaml"] != "" {
		t.Errorf("files: %v", m.Files)
	}
}

func TestBundleRefused(t *testing.T) {
	_, d := consoled(t)
	defer d.journal.Close()
	if _, err := d.Bundle(t.Context(), bundle.Ask{Device: "none"}, io.Discard); err == nil || err.Error() != "no device is called none; see: nightfill devices" {
		t.Errorf("got %v", err)
	}
	d.bundling <- struct{}{}
	err := desk{d}.Bundle(t.Context(), "", "", "ann", io.Discard)
	if err == nil || err.Error() != "another support bundle is being made: try again in a minute" || errors.Is(err, bundle.ErrBusy) {
		t.Errorf("got %v", err)
	}
}
