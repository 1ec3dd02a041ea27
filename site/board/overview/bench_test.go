package overview

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board/boardtest"
)

// at is an hour of the morning after the night, in UTC.
func at(hour int) time.Time { return time.Date(2026, 11, 22, hour, 0, 0, 0, time.UTC) }

func BenchmarkLook(b *testing.B) {
	chain := boardtest.Chain{Seed: 1, Stores: 2000}.Board(at(7))
	for b.Loop() {
		Look(chain, Options{Now: at(7)})
	}
}

func BenchmarkSearch(b *testing.B) {
	chain := boardtest.Chain{Seed: 1, Stores: 2000}.Board(at(7))
	v := Look(chain, Options{Now: at(7)})
	for _, q := range []string{"hh-0", "CVE-2026-1234", "zebra", "0142 till", "verify_failed"} {
		b.Run(q, func(b *testing.B) {
			for b.Loop() {
				v.Search(chain, q, 0, 50)
			}
		})
	}
}
