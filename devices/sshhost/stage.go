package sshhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/nightfill/nightfill/devices/sshhost/reply"
	"github.com/nightfill/nightfill/site"
)

// uploadAtMost is how much one session carries; a cut loses no more than what was under way.
const uploadAtMost = 128 << 20

// Stage implements devices.Driver. The bytes grow in a file beside the final one, which appears
// only after the device's own digest of the whole equals the artifact's.
func (d *Driver) Stage(ctx context.Context, dev site.Device, a site.Artifact, r io.ReaderAt) error {
	if err := checkArtifact(a); err != nil {
		return fmt.Errorf("cannot stage on %s: %w", dev.ID, err)
	}
	names := quote(a.SHA256) + " " + quote(a.Name) + " " + strconv.FormatInt(a.Size, 10) + " " + quote(d.opts.Box)
	for {
		out, err := d.call(ctx, dev, deviceText+"stage_begin "+names+" </dev/null\n", answerAtMost)
		if err != nil {
			return err
		}
		have, part, complete, err := reply.Stage(out)
		if err != nil || complete {
			return err
		}
		n := min(a.Size-have, uploadAtMost)
		if n > 0 {
			if err := d.upload(ctx, dev, a, part, have, io.NewSectionReader(r, have, n), n); err != nil {
				return err
			}
		}
		if have+n >= a.Size {
			break
		}
	}
	_, err := d.call(ctx, dev, deviceText+"stage_end "+names+" </dev/null\n", answerAtMost)
	return err
}

// appendText appends what comes in to the file $1 of $2 bytes. Beside it stands which process does so: no other one begins
// until this one is gone and stage_begin has looked. A file that has become another one meanwhile is left alone.
const appendText = `echo "nightfill 1"; no() { echo "error - $1"; exit 1; }; ` +
	`cat /proc/$$/stat >"$1.by.$$" || no "cannot write $1.by"; ln "$1.by.$$" "$1.by"; won=$?; rm -f "$1.by.$$"; ` +
	`[ $won = 0 ] || no "another transfer of $1 is under way"; ` +
	`[ "$(($(wc -c <"$1")))" = "$2" ] || no "$1 does not have $2 bytes any more"; exec cat >>"$1"`

// upload appends n bytes to the file on the device, which has so many.
func (d *Driver) upload(ctx context.Context, dev site.Device, a site.Artifact, part string, have int64, r io.Reader, n int64) error {
	source := &source{r: r}
	line := asRoot("exec $r sh -c "+quote(appendText)+` nightfill "$1" "$2"`, part, strconv.FormatInt(have, 10))
	res, err := d.exec(ctx, dev, line, source, answerAtMost)
	if err != nil {
		return err
	}
	if _, err := answer(dev, res); err != nil {
		return err
	}
	if source.err != nil {
		return fmt.Errorf("cannot read %s: %w", a.Name, source.err)
	}
	if source.n != n {
		return fmt.Errorf("cannot stage %s on %s: its source has fewer than %d bytes", a.Name, dev.ID, a.Size)
	}
	return nil
}

// source counts what is read and keeps the error, which the SSH library does not always tell.
// It is read by one goroutine, which has ended before the fields are looked at.
type source struct {
	r   io.Reader
	n   int64
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
		err = io.EOF
	}
	return n, err
}
