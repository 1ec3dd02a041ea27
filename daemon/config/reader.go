package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// place is a position in the store file, both from 1.
type place struct{ line, column int }

// value is a node of the file together with the way that leads to it.
type value struct {
	node    ast.Node
	key     string // devices[2].class
	pointer string // /devices/2/class
	at      place  // of the value
	keyAt   place  // of its key, or of the value itself in a list
}

// form is what tells one kind of file from another.
type form struct {
	what  string // its name in a sentence
	least string // what to write into an empty one
}

func storeForm() form {
	return form{"store file", "write at least version, store and window; `nightfill config schema` describes every key"}
}

// reader turns nodes into values and collects every problem on the way.
type reader struct {
	form
	file     string
	dir      string
	problems Problems
	warnings Problems
	places   map[string]place
}

func (r *reader) problem(at place, v value, wrong, instead string) Problem {
	return Problem{File: r.file, Line: at.line, Column: at.column, Key: v.key, Pointer: v.pointer, Wrong: wrong, Instead: instead}
}

// fail records that v cannot stay as it is.
func (r *reader) fail(v value, wrong, instead string) {
	r.problems = append(r.problems, r.problem(v.at, v, wrong, instead))
}

// warn records that v is probably not what was wanted.
func (r *reader) warn(v value, wrong, instead string) {
	r.warnings = append(r.warnings, r.problem(v.at, v, wrong, instead))
}

// document parses the text and returns its one document.
func (r *reader) document(data []byte) (value, bool) {
	top := value{at: place{1, 1}, keyAt: place{1, 1}}
	if !utf8.Valid(data) {
		r.fail(top, "is not text in UTF-8", "save the file as UTF-8")
		return top, false
	}
	parsed, err := parseYAML(string(data))
	if err != nil {
		r.syntax(top, err)
		return top, false
	}
	var bodies []ast.Node
	for _, doc := range parsed.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		r.fail(top, "is empty", r.least)
		return top, false
	case len(bodies) > 1:
		top.at = placeOf(bodies[1])
		r.fail(top, "a second document begins here", "keep one document a file: remove the --- and what does not belong")
		return top, false
	}
	top.node = bodies[0]
	return top, true
}

// syntax records what the YAML parser could not read.
func (r *reader) syntax(top value, err error) {
	wrong := err.Error()
	var located yaml.Error
	if errors.As(err, &located) {
		wrong = located.GetMessage()
		if tk := located.GetToken(); tk != nil && tk.Position != nil {
			top.at = place{max(1, tk.Position.Line), max(1, tk.Position.Column)}
		}
	}
	wrong, _, _ = strings.Cut(wrong, "\n")
	r.fail(top, "is not YAML: "+wrong, "check the indentation, colons, quotes and brackets here and just above")
}

// deepest is how far values may be nested; the store file needs five.
const deepest = 32

// parseYAML keeps the third-party parser from taking the daemon down with it: nesting is
// bounded before it recurses, and a panic inside it is an error of the file.
func parseYAML(text string) (f *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, fmt.Errorf("it cannot be understood (%v)", p)
		}
	}()
	tokens := lexer.Tokenize(text)
	flow, inline, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inline = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			inline++
		}
		if flow > deepest || inline > deepest {
			return nil, &yaml.SyntaxError{Message: "it is nested too deeply", Token: t}
		}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// placeOf returns where a node begins.
func placeOf(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return placeOf(m.Values[0].Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{max(1, t.Position.Line), max(1, t.Position.Column)}
	}
	return place{1, 1}
}

// absent returns the value under a name that v does not have; it stands where v does.
func (v value) absent(name string) value {
	c := value{key: plain(name), pointer: v.pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name), at: v.keyAt, keyAt: v.keyAt}
	if v.key != "" {
		c.key = v.key + "." + c.key
	}
	return c
}

// child returns the value under a name of v.
func (v value) child(name string, key, node ast.Node) value {
	c := v.absent(name)
	c.node, c.keyAt = node, placeOf(key)
	c.at = c.keyAt
	if _, null := node.(*ast.NullNode); !null && node != nil {
		c.at = placeOf(node)
	}
	return c
}

