package handbook

import (
	"bytes"
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// tree reads the Markdown of a page.
func tree(body string) (ast.Node, []byte) {
	source := []byte(body)
	return goldmark.DefaultParser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext())), source
}

// HTML renders a page: its title, and what is below the title. base is what the addresses of pages begin
// with, like "/console/handbook/". The topic "" is the list of all pages. ok is false when there is no such page.
// Nothing but the program's own pages is in it.
func (b *Book) HTML(topic, base string) (title, body string, ok bool) {
	if topic == "" {
		return "Handbook", b.contents(base), true
	}
	p, ok := b.Page(topic)
	if !ok {
		return "", "", false
	}
	doc, source := tree(p.Body)
	for _, link := range links(doc) {
		if topic, own := topicOf(string(link.Destination)); own {
			link.Destination = []byte(base + topic)
		}
	}
	var out bytes.Buffer
	out.WriteString("<p class=\"task\">" + html.EscapeString(p.Task) + " <span class=\"for\">For " + html.EscapeString(string(p.For)) + ".</span></p>\n")
	if err := goldmark.DefaultRenderer().Render(&out, source, doc); err != nil {
		panic("internal error: memory cannot be written: " + err.Error())
	}
	return p.Title, out.String(), true
}

// links are the links of a page.
func links(doc ast.Node) []*ast.Link {
	var found []*ast.Link
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // only the visitor returns errors
		if l, ok := n.(*ast.Link); ok && entering {
			found = append(found, l)
		}
		return ast.WalkContinue, nil
	})
	return found
}

// contents is the list of all pages.
func (b *Book) contents(base string) string {
	var out strings.Builder
	for _, r := range Readers() {
		out.WriteString("<h2>For " + html.EscapeString(string(r)) + "</h2>\n<ul class=\"pages\">\n")
		for _, p := range b.pages {
			if p.For == r {
				out.WriteString("<li><a href=\"" + html.EscapeString(base+p.Topic) + "\">" + html.EscapeString(p.Title) + "</a><br>" + html.EscapeString(p.Task) + "</li>\n")
			}
		}
		out.WriteString("</ul>\n")
	}
	return out.String()
}
