package fleet

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/export"
)

const (
	exportStores = 10          // of so many stores the board is read at a time
	exportStep   = time.Minute // for a reader to take the rows of so many
	exportPast   = time.Hour   // how old the moment may be for which an export is asked again
)

// export streams the rows that a filter means. The same board and the same moment give the same bytes.
func (s *server) export(form export.Form) http.HandlerFunc {
	return s.answers(func(w http.ResponseWriter, q *query) error {
		o, f, err := s.exported(q)
		if err != nil {
			return err
		}
		mime, suffix := form.Kind()
		h := w.Header()
		h.Set("Content-Type", mime)
		h.Set("Content-Disposition", `attachment; filename="compliance-`+o.Now.Format("20060102T150405Z")+"."+suffix+`"`)
		h.Add("Vary", "Accept-Encoding")
		var out io.Writer = w
		if strings.Contains(q.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
			if err != nil {
				panic("internal error: the level of compression: " + err.Error())
			}
			defer func() {
				if err := z.Close(); err != nil {
					s.Log.Debug("a reader of an export went away", "err", err)
				}
			}()
			out = z
		}
		sum := sha256.New()
		n, err := s.stream(q.Context(), io.MultiWriter(out, sum), http.NewResponseController(w), form, o, f)
		s.exportDone(q, "compliance."+suffix, o.Now, n, hex.EncodeToString(sum.Sum(nil)), err)
		if err != nil {
			panic(http.ErrAbortHandler) // a file that ends in its middle must not look whole
		}
		return nil
	})
}

// exported reads what an export is of. as_of asks for one again, with the moment of before.
func (s *server) exported(q *query) (comply.Options, comply.Filter, error) {
	f, err := q.complyFilter()
	if err != nil {
		return comply.Options{}, f, err
	}
	at, err := s.asOf(q)
	if err != nil {
		return comply.Options{}, f, err
	}
	o, err := s.judged(q.Context(), at)
	return o, f, err
}

// stream writes the rows of a few stores at a time: the board is never kept while a reader is slow.
func (s *server) stream(ctx context.Context, w io.Writer, deadline *http.ResponseController, form export.Form, o comply.Options, f comply.Filter) (n int, err error) {
	var ids []string
	s.Source.View(func(b *board.Board) { ids, _ = comply.Look(b, o).Stores(f) })
	if err := form.Begin(w); err != nil {
		return 0, err
	}
	for some := range slices.Chunk(ids, exportStores) {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		o.Stores = some
		var rows []export.Row
		s.Source.View(func(b *board.Board) {
			v := comply.Look(b, o)
			for r := range v.Rows(f) {
				rows = append(rows, export.Of(v, r, o.Now))
			}
		})
		if records, ok := s.History.(export.Records); ok {
			if err := export.Prove(ctx, records, rows); err != nil {
				return n, err
			}
		}
		// A test's writer has no deadline; then there is nothing to set.
		_ = deadline.SetWriteDeadline(time.Now().Add(exportStep))
		if err := form.Write(w, rows); err != nil {
			return n, err
		}
		n += len(rows)
	}
	return n, nil
}

// exportDone writes an export into the audit log.
func (s *server) exportDone(q *query, what string, at time.Time, rows int, sum string, err error) {
	if s.Register == nil {
		return
	}
	deed := board.Deed{
		At: s.Now(), Actor: q.name, Origin: s.Origin(q.Request), Verb: "export", Subject: what, Outcome: "ok",
		Text: fmt.Sprintf("as of %s, %d rows, filter %q, sha256 %s", rfc(at), rows, q.values.Encode(), sum),
	}
	if err != nil {
		deed.Outcome, deed.Text = "failed", fmt.Sprintf("broken off after %d rows: %v", rows, err)
	}
	// Its reader may be gone already; what was done is written down all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.Context()), 10*time.Second)
	defer cancel()
	if _, err := s.Register.Record(ctx, deed); err != nil {
		s.Log.Error("an export is not in the audit log", "what", what, "err", err)
	}
}
