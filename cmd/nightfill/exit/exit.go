// Package exit holds the exit codes of Nightfill's programs and an error that carries one.
// It ends no process: main does, with what Code returns.
package exit

import (
	"errors"
	"runtime/debug"
)

// The exit codes. Scripts rely on them.
const (
	Good        = 0
	Failed      = 1
	Usage       = 2 // the command line or a configuration file is wrong
	NotAllGood  = 3 // finished, but not all is good
	Unreachable = 4 // the daemon does not answer
)

// ExitError is an error that says with which code the program ends.
type ExitError struct {
	Code int
	Err  error
}

// Error returns the text of the error inside.
func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap returns the error inside.
func (e *ExitError) Unwrap() error { return e.Err }

// With wraps err so that the program ends with code. A nil err stays nil.
func With(code int, err error) error {
	if err == nil {
		return nil
	}
	return &ExitError{Code: code, Err: err}
}

// CrashBySignal makes a crash of the program, and the end that a watchdog gives it, an end by SIGABRT in place
// of exit code 2, which a service manager takes for a wrong file that no other start makes right.
func CrashBySignal() { debug.SetTraceback("crash") }

// Code returns the code with which a program ends that got err: Good for nil,
// the code of an ExitError in the chain, and Failed for any other error.
func Code(err error) int {
	var e *ExitError
	switch {
	case err == nil:
		return Good
	case errors.As(err, &e):
		return e.Code
	}
	return Failed
}
