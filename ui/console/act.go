package console

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
)

const (
	maxText  = 500             // bytes of a reason, and of each other field
	actLimit = 3 * time.Minute // for an order to be answered
	maxActs  = 512             // answers that are remembered
	maxBusy  = 16              // orders of one person under way
)

// acts remembers orders by who gave them and their id, so that one that is sent again is done once.
type acts struct {
	mu    sync.Mutex
	known map[string]*act
	order []string       // the oldest first
	busy  map[string]int // under way, by person
}

// act is one order. answer is there when done is closed.
type act struct {
	done   chan struct{}
	answer answer
}

func newActs() *acts { return &acts{known: map[string]*act{}, busy: map[string]int{}} }

// begin returns the order of an id; fresh says that the caller has to carry it out and then to call end.
// Nil = the person has too many under way.
func (a *acts) begin(who, id string) (one *act, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := who + "\n" + id
	if one, ok := a.known[key]; ok {
		return one, false
	}
	if a.busy[who] >= maxBusy {
		return nil, false
	}
	one = &act{done: make(chan struct{})}
	a.known[key] = one
	a.order = append(a.order, key)
	a.busy[who]++
	if len(a.order) > maxActs {
		delete(a.known, a.order[0])
		a.order = a.order[1:]
	}
	return one, true
}

func (a *acts) end(who string, one *act, with answer) {
	a.mu.Lock()
	if a.busy[who]--; a.busy[who] == 0 {
		delete(a.busy, who)
	}
	a.mu.Unlock()
	one.answer = with
	close(one.done)
}

// carryOut judges an order and has it done. It goes on when the socket that it came over is gone.
func (c *Console) carryOut(ctx context.Context, token string, who User, f asked) answer {
	if f.ID == "" || len(f.ID) > 64 {
		return answered(f, who, Done{}, refuse(CodeBadRequest, "an order needs an id of 1 to 64 characters"))
	}
	one, fresh := c.acts.begin(who.Name, f.ID)
	switch {
	case one == nil:
		return answered(f, who, Done{}, refuse(CodeTooMany, fmt.Sprintf("%d orders of yours are under way; wait for one of them", maxBusy)))
	case !fresh:
		select {
		case <-one.done:
			return one.answer
		case <-ctx.Done():
			return answered(f, who, Done{}, refuse(CodeInternal, "the box is stopping"))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, actLimit)
	defer cancel()
	done, err := c.act(ctx, token, who, f)
	a := answered(f, who, done, err)
	c.acts.end(who.Name, one, a)
	c.Log.Info("an order was given at the console", "verb", f.Verb, "device", f.Device, "actor", who.Name, "reason", f.Reason, "id", f.ID, "outcome", a.Code)
	select {
	case c.board.fresh <- struct{}{}:
	default:
	}
	return a
}

// answered writes the answer to an order.
func answered(f asked, who User, done Done, err error) answer {
	a := answer{T: "act.ok", ID: f.ID, Code: "ok", Say: done.Say, Verb: f.Verb, Device: f.Device, Who: who.Name, At: time.Now().UTC()}
	if err != nil {
		r := asRefusal(err)
		a.T, a.Code, a.Say, a.Wait = "act.err", r.Code, r.Say, r.Wait.Seconds()
		return a
	}
	if done.Data != nil {
		a.Doc = encode(done.Data)
	}
	return a
}

// act lets an order pass, or says why not.
func (c *Console) act(ctx context.Context, token string, who User, f asked) (Done, error) {
	v, ok := verbOf(f.Verb)
	if !ok {
		return Done{}, refuse(CodeNoVerb, fmt.Sprintf("there is no verb %q", f.Verb))
	}
	if err := c.addressed(v, f); err != nil {
		return Done{}, err
	}
	if f.Code != "" {
		if err := c.Accounts.Confirm(token, f.Code, time.Now()); err != nil {
			return Done{}, err
		}
	}
	if err := c.Accounts.May(token, v.TierOf(f.Device), time.Now()); err != nil {
		return Done{}, err
	}
	if err := c.meant(v, f); err != nil {
		return Done{}, err
	}
	return c.Box.Act(ctx, Order{
		Verb: v.Name, Device: f.Device, Patch: f.Patch, Until: strings.TrimSpace(f.Until), Key: f.Key, Check: f.Check,
		Reason: strings.TrimSpace(f.Reason), Actor: who.Name, Rev: f.Rev,
	})
}

// addressed refuses an order that does not name what its verb is asked of.
func (c *Console) addressed(v Verb, f asked) error {
	for name, text := range map[string]string{"dev": f.Device, "patch": f.Patch, "until": f.Until, "check": f.Check, "reason": f.Reason, "store": f.Number, "code": f.Code} {
		if len(text) > maxText {
			return refuse(CodeBadRequest, fmt.Sprintf("%s has %d bytes and may have %d", name, len(text), maxText))
		}
	}
	switch {
	case v.Name == Release && f.Device == "" && f.Patch != "":
		return nil // of a patch in quarantine
	case f.Device == "" && v.Device:
		return refuse(CodeNoDevice, v.Name+" needs a device")
	case f.Device == site.AllDevices && v.Device && v.Store:
		return nil
	case f.Device != "" && !v.Device:
		return refuse(CodeBadRequest, v.Name+" is asked of the whole store, not of a device")
	case f.Device != "" && !c.board.has(f.Device):
		return refuse(CodeNoDevice, fmt.Sprintf("there is no device %q in this store", f.Device))
	case f.Check != "" && v.Name != Diagnose:
		return refuse(CodeBadRequest, v.Name+" names no check")
	case v.Name == RollBack && f.Patch == "":
		return refuse(CodeBadRequest, "say which patch")
	case v.Until && strings.TrimSpace(f.Until) == "":
		return refuse(CodeBadRequest, "say until when, like 05:00 or 4h")
	case v.Key && f.Key == "":
		return refuse(CodeBadRequest, "the key is missing")
	}
	return nil
}

// meant refuses an order that a person may have given by mistake.
func (c *Console) meant(v Verb, f asked) error {
	trading := c.board.tradingNow()
	if v.NeedsReason(f.Device, trading) && strings.TrimSpace(f.Reason) == "" {
		return refuse(CodeNoReason, "say why, for the next person who asks")
	}
	if v.NeedsNumber(f.Device, trading) && strings.TrimSpace(f.Number) != c.Store {
		return refuse(CodeNumber, "type the number of this store, "+c.Store+", to show that you mean it")
	}
	return nil
}
