package fleetsim

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas reads the shapes of the messages, by their names.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	files, err := filepath.Glob("../../sync/uplink/schemas/*.json")
	if err != nil || len(files) != 8 {
		t.Fatalf("%d schemas, %v: want one a topic", len(files), err)
	}
	compiler, all := jsonschema.NewCompiler(), map[string]*jsonschema.Schema{}
	compiler.AssertFormat()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		id := "https://github.com/nightfill/nightfill/sync/uplink/schemas/" + name + ".json"
		if err := compiler.AddResource(id, doc); err != nil {
			t.Fatal(err)
		}
		if all[name], err = compiler.Compile(id); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// schemaOf names the shape of the messages of a topic.
func schemaOf(topic string) string {
	levels := strings.Split(topic, "/")
	switch kind := levels[4+1]; kind {
	case "d":
		return "device"
	default:
		return kind
	}
}

// misfit says what a message has against its shape; "" when it fits.
func misfit(all map[string]*jsonschema.Schema, topic string, payload []byte) string {
	if len(payload) == 0 {
		return ""
	}
	schema := all[schemaOf(topic)]
	if schema == nil {
		return "no schema"
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		return err.Error()
	}
	if err := schema.Validate(doc); err != nil {
		return err.Error()
	}
	return ""
}

// TestSchemasCanFail holds messages that are wrong in one thing against the shapes.
func TestSchemasCanFail(t *testing.T) {
	all := schemas(t)
	for topic, payload := range map[string]string{
		"nightfill/v1/acme/s/1/state":   `{"state":"ready","online":1,"bd":1}`,
		"nightfill/v1/acme/s/1/num":     `{"online":1,"ready":0,"dev_total":3,"rev":1,"word":"x"}`,
		"nightfill/v1/acme/s/1/d/till":  `{"schema":"device/1","device":"till","class":"c","in_progress":false,"update_percentage":null,"state":"finished","verified_at":null,"answers":true,"rev":1}`,
		"nightfill/v1/acme/s/1/alert/A": `{"schema":"alert/1","code":"A","rev":1}`,
		"nightfill/v1/acme/s/1/evt":     `{"specversion":"1.0"}`,
	} {
		if misfit(all, topic, []byte(payload)) == "" {
			t.Errorf("%s: %s is taken for right", topic, payload)
		}
	}
}
