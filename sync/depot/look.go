package depot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Held is what the depot has of an artifact.
type Held struct {
	Whole    bool
	Bytes    int64     // that are there
	Arrived  time.Time // when it was whole, its digest compared; zero unless Whole
	Verified time.Time // when its digest was compared last, as far as this process knows; zero unless Whole
}

// Look says what the depot has of an artifact. It reads no bytes of it.
func (d *Depot) Look(a site.Artifact) Held {
	if check(a) != nil {
		return Held{}
	}
	if st, err := os.Lstat(d.path(a)); err == nil && st.Mode().IsRegular() && st.Size() == a.Size {
		h := Held{Whole: true, Bytes: a.Size, Arrived: st.ModTime(), Verified: st.ModTime()}
		d.mu.Lock()
		defer d.mu.Unlock()
		if at, again := d.verified[a.SHA256]; again && at.After(h.Verified) {
			h.Verified = at
		}
		return h
	}
	if st, err := os.Lstat(d.part(a)); err == nil && st.Mode().IsRegular() {
		return Held{Bytes: min(st.Size(), a.Size)}
	}
	return Held{}
}

// Use is how much room a depot takes.
type Use struct {
	Bytes int64 // of all its files
	Files int
	Free  int64 // bytes that may still be written on its disk
}

// Use says how much room the depot takes. A depot that was never used takes none.
func (d *Depot) Use() (Use, error) {
	var u Use
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return u, nil
	}
	if err != nil {
		return u, fmt.Errorf("cannot look into the depot: %w", err)
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil && digestPattern.MatchString(strings.TrimSuffix(e.Name(), ".part")) {
			u.Bytes, u.Files = u.Bytes+st.Size(), u.Files+1
		}
	}
	free, err := d.free(d.dir)
	if err != nil {
		return u, fmt.Errorf("cannot ask how full the disk of the depot is: %w", err)
	}
	u.Free = int64(min(free, 1<<62))
	return u, nil
}

// note remembers that an artifact was whole just now.
func (d *Depot) note(a site.Artifact) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verified[a.SHA256] = time.Now()
}
