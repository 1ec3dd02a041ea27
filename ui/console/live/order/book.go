package order

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// MaxText is how many bytes a reason may have, and each other field.
const MaxText = 500

// actLimit is the time in which an order is answered.
const actLimit = 3 * time.Minute

// Book judges orders, has them done, and remembers them. Any number of goroutines may use it.
type Book struct {
	Box    Box
	Rights Rights
	Store  Store
	Number string // of the store, which is typed for severe actions
	Log    *slog.Logger
	// Judged is called after every order that was not answered from memory.
	Judged func()

	acts acts
}

// CarryOut judges an order of the person of a session and has it done, until ctx ends. It goes on when the line that
// it came over is gone.
func (b *Book) CarryOut(ctx context.Context, token, who string, r Request) Answer {
	if r.ID == "" || len(r.ID) > 64 {
		return answered(r, who, Done{}, Refuse(CodeBadRequest, "an order needs an id of 1 to 64 characters"))
	}
	one, fresh := b.acts.begin(who, r.ID)
	switch {
	case one == nil:
		return answered(r, who, Done{}, Refuse(CodeTooMany, fmt.Sprintf("%d orders of yours are under way; wait for one of them", maxBusy)))
	case !fresh:
		select {
		case <-one.done:
			return one.answer
		case <-ctx.Done():
			return answered(r, who, Done{}, Refuse(CodeInternal, "the box is stopping"))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, actLimit)
	defer cancel()
	done, err := b.act(ctx, token, who, r)
	a := answered(r, who, done, err)
	b.acts.end(who, one, a)
	b.Log.Info("an order was given at the console", "verb", r.Verb, "device", r.Device, "actor", who, "reason", r.Reason, "id", r.ID, "outcome", a.Code)
	b.Judged()
	return a
}

// act lets an order pass, or says why not.
func (b *Book) act(ctx context.Context, token, who string, r Request) (Done, error) {
	v, ok := verbOf(r.Verb)
	if !ok {
		return Done{}, Refuse(CodeNoVerb, fmt.Sprintf("there is no verb %q", r.Verb))
	}
	if err := b.addressed(v, r); err != nil {
		return Done{}, err
	}
	if r.Code != "" {
		if err := b.Rights.Confirm(token, r.Code, time.Now()); err != nil {
			return Done{}, err
		}
	}
	if err := b.Rights.May(token, v.TierOf(r.Device), time.Now()); err != nil {
		return Done{}, err
	}
	if err := b.meant(v, r); err != nil {
		return Done{}, err
	}
	return b.Box.Act(ctx, Order{
		Verb: v.Name, Device: r.Device, Patch: r.Patch, Until: strings.TrimSpace(r.Until), Key: r.Key, Check: r.Check,
		Reason: strings.TrimSpace(r.Reason), Actor: who, Rev: r.Rev,
	})
}

// addressed refuses an order that does not name what its verb is asked of.
func (b *Book) addressed(v Verb, r Request) error {
	for name, text := range map[string]string{"dev": r.Device, "patch": r.Patch, "until": r.Until, "check": r.Check, "reason": r.Reason, "store": r.Number, "code": r.Code} {
		if len(text) > MaxText {
			return Refuse(CodeBadRequest, fmt.Sprintf("%s has %d bytes and may have %d", name, len(text), MaxText))
		}
	}
	switch {
	case v.Name == Release && r.Device == "" && r.Patch != "":
		return nil // of a patch in quarantine
	case r.Device == "" && v.Device:
		return Refuse(CodeNoDevice, v.Name+" needs a device")
	case r.Device == site.AllDevices && v.Device && v.Store:
		return nil
	case r.Device != "" && !v.Device:
		return Refuse(CodeBadRequest, v.Name+" is asked of the whole store, not of a device")
	case r.Device != "" && !b.Store.Has(r.Device):
		return Refuse(CodeNoDevice, fmt.Sprintf("there is no device %q in this store", r.Device))
	case r.Check != "" && v.Name != Diagnose:
		return Refuse(CodeBadRequest, v.Name+" names no check")
	case v.Name == RollBack && r.Patch == "":
		return Refuse(CodeBadRequest, "say which patch")
	case v.Until && strings.TrimSpace(r.Until) == "":
		return Refuse(CodeBadRequest, "say until when, like 05:00 or 4h")
	case v.Key && r.Key == "":
		return Refuse(CodeBadRequest, "the key is missing")
	}
	return nil
}

// meant refuses an order that a person may have given by mistake.
func (b *Book) meant(v Verb, r Request) error {
	trading := b.Store.Trading()
	if v.NeedsReason(r.Device, trading) && strings.TrimSpace(r.Reason) == "" {
		return Refuse(CodeNoReason, "say why, for the next person who asks")
	}
	if v.NeedsNumber(r.Device, trading) && strings.TrimSpace(r.Number) != b.Number {
		return Refuse(CodeNumber, "type the number of this store, "+b.Number+", to show that you mean it")
	}
	return nil
}
