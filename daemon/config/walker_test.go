package config_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// walker holds a value against the part of JSON Schema that the store file's uses.
type walker struct {
	wrong []string
	seen  map[string]bool // the ways of all keys that were met
}

func (w *walker) say(way, format string, args ...any) {
	w.wrong = append(w.wrong, way+": "+fmt.Sprintf(format, args...))
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
	case object:
		return "object"
	}
	return "null"
}

func (w *walker) walk(way string, s object, v any) {
	for keyword := range s {
		if !slices.Contains([]string{"$schema", "$id", "title", "description", "type", "additionalProperties", "required", "properties", "const", "examples",
			"pattern", "maxLength", "minLength", "enum", "default", "items", "minItems", "minimum", "not", "propertyNames", "dependentRequired"}, keyword) {
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
			w.walk(way+"[]", s["items"].(object), item)
		}
	case object:
		w.keys(way, s, v)
	}
}

func (w *walker) text(way string, s object, v string) {
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
	if not, ok := s["not"].(object); ok && not["const"] == v {
		w.say(way, "%q is reserved", v)
	}
}

func (w *walker) keys(way string, s, v object) {
	properties, _ := s["properties"].(object)
	for _, name := range slices.Sorted(maps.Keys(v)) {
		below := strings.TrimPrefix(way+"."+name, ".")
		if p, ok := properties[name].(object); ok {
			w.seen[below] = true
			w.walk(below, p, v[name])
			continue
		}
		free, ok := s["additionalProperties"].(object)
		if !ok {
			w.say(way, "%s is not allowed", name)
			continue
		}
		if p, ok := s["propertyNames"].(object); ok {
			w.text(way, p, name)
		}
		w.seen[way+".NAME"] = true
		w.walk(way+".NAME", free, v[name])
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			w.say(way, "%s is missing", name)
		}
	}
	depends, _ := s["dependentRequired"].(object)
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
