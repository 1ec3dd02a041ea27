package hands

import (
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// TerminalEnd is how a terminal ended.
type TerminalEnd struct {
	Session   string        // under which it was opened
	Recording string        // digest of its recording, lower-case hex of SHA-256; "" for none
	Lasted    time.Duration // on the box's clock
	Exit      *int          // of its shell; nil when it did not end by itself
	Reason    *site.Reason  // why it ended otherwise; nil when its shell ended by itself or a person ended it
}

// OpenTerminal keeps the night off a device while a person works on it, until CloseTerminal. session
// names the terminal and its recording for ever. The error is a *site.Reason when it is refused.
func (h *Hands) OpenTerminal(a Ask, session string) error {
	return h.commit(a, func(s run.State) ([]run.Event, *site.Reason) {
		e := a.event(run.TerminalOpened, "")
		e.Work = session
		return []run.Event{e}, run.MayTakeOver(s, a.Device)
	})
}

// CloseTerminal gives the device back. Closing twice what was opened once writes it down once.
func (h *Hands) CloseTerminal(a Ask, end TerminalEnd) error {
	_, err := h.Ledger.Commit(func(s run.State) []run.Event {
		if hand, open := s.Hands[a.Device]; !open || hand.What != run.TerminalOpened || hand.Work != end.Session {
			return nil
		}
		e := a.event(run.TerminalClosed, "")
		e.Work, e.Text, e.Took, e.ExitCode, e.Reason = end.Session, end.Recording, site.Duration(end.Lasted), end.Exit, end.Reason
		return []run.Event{e}
	})
	return err
}

// ForgetTerminals gives back the devices of terminals that ended with an earlier process. recorded
// tells what there is of a recording. It is for the box's start, before anybody can open one.
func (h *Hands) ForgetTerminals(recorded func(session string) (digest string, lasted time.Duration)) error {
	for device, hand := range h.Ledger.State().Hands {
		if hand.What != run.TerminalOpened {
			continue
		}
		end := TerminalEnd{Session: hand.Work, Reason: site.Because(site.CodeInterrupted, "the box was started again, which ended the terminal")}
		if hand.Work != "" {
			end.Recording, end.Lasted = recorded(hand.Work)
		}
		if err := h.CloseTerminal(Ask{Device: device, Actor: hand.Actor}, end); err != nil {
			return fmt.Errorf("cannot give back %s, on which a terminal ended with the box: %w", device, err)
		}
	}
	return nil
}
