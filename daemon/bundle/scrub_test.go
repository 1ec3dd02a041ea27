package bundle

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What looks like a secret is taken out, whatever it stands in; what tells of none stays.
func TestScrub(t *testing.T) {
	s := NewScrubber("hunter2", "P@ss/wörd \"x\"", "abc", "4711")
	for in, want := range map[string]string{
		`the word is hunter2.`:             `the word is [left out].`,
		`hunter2x is another`:              `hunter2x is another`,
		`code 4711, number 14711`:          `code [left out], number 14711`,
		`abc is too short to look for`:     `abc is too short to look for`,
		`{"a":"P@ss/wörd \"x\""}`:          `{"a":"[left out]"}`,
		`q=P%40ss%2Fw%C3%B6rd+%22x%22&b=1`: `q=[left out]&b=1`,
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\nAAA=\n-----END OPENSSH PRIVATE KEY-----\n": "-----BEGIN OPENSSH PRIVATE KEY-----[left out]",
		`{"k":"-----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY-----\n","b":1}`:       `{"k":"-----BEGIN EC PRIVATE KEY-----[left out]","b":1}`,
		`otpauth://totp/Nightfill:a?secret=ABC`:                                                    `otpauth://[left out]`,
		`"$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA"`:                                              `"[left out]"`,
		`mqtts://box:secret@mqtt.example.com:8883/x`:                                               `mqtts://[left out]@mqtt.example.com:8883/x`,
		`Authorization: Bearer abcdef123456`:                                                       `Authorization: [left out] [left out]`,
		`level=WARN msg="make one" claim_code=AB12-CD34`:                                           `level=WARN msg="make one" claim_code=[left out]`,
		`{"claim_code":"AB12-CD34","n":1}`:                                                         `{"claim_code":"[left out]","n":1}`,
		`{"pin": 4321, "pinned": "same"}`:                                                          `{"pin": "[left out]", "pinned": "same"}`,
		`{"text":"sent {\"password\":\"x\",\"token\":7} there"}`:                                   `{"text":"sent {\"password\":\"[left out]\",\"token\":\"[left out]\"} there"}`,
		`mysql --password hunter --user pos`:                                                       `mysql --password [left out] --user pos`,
		`["curl","--token","abcd1234","x"]`:                                                        `["curl","--token","[left out]","x"]`,
		`DB_PASSWORD=x y`:                                                                          `DB_PASSWORD=[left out] y`,
		`"password_file": "/etc/nightfill/mqtt"`:                                                   `"password_file": "/etc/nightfill/mqtt"`,
		`{"totp":true,"password":"","secret":null}`:                                                `{"totp":true,"password":"","secret":null}`,
		`the name or the password is wrong`:                                                        `the name or the password is wrong`,
		`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample public key`:                                  `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample public key`,
	} {
		got, n := s.Scrub([]byte(in))
		if string(got) != want || (n > 0) != (in != want) {
			t.Errorf("%s\ngot  %s (%d)\nwant %s", in, got, n, want)
		}
		if json.Valid([]byte(in)) && !json.Valid(got) {
			t.Errorf("%s is no JSON any more", got)
		}
		if again, n := s.Scrub(got); string(again) != string(got) || n > 0 {
			t.Errorf("scrubbed again it is %s", again)
		}
	}
}

// A secret that is known is in nothing that leaves, however it is written, and JSON stays JSON.
func TestScrubAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z0-9!@#%&*+/=:;<>"\\ -]{8,24}`).Filter(func(s string) bool { return len(strings.TrimSpace(s)) >= 8 }).Draw(t, "secret")
		secret = strings.TrimSpace(secret)
		doc := map[string]any{rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "key"): rapid.String().Draw(t, "before") + secret + rapid.String().Draw(t, "after"), "n": []any{secret, 7, nil}}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		clean, _ := NewScrubber(secret).Scrub(text)
		var back any
		if err := json.Unmarshal(clean, &back); err != nil {
			t.Fatalf("%s is no JSON: %v", clean, err)
		}
		if strings.Contains(string(clean), secret) && !strings.Contains(Mark, secret) {
			t.Fatalf("%q is in %s", secret, clean)
		}
	})
}

