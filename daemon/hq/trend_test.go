package hq

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
)

// TestKeepDay: a date has the newest count of it, and no more than 13 months are kept.
func TestKeepDay(t *testing.T) {
	h := busy(t)
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{noon.AddDate(0, -13, -1), noon.AddDate(0, -13, 1), noon.AddDate(0, 0, -1), noon, noon.Add(6 * time.Hour)} {
		if err := h.keepDay(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	notes, err := h.db.Notes(t.Context(), comply.DayKind)
	if err != nil {
		t.Fatal(err)
	}
	days := comply.Days(append(notes, board.Note{Kind: comply.DayKind, ID: "2026-01-01", Body: json.RawMessage(`{"date":"2026-01-02"}`)}))
	if len(days) != 3 || days[0].Date != "2025-10-23" || days[2].Date != "2026-11-22" || !days[2].At.Equal(noon.Add(6*time.Hour)) {
		t.Fatalf("%+v", days)
	}
	if d := days[2]; d.Devices.Ratio().All != 1 || d.Stores != 2 || d.Silent != 1 || len(d.Regions) != 1 {
		t.Errorf("%+v", d)
	}
}
