package config_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/strict/stricttest"
)

// validator is the schema as another program reads it.
func validator(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("store.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("store.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAndReaderAgree holds files against the schema and the reader: an editor must not praise what the box refuses.
func TestSchemaAndReaderAgree(t *testing.T) {
	s := validator(t)
	whole := func() stricttest.Object {
		return stricttest.Object{
			"version": 1, "store": stricttest.Object{"id": "0142", "org": "acme", "timezone": "America/Chicago"},
			"window":    stricttest.Object{"start": "23:00", "end": "05:00", "reserve": "45m", "days": []any{"mon", "tue"}},
			"contacts":  []any{stricttest.Object{"name": "Night desk", "phone": "1", "notice": "24h"}},
			"catalog":   stricttest.Object{"url": "https://patches.example.com/", "cache": "40GiB", "max_offline": "336h", "rate": stricttest.Object{"open": "2MiB", "closed": 0}},
			"groups":    stricttest.Object{"lanes": stricttest.Object{"min_up": 0}},
			"devices":   []any{stricttest.Object{"id": "srv-1", "class": "linux-server", "address": "10.77.0.11:22", "user": "patch", "groups": []any{"lanes"}}},
			"readiness": stricttest.Object{"every": "5m", "at": []any{"-60m", "-15m"}, "checks": []any{stricttest.Object{"id": "A", "kind": "disk", "device": "srv-1", "min_free": "5%"}}},
			"listen":    stricttest.Object{"ready": ":80", "console": "off", "metrics": "127.0.0.1:9464"},
		}
	}
	check := func(c stricttest.Object) func(stricttest.Object) {
		return func(f stricttest.Object) { f["readiness"].(stricttest.Object)["checks"] = []any{c} }
	}
	device := func(d stricttest.Object) func(stricttest.Object) {
		return func(f stricttest.Object) { f["devices"] = append(f["devices"].([]any), d) }
	}
	tests := []struct {
		name   string
		change func(stricttest.Object)
		good   bool
	}{
		{"as it is", func(stricttest.Object) {}, true},
		{"reserve 0", func(f stricttest.Object) { f["window"].(stricttest.Object)["reserve"] = 0 }, true},
		{"reserve in parts", func(f stricttest.Object) { f["window"].(stricttest.Object)["reserve"] = "1h30m" }, true},
		{"reserve that is no time", func(f stricttest.Object) { f["window"].(stricttest.Object)["reserve"] = "soon" }, false},
		{"reserve in days", func(f stricttest.Object) { f["window"].(stricttest.Object)["reserve"] = "1d" }, false},
		{"reserve that is negative", func(f stricttest.Object) { f["window"].(stricttest.Object)["reserve"] = "-45m" }, false},
		{"a day twice", func(f stricttest.Object) { f["window"].(stricttest.Object)["days"] = []any{"mon", "mon"} }, false},
		{"notice", func(f stricttest.Object) { f["contacts"].([]any)[0].(stricttest.Object)["notice"] = "a day" }, false},
		{"cache in other units", func(f stricttest.Object) { f["catalog"].(stricttest.Object)["cache"] = "40GB" }, false},
		{"cache in bytes", func(f stricttest.Object) { f["catalog"].(stricttest.Object)["cache"] = 1 << 30 }, true},
		{"max_offline", func(f stricttest.Object) { f["catalog"].(stricttest.Object)["max_offline"] = "14d" }, false},
		{"rate", func(f stricttest.Object) {
			f["catalog"].(stricttest.Object)["rate"].(stricttest.Object)["open"] = "fast"
		}, false},
		{"a group twice", func(f stricttest.Object) {
			f["devices"].([]any)[0].(stricttest.Object)["groups"] = []any{"lanes", "lanes"}
		}, false},
		{"a moment twice", func(f stricttest.Object) { f["readiness"].(stricttest.Object)["at"] = []any{"-15m", "-15m"} }, false},
		{"every", func(f stricttest.Object) { f["readiness"].(stricttest.Object)["every"] = "often" }, false},
		{"a listener without a port", func(f stricttest.Object) { f["listen"].(stricttest.Object)["ready"] = "127.0.0.1" }, false},
		{"a listener of IPv6", func(f stricttest.Object) { f["listen"].(stricttest.Object)["ready"] = "[::1]:8080" }, true},
		{"a server without an address", device(stricttest.Object{"id": "b", "class": "linux-server", "user": "patch"}), false},
		{"a server without a user", device(stricttest.Object{"id": "b", "class": "windows-server", "address": "10.77.0.12"}), false},
		{"a handheld with nothing", device(stricttest.Object{"id": "b", "class": "handheld"}), true},
		{"a user where nobody logs in", device(stricttest.Object{"id": "b", "class": "observe", "address": "10.77.0.60", "user": "patch"}), false},
		{"observed", device(stricttest.Object{"id": "b", "class": "observe", "address": "10.77.0.60"}), true},
		{"disk without min_free", check(stricttest.Object{"id": "A", "kind": "disk", "device": "srv-1"}), false},
		{"disk with a URL", check(stricttest.Object{"id": "A", "kind": "disk", "device": "srv-1", "min_free": "1GiB", "url": "http://a/"}), false},
		{"disk in a size", check(stricttest.Object{"id": "A", "kind": "disk", "device": "srv-1", "min_free": "500MiB", "path": "/var"}), true},
		{"disk of Windows", check(stricttest.Object{"id": "A", "kind": "disk", "device": "srv-1", "min_free": "500MiB", "path": `C:\`}), true},
		{"disk on a relative path", check(stricttest.Object{"id": "A", "kind": "disk", "device": "srv-1", "min_free": "500MiB", "path": "var"}), false},
		{"battery in a number", check(stricttest.Object{"id": "A", "kind": "battery", "device": "srv-1", "min_charge": 30}), false},
		{"version of nothing", check(stricttest.Object{"id": "A", "kind": "version", "device": "srv-1", "package": "pos-app"}), false},
		{"version", check(stricttest.Object{"id": "A", "kind": "version", "device": "srv-1", "package": "pos-app", "at_most": "5"}), true},
		{"service without a name", check(stricttest.Object{"id": "A", "kind": "service", "device": "srv-1"}), false},
		{"tcp with a timeout", check(stricttest.Object{"id": "A", "kind": "tcp", "address": "10.77.0.11:5432", "timeout": "2s", "max_age": "10m"}), true},
		{"tcp with a bad timeout", check(stricttest.Object{"id": "A", "kind": "tcp", "address": "10.77.0.11:5432", "timeout": "2 s"}), false},
		{"gateway", check(stricttest.Object{"id": "A", "kind": "gateway"}), true},
	}
	for _, tt := range tests {
		f := whole()
		tt.change(f)
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		_, read := config.Parse("/etc/nightfill/store.yaml", text)
		if schema := s.Validate(v); (read == nil) != tt.good || (schema == nil) != tt.good {
			t.Errorf("%s: want good %v\nthe reader says %v\nthe schema says %v", tt.name, tt.good, read, schema)
		}
	}
}