// A store file with a secret in every place that can hold one.
const planted = `# the old password was Comment-Secret-1
version: 1
store: {id: "0142", org: acme, name: Springfield East, timezone: America/Chicago}
opening: {mon-sat: "06:30"}
window: {start: "23:00", end: "05:00"}
contacts: [{name: Night desk, phone: "+1 555 0100", for: [not_ready]}]
not_tonight: {pin: "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$UGluSGFzaA", latest: "22:30"}
escalation:
  - {to: Night desk, after: 30m, webhook: "https://hooks.example.com/services/T0/Webhook-Secret-2?key=Webhook-Query-3"}
catalog: {url: "https://store:Catalog-Secret-4@patches.example.com/catalog/?token=Catalog-Token-5", root: /etc/nightfill/root.json}
mqtt: {url: "mqtts://u:Mqtt-Secret-6@mqtt.example.com:8883", username: Mqtt-User-7, password_file: /etc/nightfill/mqtt-password}
ssh: {key: /etc/nightfill/id_ed25519}
devices: [{id: srv-1, class: linux-server, address: "10.77.0.11:22", user: patch, host_key: "ssh-ed25519 AAAAPublic", groups: [lanes]}]
groups: {lanes: {min_up: 2, canary: true}}
readiness:
  floor: {sell: 2}
  checks:
    - {id: POS-1, kind: http, url: "http://pos:Check-Secret-8@10.77.0.11:8080/health?api_key=Check-Query-9", steps: ["Type the PIN: Step-Secret-10 at the door"]}
    - {id: POS-2, device: srv-1, kind: command, command: [curl, -u, "pos:Arg-Secret-11", --password=Arg-Secret-12, "Arg-Secret-13!"]}
extra: {api: Unknown-Secret-14}
`

// No planted secret is in what is written of a store file, and each is known to be looked for elsewhere.
func TestStoreFile(t *testing.T) {
	clean, secrets, err := StoreFile([]byte(planted))
	if err != nil {
		t.Fatal(err)
	}
	clean, _ = NewScrubber(secrets...).Scrub(clean)
	for _, left := range []string{"Secret", "Query", "Token", "argon2id", "Mqtt-User"} {
		if strings.Contains(string(clean), left) {
			t.Errorf("%s is in\n%s", left, clean)
		}
	}
	for _, stays := range []string{
		"id: \"0142\"", "mon-sat: \"06:30\"", "host_key: ssh-ed25519 AAAAPublic", "min_up: 2", "sell: 2", "https://patches.example.com/catalog/", "mqtts://mqtt.example.com:8883",
		"webhook: https://hooks.example.com\n", "http://10.77.0.11:8080/health", "- curl\n", "[left out]: 4 arguments", "/etc/nightfill/id_ed25519", "+1 555 0100",
	} {
		if !strings.Contains(string(clean), stays) {
			t.Errorf("%q is not in\n%s", stays, clean)
		}
	}
	elsewhere, n := NewScrubber(secrets...).Scrub([]byte("Webhook-Secret-2 Webhook-Query-3 Catalog-Secret-4 Catalog-Token-5 Mqtt-Secret-6 Mqtt-User-7 Check-Secret-8 Check-Query-9 pos:Arg-Secret-11 Arg-Secret-12 Arg-Secret-13! Unknown-Secret-14"))
	if n != 12 || strings.Contains(string(elsewhere), "Secret") {
		t.Errorf("elsewhere: %d, %s", n, elsewhere)
	}
	const want = "the store file is no YAML: see what is wrong with it with nightfill config validate"
	if _, _, err := StoreFile([]byte("a: {b: Hunter2")); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// A key that a store file comes to have is hidden until somebody decides.
func TestEveryKeyIsDecided(t *testing.T) {
	text, err := os.ReadFile("../config/store.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	collect(schema, keys)
	if len(keys) < 80 {
		t.Fatalf("only %d keys were found", len(keys))
	}
	for key := range keys {
		hidden := false
		for _, h := range Hidden() {
			hidden = hidden || h == key
		}
		if hidden == Plain(key) {
			t.Errorf("%s: decide in store.go whether its value may leave", key)
		}
	}
}

func collect(node any, keys map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		for name, child := range node {
			if properties, ok := child.(map[string]any); ok && name == "properties" {
				for key := range properties {
					keys[key] = true
				}
			}
			collect(child, keys)
		}
	case []any:
		for _, child := range node {
			collect(child, keys)
		}
	}
}
