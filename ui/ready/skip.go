package ready

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site/ready/words"
)

// NotTonight lets the manager of the store stop the coming night with a PIN.
type NotTonight struct {
	State func() Skip
	Stop  func(pin, reason string) Answer
	Undo  func(pin string) Answer
}

// Skip is whether the coming night can be stopped, or let go again.
type Skip struct {
	CanStop, CanUndo bool
	Opens            time.Time // when its window opens
	Left             int       // how often it can still be stopped this month
}

// Answer is what became of a form. N is the number in the refusal, if it has one.
type Answer struct {
	Refusal string // one of refusals; "" = done
	N       int
}

// refusals are the texts of why nothing was done.
func refusals() map[string]string {
	return map[string]string{
		"no_night": "skip_no_night", "too_late": "skip_too_late", "held": "skip_held", "used_up": "skip_used_up", "not_stopped": "skip_not_stopped",
		"bad_pin": "skip_bad_pin", "guessed": "skip_guessed", "no_reason": "skip_no_reason", "unwritten": "skip_unwritten",
	}
}

// maxForm is the longest form that is read, in bytes.
const maxForm = 4 << 10

// reasons are what the manager may choose from, as keys of texts.
func reasons() []string { return []string{"skip_stock", "skip_event", "skip_works", "skip_other"} }

// reason is one choice.
type reason struct{ Key, Text string }

// form is the page on which the manager stops the coming night.
type form struct {
	view
	Skip    Skip
	Reasons []reason
	Left    string
}

// skipForm shows the form, or says that there is nothing to stop.
func (s *server) skipForm(w http.ResponseWriter, r *http.Request) {
	lang, state := words.For(s.language(r)), s.NotTonight.State()
	if !state.CanStop && !state.CanUndo {
		s.say(w, r, http.StatusOK, lang.Say("skip_no_night"))
		return
	}
	f := form{view: view{W: lang, Store: s.Store, Query: kindOf(r).query()}, Skip: state, Left: lang.Count("skip_left", state.Left)}
	now := time.Now().In(s.Zone)
	f.Text = lang.Say("skip_before", "at", lang.Clock(state.Opens.In(s.Zone), now))
	for _, key := range reasons() {
		f.Reasons = append(f.Reasons, reason{key, lang.Say(key)})
	}
	s.html(w, http.StatusOK, "skip", f)
}

// skip takes the form: one that came from another page was refused before.
func (s *server) skip(w http.ResponseWriter, r *http.Request) {
	lang := words.For(s.language(r))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.say(w, r, http.StatusBadRequest, lang.Say("skip_no_reason"))
		return
	}
	var a Answer
	done := "skip_done"
	if r.PostForm.Get("undo") != "" {
		done = "skip_undone"
		a = s.NotTonight.Undo(r.PostForm.Get("pin"))
	} else {
		a = s.NotTonight.Stop(r.PostForm.Get("pin"), reasonOf(r))
	}
	switch {
	case a.Refusal == "":
		s.say(w, r, http.StatusOK, lang.Say(done))
	case a.Refusal == "guessed":
		w.Header().Set("Retry-After", strconv.Itoa(60*a.N))
		s.say(w, r, http.StatusTooManyRequests, lang.Count("skip_guessed", a.N))
	default:
		s.say(w, r, http.StatusForbidden, lang.Count(cmp.Or(refusals()[a.Refusal], "skip_unwritten"), a.N))
	}
}

// reasonOf puts the choice and what was written beside it together, in English for the journal.
func reasonOf(r *http.Request) string {
	text, english := r.PostForm.Get("text"), words.For(words.Default)
	for _, key := range reasons() {
		if r.PostForm.Get("reason") != key {
			continue
		}
		switch {
		case text == "" && key == "skip_other":
			return ""
		case text == "":
			return english.Say(key)
		}
		return english.Say(key) + ": " + text
	}
	return ""
}
