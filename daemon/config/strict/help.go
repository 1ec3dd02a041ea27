package strict

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Help explains one key of the store file.
type Help struct {
	Key         string            `json:"key"` // with [] for any item of a list and NAME for any name
	Description string            `json:"description"`
	Type        string            `json:"type"` // for people, for example "text" or "list of text"
	Required    bool              `json:"required"`
	Default     json.RawMessage   `json:"default,omitempty"`
	Allowed     []string          `json:"allowed,omitempty"`
	Examples    []json.RawMessage `json:"examples,omitempty"`
	Keys        []string          `json:"keys,omitempty"` // what stands below it
	Since       int               `json:"since"`          // the first version of the store file that has it
}

// node is the part of a JSON Schema that the store file's uses.
type node struct {
	Description          string            `json:"description"`
	Type                 words             `json:"type"`
	Required             []string          `json:"required"`
	Properties           map[string]*node  `json:"properties"`
	AdditionalProperties *names            `json:"additionalProperties"`
	Items                *node             `json:"items"`
	Enum                 []string          `json:"enum"`
	Default              json.RawMessage   `json:"default"`
	Examples             []json.RawMessage `json:"examples"`
}

// words is one word or a list of them.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// names is false, or the schema of every value under a name that the file chooses.
type names struct{ node *node }

var indexPattern = regexp.MustCompile(`\[[0-9]*\]`)

// Explain is Explain for a file of this form.
func (f Form) Explain(schema []byte, key string) (Help, error) {
	var n *node
	if err := json.Unmarshal(schema, &n); err != nil {
		return Help{}, fmt.Errorf("internal error: the schema of the %s cannot be read: %v", f.what, err)
	}
	help := Help{Since: 1}
	var way []string
	for part := range strings.SplitSeq(indexPattern.ReplaceAllString(key, ""), ".") {
		if key == "" {
			break
		}
		if n.Items != nil {
			way[len(way)-1] += "[]"
			n = n.Items
		}
		switch next := n.Properties[part]; {
		case next != nil:
			help.Required = slices.Contains(n.Required, part)
			way, n = append(way, part), next
		case n.AdditionalProperties != nil && n.AdditionalProperties.node != nil && part != "":
			help.Required = false
			way, n = append(way, "NAME"), n.AdditionalProperties.node
		default:
			return Help{}, f.unknownKey(key, part, strings.Join(way, "."), n)
		}
	}
	help.Key, help.Description, help.Type = strings.Join(way, "."), n.Description, n.kind()
	help.Default, help.Examples, help.Allowed, help.Keys = n.Default, n.Examples, n.allowed(), n.below()
	return help, nil
}

func (f Form) unknownKey(key, part, way string, n *node) error {
	where := "the " + f.what + " has no key " + Quote(key)
	known := n.below()
	if len(known) == 0 {
		return fmt.Errorf("%s: %s has no keys below it", where, way)
	}
	prefix := ""
	if way != "" {
		prefix = way + "."
	}
	if k := Nearest(part, known); k != "" {
		return fmt.Errorf("%s: did you mean %s%s?", where, prefix, k)
	}
	if way == "" {
		way = "the file"
	}
	return fmt.Errorf("%s: the keys of %s are %s", where, way, list(known))
}

// below returns the names of the keys below n, or below each of its items.
func (n *node) below() []string {
	if n.Items != nil {
		n = n.Items
	}
	return slices.Sorted(maps.Keys(n.Properties))
}

// allowed returns the values that n or its items may have, nil for any.
func (n *node) allowed() []string {
	if n.Items != nil {
		return n.Items.Enum
	}
	return n.Enum
}

// kind names the type of n for people.
func (n *node) kind() string {
	plain := map[string]string{"string": "text", "integer": "number", "boolean": "true or false", "object": "keys with values", "null": "nothing"}
	if len(n.Type) == 1 && n.Type[0] == "array" {
		return "list of " + n.Items.kind()
	}
	kinds := make([]string, len(n.Type))
	for i, t := range n.Type {
		kinds[i] = plain[t]
	}
	return strings.Join(kinds, " or ")
}

func (n *names) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		return nil
	}
	return json.Unmarshal(data, &n.node)
}
