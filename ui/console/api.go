package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// Questions are what a person may ask the box; nothing is changed by it.
type Questions interface {
	// Ask answers a question about a device.
	Ask(ctx context.Context, question, device string) (any, error)
	// Cache is what the box has of its catalog and of the artifacts that it needs.
	Cache(ctx context.Context) (any, error)
}

// The questions of Ask.
const (
	AskWhy     = "why"      // what became of every patch, and what comes next
	AskHostKey = "host-key" // which key the device offers now
)

// askLimit is the time for a question, and for the whole journal to be checked.
const askLimit = 3 * time.Minute

// refusalDoc is the form of an error of the API.
type refusalDoc struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func refusalOf(r *order.Refusal) refusalDoc {
	var d refusalDoc
	d.Error.Code, d.Error.Message = r.Code, r.Say
	return d
}

// json answers with a document. A value that cannot be encoded is a mistake of the program.
func (c *Console) json(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic("internal error: cannot encode an answer of the console: " + err.Error())
	}
	c.send(w, status, "application/json", append(data, '\n'))
}

// fail answers with an error.
func (c *Console) fail(w http.ResponseWriter, err error) {
	why := order.Why(err)
	status := http.StatusConflict
	if why.Code == order.CodeInternal {
		status = http.StatusInternalServerError
		if !errors.Is(err, context.Canceled) {
			c.Log.Error("a question of the console was not answered", "err", err)
		}
	}
	c.json(w, status, refusalOf(why))
}

// question answers why and host-key of ?device=.
func (c *Console) question(w http.ResponseWriter, r *http.Request, who live.User) {
	name, device := r.PathValue("question"), r.URL.Query().Get("device")
	if (name != AskWhy && name != AskHostKey) || !c.board.Has(device) {
		c.json(w, http.StatusNotFound, refusalOf(order.Refuse(order.CodeNoDevice, "there is no such question, or no such device")))
		return
	}
	if !who.Role.May(site.TierMild) { // both look at devices
		c.json(w, http.StatusForbidden, refusalOf(order.Refuse("not_allowed", "the role "+string(who.Role)+" may not ask devices")))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	longer(w, askLimit)
	v, err := c.Box.Ask(ctx, name, device)
	if err != nil {
		c.fail(w, err)
		return
	}
	c.json(w, http.StatusOK, v)
}

// longer gives an answer more time than pages have.
func longer(w http.ResponseWriter, limit time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit + 10*time.Second)) // a test's writer may have none
}

// cache answers what the box has of its catalog and of the artifacts that it needs.
func (c *Console) cache(w http.ResponseWriter, r *http.Request, _ live.User) {
	v, err := c.Box.Cache(r.Context())
	if err != nil {
		c.fail(w, err)
		return
	}
	c.json(w, http.StatusOK, v)
}

// picture draws a night, ?date= or the newest.
func (c *Console) picture(w http.ResponseWriter, r *http.Request, _ live.User) {
	svg, err := c.Box.Picture(r.Context(), r.URL.Query().Get("date"))
	switch {
	case err != nil:
		c.fail(w, err)
	case svg == nil:
		http.Error(w, "There was no such night.", http.StatusNotFound)
	default:
		// The picture keeps its style to itself, wherever it is opened.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		c.send(w, http.StatusOK, "image/svg+xml", svg)
	}
}
