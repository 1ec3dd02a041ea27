package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"
)

// Why a journal is not opened, or a call is not carried out.
var (
	ErrInUse       = errors.New("the journal is in use")
	ErrNewerFormat = errors.New("the journal has a newer format")
	ErrBrokenChain = errors.New("the chain of the journal is broken")
	ErrDamaged     = errors.New("the journal file is damaged")
	ErrForeign     = errors.New("the file is not a journal of this box")
	ErrOtherStore  = errors.New("the journal is of another store")
	ErrGone        = errors.New("the journal is gone")
	ErrOlder       = errors.New("the journal is an older copy of itself")
	ErrForgotten   = errors.New("the records were trimmed")
	ErrFailed      = errors.New("the journal failed while in use")
	ErrClosed      = errors.New("the journal is closed")
)

// Refusal says why a file is not accepted as a journal. errors.Is finds Why: one of ErrInUse,
// ErrNewerFormat, ErrBrokenChain, ErrDamaged, ErrForeign, ErrOtherStore, ErrGone and ErrOlder.
type Refusal struct {
	Why  error
	What string // what is wrong and where, in a sentence without the file's name
}

// Error returns What.
func (r *Refusal) Error() string { return r.What }

// Unwrap returns Why.
func (r *Refusal) Unwrap() error { return r.Why }

func refuse(why error, format string, args ...any) error {
	return &Refusal{Why: why, What: fmt.Sprintf(format, args...)}
}

// notGood says of the file at path that it was refused, or that it could not be looked at. nil stays nil.
func notGood(path string, err error) error {
	var refused *Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
	case errors.Is(err, fs.ErrNotExist):
		return &absent{fmt.Sprintf("there is no journal %s", path), fs.ErrNotExist}
	case errors.Is(err, fs.ErrPermission):
		return &absent{fmt.Sprintf("the journal %s may not be read by this user", path), fs.ErrPermission}
	}
	return fmt.Errorf("the journal %s is not good: %w", path, err)
}

// absent is a journal that could not be looked at.
type absent struct {
	what string
	why  error
}

func (a *absent) Error() string { return a.what }

func (a *absent) Unwrap() error { return a.why }

// cannotOpen adds to an error of the file at path what an operator needs to go on.
func cannotOpen(path string, err error) error {
	if errors.Is(err, ErrInUse) {
		return fmt.Errorf("cannot open the journal %s: %w; nothing was changed; see: systemctl status nightfilld", path, err)
	}
	return fmt.Errorf("cannot open the journal %s: %w; nothing was changed; look at it with: nightfill journal verify --state %s",
		path, err, filepath.Dir(path))
}

// noSpace reports whether err says that the disk is full. bbolt passes some system errors on as text.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		(err != nil && strings.Contains(err.Error(), syscall.ENOSPC.Error()))
}

// cannotWrite adds to a failed write where it was to go and what to do.
func cannotWrite(dir string, maxSize int64, err error) error {
	switch {
	case errors.Is(err, ErrFailed), errors.Is(err, ErrClosed):
		return err
	case noSpace(err):
		return fmt.Errorf("cannot write the journal in %s: %w: free some space there; what was acknowledged is safe", dir, err)
	case errors.Is(err, berrors.ErrMaxSizeReached):
		return fmt.Errorf("cannot write the journal in %s: it has reached its limit of %d bytes: "+
			"it shrinks when headquarters has stored its records; what was acknowledged is safe", dir, maxSize)
	}
	return fmt.Errorf("cannot write the journal in %s: %w; what was acknowledged is safe", dir, err)
}
