package run

import (
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Hand is a person at work on a device: in a terminal, or restarting it. Until it ends the night
// begins nothing there, and the device counts as away.
type Hand struct {
	Actor    string    `json:"actor"`
	What     Kind      `json:"what"` // TerminalOpened, RestartAsked or RepairBegun
	Why      string    `json:"why"`
	Since    time.Time `json:"since"`
	Work     string    `json:"work,omitempty"`    // of a restart: under this name the device restarts once; of a terminal: its recording
	BootID   string    `json:"boot_id,omitempty"` // of a restart: of the boot that is to end
	Deadline time.Time `json:"deadline,omitzero"` // of a restart: by then the device is wanted back
}

// MayTakeOver says why a person cannot work on a device now. Nil means that he can: a
// TerminalOpened or RestartAsked event keeps everybody else off until it ends.
func MayTakeOver(s State, device string) *site.Reason { return s.busy(device) }

// MayRestart says why a device cannot be restarted by a person now. In an open night the limits of
// its groups hold for him as for the night.
func MayRestart(s State, device string, now time.Time) *site.Reason {
	if reason := s.busy(device); reason != nil {
		return reason
	}
	if !s.Night.Open() {
		return nil
	}
	d := newDecider(s, now)
	for number := range s.Night.layout.members {
		if s.Night.layout.members[number].device == device {
			return d.room(number)
		}
	}
	return nil
}

// taken says which person works on a device.
func (s State) taken(device string) *site.Reason {
	h, ok := s.Hands[device]
	if !ok {
		return nil
	}
	return site.Because(site.CodeBusy, device+": "+h.Doing()+": "+h.Why, "actor", h.Actor, "since", h.Since.Format(time.RFC3339))
}

// Doing says for people who does what.
func (h Hand) Doing() string {
	if h.What == RepairBegun {
		return h.Actor + " starts a service anew"
	}
	if h.What == RestartAsked {
		return h.Actor + " is restarting it"
	}
	return h.Actor + " works on it in a terminal"
}

func (s *State) takeOver(e Event) {
	set(&s.Hands, &s.own.hands, e.Device, Hand{
		Actor: e.Actor, What: e.Kind, Why: e.Text, Since: e.At, Work: e.Work, BootID: e.BootID, Deadline: e.Deadline,
	})
}

// words writes a state for people.
func words(state site.State) string { return strings.ReplaceAll(string(state), "_", " ") }

// Touch is the newest event of a device, so that who acts on what he saw learns that it changed.
type Touch struct {
	Seq   uint64    `json:"seq"`
	Kind  Kind      `json:"kind"`
	Actor string    `json:"actor,omitempty"`
	At    time.Time `json:"at"`
}

// Rev is the state of a device as a number: it grows with everything that happens to it.
func (s State) Rev(device string) uint64 {
	return max(s.Touched[device].Seq, s.Touched[site.AllDevices].Seq)
}

// Changed says what happened to a device after the revision that a person looked at. Nil means that
// it is as he saw it; revision 0 means that he did not say what he saw.
func (s State) Changed(device string, rev uint64) *site.Reason {
	if rev == 0 || s.Rev(device) <= rev {
		return nil
	}
	newest := s.Touched[device]
	if all := s.Touched[site.AllDevices]; all.Seq > newest.Seq {
		newest = all
	}
	who := newest.Actor
	if who == "" {
		who = "the box"
	}
	return site.Because(site.CodeChanged, device+" changed since you looked: "+string(newest.Kind)+" by "+who+" at "+
		newest.At.UTC().Format(time.TimeOnly)+" UTC; nothing was done", "kind", string(newest.Kind), "actor", who)
}

func (s *State) touch(r Record) {
	if r.Event.Device != "" && r.Event.Kind != LookAsked { // a look changes nothing
		set(&s.Touched, &s.own.touched, r.Event.Device, Touch{Seq: r.Seq, Kind: r.Event.Kind, Actor: r.Event.Actor, At: r.Event.At})
	}
}
