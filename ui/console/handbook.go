package console

import (
	"html/template"
	"net/http"

	"github.com/nightfill/nightfill/ui/console/live"
)

// bookAt is what the addresses of the handbook's pages begin with.
const bookAt = "/console/handbook/"

// handbook shows a page of the handbook, or the list of them.
func (c *Console) handbook(w http.ResponseWriter, r *http.Request, who live.User) {
	topic := r.PathValue("topic")
	title, body, ok := c.Handbook.HTML(topic, bookAt)
	if !ok {
		http.Error(w, "The handbook has no such page. All of them are at /console/handbook.", http.StatusNotFound)
		return
	}
	c.page(w, http.StatusOK, "handbook", look{Title: title, User: who, In: true, Body: struct {
		Topic, Title string
		Page         template.HTML // the program's own text
	}{topic, title, template.HTML(body)}})
}
