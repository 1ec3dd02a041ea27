package publish

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// longestException is how far ahead an exception may end: what lasts longer is decided anew.
const longestException = 366 * 24 * time.Hour

// Except leaves devices without a patch until the exception ends. It takes effect with the next
// publish, like a release. An earlier exception of the patch with the same scope is replaced.
func (r *Repo) Except(e site.Exception, now time.Time) error {
	e.Owner, e.Reason = strings.TrimSpace(e.Owner), strings.TrimSpace(e.Reason)
	e.Devices, e.Groups, e.Stores = sorted(e.Devices), sorted(e.Groups), sorted(e.Stores)
	e.Expires = e.Expires.UTC().Truncate(time.Second)
	if err := sound(e, now); err != nil {
		return err
	}
	return r.locked(func(b *book) error {
		if b.ownerOf(e.Patch) == "" {
			return fmt.Errorf("there is no patch %s: %s", e.Patch, b.suggestPatch(e.Patch))
		}
		if w, gone := b.rules.Withdrawn[e.Patch]; gone {
			return fmt.Errorf("patch %s was withdrawn on %s (%s): it goes nowhere and needs no exception", e.Patch, w.At.Format(time.DateOnly), w.Reason)
		}
		b.rules.Exceptions = slices.DeleteFunc(b.rules.Exceptions, func(old site.Exception) bool { return sameScope(old, e) })
		b.rules.Exceptions = append(b.rules.Exceptions, e)
		return writeJSON(b.path(rulesName), b.rules)
	})
}

// EndException takes exceptions back before they end, or those that have ended out of sight: the
// one with exactly this scope, or every one of the patch when the scope is everywhere. It returns
// what it ended.
func (r *Repo) EndException(scope site.Exception) (ended []site.Exception, err error) {
	return r.endExceptions(scope, len(scope.Devices)+len(scope.Groups)+len(scope.Stores) == 0)
}

// EndExactly is EndException for the one exception with exactly this scope, also when that is everywhere.
func (r *Repo) EndExactly(scope site.Exception) error {
	_, err := r.endExceptions(scope, false)
	return err
}

func (r *Repo) endExceptions(scope site.Exception, all bool) (ended []site.Exception, err error) {
	scope.Devices, scope.Groups, scope.Stores = sorted(scope.Devices), sorted(scope.Groups), sorted(scope.Stores)
	err = r.locked(func(b *book) error {
		if b.ownerOf(scope.Patch) == "" {
			return fmt.Errorf("there is no patch %s: %s", scope.Patch, b.suggestPatch(scope.Patch))
		}
		var others, kept []string
		b.rules.Exceptions = slices.DeleteFunc(b.rules.Exceptions, func(e site.Exception) bool {
			switch {
			case e.Patch != scope.Patch:
				others = append(others, e.Patch)
				return false
			case !all && !sameScope(e, scope):
				kept = append(kept, e.Scope())
				return false
			}
			ended = append(ended, e)
			return true
		})
		switch {
		case len(ended) == 0 && len(kept) > 0:
			return fmt.Errorf("patch %s has no exception %s; it has one %s", scope.Patch, scope.Scope(), strings.Join(kept, "; "))
		case len(ended) == 0 && len(others) > 0:
			return fmt.Errorf("patch %s has no exception; exceptions are of %s", scope.Patch, strings.Join(sorted(others), ", "))
		case len(ended) == 0:
			return fmt.Errorf("patch %s has no exception; no patch has one", scope.Patch)
		}
		return writeJSON(b.path(rulesName), b.rules)
	})
	return ended, err
}

// sound says what an exception lacks, or nil.
func sound(e site.Exception, now time.Time) error {
	until := e.Expires.Format(time.RFC3339)
	switch {
	case e.Owner == "":
		return errors.New("an exception needs an owner: say who answers for it")
	case e.Reason == "":
		return errors.New("an exception needs a reason: stores show it")
	case e.Expires.IsZero():
		return errors.New("an exception needs an end: from then on the patch is due again")
	case !e.Expires.After(now):
		return fmt.Errorf("an exception until %s would be over already: name an end that is still to come", until)
	case e.Expires.Sub(now) > longestException:
		return fmt.Errorf("an exception until %s is more than a year ahead: name an earlier end, and decide again then", until)
	}
	return errors.Join(ids("a device", e.Devices), ids("a group", e.Groups), ids("a store", e.Stores))
}

// ids refuses the first that cannot be an id in a store file.
func ids(what string, list []string) error {
	for _, id := range list {
		if !storePattern.MatchString(id) {
			return fmt.Errorf("%q is not the id of %s", id, what)
		}
	}
	return nil
}

func sorted(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }

func sameScope(a, b site.Exception) bool {
	return a.Patch == b.Patch && slices.Equal(a.Devices, b.Devices) && slices.Equal(a.Groups, b.Groups) && slices.Equal(a.Stores, b.Stores)
}
