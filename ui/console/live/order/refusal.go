package order

import (
	"context"
	"errors"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Refusal is why something was not done, as it reaches the person. Whoever serves the console returns it, or
// a *site.Reason; any other error is shown as a failure of the box.
type Refusal struct {
	Code string
	Say  string
	Wait time.Duration // until it may be tried again; 0 = any time
}

// Error returns what is said.
func (r *Refusal) Error() string { return r.Say }

// The codes of the console's own refusals.
const (
	CodeBadRequest  = "bad_request"
	CodeNoVerb      = "no_such_verb"
	CodeNoDevice    = "no_such_device"
	CodeNoReason    = "reason_missing"
	CodeNumber      = "number_missing"
	CodeSessionOver = "session_over"
	CodeTooMany     = "too_many"
	CodeInternal    = "internal"
)

// Refuse makes a refusal that may be tried again at any time.
func Refuse(code, say string) *Refusal { return &Refusal{Code: code, Say: say} }

// Why finds what a person is told of an error. It is never nil.
func Why(err error) *Refusal {
	var (
		refusal *Refusal
		reason  *site.Reason
	)
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &reason):
		return Refuse(string(reason.Code), reason.Text)
	case errors.Is(err, context.DeadlineExceeded):
		return Refuse("timeout", "it took too long; what was begun may go on: look at the history")
	}
	return Refuse(CodeInternal, err.Error())
}
