package ready

import (
	"net/http/httptest"
	"testing"
)

// BenchmarkAnswer is what the page itself costs a box for each tablet that asks, apart from the judgement.
func BenchmarkAnswer(b *testing.B) {
	for name, r := range reports(b) {
		if name != "ready" && name != "not_ready" {
			continue
		}
		h := Handler(options(r))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request := httptest.NewRequest("GET", "/ready?fragment=1", nil)
				request.Header.Set("Accept-Encoding", "gzip, deflate")
				h.ServeHTTP(httptest.NewRecorder(), request)
			}
		})
	}
}
