package fleet

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

const (
	eventEvery = time.Second      // a reader gets at most one message in this time
	eventLimit = 10 * time.Second // and at least one
	eventWrite = 5 * time.Second  // for a reader to take one, after which it is dropped
)

// delta is what changed on the pages since the message before. The first one has everything.
type delta struct {
	AsOf     string               `json:"as_of"`
	Sentence string               `json:"sentence,omitempty"`
	Counts   map[string]int       `json:"counts,omitempty"`
	Cells    map[string][2]string `json:"cells,omitempty"` // store -> its bucket, and why
	Line     page.Line            `json:"line"`
}

// events sends what changes, until the reader goes or does not keep up.
func (s *whole) events(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	out, last := http.NewResponseController(w), (*overview.Overview)(nil)
	for {
		changed := s.Source.Changed()
		v, err := s.overviews.Get(r.Context())
		if err != nil {
			return
		}
		body, err := json.Marshal(deltaOf(last, v, s.Line()))
		if err != nil {
			s.Log.Error("cannot write what changed", "err", err)
			return
		}
		_ = out.SetWriteDeadline(time.Now().Add(eventWrite)) // a test's writer may have none
		if _, err := w.Write(append(append([]byte("data: "), body...), '\n', '\n')); err != nil || out.Flush() != nil {
			return
		}
		last = v
		if !wait(r.Context(), changed) {
			return
		}
	}
}

// wait waits for a second, and then until the board changed or it is time; false: the reader is gone.
func wait(ctx context.Context, changed <-chan struct{}) bool {
	pause, limit := time.NewTimer(eventEvery), time.NewTimer(eventLimit)
	defer pause.Stop()
	defer limit.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return false
	}
	select {
	case <-changed:
	case <-limit.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// deltaOf compares two overviews. The cells of the first message have no words: the page has them.
func deltaOf(old, v *overview.Overview, line page.Line) delta {
	d := delta{AsOf: page.RFC(v.AsOf), Line: line, Counts: map[string]int{}, Cells: map[string][2]string{}}
	if old == v {
		return d
	}
	before := map[string]int{}
	if old != nil {
		before = counts(old)
	}
	for key, n := range counts(v) {
		if was, known := before[key]; !known || was != n {
			d.Counts[key] = n
		}
	}
	if old == nil || old.Sentence != v.Sentence {
		d.Sentence = v.Sentence
	}
	for _, s := range v.Stores {
		if old == nil {
			d.Cells[s.ID] = [2]string{string(s.Bucket), ""}
		} else if o, known := old.Store(s.ID); !known || o.Bucket != s.Bucket {
			d.Cells[s.ID] = [2]string{string(s.Bucket), s.Text}
		}
	}
	return d
}

// counts names the numbers of the pages as their data-n attributes do.
func counts(v *overview.Overview) map[string]int {
	n := map[string]int{"total": v.Total, "devices": v.Devices, "needs": 0}
	add := func(prefix string, list []overview.Count) {
		for _, c := range list {
			n[prefix+c.ID] = c.Count
		}
	}
	add("bucket/", v.Buckets)
	add("opening/", v.Opening)
	add("contact/", v.Contact)
	for _, z := range v.Zones {
		add("zone/"+z.Zone+"/", z.Buckets)
	}
	for _, p := range v.Patches {
		for name, count := range map[string]int{
			"attempted": p.Attempted, "done": p.Done, "failed": p.Failed, "rolled_back": p.RolledBack, "no_answer": p.NoAnswer, "broke": p.Broke,
		} {
			n["patch/"+p.ID+"/"+name] = count
		}
	}
	for _, g := range v.Groups {
		n["needs"] += g.Items
		n["group/"+g.ID] = g.Items
	}
	return n
}
