package publish

import (
	"errors"
	"fmt"
)

// ErrAsked is what errors.Is finds in an error of a call that asked for what cannot be, such as an owner with a reserved
// name: nothing was done, and nothing about the catalog is wrong.
var ErrAsked = errors.New("asked for what cannot be")

// wrongly is an error of who called.
type wrongly struct{ what string }

func (w *wrongly) Error() string { return w.what }

func (w *wrongly) Unwrap() error { return ErrAsked }

func asked(format string, args ...any) error { return &wrongly{fmt.Sprintf(format, args...)} }
