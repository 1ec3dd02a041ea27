package tables

import (
	"time"

	"github.com/nightfill/nightfill/site/board/feed"
)

// Micros writes a time as the database keeps it; the zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time reads what Micros wrote.
func Time(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// OrNull returns bytes as the database keeps them: nil is null.
func OrNull(raw []byte) any {
	if raw == nil {
		return nil
	}
	return raw
}

// EventID names an event in the database: the key of its stream in the upper bits, its number in the lower ones.
func EventID(stream int64, seq uint64) int64 { return stream<<feed.SeqBits | int64(seq&feed.MaxSeq) }

// SeqOf returns the number of the event that an id names.
func SeqOf(id int64) uint64 { return uint64(id) & feed.MaxSeq }
