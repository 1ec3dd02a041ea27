package ready

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site/ready"
)

// rendered keeps each kind of page as it was made last: many tablets ask for the same one, and to make it costs far
// more than the judgement that it shows. It is used again for as long as it would be made the same.
type rendered struct {
	mu  sync.Mutex // held while a page is made: who asks for it meanwhile takes what comes out
	all map[string]*made
}

// shown is all that a page is made from, apart from its kind.
type shown struct {
	report ready.Report
	minute time.Time // of the store's clock
	next   time.Time // zero = not known, or past
	skip   Skip
}

type made struct {
	of           shown
	body, zipped []byte // zipped is nil until somebody wants it
}

// page returns what make makes, compressed if that is wanted; nil when it cannot be made.
func (c *rendered) page(kind string, of shown, zip bool, make func() []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.all[kind]
	if m == nil || !reflect.DeepEqual(m.of, of) {
		body := make()
		if body == nil {
			return nil
		}
		if c.all == nil {
			c.all = map[string]*made{}
		}
		m = &made{of: of, body: body}
		c.all[kind] = m
	}
	if !zip {
		return m.body
	}
	if m.zipped == nil {
		m.zipped = zipped(m.body)
	}
	return m.zipped
}

func zipped(body []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(body) // into memory
	_ = z.Close()
	return buf.Bytes()
}

// takesGzip reports whether who asks can read gzip. A weight below 1 is taken for a no.
func takesGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if name, weight, weighed := strings.Cut(strings.TrimSpace(one), ";"); name == "gzip" && (!weighed || strings.TrimRight(strings.TrimSpace(weight), ".0") == "q=1") {
			return true
		}
	}
	return false
}

// shownNow is what a page that is made now is made from.
func (o Options) shownNow(r ready.Report, now time.Time) shown {
	of := shown{report: r, minute: now.Truncate(time.Minute)}
	of.report.Rev, of.report.Looked = 0, nil // which the page does not show
	if o.Next != nil {
		if next := o.Next(); next.After(now) {
			of.next = next.Truncate(time.Minute)
		}
	}
	if o.NotTonight != nil {
		of.skip = o.NotTonight.State()
	}
	return of
}
