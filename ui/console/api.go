package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
)

const (
	askLimit    = 3 * time.Minute // for a question, and for the whole journal to be checked
	recordsMost = 1000            // of one request
)

// refusalDoc is the form of an error of the API.
type refusalDoc struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func refusalOf(r *Refusal) refusalDoc {
	var d refusalDoc
	d.Error.Code, d.Error.Message = r.Code, r.Say
	return d
}

func (c *Console) json(w http.ResponseWriter, status int, v any) {
	c.send(w, status, "application/json", append(encode(v), '\n'))
}

// fail answers with an error.
func (c *Console) fail(w http.ResponseWriter, err error) {
	why := asRefusal(err)
	status := http.StatusConflict
	if why.Code == CodeInternal {
		status = http.StatusInternalServerError
		if !errors.Is(err, context.Canceled) {
			c.Log.Error("a question of the console was not answered", "err", err)
		}
	}
	c.json(w, status, refusalOf(why))
}

// question answers why and host-key of ?device=.
func (c *Console) question(w http.ResponseWriter, r *http.Request, who User) {
	name, device := r.PathValue("question"), r.URL.Query().Get("device")
	if (name != AskWhy && name != AskHostKey) || !c.board.has(device) {
		c.json(w, http.StatusNotFound, refusalOf(refuse(CodeNoDevice, "there is no such question, or no such device")))
		return
	}
	if !who.Role.May(site.TierMild) { // both look at devices
		c.json(w, http.StatusForbidden, refusalOf(refuse("not_allowed", "the role "+string(who.Role)+" may not ask devices")))
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

// records returns a part of the journal as JSON lines: ?before=, ?limit= and ?device=, or ?from= and ?limit=; with
// ?download=1 all that is kept, as a file.
func (c *Console) records(w http.ResponseWriter, r *http.Request, _ User) {
	q := r.URL.Query()
	number := func(name string, or uint64) uint64 {
		n, err := strconv.ParseUint(q.Get(name), 10, 64)
		if err != nil {
			return or
		}
		return n
	}
	limit := min(max(1, number("limit", 200)), recordsMost)
	if q.Get("download") == "1" {
		w.Header().Set("Content-Disposition", `attachment; filename="nightfill-`+c.Store+`-journal.jsonl"`)
		c.lines(w, c.Journal.First(), ^uint64(0))
		return
	}
	if q.Has("from") {
		c.lines(w, max(number("from", 1), c.Journal.First()), limit)
		return
	}
	records, err := c.before(number("before", 0), limit, q.Get("device"))
	if err != nil {
		c.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	e := json.NewEncoder(w)
	for _, r := range records {
		if e.Encode(r) != nil {
			return
		}
	}
}

// lines writes records from a number on, as many as limit.
func (c *Console) lines(w http.ResponseWriter, from, limit uint64) {
	w.Header().Set("Content-Type", "application/jsonl")
	longer(w, askLimit)
	e, last := json.NewEncoder(w), c.Journal.Last()
	for limit > 0 && from <= last {
		page, err := c.Journal.Since(from, int(min(limit, pageSize)))
		if err != nil || len(page) == 0 {
			return
		}
		for _, r := range page {
			if e.Encode(r) != nil {
				return
			}
			from, limit = r.Seq+1, limit-1
		}
	}
}

// cache answers what the box has of its catalog and of the artifacts that it needs.
func (c *Console) cache(w http.ResponseWriter, r *http.Request, _ User) {
	v, err := c.Box.Cache(r.Context())
	if err != nil {
		c.fail(w, err)
		return
	}
	c.json(w, http.StatusOK, v)
}

// verify has the whole journal checked.
func (c *Console) verify(w http.ResponseWriter, r *http.Request, _ User) {
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	longer(w, askLimit)
	v, err := c.Journal.Verify(ctx)
	if err != nil {
		c.fail(w, err)
		return
	}
	c.json(w, http.StatusOK, v)
}

// picture draws a night, ?date= or the newest.
func (c *Console) picture(w http.ResponseWriter, r *http.Request, _ User) {
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
