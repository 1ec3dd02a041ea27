package order_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// till is a store with one device, which does what it is told.
type till struct{ orders []order.Order }

func (t *till) Act(_ context.Context, o order.Order) (order.Done, error) {
	t.orders = append(t.orders, o)
	if o.Device == "till-1" && o.Verb == order.RollBack {
		return order.Done{}, site.Because(site.CodeNoRollback, "it cannot be taken back")
	}
	return order.Done{Say: fmt.Sprint("done ", len(t.orders)), Data: len(t.orders)}, nil
}
func (t *till) May(string, site.Tier, time.Time) error  { return nil }
func (t *till) Confirm(string, string, time.Time) error { return nil }
func (t *till) Has(device string) bool                  { return device == "till-1" }
func (t *till) Trading() bool                           { return false }
func (t *till) book(judged *int) *order.Book {
	return &order.Book{Box: t, Rights: t, Store: t, Number: "0142", Log: slog.New(slog.DiscardHandler), Judged: func() { *judged++ }}
}

// An order that is sent again is answered as it was, for as long as it is remembered; those of another person are his own.
func TestSentAgain(t *testing.T) {
	shop, judged := &till{}, 0
	b := shop.book(&judged)
	give := func(who, id string) order.Answer {
		return b.CarryOut(t.Context(), "token", who, order.Request{ID: id, Verb: order.Diagnose, Device: "till-1"})
	}
	first := give("ann", "1")
	if again := give("ann", "1"); again != first || len(shop.orders) != 1 || judged != 1 || first.T != "act.ok" || first.Say != "done 1" || first.Doc != 1 {
		t.Errorf("%+v, then %+v, carried out %d times", first, again, len(shop.orders))
	}
	if other := give("bob", "1"); other.Say != "done 2" || other.Who != "bob" {
		t.Errorf("of another person: %+v", other)
	}
	for i := range 512 {
		give("ann", fmt.Sprint("more ", i))
	}
	if late := give("ann", "1"); late == first {
		t.Errorf("it is remembered for ever: %+v", late)
	}
}

// What the box refuses is told with its code, and with nothing that was found.
func TestRefused(t *testing.T) {
	shop, judged := &till{}, 0
	a := shop.book(&judged).CarryOut(t.Context(), "token", "ann", order.Request{ID: "1", Verb: order.RollBack, Device: "till-1", Patch: "pos-app", Reason: " it hangs "})
	if a.T != "act.err" || a.Code != "no_rollback" || a.Say != "it cannot be taken back" || a.Doc != nil || judged != 1 || shop.orders[0].Reason != "it hangs" || shop.orders[0].Actor != "ann" {
		t.Errorf("%+v of %+v", a, shop.orders)
	}
}
