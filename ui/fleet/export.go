package fleet

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/run"
)

const (
	exportStores = 10               // of so many stores the board is read at a time
	exportStep   = time.Minute      // for a reader to take the rows of so many
	exportPast   = time.Hour        // how old the moment may be for which an export is asked again
	proofLimit   = 30 * time.Second // for the hashes of so many stores
)

// Records are the events with their hashes. A History that has them lets an export name the record
// that proves each row.
type Records interface {
	EachEvent(ctx context.Context, q board.Query, do func(board.Event) error) error
}

// rowWriter writes rows in one form.
type rowWriter interface {
	kind() (mime, suffix string)
	begin(w io.Writer) error
	write(w io.Writer, rows []exportRow) error
}

// export streams the rows that a filter means. The same board and the same moment give the same bytes.
func (s *server) export(form rowWriter) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := s.ask(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		o, f, err := s.exported(q)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		mime, suffix := form.kind()
		h := w.Header()
		h.Set("Content-Type", mime)
		h.Set("Content-Disposition", `attachment; filename="compliance-`+o.Now.Format("20060102T150405Z")+"."+suffix+`"`)
		h.Add("Vary", "Accept-Encoding")
		var out io.Writer = w
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
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
		n, err := s.stream(r.Context(), io.MultiWriter(out, sum), http.NewResponseController(w), form, o, f)
		s.exportDone(q, "compliance."+suffix, o.Now, n, hex.EncodeToString(sum.Sum(nil)), err)
		if err != nil {
			panic(http.ErrAbortHandler) // a file that ends in its middle must not look whole
		}
	}
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
func (s *server) stream(ctx context.Context, w io.Writer, deadline *http.ResponseController, form rowWriter, o comply.Options, f comply.Filter) (n int, err error) {
	var ids []string
	s.Source.View(func(b *board.Board) { ids, _ = comply.Look(b, o).Stores(f) })
	if err := form.begin(w); err != nil {
		return 0, err
	}
	for some := range slices.Chunk(ids, exportStores) {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		o.Stores = some
		var rows []exportRow
		s.Source.View(func(b *board.Board) {
			v := comply.Look(b, o)
			for r := range v.Rows(f) {
				rows = append(rows, exportOf(v, r, o.Now))
			}
		})
		if records, ok := s.History.(Records); ok {
			if err := prove(ctx, records, rows); err != nil {
				return n, err
			}
		}
		// A test's writer has no deadline; then there is nothing to set.
		_ = deadline.SetWriteDeadline(time.Now().Add(exportStep))
		if err := form.write(w, rows); err != nil {
			return n, err
		}
		n += len(rows)
	}
	return n, nil
}

// prove looks up the hash of the record that proves each row.
func prove(ctx context.Context, records Records, rows []exportRow) error {
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

// csvRows writes rows as RFC 4180 has it, one line of names before them.
type csvRows struct{}

func (csvRows) kind() (mime, suffix string) { return "text/csv; charset=utf-8", "csv" }

func (csvRows) begin(w io.Writer) error {
	var names []string
	for _, c := range exportColumns() {
		names = append(names, c.name)
	}
	c := csvRows{}.writer(w)
	_ = c.Write(names) // Flush has its error
	c.Flush()
	return c.Error()
}

func (csvRows) write(w io.Writer, rows []exportRow) error {
	columns := exportColumns()
	c := csvRows{}.writer(w)
	line := make([]string, len(columns))
	for i := range rows {
		for k, column := range columns {
			line[k] = inert(column.of(&rows[i]))
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func (csvRows) writer(w io.Writer) *csv.Writer {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return c
}

// inert keeps a spreadsheet from reading a text as a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// jsonRows writes each row as a JSON object on a line of its own.
type jsonRows struct{}

func (jsonRows) kind() (mime, suffix string) { return "application/jsonl", "jsonl" }

func (jsonRows) begin(io.Writer) error { return nil }

func (jsonRows) write(w io.Writer, rows []exportRow) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i := range rows {
		if err := e.Encode(rows[i]); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
