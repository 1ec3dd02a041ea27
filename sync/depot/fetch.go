package depot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nightfill/nightfill/site"
)

// errRetry wraps a failure after which going on from where the download stopped may help.
var errRetry = errors.New("interrupted")

// Fetch brings an artifact into the depot unless it is there. It goes on from where an
// earlier Fetch stopped, also one of another process. While bytes arrive it tries again
// after a drop; without progress it returns, and what arrived stays for the next Fetch.
// Bytes with another digest are thrown away. When the disk is full nothing else is lost.
func (d *Depot) Fetch(ctx context.Context, a site.Artifact) error {
	if err := check(a); err != nil {
		return err
	}
	if d.Has(a) {
		return nil
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the depot: %w", err)
	}
	f, err := d.claim(ctx, a)
	if err != nil {
		return fmt.Errorf("cannot fetch %s: %w", a.Name, err)
	}
	if f == nil {
		return nil // another one fetched it meanwhile
	}
	defer f.Close()
	g := &download{d: d, a: a, f: f, hash: sha256.New()}
	if err := g.run(ctx); err != nil {
		return fmt.Errorf("cannot fetch %s: %w", a.Name, err)
	}
	return nil
}

// claim opens and locks the part file. Two fetches of one artifact wait for each other,
// across processes too; nil means that the artifact is complete now.
func (d *Depot) claim(ctx context.Context, a site.Artifact) (*os.File, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		f, err := os.OpenFile(d.part(a), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && sameFile(f, d.part(a)) {
			if d.Has(a) {
				return nil, errors.Join(os.Remove(d.part(a)), f.Close())
			}
			return f, nil
		}
		f.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, err
		}
		if d.Has(a) {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// sameFile reports whether path still names the open file: the one who held the lock may have renamed it.
func sameFile(f *os.File, path string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(have, there)
}

// download is one Fetch that holds the part file.
type download struct {
	d    *Depot
	a    site.Artifact
	f    *os.File
	hash hash.Hash // of the first have bytes
	have int64
}

func (g *download) run(ctx context.Context) error {
	if err := g.resume(ctx); err != nil {
		return err
	}
	if err := g.room(); err != nil {
		return err
	}
	for g.have < g.a.Size {
		before := g.have
		err := g.attempt(ctx)
		if err != nil && (!errors.Is(err, errRetry) || g.have == before || ctx.Err() != nil) {
			return err
		}
	}
	return g.complete()
}

// resume hashes what is there already.
func (g *download) resume(ctx context.Context) error {
	st, err := g.f.Stat()
	if err != nil {
		return err
	}
	if st.Size() > g.a.Size {
		return g.truncate(0)
	}
	g.have, err = io.Copy(g.hash, &reader{ctx, g.f})
	return err
}

// room refuses to begin what cannot end for want of space.
func (g *download) room() error {
	free, err := g.d.free(g.d.dir)
	if err != nil {
		return nil // not every file system tells; writing will
	}
	if need := uint64(g.a.Size - g.have); free < need {
		return site.Because(site.CodeNotCached,
			fmt.Sprintf("the disk is too full: %d more bytes are needed, %d are free in %s", need, free, g.d.dir),
			"need", strconv.FormatUint(need, 10), "free", strconv.FormatUint(free, 10))
	}
	return nil
}

// truncate goes back to the first n bytes, which is 0 or what g.have was before.
func (g *download) truncate(n int64) error {
	if err := g.f.Truncate(n); err != nil {
		return err
	}
	if _, err := g.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	g.hash.Reset()
	var err error
	g.have, err = io.Copy(g.hash, g.f)
	return err
}

// attempt makes one request for what is missing.
func (g *download) attempt(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	address := g.d.base + site.ArtifactPath(url.PathEscape(g.a.SHA256))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity") // ranges and lengths are of the bytes themselves
	if g.have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", g.have))
	}
	w := watch(g.d.stall, g.floor(), cancel)
	defer w.stop()
	resp, err := g.d.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", address, cause(ctx, err))
	}
	defer resp.Body.Close()
	skip, err := g.accept(resp)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if err := g.receive(ctx, resp.Body, skip, w); err != nil {
		return fmt.Errorf("%s: %w", address, cause(ctx, err))
	}
	return nil
}

// floor is the slowest download that is let go on, in bytes per second.
func (g *download) floor() int64 {
	if rate := g.d.rate(); rate > 0 {
		return min(1024, rate/2)
	}
	return 1024
}

// cause prefers the reason for which the context ended to the error that its end made.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", errRetry, why)
	}
	return err
}

