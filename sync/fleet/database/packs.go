package database

import (
	"context"

	"github.com/nightfill/nightfill/site/board"
)

// eachPacked calls do for the events of a stream that are packed.
func (db *DB) eachPacked(context.Context, history, board.Query, uint64, func(board.Event) error) error {
	return nil
}
