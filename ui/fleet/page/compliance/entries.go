package compliance

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/site/board/register"
)

// entriesWait is for the register to answer.
const entriesWait = 2 * time.Second

// Entries reads the register of exceptions with the versions of its notes. Without a register there
// are none. What cannot be read is in the log and holds nothing.
func (s *Pages) Entries(ctx context.Context) ([]register.Entry, map[string]int64, error) {
	if s.Notes == nil {
		return nil, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, entriesWait)
	defer cancel()
	notes, err := s.Notes.Notes(ctx, register.NoteKind)
	if err != nil {
		return nil, nil, err
	}
	versions := map[string]int64{}
	for _, n := range notes {
		versions[n.ID] = n.Version
	}
	entries, err := register.Read(notes)
	if err != nil {
		s.Log.Error("an exception of the register is passed over", "err", err)
	}
	return entries, versions, nil
}
