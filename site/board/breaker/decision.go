package breaker

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// NoteKind is the kind of the notes in which decisions are kept, by the key of their proposal.
const NoteKind = "proposal"

// How a patch was stopped.
const (
	Held    = "held"    // given out: stores learn it at their next look
	Drafted = "drafted" // a withdrawal waits for people to sign it
	Dropped = "dropped" // people threw the draft of the withdrawal away: the patch goes on
)

// Decision is a proposal and what came of it.
type Decision struct {
	Proposal
	How  string `json:"how,omitempty"` // Held, Drafted, Dropped; "" = nothing was done
	Text string `json:"text"`          // why, in one sentence
	// Told is when every store that was known was asked to look; zero while that is still to be done, and
	// where nothing was given out.
	Told time.Time `json:"told,omitzero"`
}

// Read returns the decisions of notes, the newest first. What cannot be read is left out.
func Read(notes []board.Note) []Decision {
	var all []Decision
	for _, n := range notes {
		var d Decision
		if n.Body != nil && json.Unmarshal(n.Body, &d) == nil && d.Patch != "" {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(x, y Decision) int {
		if c := y.At.Compare(x.At); c != 0 {
			return c
		}
		return strings.Compare(x.Key, y.Key)
	})
	return all
}

// Settled reports whether people decided about it since: they dropped the draft, or, by the catalog that stores
// see, the patch is withdrawn, or was held and is not any more. A catalog that was issued before the hold knows
// nothing of it.
func (d Decision) Settled(catalog site.Catalog) bool {
	if d.How == Dropped {
		return true
	}
	i := slices.IndexFunc(catalog.Patches, func(a site.Approved) bool { return a.Patch.ID == d.Patch })
	if i < 0 {
		return false
	}
	older := !catalog.Issued.IsZero() && catalog.Issued.Before(d.At.Truncate(time.Second)) // it is issued on a full second
	return catalog.Patches[i].Withdrawn != nil || d.How == Held && catalog.Patches[i].Held == nil && !older
}
