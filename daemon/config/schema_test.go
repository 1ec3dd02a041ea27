package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/daemon/config/strict/stricttest"
)

func schema(t *testing.T) stricttest.Object {
	t.Helper()
	var s stricttest.Object
	if err := json.Unmarshal(config.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaDescribesTheFiles(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"contract.yaml", "full.yaml", "minimal.yaml"} {
		w := stricttest.Walker{Seen: seen}
		w.Walk("", schema(t), stricttest.Decoded(t, name))
		for _, wrong := range w.Wrong {
			t.Errorf("%s: %s", name, wrong)
		}
	}
	stricttest.Each("", schema(t), func(way, name string, _, _ stricttest.Object) {
		if full := strings.TrimPrefix(way+"."+name, "."); !seen[full] {
			t.Errorf("no file in testdata has %s", full)
		}
	})
}

func TestSchemaRefusesWhatTheReaderRefuses(t *testing.T) {
	tests := []struct{ name, old, new string }{
		{"unknown key", "window:", "window: {}\nwindos:"},
		{"no window", "window:", "# window:"},
		{"start at 24:00", `start: "23:00"`, `start: "24:00"`},
		{"id with a slash", `id: "0142"`, `id: "01/42"`},
		{"id as a number", `id: "0142"`, `id: 142`},
		{"version 2", "version: 1", "version: 2"},
	}
	for _, tt := range tests {
		text := strings.Replace(minimal(t), tt.old, tt.new, 1)
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			continue // no YAML at all
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		w := stricttest.Walker{Seen: map[string]bool{}}
		w.Walk("", schema(t), v)
		if _, err := config.Parse("store.yaml", []byte(text)); err == nil || len(w.Wrong) == 0 {
			t.Errorf("%s: reader says %v, schema says %v", tt.name, err, w.Wrong)
		}
	}
}

// TestSchemaHasTheKeysOfTheReader puts an impossible key everywhere: the reader answers with
// the keys that it knows there, which must be those of the schema.
func TestSchemaHasTheKeysOfTheReader(t *testing.T) {
	places := map[string]string{
		"": "", "store": "store: {%s}", "window": "window: {%s}", "window.blackouts[]": "window: {blackouts: [{%s}]}",
		"clock": "clock: {%s}", "contacts[]": "contacts: [{%s}]", "escalation[]": "escalation: [{%s}]", "not_tonight": "not_tonight: {%s}", "catalog": "catalog: {%s}", "catalog.rate": "catalog: {rate: {%s}}",
		"mqtt": "mqtt: {%s}", "ssh": "ssh: {%s}", "devices[]": "devices: [{%s}]", "devices[].asset": "devices: [{asset: {%s}}]", "groups.NAME": "groups: {a: {%s}}",
		"readiness": "readiness: {%s}", "readiness.checks[]": "readiness: {checks: [{%s}]}", "readiness.checks[].repair": "readiness: {checks: [{repair: {%s}}]}", "listen": "listen: {%s}", "console": "console: {%s}",
	}
	described := map[string][]string{}
	stricttest.Each("", schema(t), func(way, name string, _, _ stricttest.Object) {
		if name != "NAME" {
			described[way] = append(described[way], name)
		}
	})
	for way, names := range described {
		form, ok := places[way]
		if !ok {
			t.Errorf("the test has no file for %q", way)
			continue
		}
		text := "zzzzzzzz: 1"
		if form != "" {
			text = fmt.Sprintf(form, text)
		}
		_, err := config.Parse("store.yaml", []byte(text))
		var problems strict.Problems
		if !errors.As(err, &problems) {
			t.Fatalf("%s is not refused: %v", text, err)
		}
		i := slices.IndexFunc(problems, func(p strict.Problem) bool { return p.Wrong == "is not a known key" })
		if i < 0 {
			t.Fatalf("%s: %v", text, problems)
		}
		known := strings.Split(strings.TrimPrefix(problems[i].Instead, "write one of "), ", ")
		slices.Sort(known)
		if !slices.Equal(known, names) {
			t.Errorf("%q: the reader knows %v\nthe schema describes %v", way, known, names)
		}
	}
}

func parsed(t *testing.T, file stricttest.Object) (config.Config, error) {
	t.Helper()
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return config.Parse("/etc/nightfill/store.yaml", text)
}

// TestDefaultsOfTheSchema writes every default of the schema into a file: nothing may change.
func TestDefaultsOfTheSchema(t *testing.T) {
	base := func() stricttest.Object {
		file := stricttest.Decoded(t, "minimal.yaml")
		stricttest.Insert(file, "catalog", "url", "https://patches.example.com/")
		file["groups"] = stricttest.Object{"lanes": stricttest.Object{}}
		file["contacts"] = []any{stricttest.Object{"name": "Night desk", "phone": "1"}}
		file["escalation"] = []any{stricttest.Object{"to": "Night desk"}}
		stricttest.Insert(file, "not_tonight", "pin", "$argon2id$v=19$m=19456,t=2,p=1$RloT/pE7hFnLAwEYiTkHPg$YPKRvmh2HCWRdUQTdVXCjojVKYnVcVrIzLme2R0Cn7o")
		file["devices"] = []any{stricttest.Object{"id": "d", "class": "handheld"}}
		file["readiness"] = stricttest.Object{"checks": []any{
			stricttest.Object{"id": "D", "kind": "disk", "device": "d", "min_free": "5%"}, stricttest.Object{"id": "C", "kind": "clock", "device": "d"},
			stricttest.Object{"id": "T", "kind": "cert", "address": "h"}}}
		return file
	}
	want, err := parsed(t, base())
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	stricttest.Each("", schema(t), func(way, name string, _, s stricttest.Object) {
		value, ok := s["default"]
		if !ok {
			return
		}
		count++
		file := base()
		switch way {
		case "readiness.checks[]":
			checks := file["readiness"].(stricttest.Object)["checks"].([]any)
			for _, c := range checks {
				kind := c.(stricttest.Object)["kind"]
				of := map[string]string{"path": "disk", "max_skew": "clock", "warn": "cert", "fail": "cert"}[name]
				if of == "" || of == kind {
					c.(stricttest.Object)[name] = value
				}
			}
		case "escalation[]":
			file["escalation"].([]any)[0].(stricttest.Object)[name] = value
		default:
			stricttest.Insert(file, strings.Replace(way, "NAME", "lanes", 1), name, value)
		}
		got, err := parsed(t, file)
		if err != nil {
			t.Errorf("%s.%s: its default is refused: %v", way, name, err)
			return
		}
		got.Store.Calendar.Zone, want.Store.Calendar.Zone = nil, nil
		got.Warnings, want.Warnings = nil, nil
		for i := range reflect.TypeFor[config.Config]().NumField() {
			f := reflect.TypeFor[config.Config]().Field(i)
			if g, w := reflect.ValueOf(got).Field(i), reflect.ValueOf(want).Field(i); f.IsExported() && !reflect.DeepEqual(g.Interface(), w.Interface()) {
				t.Errorf("%s.%s: its default changes %s: %v, want %v", way, name, f.Name, g, w)
			}
		}
	})
	if count < 15 {
		t.Errorf("only %d defaults", count)
	}
}

// TestExamplesOfTheSchema puts every example of the schema into a file: the reader takes it.
func TestExamplesOfTheSchema(t *testing.T) {
	stricttest.Each("", schema(t), func(way, name string, _, s stricttest.Object) {
		examples, _ := s["examples"].([]any)
		if len(examples) == 0 && s["properties"] == nil && name != "NAME" {
			t.Errorf("%s.%s has no example", way, name)
		}
		if strings.Contains(way+name, "[]") || strings.Contains(way+name, "NAME") || way == "mqtt" || way == "not_tonight" || way == "console" || name == "groups" || name == "floor" || name == "escalation" {
			return // depends on its neighbours: full.yaml has it
		}
		for _, example := range examples {
			file := stricttest.Decoded(t, "minimal.yaml")
			stricttest.Insert(file, way, name, example)
			if _, err := parsed(t, file); err != nil {
				t.Errorf("%s.%s: its example is refused: %v", way, name, err)
			}
		}
	})
}

func TestExplain(t *testing.T) {
	tests := []struct{ key, want string }{
		{"window.reserve", `{"key":"window.reserve","description":"Time at the end of the window that is kept free for verification and repair: shorter than the window, 0 for none.","type":"text or number","required":false,"default":"45m","examples":["45m",0],"since":1}`},
		{"store.ring", `{"key":"store.ring","description":"How early the store takes patches: a lab store takes everything released, a fleet store only what reached the fleet.","type":"text","required":false,"default":"fleet","allowed":["lab","pilot","fleet"],"examples":["pilot"],"since":1}`},
		{"devices[2].id", `{"key":"devices[].id","description":"The name of the device, once in the store.","type":"text","required":true,"examples":["srv-1"],"since":1}`},
		{"groups.lanes.min_up", `{"key":"groups.NAME.min_up","description":"Never fewer than this many working devices; 0 is no floor.","type":"number","required":false,"default":0,"examples":[2],"since":1}`},
		{"ssh", `{"key":"ssh","description":"How the box logs in to servers.","type":"keys with values","required":false,"keys":["key"],"since":1}`},
		{"window.days", `{"key":"window.days","description":"The dates on which the window opens, as days and ranges of days. Without it, every day.","type":"list of text","required":false,"examples":[["mon-fri","sun"]],"since":1}`},
	}
	for _, tt := range tests {
		help, err := config.Explain(tt.key)
		if err != nil {
			t.Errorf("%s: %v", tt.key, err)
			continue
		}
		if got, _ := json.Marshal(help); string(got) != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.key, got, tt.want)
		}
	}
	if all, err := config.Explain(""); err != nil || len(all.Keys) != 18 {
		t.Errorf("the whole file: %v, %v", all.Keys, err)
	}
	stricttest.Each("", schema(t), func(way, name string, _, _ stricttest.Object) {
		full := strings.TrimPrefix(way+"."+name, ".")
		if help, err := config.Explain(strings.ReplaceAll(full, "[]", "")); err != nil || help.Key != full || help.Type == "" {
			t.Errorf("%s: %+v, %v", full, help, err)
		}
	})
}

func TestExplainOfUnknownKeys(t *testing.T) {
	tests := []struct{ key, want string }{
		{"windw", `the store file has no key "windw": did you mean window?`},
		{"window.strat", `the store file has no key "window.strat": did you mean window.start?`},
		{"devices.clas", `the store file has no key "devices.clas": did you mean devices[].class?`},
		{"window.start.hour", `the store file has no key "window.start.hour": window.start has no keys below it`},
		{"ssh.banana", `the store file has no key "ssh.banana": the keys of ssh are key`},
		{".", `the store file has no key ".": the keys of the file are catalog, clock, console, contacts, devices, escalation, groups, listen, mode, mqtt, not_tonight, opening, readiness, ssh, state, store, version, window`},
		{"[2].id", `the store file has no key "[2].id": the keys of the file are catalog, clock, console, contacts, devices, escalation, groups, listen, mode, mqtt, not_tonight, opening, readiness, ssh, state, store, version, window`},
	}
	for _, tt := range tests {
		if _, err := config.Explain(tt.key); err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n got %v\nwant %s", tt.key, err, tt.want)
		}
	}
}
