package control

import (
	"context"

	"github.com/nightfill/nightfill/daemon/control/wire"
)

// Stores are those of headquarters, as a person on its machine looks after them.
type Stores interface {
	// Hint asks a store to look ("refresh") or to repeat ("resend").
	Hint(ctx context.Context, store, verb, actor string) error
	// Forget takes a store that is closed off the board. What it told stays.
	Forget(ctx context.Context, store, actor string) error
}

func (s *Server) hintStore(r *request) (any, error) {
	var ask wire.StoreAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	return wire.StoreDone{Store: ask.Store, Verb: ask.Verb, Actor: r.actor}, s.Stores.Hint(r.ctx, ask.Store, ask.Verb, r.actor)
}

func (s *Server) forgetStore(r *request) (any, error) {
	var ask wire.StoreAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	return wire.StoreDone{Store: ask.Store, Verb: "forget", Actor: r.actor}, s.Stores.Forget(r.ctx, ask.Store, r.actor)
}
