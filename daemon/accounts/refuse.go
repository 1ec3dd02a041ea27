package accounts

import (
	"errors"
	"fmt"
	"time"
)

// The codes of what is refused are a closed list of errors that a person gets at once. They are no reasons
// of the site: nothing in the journal, over MQTT or on the READY page has them.

// Why an account is not made or changed.
const (
	BadName   = "bad_name"
	BadRole   = "bad_role"
	Weak      = "weak_password"
	Taken     = "name_taken"
	TooMany   = "too_many_accounts"
	NoAccount = "no_such_account"
	LastAdmin = "last_admin"
	Damaged   = "accounts_damaged" // the file of the accounts cannot be used
)

// Why somebody is not let in, or may not do something.
const (
	Wrong       = "wrong_login" // the name, or the password
	WrongCode   = "wrong_code"  // of the authenticator app
	CodeNeeded  = "code_needed" // the password is right, a code is needed too
	CodeUnset   = "code_unset"  // the store asks for codes, and the account has no secret
	Wait        = "wait"        // too many attempts: Refusal.Wait says how long
	Busy        = "busy"        // too many people log in at this moment
	WrongClaim  = "wrong_claim"
	NoClaim     = "nothing_to_claim" // the box has an account already
	SessionOver = "session_over"
	NotAllowed  = "not_allowed" // the role may not do that
)

// Refusal is why something was refused. It holds no secret.
type Refusal struct {
	Code     string // one of the list above
	Message  string
	WhatToDo string
	Wait     time.Duration // with the code Wait: how long until an attempt is looked at again
}

// Error returns the message and what to do.
func (r *Refusal) Error() string {
	if r.WhatToDo == "" {
		return r.Message
	}
	return r.Message + ": " + r.WhatToDo
}

func refuse(code string, whatToDo, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...), WhatToDo: whatToDo}
}

// waitFor rounds up, so that nobody comes back too early.
func waitFor(d time.Duration) *Refusal {
	d = (d + time.Second - 1).Truncate(time.Second)
	r := refuse(Wait, fmt.Sprintf("try again in %d s", int(d.Seconds())), "too many attempts to log in")
	if d > time.Minute {
		r.WhatToDo = fmt.Sprintf("try again in %d minutes", int((d+time.Minute-1)/time.Minute))
	}
	r.Wait = d
	return r
}

// is reports whether err is a Refusal with the code.
func is(err error, code string) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Code == code
}
