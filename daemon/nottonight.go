package daemon

import (
	"time"

	"github.com/nightfill/nightfill/daemon/nottonight"
	readypage "github.com/nightfill/nightfill/ui/ready"
)

// notTonight is what the manager of the store may do on the READY page; nil when the store file allows nothing.
func (d *Daemon) notTonight() *readypage.NotTonight {
	c := d.Config.NotTonight
	if c == nil {
		return nil
	}
	gate := nottonight.New(nottonight.Options{Ledger: d.ledger, Calendar: d.store.Calendar, Rule: c.Rule, PIN: c.PIN})
	answer := func(r *nottonight.Refusal) readypage.Answer {
		switch {
		case r == nil:
			return readypage.Answer{}
		case r.Why == nottonight.Guessed:
			return readypage.Answer{Refusal: string(r.Why), N: int((r.Wait + time.Minute - 1) / time.Minute)}
		}
		d.Log.Info("the manager's form was refused", "why", string(r.Why))
		return readypage.Answer{Refusal: string(r.Why), N: r.Times}
	}
	return &readypage.NotTonight{
		State: func() readypage.Skip {
			now := time.Now()
			stop, undo, opens := gate.May(now)
			return readypage.Skip{CanStop: stop == "", CanUndo: undo == "", Opens: opens, Left: gate.Left(now)}
		},
		Stop: func(pin, reason string) readypage.Answer { return answer(gate.Stop(pin, reason, time.Now())) },
		Undo: func(pin string) readypage.Answer { return answer(gate.Undo(pin, time.Now())) },
	}
}
