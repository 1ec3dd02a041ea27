package daemon

import (
	"net/http/httptest"
	"testing"
)

// BenchmarkReadyAnswer is what one tablet that asks costs the box, the judgement with it.
func BenchmarkReadyAnswer(b *testing.B) {
	l := newLab(b, 12)
	l.publish()
	d, err := New(b.Context(), Options{Config: l.storeFile(), Version: "test", Log: quiet()})
	l.must(err)
	defer func() { l.must(d.journal.Close()) }()
	if _, _, err := d.CheckNow(b.Context()); err != nil {
		b.Fatal(err)
	}
	h := d.readyPage()
	b.ReportAllocs()
	for b.Loop() {
		request := httptest.NewRequest("GET", "/ready?fragment=1", nil)
		request.Header.Set("Accept-Encoding", "gzip, deflate")
		h.ServeHTTP(httptest.NewRecorder(), request)
	}
}
