package fleet

import (
	"html/template"
	"net/http"

	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Handbook is what people read.
type Handbook interface {
	// HTML returns the title of a page and what is below it; the topic "" is the list of all pages. base is what the
	// addresses of pages begin with. ok is false when there is no such page.
	HTML(topic, base string) (title, body string, ok bool)
}

// HandbookPage is a page of the handbook, or the list of them.
type HandbookPage struct {
	Topic   string
	Heading string
	Text    template.HTML // the program's own text
}

// PageTitle implements page.Titled.
func (p HandbookPage) PageTitle() string { return p.Heading }

// handbook answers a page of the handbook.
func (s *whole) handbook(q *page.Query) (any, error) {
	if s.Handbook != nil {
		topic := q.PathValue("topic")
		if title, body, ok := s.Handbook.HTML(topic, "/handbook/"); ok {
			return HandbookPage{Topic: topic, Heading: title, Text: template.HTML(body)}, nil
		}
	}
	return nil, page.Refuse(http.StatusNotFound, "not_found", "The handbook has no such page. All of them are at /handbook.")
}
