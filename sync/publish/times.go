package publish

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"time"

	"github.com/nightfill/nightfill/site"
)

// timesName is the file of the PatchTimes, by patch. It is for people and reports: nothing is decided
// by it, and stores never see it.
const timesName = "times.json"

// PatchTimes is what happened to a patch in the catalog, and when. Zero: it did not happen, or before
// a version of the program that noted it.
type PatchTimes struct {
	Acquired  time.Time `json:"acquired,omitzero"`  // its draft, as it was signed later, was made
	Approved  time.Time `json:"approved,omitzero"`  // enough keys of its owner had signed
	Published time.Time `json:"published,omitzero"` // stores of a ring could first see it
}

// Times reads when each patch was acquired, approved and published.
func (r *Repo) Times() (map[string]PatchTimes, error) {
	times := map[string]PatchTimes{}
	err := readJSON(r.path(timesName), &times)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return times, err
}

// noteApproved notes that a draft is signed by enough keys of its owner.
func (b *book) noteApproved(d draft) error {
	made, err := os.Stat(b.path(draftsDir, d.patch.ID+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	signed, err := os.Stat(b.File(d.patch.Owner))
	if err != nil {
		return err
	}
	return b.noteTimes(func(times map[string]PatchTimes) {
		times[d.patch.ID] = PatchTimes{Acquired: whole(made.ModTime()), Approved: whole(signed.ModTime())}
	})
}

// notePublished notes the patches that stores can see for the first time.
func (p *publication) notePublished() error {
	fleet, err := p.content(site.FleetRole, p.Signed.Roles[site.FleetRole])
	if err != nil {
		return err
	}
	return p.noteTimes(func(times map[string]PatchTimes) {
		for id := range fleet.Rules.Releases {
			owner := p.ownerOf(id)
			if owner == "" || p.signedTarget(owner, id) == nil || !times[id].Published.IsZero() {
				continue
			}
			t := times[id]
			t.Published = p.o.Now
			times[id] = t
		}
	})
}

// noteTimes changes the times, and writes them when that made a difference.
func (b *book) noteTimes(change func(map[string]PatchTimes)) error {
	times, err := b.Times()
	if err != nil {
		return err
	}
	before := maps.Clone(times)
	change(times)
	if maps.Equal(before, times) {
		return nil
	}
	return writeJSON(b.path(timesName), times)
}

func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
