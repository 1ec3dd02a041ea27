package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/console/live"
)

const (
	recordsMost = 1000  // records of one request
	pageSize    = 256   // records read at a time
	looked      = 50000 // records that are looked through for those of one device
)

// Journal is the journal of the box. Only records that can never be lost are visible.
type Journal interface {
	live.Journal
	// Verify checks every record and says what it found.
	Verify(ctx context.Context) (any, error)
}

// records returns a part of the journal as JSON lines: ?before=, ?limit= and ?device=, or ?from= and ?limit=; with
// ?download=1 all that is kept, as a file.
func (c *Console) records(w http.ResponseWriter, r *http.Request, _ live.User) {
	q := r.URL.Query()
	number := func(name string, or uint64) uint64 {
		n, err := strconv.ParseUint(q.Get(name), 10, 64)
		if err != nil {
			return or
		}
		return n
	}
	limit := min(max(1, number("limit", 200)), recordsMost)
	if q.Get("download") == "1" {
		w.Header().Set("Content-Disposition", `attachment; filename="nightfill-`+c.Store+`-journal.jsonl"`)
		c.lines(w, c.Journal.First(), ^uint64(0))
		return
	}
	if q.Has("from") {
		c.lines(w, max(number("from", 1), c.Journal.First()), limit)
		return
	}
	records, err := c.before(number("before", 0), limit, q.Get("device"))
	if err != nil {
		c.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	e := json.NewEncoder(w)
	for _, r := range records {
		if e.Encode(r) != nil {
			return
		}
	}
}

// lines writes records from a number on, as many as limit.
func (c *Console) lines(w http.ResponseWriter, from, limit uint64) {
	w.Header().Set("Content-Type", "application/jsonl")
	longer(w, askLimit)
	e, last := json.NewEncoder(w), c.Journal.Last()
	for limit > 0 && from <= last {
		page, err := c.Journal.Since(from, int(min(limit, pageSize)))
		if err != nil || len(page) == 0 {
			return
		}
		for _, r := range page {
			if e.Encode(r) != nil {
				return
			}
			from, limit = r.Seq+1, limit-1
		}
	}
}

// verify has the whole journal checked.
func (c *Console) verify(w http.ResponseWriter, r *http.Request, _ live.User) {
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	longer(w, askLimit)
	v, err := c.Journal.Verify(ctx)
	if err != nil {
		c.fail(w, err)
		return
	}
	c.json(w, http.StatusOK, v)
}

// line is a record as the page without scripts shows it.
type line struct {
	Seq                      uint64
	At, Kind, Device, Detail string
}

// journalPage shows a page of the journal without scripts, the newest first.
func (c *Console) journalPage(w http.ResponseWriter, r *http.Request, who live.User) {
	before, _ := strconv.ParseUint(r.URL.Query().Get("before"), 10, 64) // 0 = from the newest on
	records, err := c.before(before, 100, "")
	if err != nil {
		c.Log.Error("cannot read the journal for the console", "err", err)
		http.Error(w, "The journal cannot be read. The log of the box says why.", http.StatusInternalServerError)
		return
	}
	v := struct {
		Lines []line
		Older uint64
	}{}
	for _, r := range slices.Backward(records) {
		v.Lines = append(v.Lines, line{Seq: r.Seq, At: c.clock(r.Event.At), Kind: string(r.Event.Kind), Device: r.Event.Device, Detail: detail(r.Event)})
	}
	if len(records) > 0 && records[0].Seq > c.Journal.First() {
		v.Older = records[0].Seq
	}
	c.page(w, http.StatusOK, "journal", look{Title: "Journal", User: who, In: true, Body: v})
}

// detail puts an event into one line.
func detail(e run.Event) string {
	var parts []string
	add := func(format string, text string) {
		if text != "" {
			parts = append(parts, fmt.Sprintf(format, text))
		}
	}
	add("%s", e.Patch)
	add("%s", string(e.Step))
	add("%s", string(e.Outcome))
	if e.To != "" {
		add("%s", words(string(e.From))+" -> "+words(string(e.To)))
	}
	add("%s", string(e.Verdict))
	add("by %s", e.Actor)
	if e.Hold != nil {
		add("until %s", e.Hold.Until.UTC().Format(time.RFC3339))
	}
	if e.Check != nil {
		add("%s", e.Check.Check+" "+string(e.Check.Outcome)+" "+e.Check.Seen)
	}
	add("%s", e.Text)
	if e.Reason != nil {
		add("%s", e.Reason.Text)
	}
	return strings.Join(parts, " · ")
}

// before returns up to limit records below a number, 0 for the newest, in order; of one device, or of all when
// device is "".
func (c *Console) before(seq, limit uint64, device string) ([]run.Record, error) {
	first, last := c.Journal.First(), c.Journal.Last()
	if seq == 0 || seq > last+1 {
		seq = last + 1
	}
	var found []run.Record // the newest first
	for stop := max(first, seq-min(looked, seq)); seq > stop && uint64(len(found)) < limit; {
		from := max(stop, seq-min(pageSize, seq))
		page, err := c.Journal.Since(from, int(seq-from))
		if err != nil {
			return nil, err
		}
		for _, r := range slices.Backward(page) {
			if uint64(len(found)) < limit && (device == "" || r.Event.Device == device) {
				found = append(found, r)
			}
		}
		seq = from
	}
	slices.Reverse(found)
	return found, nil
}
