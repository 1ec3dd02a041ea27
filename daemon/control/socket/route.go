package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
)

// How long an answer may take.
const (
	Quick   = 10 * time.Second // it is made from what is known
	Looking = 3 * time.Minute  // devices are asked
	Moving  = 30 * time.Minute // bytes are fetched or copied
)

// Route is a question with one answer: what is asked, how long it may take, who answers.
type Route struct {
	Method string
	Path   string
	Limit  time.Duration
	Answer func(*Request) (any, error)
}

// Stream is a question whose answer is no single value, as a file or a terminal. Serve keeps its own limits.
type Stream struct {
	Method string
	Path   string
	Serve  http.HandlerFunc
}

// Request is what a Route is asked.
type Request struct {
	Ctx   context.Context // ends with the limit of the route
	ID    string          // {id} of the path
	Query url.Values
	Actor string // who asks
	body  []byte
}

// Read fills in v from the body: one JSON value, without a key that means nothing.
func (r *Request) Read(v any) error { return read(r.body, v) }

func read(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("there is something after it")
		}
	}
	if err != nil {
		return wire.Bad("", "the request is not what this daemon understands: %v", err)
	}
	return nil
}