// accept checks status and headers, and returns how many bytes of the body are there already.
func (g *download) accept(resp *http.Response) (skip int64, err error) {
	rest := g.a.Size - g.have
	switch resp.StatusCode {
	case http.StatusOK: // the whole file, whatever was asked
		rest, skip = g.a.Size, g.have
	case http.StatusPartialContent:
		want := fmt.Sprintf("bytes %d-%d/%d", g.have, g.a.Size-1, g.a.Size)
		if got := resp.Header.Get("Content-Range"); got != want {
			return 0, fmt.Errorf("the server sent range %q, asked was %q: the file there is not the one that was signed", got, want)
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, fmt.Errorf("the server says that its file has no more than %d bytes, signed are %d: the file there is not the one that was signed", g.have, g.a.Size)
	case http.StatusNotFound, http.StatusForbidden:
		return 0, fmt.Errorf("%s: headquarters must publish again with all files", resp.Status)
	default:
		return 0, errors.New(resp.Status)
	}
	if resp.Header.Get("Content-Encoding") != "" {
		return 0, errors.New("the server compressed the file although that was not asked for")
	}
	if resp.ContentLength >= 0 && resp.ContentLength != rest {
		return 0, fmt.Errorf("the server sends %d bytes, expected %d: the file there is not the one that was signed", resp.ContentLength, rest)
	}
	return skip, nil
}

// receive appends the body to the part file. A body that ends cleanly but has another
// length is no part of the artifact: none of it is kept.
func (g *download) receive(ctx context.Context, body io.Reader, skip int64, w *watchdog) error {
	before := g.have
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		w.add(n)
		chunk := buf[:n]
		drop := min(skip, int64(len(chunk)))
		skip -= drop
		chunk = chunk[drop:]
		if g.have+int64(len(chunk)) > g.a.Size {
			return errors.Join(fmt.Errorf("the file is longer than the %d bytes that were signed", g.a.Size), g.truncate(before))
		}
		if werr := g.append(chunk); werr != nil {
			return werr
		}
		if err == io.EOF && g.have < g.a.Size {
			return errors.Join(fmt.Errorf("the file ends after %d bytes, signed are %d", g.have, g.a.Size), g.truncate(before))
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w after %d of %d bytes: %v", errRetry, g.have, g.a.Size, err)
		}
		if err := g.pace(ctx, n); err != nil {
			return err
		}
	}
}

func (g *download) append(chunk []byte) error {
	n, err := g.f.Write(chunk)
	g.hash.Write(chunk[:n])
	g.have += int64(n)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return site.Because(site.CodeNotCached, fmt.Sprintf("the disk is full after %d of %d bytes: make room in %s; the download goes on from there", g.have, g.a.Size, g.d.dir))
	}
	return err
}

// pace waits so that the download stays below the rate.
func (g *download) pace(ctx context.Context, n int) error {
	rate := g.d.rate()
	if rate <= 0 || n == 0 {
		return nil
	}
	t := time.NewTimer(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// complete gives the file its name once its digest is right.
func (g *download) complete() error {
	if got := hex.EncodeToString(g.hash.Sum(nil)); got != g.a.SHA256 {
		return errors.Join(
			fmt.Errorf("the bytes have sha256 %s, signed is %s: they were thrown away; the server or the line changes them", got, g.a.SHA256),
			os.Remove(g.d.part(g.a)))
	}
	if err := errors.Join(g.f.Chmod(0o644), g.f.Sync()); err != nil {
		return err
	}
	if err := os.Rename(g.d.part(g.a), g.d.path(g.a)); err != nil {
		return err
	}
	dir, err := os.Open(g.d.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// watchdog gives a download up that is too slow for too long.
type watchdog struct {
	bytes atomic.Int64
	done  chan struct{}
	ended chan struct{}
}

// watch cancels when less than floor bytes per second arrive during a whole period.
func watch(period time.Duration, floor int64, cancel context.CancelCauseFunc) *watchdog {
	w := &watchdog{done: make(chan struct{}), ended: make(chan struct{})}
	least := max(1, int64(period.Seconds()*float64(floor)))
	go func() {
		defer close(w.ended)
		t := time.NewTicker(period)
		defer t.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-t.C:
				if got := w.bytes.Swap(0); got < least {
					cancel(fmt.Errorf("the line is too slow: %d bytes in %s", got, period))
					return
				}
			}
		}
	}()
	return w
}

func (w *watchdog) add(n int) { w.bytes.Add(int64(n)) }

// stop ends the watchdog and waits for it.
func (w *watchdog) stop() {
	close(w.done)
	<-w.ended
}
