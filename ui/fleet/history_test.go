package fleet

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/site/run"
)

// Events of the same moment are on one page: a page goes on before the moment at which the one before it ended.
func TestEventsPageByPage(t *testing.T) {
	w := newWorld(chain(3), morning())
	const all = 5*eventsShown - 10 // the last page ends with a whole moment
	for n := range all {
		at := morning().Add(time.Duration(n/70) * time.Second) // a busy moment has seventy
		w.events = append(w.events, boardtest.Event("0001", uint64(n+1), run.Event{Kind: run.StepEnded, At: at}))
	}
	h := New(w.options())
	next, address := uint64(all), "/api/v1/stores/0001"
	for pages := 0; address != ""; pages++ {
		var p StorePage
		if err := json.Unmarshal([]byte(want(t, h, address)), &p); err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			if e.Seq != next {
				t.Fatalf("page %d: event %d stands at %d", pages, e.Seq, next)
			}
			next--
		}
		if address = ""; !p.Older.IsZero() {
			address = "/api/v1/stores/0001?" + url.Values{"before": {p.Older.Format(time.RFC3339Nano)}}.Encode()
		}
		if len(p.Events) == 0 || pages > all {
			t.Fatalf("page %d has %d events", pages, len(p.Events))
		}
	}
	if next != 0 {
		t.Errorf("%d events are on no page", next)
	}
}
