package compliance

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/compliance/export"
)

const (
	exportStores = 10          // of so many stores the board is read at a time
	exportStep   = time.Minute // for a reader to take the rows of so many
)

// export streams the rows that a filter means. The same board and the same moment give the same bytes.
func (s *Pages) export(form export.Form) http.HandlerFunc {
	return s.Answers(func(w http.ResponseWriter, q *page.Query) error {
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
		s.Exported(q, "compliance."+suffix, o.Now, n, hex.EncodeToString(sum.Sum(nil)), err)
		if err != nil {
			panic(http.ErrAbortHandler) // a file that ends in its middle must not look whole
		}
		return nil
	})
}

// exported reads what an export is of. as_of asks for one again, with the moment of before.
func (s *Pages) exported(q *page.Query) (comply.Options, comply.Filter, error) {
	f, err := complyFilter(q)
	if err != nil {
		return comply.Options{}, f, err
	}
	at, err := s.AsOf(q)
	if err != nil {
		return comply.Options{}, f, err
	}
	o, err := s.Judged(q.Context(), at)
	return o, f, err
}

// stream writes the rows of a few stores at a time: the board is never kept while a reader is slow.
func (s *Pages) stream(ctx context.Context, w io.Writer, deadline *http.ResponseController, form export.Form, o comply.Options, f comply.Filter) (n int, err error) {
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
		if records := s.Records; records != nil {
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
