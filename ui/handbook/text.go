package handbook

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// What stands in the text around what is emphasised, until it is known whether that can be shown.
const (
	strongOn  = '\x01'
	strongOff = '\x02'
)

// narrowest is how wide a text is at least: below that a list cannot be read.
const narrowest = 30

// Text writes a page for a terminal that is so many columns wide. With bold, headings and commands are
// emphasised as terminals do it; without, there is nothing in it but text. Lines of commands and of what they
// print are never broken.
func (p Page) Text(width int, bold bool) string {
	doc, source := tree(p.Body)
	w := &writer{source: source, width: max(width, narrowest)}
	w.wrap("", "", string(strongOn)+p.Title+string(strongOff))
	w.gap()
	w.wrap("", "", p.Task+" For "+string(p.For)+".")
	w.blocks(doc, "")
	on, off := "", ""
	if bold {
		on, off = "\x1b[1m", "\x1b[0m"
	}
	return strings.NewReplacer(string(strongOn), on, string(strongOff), off).Replace(w.out.String())
}

// writer writes blocks below one another.
type writer struct {
	out    strings.Builder
	source []byte
	width  int
}

func (w *writer) gap() { w.out.WriteByte('\n') }

// blocks writes what is in a block, each after an empty line.
func (w *writer) blocks(parent ast.Node, indent string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			w.gap()
			w.wrap(indent, indent, string(strongOn)+w.inline(n)+string(strongOff))
		case *ast.FencedCodeBlock:
			w.code(n, indent)
		case *ast.List:
			w.gap()
			w.list(n, indent)
		default:
			w.gap()
			w.wrap(indent, indent, w.inline(n))
		}
	}
}

// code writes lines as they are. A command has the mark of a shell before it; what it prints follows without an
// empty line, and the next commands after that likewise.
func (w *writer) code(n *ast.FencedCodeBlock, indent string) {
	if _, code := n.PreviousSibling().(*ast.FencedCodeBlock); !code {
		w.gap()
	}
	indent += "    "
	if string(n.Language(w.source)) == "sh" {
		indent += "$ "
	}
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		w.out.WriteString(strings.TrimRight(indent+string(line.Value(w.source)), " \n") + "\n")
	}
}

// list writes a list, its items close together.
func (w *writer) list(l *ast.List, indent string) {
	number := l.Start
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		mark := "- "
		if l.IsOrdered() {
			mark = fmt.Sprintf("%d. ", number)
			number++
		}
		below := indent + strings.Repeat(" ", len(mark))
		first := item.FirstChild()
		if first == nil {
			continue
		}
		w.wrap(indent+mark, below, w.inline(first))
		item.RemoveChild(item, first)
		w.blocks(item, below)
	}
}

// inline puts the text of a block into one line.
func (w *writer) inline(parent ast.Node) string {
	var b strings.Builder
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Segment.Value(w.source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.CodeSpan:
			b.WriteString(quoted(w.inline(n)))
		case *ast.Emphasis:
			b.WriteString(string(strongOn) + w.inline(n) + string(strongOff))
		case *ast.Link:
			b.WriteString(w.inline(n))
			if topic, own := topicOf(string(n.Destination)); own {
				b.WriteString(" [" + topic + "]")
			}
		default:
			b.WriteString(w.inline(n))
		}
	}
	return b.String()
}

// quoted marks what is to be typed as it is; a single word needs no quotes.
func quoted(code string) string {
	code = string(strongOn) + code + string(strongOff)
	if strings.Contains(code, " ") {
		return "`" + code + "`"
	}
	return code
}

// wrap breaks a text between words into lines, the first of which begins with first and the others with indent.
func (w *writer) wrap(first, indent, text string) {
	line, used := first, utf8.RuneCountInString(first)
	empty := true
	for _, word := range strings.Fields(text) {
		wide := utf8.RuneCountInString(word) - strings.Count(word, string(strongOn)) - strings.Count(word, string(strongOff))
		switch {
		case empty:
		case used+1+wide > w.width:
			w.out.WriteString(line + "\n")
			line, used = indent, utf8.RuneCountInString(indent)
		default:
			line, used = line+" ", used+1
		}
		line, used, empty = line+word, used+wide, false
	}
	w.out.WriteString(line + "\n")
}
