package daemon

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
)

// TestAStaleCheckIsNotOK: what an earlier run of the box wrote down proves nothing now.
func TestAStaleCheckIsNotOK(t *testing.T) {
	looked := time.Unix(1795373510, 0)
	m := newMetrics(func(context.Context) view.Facts {
		return view.Facts{
			State: run.State{Checks: map[string]site.CheckResult{"POS-1": {Outcome: site.Pass, At: looked}, "POS-2": {Outcome: site.Pass, At: looked}}},
			Report: ready.Report{Looked: []ready.Looked{
				{Check: "POS-1", At: looked, Good: true}, {Check: "POS-2"}, {Check: "POS-3", At: looked},
			}},
		}
	}, "test")
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	var got []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "nightfill_check_") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := []string{
		`nightfill_check_last_run_timestamp_seconds{check="POS-1"} 1.79537351e+09`,
		`nightfill_check_last_run_timestamp_seconds{check="POS-3"} 1.79537351e+09`,
		`nightfill_check_ok{check="POS-1"} 1`, `nightfill_check_ok{check="POS-2"} 0`, `nightfill_check_ok{check="POS-3"} 0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
