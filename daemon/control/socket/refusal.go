package socket

import (
	"context"
	"errors"
	"net/http"
	"syscall"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/bundle"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
)

// AsError finds the status and the code of whatever an answer returned.
func AsError(err error) *wire.Error {
	var (
		known   *wire.Error
		reason  *site.Reason
		refused *journal.Refusal
		user    *accounts.Refusal
	)
	switch {
	case errors.As(err, &user):
		return &wire.Error{Status: http.StatusConflict, Code: user.Code, Message: user.Message, WhatToDo: user.WhatToDo}
	case errors.As(err, &known):
		if known.Status == 0 {
			copied := *known
			copied.Status = http.StatusInternalServerError
			return &copied
		}
		return known
	case errors.As(err, &reason):
		return &wire.Error{Status: http.StatusConflict, Code: string(reason.Code), Message: err.Error()}
	case errors.As(err, &refused):
		return &wire.Error{Status: http.StatusInternalServerError, Code: wire.CodeBadJournal, Message: err.Error(),
			WhatToDo: wire.KeepJournal}
	case errors.Is(err, bundle.ErrBusy):
		return &wire.Error{Status: http.StatusConflict, Code: wire.CodeBundleBusy, Message: err.Error(), WhatToDo: "try again in a minute"}
	case errors.Is(err, journal.ErrForgotten):
		return &wire.Error{Status: http.StatusGone, Code: wire.CodeForgotten, Message: err.Error(), WhatToDo: "ask from record 0 on, which is the first one kept"}
	case errors.Is(err, syscall.ENOSPC):
		return &wire.Error{Status: http.StatusInsufficientStorage, Code: string(site.CodeBoxFull), Message: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &wire.Error{Status: http.StatusGatewayTimeout, Code: wire.CodeTimeout, Message: err.Error(), WhatToDo: "try again; what was begun may go on"}
	case errors.Is(err, context.Canceled):
		return &wire.Error{Status: http.StatusServiceUnavailable, Code: wire.CodeStopping, Message: "the daemon is stopping", WhatToDo: "try again when it runs"}
	}
	return &wire.Error{Status: http.StatusInternalServerError, Code: wire.CodeInternal, Message: err.Error(), WhatToDo: "see: journalctl -u nightfilld"}
}
