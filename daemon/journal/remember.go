package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// trace is what the lock file remembers of the journal beside it: its stream, and a record that is on disk in
// it. It is written without a sync, when the journal is opened, copied and closed: it may lag behind the journal,
// and is never ahead of it. The zero trace knows of no journal.
type trace struct {
	stream string
	seq    uint64
}

const traceSize = 64

// recall reads a trace. What cannot be read is no trace: boxes of earlier versions left none.
func recall(lock *os.File) trace {
	line := make([]byte, traceSize)
	n, _ := lock.ReadAt(line, 0)
	var t trace
	if _, err := fmt.Sscanf(string(line[:n]), "stream %26s record %d\n", &t.stream, &t.seq); err != nil {
		return trace{}
	}
	return t
}

// remember leaves a trace in the lock file. Its length is always the same, so that nothing older is left behind it.
func (t trace) remember(lock *os.File) error {
	line := fmt.Sprintf("stream %26s record %d", t.stream, t.seq)
	_, err := lock.WriteAt([]byte(line+strings.Repeat(" ", traceSize-1-len(line))+"\n"), 0)
	return err
}

// missing refuses to begin a new journal where there was one.
func (t trace) missing(dir string) error {
	if t.stream == "" {
		return nil
	}
	how := putBack(dir)
	if saved, err := filepath.Glob(filepath.Join(dir, fileName+savedInfix+"*")); err == nil && len(saved) > 0 {
		how += "; the newest that was saved of it is " + saved[len(saved)-1]
	}
	return refuse(ErrGone, "it is gone, and this box wrote at least %d records to it (stream %s): %s", t.seq, t.stream, how)
}

// fits refuses a journal that cannot be the one that was here last, or is an older copy of it.
func (t trace) fits(dir, stream string, last uint64) error {
	switch {
	case t.stream != "" && stream != t.stream:
		return refuse(ErrForeign, "it is another journal (stream %s) than the one that this box wrote here (stream %s): %s", stream, t.stream, putBack(dir))
	case t.stream != "" && last < t.seq:
		return refuse(ErrOlder, "it is an older copy of itself: it ends with record %d, and record %d was on disk; going on with it would give numbers twice: %s",
			last, t.seq, putBack(dir))
	}
	return nil
}

func putBack(dir string) string {
	return "put the right one back, or let the box begin a new one with: nightfill journal set-aside --state " + dir
}

// traceBeside reads the trace beside a journal file that nobody may have opened yet.
func traceBeside(path string) trace {
	lock, err := os.Open(filepath.Join(filepath.Dir(path), lockName))
	if err != nil {
		return trace{}
	}
	defer lock.Close()
	return recall(lock)
}

// fitsHere holds the outcome of a check of the file at path against the trace beside it. Copies, and
// journals that were set aside, have other names, and no trace.
func fitsHere(path string, sum Summary, err error) error {
	if filepath.Base(path) != fileName {
		return err
	}
	t, dir := traceBeside(path), filepath.Dir(path)
	switch gone := t.missing(dir); {
	case errors.Is(err, os.ErrNotExist) && gone != nil:
		return gone
	case err != nil:
		return err
	}
	return t.fits(dir, sum.Stream, sum.Last)
}

// note remembers the newest record on disk. io is held. A trace that cannot be written makes the next look at
// the journal less strict, and nothing else.
func (j *Journal) note() {
	if err := (trace{j.stream, j.Durable()}).remember(j.lock); err != nil {
		j.opts.Log.Warn("cannot note the newest record of the journal beside it", "path", j.lock.Name(), "error", err)
	}
}
