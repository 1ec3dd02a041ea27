// Package order takes what people ask for at the console: it has the table of verbs, judges who may ask
// and what has to be said with it, and sees to it that an order which is sent again is done once.
//
// It decides nothing about devices: the Box judges every order again.
package order

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Order is what a person asks for.
type Order struct {
	Verb   string
	Device string // site.AllDevices = the whole store; "" where the verb is not of a device
	Patch  string
	Until  string // as nightfill hold reads it
	Key    string
	Check  string // of diagnose: carry out this one alone; "" = look at the device
	Reason string
	Actor  string
	// Rev is the revision of the device that the person looked at; 0 = whatever it is.
	Rev uint64
}

// Done is what was done.
type Done struct {
	Say  string // one sentence: what is so now
	Data any    // what was found; nil = nothing
}

// Box does what is ordered.
type Box interface {
	// Act carries out an order that was let pass, and says what was done.
	Act(ctx context.Context, o Order) (Done, error)
}

// Rights say what the person of a session may do.
type Rights interface {
	// May says why the person of a token may not do what is of a tier now.
	May(token string, t site.Tier, now time.Time) error
	// Confirm takes a code of an authenticator app within a session.
	Confirm(token, code string, now time.Time) error
}

// Store is what is known of the store that orders are about.
type Store interface {
	// Has reports whether there is a device of this id.
	Has(device string) bool
	// Trading reports whether the store may be serving customers.
	Trading() bool
}

// Request is an order as a browser sends it.
type Request struct {
	ID     string `json:"id"` // sent again, it is answered and not done again
	Verb   string `json:"verb"`
	Device string `json:"dev"`
	Patch  string `json:"patch"`
	Until  string `json:"until"`
	Key    string `json:"key"`
	Check  string `json:"check"`
	Reason string `json:"reason"`
	Number string `json:"store"` // as it was typed
	Code   string `json:"code"`  // of an authenticator app
	Rev    uint64 `json:"if_rev"`
}

// Answer ends an order.
type Answer struct {
	T      string    `json:"t"` // act.ok or act.err
	ID     string    `json:"id"`
	Code   string    `json:"code"` // ok, or why not
	Say    string    `json:"say"`
	Verb   string    `json:"verb"`
	Device string    `json:"dev,omitempty"`
	Who    string    `json:"who"`
	At     time.Time `json:"ts"`
	Wait   float64   `json:"wait_s,omitempty"`
	Doc    any       `json:"d,omitempty"`
}

// answered writes the answer to a request of a person.
func answered(r Request, who string, done Done, err error) Answer {
	a := Answer{T: "act.ok", ID: r.ID, Code: "ok", Say: done.Say, Verb: r.Verb, Device: r.Device, Who: who, At: time.Now().UTC(), Doc: done.Data}
	if err != nil {
		why := Why(err)
		a.T, a.Code, a.Say, a.Wait, a.Doc = "act.err", why.Code, why.Say, why.Wait.Seconds(), nil
	}
	return a
}
