// Package stores is what a person on headquarters' machine may do with its stores.
package stores

import (
	"context"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
)

// Stores are those of headquarters, as a person on its machine looks after them.
type Stores interface {
	// Hint asks a store to look ("refresh") or to repeat ("resend").
	Hint(ctx context.Context, store, verb, actor string) error
	// Forget takes a store that is closed off the board. What it told stays.
	Forget(ctx context.Context, store, actor string) error
}

// desk answers for the stores.
type desk struct{ Stores }

// Routes are the questions about the stores of headquarters.
func Routes(stores Stores) []socket.Route {
	d := desk{stores}
	return []socket.Route{
		{Method: "POST", Path: "/v1/stores/hint", Limit: socket.Looking, Answer: d.hint},
		{Method: "POST", Path: "/v1/stores/forget", Limit: socket.Looking, Answer: d.forget},
	}
}

func (d desk) hint(r *socket.Request) (any, error) {
	var ask wire.StoreAsked
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	return wire.StoreDone{Store: ask.Store, Verb: ask.Verb, Actor: r.Actor}, d.Hint(r.Ctx, ask.Store, ask.Verb, r.Actor)
}

func (d desk) forget(r *socket.Request) (any, error) {
	var ask wire.StoreAsked
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	return wire.StoreDone{Store: ask.Store, Verb: "forget", Actor: r.Actor}, d.Forget(r.Ctx, ask.Store, r.Actor)
}
