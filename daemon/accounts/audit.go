package accounts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Audit is told of every change and of every attempt to log in.
type Audit interface {
	// Tell is called after the fact, one call at a time or several at once. It may take the time of a disk.
	Tell(n Note)
}

// Note is one thing to be written down. It holds no secret.
type Note struct {
	At     time.Time
	Actor  string // who did it; "" = somebody who did not get in
	Text   string
	Login  bool // it tells of attempts to log in, not of a change
	OK     bool // of a login: somebody got in
	Logout bool // it tells that somebody ended his own session; one that ends unused is not told of
}

func (a *Accounts) tell(n Note) {
	if a.Audit != nil {
		a.Audit.Tell(n)
	}
}

// summary is how often attempts that failed are told of.
const summary = time.Minute

// maxTold is how many addresses and names a summary names.
const maxTold = 5

// failures sums up the attempts that failed, so that a guesser cannot fill the journal.
type failures struct {
	count          int
	sources, names map[string]bool
	told           time.Duration // when the last summary was told
	ever           bool
}

func newFailures() failures { return failures{sources: map[string]bool{}, names: map[string]bool{}} }

// add counts one attempt, and returns what is to be told now. Only names of accounts are kept: a person
// may have typed a password there.
func (f *failures) add(name string, exists bool, source string, now time.Time, at time.Duration) (Note, bool) {
	if !exists {
		name = "names without an account"
	}
	f.count++
	for m, word := range map[*map[string]bool]string{&f.sources: source, &f.names: name} {
		if len(*m) <= maxTold {
			(*m)[word] = true
		}
	}
	return f.due(now, at)
}

// due returns a summary when there is something to tell and the last one is old enough.
func (f *failures) due(now time.Time, at time.Duration) (Note, bool) {
	if f.ever && at-f.told < summary {
		return Note{}, false
	}
	return f.take(now, at)
}

func (f *failures) take(now time.Time, at time.Duration) (Note, bool) {
	if f.count == 0 {
		return Note{}, false
	}
	attempts := "1 attempt to log in failed"
	if f.count > 1 {
		attempts = fmt.Sprintf("%d attempts to log in failed", f.count)
	}
	n := Note{At: now, Login: true, Text: fmt.Sprintf("%s: from %s, for %s", attempts, some(f.sources), some(f.names))}
	*f = newFailures()
	f.told, f.ever = at, true
	return n, true
}

// some writes at most maxTold words.
func some(set map[string]bool) string {
	words := slices.Sorted(maps.Keys(set))
	if len(words) > maxTold {
		words = append(words[:maxTold], "others")
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
