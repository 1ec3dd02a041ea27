package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/bundle"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
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

// envelope is the form of an error on the wire.
type envelope struct {
	Error *Error `json:"error"`
}

func bad(whatToDo, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: CodeBadRequest, Message: fmt.Sprintf(format, args...), WhatToDo: whatToDo}
}

// asError finds the status and the code of whatever a Box or the journal returned.
func asError(err error) *Error {
	var (
		known   *Error
		reason  *site.Reason
		refused *journal.Refusal
		user    *accounts.Refusal
	)
	switch {
	case errors.As(err, &user):
		return &Error{Status: http.StatusConflict, Code: user.Code, Message: user.Message, WhatToDo: user.WhatToDo}
	case errors.As(err, &known):
		if known.Status == 0 {
			copied := *known
			copied.Status = http.StatusInternalServerError
			return &copied
		}
		return known
	case errors.As(err, &reason):
		return &Error{Status: http.StatusConflict, Code: string(reason.Code), Message: err.Error()}
	case errors.As(err, &refused):
		return &Error{Status: http.StatusInternalServerError, Code: CodeBadJournal, Message: err.Error(),
			WhatToDo: KeepJournal}
	case errors.Is(err, bundle.ErrBusy):
		return &Error{Status: http.StatusConflict, Code: CodeBundleBusy, Message: err.Error(), WhatToDo: "try again in a minute"}
	case errors.Is(err, journal.ErrForgotten):
		return &Error{Status: http.StatusGone, Code: CodeForgotten, Message: err.Error(), WhatToDo: "ask from record 0 on, which is the first one kept"}
	case errors.Is(err, syscall.ENOSPC):
		return &Error{Status: http.StatusInsufficientStorage, Code: string(site.CodeBoxFull), Message: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Status: http.StatusGatewayTimeout, Code: CodeTimeout, Message: err.Error(), WhatToDo: "try again; what was begun may go on"}
	case errors.Is(err, context.Canceled):
		return &Error{Status: http.StatusServiceUnavailable, Code: CodeStopping, Message: "the daemon is stopping", WhatToDo: "try again when it runs"}
	}
	return &Error{Status: http.StatusInternalServerError, Code: CodeInternal, Message: err.Error(), WhatToDo: "see: journalctl -u nightfilld"}
}
