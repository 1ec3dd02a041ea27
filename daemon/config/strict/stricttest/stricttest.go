// Package stricttest holds a file against the JSON Schema that describes its form, for the tests of each form.
package stricttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Walker holds a value against the part of JSON Schema that the store file's uses.
type Walker struct {
	Wrong []string
	Seen  map[string]bool // the ways of all keys that were met
}

func (w *Walker) say(way, format string, args ...any) {
	w.Wrong = append(w.Wrong, way+": "+fmt.Sprintf(format, args...))
}

func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	case Object:
		return "object"
	}
	return "null"
}

// Walk holds v, which stands at way, against the schema s.
func (w *Walker) Walk(way string, s Object, v any) {
	for keyword := range s {
		if !slices.Contains([]string{"$schema", "$id", "title", "description", "type", "additionalProperties", "required", "properties", "const", "examples",
			"pattern", "maxLength", "minLength", "enum", "default", "items", "minItems", "minimum", "not", "propertyNames", "dependentRequired",
			"uniqueItems", "allOf"}, keyword) {
			w.say(way, "the test does not know the keyword %s", keyword)
		}
	}
	if s["description"] == nil {
		w.say(way, "has no description")
	}
	types, ok := s["type"].([]any)
	if !ok {
		types = []any{s["type"]}
	}
	if !slices.Contains(types, any(typeOf(v))) {
		w.say(way, "is %s, want %v", typeOf(v), types)
	}
	if c, ok := s["const"]; ok && c != v {
		w.say(way, "is %v, want %v", v, c)
	}
	switch v := v.(type) {
	case string:
		w.text(way, s, v)
	case float64:
		if least, ok := s["minimum"].(float64); ok && v < least {
			w.say(way, "%v is less than %v", v, least)
		}
	case []any:
		if least, ok := s["minItems"].(float64); ok && len(v) < int(least) {
			w.say(way, "has too few items")
		}
		for _, item := range v {
			w.Walk(way+"[]", s["items"].(Object), item)
		}
	case Object:
		w.keys(way, s, v)
	}
}

func (w *Walker) text(way string, s Object, v string) {
	if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
		w.say(way, "%q does not match %s", v, p)
	}
	if e, ok := s["enum"].([]any); ok && !slices.Contains(e, any(v)) {
		w.say(way, "%q is not one of %v", v, e)
	}
	if least, ok := s["minLength"].(float64); ok && len(v) < int(least) {
		w.say(way, "%q is too short", v)
	}
	if most, ok := s["maxLength"].(float64); ok && len(v) > int(most) {
		w.say(way, "%q is too long", v)
	}
	if not, ok := s["not"].(Object); ok && not["const"] == v {
		w.say(way, "%q is reserved", v)
	}
}

func (w *Walker) keys(way string, s, v Object) {
	properties, _ := s["properties"].(Object)
	for _, name := range slices.Sorted(maps.Keys(v)) {
		below := strings.TrimPrefix(way+"."+name, ".")
		if p, ok := properties[name].(Object); ok {
			w.Seen[below] = true
			w.Walk(below, p, v[name])
			continue
		}
		free, ok := s["additionalProperties"].(Object)
		if !ok {
			w.say(way, "%s is not allowed", name)
			continue
		}
		if p, ok := s["propertyNames"].(Object); ok {
			w.text(way, p, name)
		}
		w.Seen[way+".NAME"] = true
		w.Walk(way+".NAME", free, v[name])
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			w.say(way, "%s is missing", name)
		}
	}
	depends, _ := s["dependentRequired"].(Object)
	for name, others := range depends {
		if _, ok := v[name]; ok {
			for _, other := range others.([]any) {
				if _, ok := v[other.(string)]; !ok {
					w.say(way, "%s is missing beside %s", other, name)
				}
			}
		}
	}
}

// Object is a part of the schema, or of a store file.
type Object = map[string]any

// Decoded reads a file of testdata with the types of JSON.
func Decoded(t *testing.T, name string) Object {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var v Object
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v) // one set of types for both
	if err != nil {
		t.Fatal(err)
	}
	v = nil
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Each calls f for every key that the schema describes.
func Each(way string, s Object, f func(way, name string, parent, s Object)) {
	properties, _ := s["properties"].(Object)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		p := properties[name].(Object)
		f(way, name, s, p)
		Each(strings.TrimPrefix(way+"."+name, "."), p, f)
	}
	if free, ok := s["additionalProperties"].(Object); ok {
		f(way, "NAME", s, free)
		Each(way+".NAME", free, f)
	}
	if items, ok := s["items"].(Object); ok {
		Each(way+"[]", items, f)
	}
}

// Insert sets a key in a file, making the objects on the way.
func Insert(file Object, way, name string, v any) {
	for part := range strings.SplitSeq(way, ".") {
		if part == "" {
			continue
		}
		next, ok := file[part].(Object)
		if !ok {
			next = Object{}
			file[part] = next
		}
		file = next
	}
	file[name] = v
}
