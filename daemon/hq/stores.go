package hq

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site/board"
)

const storesEvery = 15 * time.Second

func expected(list []hqfile.ExpectedStore) []board.Expected {
	all := make([]board.Expected, 0, len(list))
	for _, s := range list {
		all = append(all, board.Expected{ID: s.ID, Name: s.Name, Region: s.Region})
	}
	return all
}

// keepStores takes over a new list of stores until ctx ends. One that cannot be read changes nothing.
func (h *HQ) keepStores(ctx context.Context) error {
	path := h.Config.StoresFile
	if path == "" {
		<-ctx.Done()
		return nil
	}
	var read time.Time
	if info, err := os.Stat(path); err == nil {
		read = info.ModTime()
	}
	return every(ctx, storesEvery, func(context.Context) {
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Equal(read) {
			return
		}
		read = info.ModTime()
		h.readStores(path)
	})
}

func (h *HQ) readStores(path string) {
	list, err := hqfile.ReadStores(path)
	if err != nil {
		h.Log.Error("the list of stores is as it was", "err", err)
		return
	}
	h.fleet.Expect(expected(list))
	h.Log.Info("the list of stores was read anew", "stores", len(list))
}

// shops are the stores as a person on the machine of headquarters looks after them.
type shops struct{ h *HQ }

// known refuses a store of which headquarters knows nothing.
func (s shops) known(id string) error {
	known := false
	s.h.fleet.View(func(b *board.Board) { known = b.Stores[id] != nil })
	if known {
		return nil
	}
	return &wire.Error{Status: 404, Code: "no_such_store", Message: fmt.Sprintf("there is no store %q", id), WhatToDo: "look at its number on the page of the stores"}
}

// Hint implements stores.Stores.
func (s shops) Hint(ctx context.Context, store, verb, actor string) error {
	if verb != "refresh" && verb != "resend" {
		return &wire.Error{Status: 400, Code: wire.CodeBadRequest, Message: fmt.Sprintf("%q is no hint", verb), WhatToDo: "write refresh or resend"}
	}
	err := s.known(store)
	if err == nil {
		err = s.h.fleet.Hint(ctx, store, verb)
	}
	d := board.Deed{At: time.Now(), Actor: actor, Origin: "control socket", Verb: "store.hint", Subject: store, Outcome: "ok", Text: verb}
	if err != nil {
		d.Outcome, d.Text = "failed", verb+": "+err.Error()
	}
	s.h.record(ctx, d)
	return err
}

// Forget implements stores.Stores.
func (s shops) Forget(ctx context.Context, store, actor string) error {
	if err := s.known(store); err != nil {
		return err
	}
	return s.h.fleet.Forget(ctx, store, actor)
}
