package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site/run"
)

const (
	defaultRecords = 100     // without a limit
	maxRecords     = 100_000 // in one answer that is not followed
	page           = 256     // read from the journal at a time
)

// excerpt is which records are asked for.
type excerpt struct {
	from   uint64 // the first; 0 = the first one kept
	limit  int    // at most, counted from there; with follow, no bound
	follow bool
}

// journal writes records, one JSON value a line, and goes on with new ones when it is followed.
func (s *Server) journal(w http.ResponseWriter, r *http.Request) {
	ask, err := s.excerpt(r.URL.Query())
	if err != nil {
		s.socket.Refuse(w, err)
		return
	}
	s.socket.Deadline(w, socket.Quick)
	first, err := s.Journal.Since(ask.from, min(page, ask.limit))
	if err != nil {
		s.socket.Refuse(w, err)
		return
	}
	s.socket.Head(w, "application/x-ndjson")
	w.Header().Set("Nightfill-Stream", s.Journal.Stream())
	w.WriteHeader(http.StatusOK)
	if err := s.stream(r.Context(), w, ask, first); err != nil && !errors.Is(err, context.Canceled) {
		s.Log.Debug("a reader of the journal went away", "err", err)
	}
}

// excerpt reads the query. Without since it begins so that the newest records, limit of them, are shown.
func (s *Server) excerpt(q url.Values) (excerpt, error) {
	ask := excerpt{limit: defaultRecords}
	var err error
	if text := q.Get("limit"); text != "" {
		if ask.limit, err = strconv.Atoi(text); err != nil || ask.limit < 1 || ask.limit > maxRecords {
			return ask, wire.Bad("write a number from 1 to "+strconv.Itoa(maxRecords), "limit %q is not a number of records", text)
		}
	}
	if text := q.Get("follow"); text != "" {
		if ask.follow, err = strconv.ParseBool(text); err != nil {
			return ask, wire.Bad("write true or false", "follow %q is not an answer", text)
		}
	}
	if text := q.Get("since"); text != "" {
		if ask.from, err = strconv.ParseUint(text, 10, 64); err != nil {
			return ask, wire.Bad("write a whole number, 0 for the first one kept", "since %q is not the number of a record", text)
		}
		return ask, nil
	}
	return s.newest(ask)
}

// newest begins limit records before the end, or with the first one kept.
func (s *Server) newest(ask excerpt) (excerpt, error) {
	last := s.Journal.Last()
	if last < uint64(ask.limit) {
		return ask, nil
	}
	ask.from = last - uint64(ask.limit) + 1
	first, err := s.Journal.Since(0, 1)
	if err == nil && len(first) == 1 {
		ask.from = max(ask.from, first[0].Seq)
	}
	return ask, err
}

// stream writes pages of records until limit, the end of the journal, or, when it is followed,
// until the reader or the daemon ends it.
func (s *Server) stream(ctx context.Context, w http.ResponseWriter, ask excerpt, records []run.Record) error {
	e, flush := json.NewEncoder(w), http.NewResponseController(w)
	e.SetEscapeHTML(false)
	next, left := ask.from, ask.limit
	for {
		s.socket.Deadline(w, socket.Quick)
		for _, r := range records {
			if err := e.Encode(r); err != nil {
				return err
			}
			next, left = r.Seq+1, left-1
		}
		if err := flush.Flush(); err != nil {
			return err
		}
		if !ask.follow && (left < 1 || len(records) == 0) {
			return nil
		}
		if ask.follow && len(records) == 0 {
			if err := s.Journal.Wait(ctx, max(next, 1)-1); err != nil {
				return err
			}
		}
		var err error
		if records, err = s.Journal.Since(next, s.pageOf(ask, left)); err != nil {
			return err
		}
	}
}

func (s *Server) pageOf(ask excerpt, left int) int {
	if ask.follow {
		return page
	}
	return min(page, left)
}
