package page

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"time"
)

// exportPast is how old the moment may be for which an export is asked again.
const exportPast = time.Hour

// AsOf is the moment that an answer is of: now, or one of the last hour that as_of asks for again.
func (s *Server) AsOf(q *Query) (time.Time, error) {
	at := s.Now().UTC().Truncate(time.Second)
	text := q.Values.Get("as_of")
	if text == "" {
		return at, nil
	}
	asked, err := time.Parse(time.RFC3339, text)
	if err != nil || asked.After(at) || at.Sub(asked) > exportPast {
		return at, Refuse(http.StatusBadRequest, "bad_as_of", "as_of must be a time of the last hour such as "+RFC(at)+", not \""+text+"\": what was before is in the evidence packs.")
	}
	return asked.UTC(), nil
}

// CSV serves a report as a table, at /export/NAME.csv, as it is made. The same data and the same moment give the same bytes.
func (s *Server) CSV(name string, head []string, rows func(q *Query, at time.Time, put func(cells ...string) error) error) Route {
	return Route{"GET /export/" + name + ".csv", s.Answers(func(w http.ResponseWriter, q *Query) error {
		at, err := s.AsOf(q)
		if err != nil {
			return err
		}
		sum, out := sha256.New(), NewDownload(w, "text/csv; charset=utf-8", name+"-"+at.Format("20060102T150405Z")+".csv")
		lines := NewLines(io.MultiWriter(out, sum))
		n := -1
		put := func(cells ...string) error {
			if n++; n%100 == 0 {
				if err := lines.Flush(); err != nil {
					return err
				}
			}
			return lines.Write(cells...)
		}
		if err = put(slices.Clone(head)...); err == nil {
			err = rows(q, at, put)
		}
		if err != nil && !out.Begun() {
			return err
		}
		if flushed := lines.Flush(); err == nil {
			err = flushed
		}
		s.Exported(q, name+".csv", at, n, hex.EncodeToString(sum.Sum(nil)), err)
		if err != nil {
			panic(http.ErrAbortHandler) // a file that ends in its middle must not look whole
		}
		return nil
	})}
}
