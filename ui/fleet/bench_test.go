package fleet

import (
	"net/http/httptest"
	"testing"

	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/ui/fleet/overviews"
)

// BenchmarkFirstScreen is the first page of 2,000 stores with 36 devices each, compressed, when the board
// has changed since the last one was made, and when it has not.
func BenchmarkFirstScreen(b *testing.B) {
	c := boardtest.Chain{Seed: 1, Stores: 2000}
	w := newWorld(c, morning())
	h := New(w.options())
	serve := func(b *testing.B, address string) {
		r := httptest.NewRequest("GET", address, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != 200 {
			b.Fatal(rec.Code)
		}
		b.ReportMetric(float64(rec.Body.Len()), "bytes")
	}
	b.Run("changed", func(b *testing.B) {
		for b.Loop() {
			w.become(w.board, w.now.Add(overviews.Every))
			serve(b, "/")
		}
	})
	for name, address := range map[string]string{"same": "/", "stores": "/stores", "patch": "/patches/pos-app-4.2.1?state=broke", "search": "/search?q=hh-07", "summary": "/api/v1/summary"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				serve(b, address)
			}
		})
	}
}
