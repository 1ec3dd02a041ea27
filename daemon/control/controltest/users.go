package controltest

import (
	"context"
	"math/rand/v2"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Users makes the accounts of the box in a directory: an admin "boss" and a tech "a.khan". Their secrets
// are the same on every run, and their changes are in the journal of the box.
func (b *Box) Users(dir string) (*accounts.Accounts, error) {
	now := b.View(context.Background()).Now
	users, err := accounts.Open(accounts.Options{
		Dir: dir, Issuer: "Nightfill 0142", Random: rand.NewChaCha8([32]byte{}), Cost: accounts.Cost{Memory: 64, Rounds: 1, Threads: 1},
	}, now)
	if err != nil {
		return nil, err
	}
	for _, n := range []accounts.New{
		{Name: "boss", Role: site.UserAdmin, Password: "three blue bicycles"}, {Name: "a.khan", Role: site.UserTech, Password: "three blue bicycles"},
	} {
		if _, err := users.Add(context.Background(), n, "root", now); err != nil {
			return nil, err
		}
	}
	users.Audit = audit{b}
	return users, nil
}

type audit struct{ box *Box }

// Tell implements accounts.Audit.
func (a audit) Tell(n accounts.Note) {
	_ = a.box.add(run.Event{Kind: run.AccountChanged, Actor: n.Actor, Text: n.Text}) // a box that fails says so elsewhere
}