// item returns the i-th value of the list v.
func (v value) item(i int, node ast.Node) value {
	at := placeOf(node)
	return value{node: node, key: fmt.Sprintf("%s[%d]", v.key, i), pointer: fmt.Sprintf("%s/%d", v.pointer, i), at: at, keyAt: at}
}

// plain returns a name as it is when it can stand in a sentence, else quoted.
func plain(s string) string {
	odd := func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) || c == ':' || c == ';' }
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, odd) {
		return quote(s)
	}
	return s
}

// quote returns a value in quotes, shortened when it is long.
func quote(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:60]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// field is one key of an object.
type field struct {
	name    string
	example string // set: the key must be there, and this is what to write
	read    func(value)
}

// need is a key that must be there; example is what could be written.
func need(name, example string, read func(value)) field { return field{name, example, read} }

// may is a key that need not be there.
func may(name string, read func(value)) field { return field{name, "", read} }

// object reads the keys of v in the order of fields, which need not be the file's.
func (r *reader) object(v value, fields ...field) {
	entries, ok := r.mapping(v)
	if !ok {
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	found, meant := map[string]value{}, map[string]bool{}
	for _, e := range entries {
		if slices.Contains(names, e.name) {
			found[e.name] = e.value
			continue
		}
		advice := didYouMean(e.name, names)
		meant[nearest(e.name, names)] = true
		r.problems = append(r.problems, r.problem(e.value.keyAt, e.value, "is not a known key", advice))
	}
	for _, f := range fields {
		c, ok := found[f.name]
		switch {
		case ok && r.present(c):
			f.read(c)
		case !ok && f.example != "" && !meant[f.name]:
			r.fail(v.absent(f.name), "is missing", "write "+f.name+": "+f.example)
		}
	}
}

// present refuses a key that stands there without a value.
func (r *reader) present(v value) bool {
	if _, null := v.node.(*ast.NullNode); null || v.node == nil {
		r.fail(v, "has no value", "write one, or remove the key")
		return false
	}
	return true
}

// entry is one key of a mapping with its value.
type entry struct {
	name  string
	value value
}

// mapping returns the entries of v in the order of the file, without those that are there twice.
func (r *reader) mapping(v value) ([]entry, bool) {
	m, ok := v.node.(ast.MapNode)
	if !ok {
		r.fail(v, "is "+kindOf(v.node)+", not keys with values", "write it as key: value, or {key: value}")
		return nil, false
	}
	var entries []entry
	first := map[string]place{}
	for it := m.MapRange(); it.Next(); {
		name, ok := r.keyName(v, it.Key())
		if !ok {
			continue
		}
		c := v.child(name, it.Key(), it.Value())
		if at, twice := first[name]; twice {
			r.problems = append(r.problems, r.problem(c.keyAt, c, fmt.Sprintf("is there twice, the first time in line %d", at.line), "keep one of them"))
			continue
		}
		first[name] = c.keyAt
		entries = append(entries, entry{name, c})
	}
	return entries, true
}

func (r *reader) keyName(v value, key ast.MapKeyNode) (string, bool) {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return k.GetToken().Value, true
	}
	v.at = placeOf(key)
	r.fail(v, "has a key that is not a plain word", "write each key as a word")
	return "", false
}

// each reads every item of the list v.
func (r *reader) each(v value, read func(value)) {
	s, ok := v.node.(*ast.SequenceNode)
	if !ok {
		r.fail(v, "is "+kindOf(v.node)+", not a list", "write it as [a, b], or each item on a line of its own after a hyphen")
		return
	}
	for i, n := range s.Values {
		if n == nil {
			n = ast.Null(s.Start)
		}
		if c := v.item(i, n); r.present(c) {
			read(c)
		}
	}
}

// kindOf names what a node is, for a sentence.
func kindOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + n.GetToken().Value
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.NullNode, nil:
		return "empty"
	case *ast.SequenceNode:
		return "a list"
	case ast.MapNode:
		return "keys with values"
	case *ast.AnchorNode, *ast.AliasNode:
		return "a YAML anchor or alias (& or *)"
	case *ast.TagNode:
		return "a YAML tag (!)"
	}
	return "something else"
}
