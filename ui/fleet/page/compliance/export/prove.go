package export

import (
	"context"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
)

// proofLimit is how long the hashes of the rows that are proven at once may take.
const proofLimit = 30 * time.Second

// Records are the events with their hashes. With them an export names the record that proves each row.
type Records interface {
	EachEvent(ctx context.Context, q board.Query, do func(board.Event) error) error
}

// Prove looks up the hash of the record that proves each row. The rows of a store stand together.
func Prove(ctx context.Context, records Records, rows []Row) error {
	ctx, cancel := context.WithTimeout(ctx, proofLimit)
	defer cancel()
	for from := 0; from < len(rows); {
		to := from
		wanted := map[board.Mark][]int{}
		var first time.Time
		for ; to < len(rows) && rows[to].Store == rows[from].Store; to++ {
			if r := &rows[to]; r.proof != (board.Mark{}) {
				wanted[r.proof] = append(wanted[r.proof], to)
				if first.IsZero() || r.VerifiedAt.Before(first) { // whole seconds, rounded down
					first = r.VerifiedAt
				}
			}
		}
		if len(wanted) > 0 {
			q := board.Query{Store: rows[from].Store, Kinds: []run.Kind{run.StepEnded, run.PatchSettled}, From: first}
			err := records.EachEvent(ctx, q, func(e board.Event) error {
				for _, i := range wanted[board.Mark{Stream: e.No, Seq: e.Seq}] {
					rows[i].EvidenceHash = e.Hash
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("cannot read what proves the rows of store %s: %w", rows[from].Store, err)
			}
		}
		from = to
	}
	return nil
}
