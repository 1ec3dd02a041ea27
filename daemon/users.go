package daemon

import (
	"fmt"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/site/run"
)

// openAccounts opens the accounts of the console. When their file cannot be used, nobody can log in, and
// the store is patched all the same.
func (d *Daemon) openAccounts() error {
	var err error
	d.users, err = accounts.Open(accounts.Options{
		Dir: d.Config.State, Policy: accounts.Policy(d.Config.Console.TOTP), Issuer: "Nightfill " + d.store.ID, Audit: userAudit{d}, Log: d.Log,
	}, d.started)
	if err != nil {
		return err
	}
	if err := d.users.Err(); err != nil {
		d.Log.Error("nobody can log in at the console", "err", err)
	}
	return nil
}

// showClaim prints the code with which the first admin is made, while the box has no account.
func (d *Daemon) showClaim() error {
	if d.Config.Listen.Console == "" {
		return nil
	}
	code, ok, err := d.users.ClaimCode()
	if err != nil || !ok {
		return err
	}
	d.Log.Warn("the console has no account: make the first one there with this code, which is good until it is used or nightfilld ends", "claim_code", code)
	if d.Console == nil {
		return nil
	}
	if _, err := fmt.Fprintf(d.Console, "\r\nNightfill, store %s: nobody can log in at the console yet.\r\nClaim code: %s\r\n\r\n", d.store.ID, code); err != nil {
		d.Log.Warn("cannot show the claim code on the box's own screen", "err", err)
	}
	return nil
}

// userAudit writes down what happens to accounts.
type userAudit struct{ d *Daemon }

// Tell implements accounts.Audit.
func (u userAudit) Tell(n accounts.Note) {
	e := run.Event{Kind: run.AccountChanged, At: n.At, Actor: n.Actor, Text: n.Text}
	if n.Login {
		e.Kind, e.Outcome = run.LoginEnded, run.Refused
		if n.OK {
			e.Outcome = run.OK
		}
	}
	if err := u.d.ledger.Add(e); err != nil {
		u.d.Log.Error("cannot write down what happened to the accounts", "actor", n.Actor, "text", n.Text, "err", err)
	}
}
