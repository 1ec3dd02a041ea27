package page

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// readStep is for a reader to take what was made, and for headquarters to make more.
const readStep = 5 * time.Minute

// Download sends the headers of a file with its first byte, and gives its reader time as long as it reads.
type Download struct {
	w       http.ResponseWriter
	control *http.ResponseController
	kind    string
	name    string // "": it is shown, and not kept as a file
	begun   bool
}

// NewDownload sends a file of a kind; with a name it is kept as one, and else shown.
func NewDownload(w http.ResponseWriter, kind, name string) *Download {
	return &Download{w: w, control: http.NewResponseController(w), kind: kind, name: name}
}

// Write implements io.Writer.
func (d *Download) Write(b []byte) (int, error) {
	if !d.begun {
		d.begun = true
		h := d.w.Header()
		h.Set("Content-Type", d.kind)
		if d.name != "" {
			h.Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
		}
	}
	d.Wait()
	return d.w.Write(b)
}

// Begun reports whether anything was sent.
func (d *Download) Begun() bool { return d.begun }

// Wait gives the reader more time.
func (d *Download) Wait() {
	// A test's writer has no deadline; then there is nothing to set.
	_ = d.control.SetWriteDeadline(time.Now().Add(readStep))
}

// Exported writes an export into the audit log.
func (s *Server) Exported(q *Query, what string, at time.Time, rows int, sum string, err error) {
	if s.Deeds == nil {
		return
	}
	deed := board.Deed{
		At: s.Now(), Actor: q.Name, Origin: s.Origin(q.Request), Verb: "export", Subject: what, Outcome: "ok",
		Text: fmt.Sprintf("as of %s, %d rows, filter %q, sha256 %s", RFC(at), rows, q.Values.Encode(), sum),
	}
	if err != nil {
		deed.Outcome, deed.Text = "failed", fmt.Sprintf("broken off after %d rows: %v", rows, err)
	}
	// Its reader may be gone already; what was done is written down all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.Context()), 10*time.Second)
	defer cancel()
	if _, err := s.Deeds.Record(ctx, deed); err != nil {
		s.Log.Error("an export is not in the audit log", "what", what, "err", err)
	}
}
