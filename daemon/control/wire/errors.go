// Package wire is what travels over the control socket: what may be asked, what is answered, errors, and the frames of a
// terminal. Their JSON is a promise. It asks nobody and answers nothing.
package wire

import (
	"fmt"
	"net/http"
)

// The codes of errors that are no reason of the site.
const (
	CodeBadRequest  = "bad_request"
	CodeNoDevice    = "no_such_device"
	CodeNoPatch     = "no_such_patch"
	CodeNoNight     = "no_such_night"
	CodeNoRoute     = "no_such_route"
	CodeNothing     = "nothing_to_release"
	CodeNoTerminal  = "no_such_terminal"
	CodeNoRecording = "no_such_recording"
	CodeBundleBusy  = "bundle_busy"
	CodeForgotten   = "forgotten" // the journal does not hold these records any more
	CodeBadJournal  = "bad_journal"
	CodeTimeout     = "timeout"
	CodeStopping    = "stopping"
	CodeInternal    = "internal"
)

// KeepJournal is what to do about a journal that is not good.
const KeepJournal = "keep the file, tell headquarters, and go on with: nightfill help broken-journal"

// Error is why a request was not carried out, as it travels over the socket.
type Error struct {
	Status   int    `json:"-"` // of HTTP; 0 counts as 500
	Message  string `json:"message"`
	Code     string `json:"code"`
	WhatToDo string `json:"what_to_do,omitempty"`
}

// Error returns the message and what to do.
func (e *Error) Error() string {
	if e.WhatToDo == "" {
		return e.Message
	}
	return e.Message + ": " + e.WhatToDo
}

// Envelope is the form of an error on the wire.
type Envelope struct {
	Error *Error `json:"error"`
}

// Bad is the error of a request that is not understood.
func Bad(whatToDo, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: CodeBadRequest, Message: fmt.Sprintf(format, args...), WhatToDo: whatToDo}
}
