package control

import "context"

// Stores are those of headquarters, as a person on its machine looks after them.
type Stores interface {
	// Hint asks a store to look ("refresh") or to repeat ("resend").
	Hint(ctx context.Context, store, verb, actor string) error
	// Forget takes a store that is closed off the board. What it told stays.
	Forget(ctx context.Context, store, actor string) error
}

// StoreAsked asks for something of a store.
type StoreAsked struct {
	Store string `json:"store"`
	Verb  string `json:"verb,omitempty"` // of a hint
}

// StoreDone says what was asked of which store, and by whom.
type StoreDone struct {
	Store string `json:"store"`
	Verb  string `json:"verb"`
	Actor string `json:"actor"`
}

func (s *Server) hintStore(r *request) (any, error) {
	var ask StoreAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	return StoreDone{ask.Store, ask.Verb, r.actor}, s.Stores.Hint(r.ctx, ask.Store, ask.Verb, r.actor)
}

func (s *Server) forgetStore(r *request) (any, error) {
	var ask StoreAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	return StoreDone{ask.Store, "forget", r.actor}, s.Stores.Forget(r.ctx, ask.Store, r.actor)
}

// HintStore asks a store of headquarters to look or to repeat.
func (c *Client) HintStore(ctx context.Context, store, verb string) (StoreDone, error) {
	return get[StoreDone](ctx, c, "POST", "/v1/stores/hint", nil, StoreAsked{store, verb})
}

// ForgetStore takes a store that is closed off the board of headquarters.
func (c *Client) ForgetStore(ctx context.Context, store string) (StoreDone, error) {
	return get[StoreDone](ctx, c, "POST", "/v1/stores/forget", nil, StoreAsked{Store: store})
}
