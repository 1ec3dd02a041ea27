package overview

import (
	"cmp"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// The answers to "does it open ready?".
const (
	OpensReady    = "ready"
	OpensNotReady = "not_ready"
	OpensUnsure   = "cannot_tell" // the store says that it cannot tell, or is still at work
	OpensNotTold  = "not_told"    // nothing fresh was told
)

// Opening is whether a store opens ready, as it stands now.
type Opening struct {
	Answer string `json:"answer"`
	Text   string `json:"text"` // in the words that the manager reads
}

// noWord is said of a store whose text is its verdict and nothing else.
const noWord = "The store did not say why."

func answers() []string { return []string{OpensReady, OpensNotReady, OpensUnsure, OpensNotTold} }

func answerWord(a string) string {
	return map[string]string{OpensReady: "ready", OpensNotReady: "not ready", OpensUnsure: "cannot tell", OpensNotTold: "not told"}[a]
}

// openingOf takes the store's own word while the store is heard: it says itself when its word is too
// old. Of a store that is not heard, the word holds for as long as the store gave it.
func openingOf(s *board.Store, o Options, row Store) Opening {
	r := s.Ready
	r.Text = Sentence(r.Text)
	expired := !r.AsOf.IsZero() && o.Now.After(r.AsOf.Add(time.Duration(r.MaxAge)*time.Second))
	switch {
	case r.Verdict == "":
		return Opening{OpensNotTold, "The store has not said whether it can open."}
	case row.Contact.State != Live && expired:
		return Opening{OpensNotTold, "The store last said \"" + cmp.Or(r.Text, strings.ToUpper(words(string(r.Verdict)))) + "\" at " + Clock(r.AsOf, o.Now, row.Loc) + "; that is too old."}
	case r.Verdict == site.Ready, r.Verdict == site.ReadyNotes:
		return Opening{OpensReady, cmp.Or(r.Text, "The store can open.")}
	case r.Verdict == site.NotReady:
		return Opening{OpensNotReady, cmp.Or(r.Text, noWord)}
	}
	return Opening{OpensUnsure, cmp.Or(r.Text, noWord)}
}

// Sentence is a READY text without the word of the verdict, which stands before it: "NOT READY: Till 3
// cannot take cards" says "Till 3 cannot take cards", and "READY" alone says nothing more.
func Sentence(text string) string {
	word, rest, _ := strings.Cut(text, ": ")
	if word == "" || strings.ToUpper(word) != word || strings.ContainsAny(word, "0123456789") {
		return text
	}
	return rest
}
