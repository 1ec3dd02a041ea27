package handbook

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed pages/*.md
var files embed.FS

// Reader is for whom a page is written.
type Reader string

// The readers.
const (
	Manager      Reader = "the store manager"
	Technician   Reader = "the technician"
	Headquarters Reader = "headquarters"
	Installer    Reader = "who installs a box"
	Everybody    Reader = "everybody"
)

// Readers returns all readers, in the order in which the handbook speaks to them.
func Readers() []Reader {
	return []Reader{Manager, Technician, Headquarters, Installer, Everybody}
}

// Page is one page of the handbook.
type Page struct {
	Topic string // by which it is asked for; the name of its file without .md
	Title string
	For   Reader
	Task  string // one sentence
	Body  string // Markdown, without title
}

// Book is the handbook. It does not change; any number of goroutines may use it.
type Book struct{ pages []Page }

// Open returns the handbook that is part of the program.
func Open() *Book {
	sub, err := fs.Sub(files, "pages")
	if err != nil {
		panic("internal error: the handbook is not embedded: " + err.Error())
	}
	b, err := Read(sub, order())
	if err != nil {
		panic("internal error: the handbook cannot be read: " + err.Error())
	}
	return b
}

// Read makes a handbook of the pages in a folder. Every page has to be named in topics, which is their
// order for each reader.
func Read(folder fs.FS, topics []string) (*Book, error) {
	names, err := fs.Glob(folder, "*.md")
	if err != nil {
		return nil, fmt.Errorf("cannot list the pages: %w", err)
	}
	for _, name := range names {
		if topic := strings.TrimSuffix(name, ".md"); !slices.Contains(topics, topic) {
			return nil, fmt.Errorf("page %s has no place in the order of the pages", topic)
		}
	}
	b := &Book{}
	for _, topic := range topics {
		data, err := fs.ReadFile(folder, topic+".md")
		if err != nil {
			return nil, fmt.Errorf("cannot read page %s: %w", topic, err)
		}
		p, err := parse(topic, string(data))
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", topic, err)
		}
		b.pages = append(b.pages, p)
	}
	slices.SortStableFunc(b.pages, func(x, y Page) int { return slices.Index(Readers(), x.For) - slices.Index(Readers(), y.For) })
	return b, nil
}

// parse reads the front of a page.
func parse(topic, text string) (Page, error) {
	rest, opens := strings.CutPrefix(text, "---\n")
	front, body, closes := strings.Cut(rest, "\n---\n")
	if !opens || !closes {
		return Page{}, errors.New("it does not begin with title, for and task between two lines of ---")
	}
	p := Page{Topic: topic, Body: strings.TrimSpace(body) + "\n"}
	for line := range strings.Lines(front) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "title":
			p.Title = value
		case "for":
			p.For = Reader(value)
		case "task":
			p.Task = value
		default:
			return Page{}, fmt.Errorf("its front has the line %q: only title, for and task belong there", strings.TrimSpace(line))
		}
	}
	switch {
	case p.Title == "" || p.Task == "":
		return Page{}, errors.New("it has no title or no task")
	case !slices.Contains(Readers(), p.For):
		return Page{}, fmt.Errorf("it is for %q, who is none of its readers", p.For)
	}
	return p, nil
}

// Pages returns all pages, those of one reader together, each reader's in their order.
func (b *Book) Pages() []Page { return slices.Clone(b.pages) }

// Page returns the page of a topic, and whether there is one.
func (b *Book) Page(topic string) (Page, bool) {
	i := slices.IndexFunc(b.pages, func(p Page) bool { return p.Topic == topic })
	if i < 0 {
		return Page{}, false
	}
	return b.pages[i], true
}

// topicOf is the topic that a link of a page leads to; ok is false for any other link.
func topicOf(link string) (topic string, ok bool) {
	topic, ok = strings.CutSuffix(link, ".md")
	return topic, ok && path.Base(link) == link
}

var linkMark = regexp.MustCompile(`\[([^\]]+)\]\(([a-z-]+)\.md\)`)

// Linked returns the Markdown of the page with every link to another page written as to writes it.
func (p Page) Linked(to func(text, topic string) string) string {
	return linkMark.ReplaceAllStringFunc(p.Body, func(link string) string {
		m := linkMark.FindStringSubmatch(link)
		return to(m[1], m[2])
	})
}
