package strict

import (
	"bytes"
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

// Place is a position in the file, both from 1.
type Place struct{ Line, column int }

// Value is a node of the file together with the way that leads to it.
type Value struct {
	Node    ast.Node
	key     string // devices[2].class
	pointer string // /devices/2/class
	At      Place  // of the value
	KeyAt   Place  // of its key, or of the value itself in a list
}

// Reader turns nodes into values and collects every problem on the way.
type Reader struct {
	Form
	file     string
	dir      string
	problems Problems
	warnings Problems
	Places   Placed
}

func (r *Reader) problem(at Place, v Value, wrong, instead string) Problem {
	return Problem{File: r.file, Line: at.Line, Column: at.column, Key: v.key, Pointer: v.pointer, Wrong: wrong, Instead: instead}
}

// Fail records that v cannot stay as it is.
func (r *Reader) Fail(v Value, wrong, instead string) {
	r.problems = append(r.problems, r.problem(v.At, v, wrong, instead))
}

// Warn records that v is probably not what was wanted.
func (r *Reader) Warn(v Value, wrong, instead string) {
	r.warnings = append(r.warnings, r.problem(v.At, v, wrong, instead))
}

// document parses the text and returns its one document; what keeps it from being one is a problem.
func (r *Reader) document(data []byte) (Value, bool) {
	top := Value{At: Place{1, 1}, KeyAt: Place{1, 1}}
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // some editors begin a file with the mark of its encoding
	if !utf8.Valid(data) {
		r.Fail(top, "is not text in UTF-8", "save the file as UTF-8")
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
		r.Fail(top, "is empty", r.least)
		return top, false
	case len(bodies) > 1:
		top.At = placeOf(bodies[1])
		r.Fail(top, "a second document begins here", "keep one document a file: remove the --- and what does not belong")
		return top, false
	}
	top.Node = bodies[0]
	return top, true
}

// syntax records what the YAML parser could not read.
func (r *Reader) syntax(top Value, err error) {
	wrong := err.Error()
	var located yaml.Error
	if errors.As(err, &located) {
		wrong = located.GetMessage()
		if tk := located.GetToken(); tk != nil && tk.Position != nil {
			top.At = Place{max(1, tk.Position.Line), max(1, tk.Position.Column)}
		}
	}
	wrong, _, _ = strings.Cut(wrong, "\n")
	r.Fail(top, "is not YAML: "+wrong, "check the indentation, colons, quotes and brackets here and just above")
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
func placeOf(n ast.Node) Place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return placeOf(m.Values[0].Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return Place{max(1, t.Position.Line), max(1, t.Position.Column)}
	}
	return Place{1, 1}
}

// Absent returns the value under a name that v does not have; it stands where v does.
func (v Value) Absent(name string) Value {
	c := Value{key: Plain(name), pointer: v.pointer + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1"), At: v.KeyAt, KeyAt: v.KeyAt}
	if v.key != "" {
		c.key = v.key + "." + c.key
	}
	return c
}

// Child returns the value under a name of v.
func (v Value) Child(name string, key, node ast.Node) Value {
	c := v.Absent(name)
	c.Node, c.KeyAt = node, placeOf(key)
	c.At = c.KeyAt
	if _, null := node.(*ast.NullNode); !null && node != nil {
		c.At = placeOf(node)
	}
	return c
}

// item returns the i-th value of the list v.
func (v Value) item(i int, node ast.Node) Value {
	at := placeOf(node)
	return Value{Node: node, key: fmt.Sprintf("%s[%d]", v.key, i), pointer: fmt.Sprintf("%s/%d", v.pointer, i), At: at, KeyAt: at}
}

// Plain returns a name as it is when it can stand in a sentence, else quoted.
func Plain(s string) string {
	odd := func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) || c == ':' || c == ';' }
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, odd) {
		return Quote(s)
	}
	return s
}

// Quote returns a value in quotes, shortened when it is long.
func Quote(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:60]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// Field is one key of an object.
type Field struct {
	name    string
	example string // set: the key must be there, and this is what to write
	read    func(Value)
}

// Need is a key that must be there; example is what could be written.
func Need(name, example string, read func(Value)) Field { return Field{name, example, read} }

// May is a key that need not be there.
func May(name string, read func(Value)) Field { return Field{name, "", read} }

// Object reads the keys of v in the order of fields, which need not be the file's.
func (r *Reader) Object(v Value, fields ...Field) {
	entries, ok := r.Mapping(v)
	if !ok {
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	found, meant := map[string]Value{}, map[string]bool{}
	for _, e := range entries {
		if slices.Contains(names, e.Name) {
			found[e.Name] = e.Value
			continue
		}
		advice := DidYouMean(e.Name, names)
		meant[Nearest(e.Name, names)] = true
		r.problems = append(r.problems, r.problem(e.Value.KeyAt, e.Value, "is not a known key", advice))
	}
	for _, f := range fields {
		c, ok := found[f.name]
		switch {
		case ok && r.Present(c):
			f.read(c)
		case !ok && f.example != "" && !meant[f.name]:
			r.Fail(v.Absent(f.name), "is missing", "write "+f.name+": "+f.example)
		}
	}
}

// Present refuses a key that stands there without a value.
func (r *Reader) Present(v Value) bool {
	if _, null := v.Node.(*ast.NullNode); null || v.Node == nil {
		r.Fail(v, "has no value", "write one, or remove the key")
		return false
	}
	return true
}

// entry is one key of a mapping with its value.
type entry struct {
	Name  string
	Value Value
}

// Mapping returns the entries of v in the order of the file, without those that are there twice.
func (r *Reader) Mapping(v Value) ([]entry, bool) {
	m, ok := v.Node.(ast.MapNode)
	if !ok {
		r.Fail(v, "is "+kindOf(v.Node)+", not keys with values", "write it as key: value, or {key: value}")
		return nil, false
	}
	var entries []entry
	first := map[string]Place{}
	for it := m.MapRange(); it.Next(); {
		name, ok := r.keyName(v, it.Key())
		if !ok {
			continue
		}
		c := v.Child(name, it.Key(), it.Value())
		if at, twice := first[name]; twice {
			r.problems = append(r.problems, r.problem(c.KeyAt, c, fmt.Sprintf("is there twice, the first time in line %d", at.Line), "keep one of them"))
			continue
		}
		first[name] = c.KeyAt
		entries = append(entries, entry{name, c})
	}
	return entries, true
}

func (r *Reader) keyName(v Value, key ast.MapKeyNode) (string, bool) {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return k.GetToken().Value, true
	}
	v.At = placeOf(key)
	r.Fail(v, "has a key that is not a plain word", "write each key as a word")
	return "", false
}

// Each reads every item of the list v.
func (r *Reader) Each(v Value, read func(Value)) {
	s, ok := v.Node.(*ast.SequenceNode)
	if !ok {
		r.Fail(v, "is "+kindOf(v.Node)+", not a list", "write it as [a, b], or each item on a line of its own after a hyphen")
		return
	}
	for i, n := range s.Values {
		if n == nil {
			n = ast.Null(s.Start)
		}
		if c := v.item(i, n); r.Present(c) {
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
