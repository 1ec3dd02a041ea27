package patchfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/nightfill/nightfill/site/suggest"
)

// Problem is one thing wrong with a file that a person wrote.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"` // what is wrong and what to write instead
}

// String returns the problem the way compilers write theirs.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems is everything wrong with a file, in the order of its lines.
type Problems []Problem

// Error returns one line a problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// document reads a YAML file strictly and collects everything that is wrong with it.
type document struct {
	file     string
	problems Problems
}

// field is one key of a mapping with its value.
type field struct {
	key   *token.Token
	value ast.Node
}

// mapping is a YAML mapping whose keys are all known.
type mapping struct {
	at     *token.Token
	fields map[string]field
}

// has reports whether the key is there with a value; `key:` alone counts as not there.
func (m mapping) has(name string) bool { return m.fields[name].value != nil }

// empty reports whether the key has a list without an item.
func (m mapping) empty(name string) bool {
	s, ok := m.fields[name].value.(*ast.SequenceNode)
	return ok && len(s.Values) == 0
}

// where is the token to blame for a key: its value, or the whole mapping when it is not there.
func (m mapping) where(name string) *token.Token {
	if v := m.fields[name].value; v != nil {
		return start(v)
	}
	return m.at
}

func (d *document) complain(at *token.Token, format string, args ...any) {
	p := Problem{File: d.file, Line: 1, Column: 1, Text: fmt.Sprintf(format, args...)}
	if at != nil && at.Position != nil {
		p.Line, p.Column = at.Position.Line, at.Position.Column
	}
	d.problems = append(d.problems, p)
}

// err returns the problems in the order of the lines, or nil.
func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return d.problems
}

// parse returns the one mapping of the file; keys are all that may be in it.
func (d *document) parse(data []byte, keys []string) (mapping, bool) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // some editors begin a file with the mark of its encoding
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		if e, ok := err.(interface {
			GetToken() *token.Token
			GetMessage() string
		}); ok {
			d.complain(e.GetToken(), "this is not YAML: %s", e.GetMessage())
		} else {
			d.complain(nil, "this is not YAML: %v", err)
		}
		return mapping{}, false
	}
	var bodies []ast.Node
	for _, doc := range f.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	if len(bodies) == 0 {
		d.complain(nil, "the file is empty: write at least %s", strings.Join(keys[:3], ", "))
		return mapping{}, false
	}
	if len(bodies) > 1 {
		d.complain(start(bodies[1]), "there is a second document after ---: write one file for each")
	}
	return d.mapping(bodies[0], "the file", keys)
}

// mapping reads a node as a mapping, and complains about keys that are not in keys.
func (d *document) mapping(n ast.Node, what string, keys []string) (mapping, bool) {
	m := mapping{at: start(n), fields: map[string]field{}}
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.complain(m.at, "%s must be keys with values: write %s: ...", what, keys[0])
		return m, false
	}
	for _, v := range values {
		at := v.Key.GetToken()
		name := at.Value
		switch _, twice := m.fields[name]; {
		case twice:
			d.complain(at, "%q is written twice: keep one of them", name)
		case !slices.Contains(keys, name):
			d.complain(at, "unknown key %q in %s: %s", name, what, suggest.Known(name, keys))
		case isNull(v.Value):
			m.fields[name] = field{key: at}
		default:
			m.fields[name] = field{key: at, value: v.Value}
		}
	}
	return m, true
}

// text reads a scalar as it is written; "" when it is not there.
func (d *document) text(m mapping, name string) string {
	if !m.has(name) {
		return ""
	}
	return d.scalar(m.fields[name].value, name)
}

func (d *document) scalar(n ast.Node, what string) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		d.complain(start(n), "%s uses an anchor, an alias or a tag, which are not read here: write the value out", what)
	default:
		d.complain(start(n), "%s must be a text", what)
	}
	return ""
}

// list reads a list of texts.
func (d *document) list(m mapping, name string) []string {
	var out []string
	for _, n := range d.items(m, name) {
		out = append(out, d.scalar(n, "an entry of "+name))
	}
	return out
}

func (d *document) items(m mapping, name string) []ast.Node {
	if !m.has(name) {
		return nil
	}
	seq, ok := m.fields[name].value.(*ast.SequenceNode)
	if !ok {
		d.complain(m.where(name), "%s must be a list: write [a, b]", name)
		return nil
	}
	return seq.Values
}

func (d *document) flag(m mapping, name string) bool {
	if !m.has(name) {
		return false
	}
	b, ok := m.fields[name].value.(*ast.BoolNode)
	if !ok {
		d.complain(m.where(name), "%s must be true or false", name)
		return false
	}
	return b.Value
}

func isNull(n ast.Node) bool {
	_, null := n.(*ast.NullNode)
	return n == nil || null
}

// start is the first token of a node: for a mapping its first key, not its colon.
func start(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}
