package live

import "testing"

// The end of the journal is kept for who follows it, whoever reads what is long past meanwhile.
func TestTail(t *testing.T) {
	var tl tail
	page := func(from, to uint64) (frames []frame) {
		for seq := from; seq <= to; seq++ {
			frames = append(frames, frame{seq, []byte{byte(seq)}})
		}
		return frames
	}
	tl.keep(page(1000, 1000+tailKept+9))
	tl.keep(page(1, 300)) // somebody far behind
	for _, tt := range []struct{ from, limit, want uint64 }{
		{0, 5, 0}, {1, 5, 0}, {1000, 5, 0}, {1009, 5, 0}, {1010, 5, 5}, {1010, 1000, tailKept}, {1000 + tailKept + 9, 10, 1}, {1000 + tailKept + 10, 10, 0},
	} {
		got := tl.from(tt.from, tt.limit)
		if uint64(len(got)) != tt.want {
			t.Errorf("from %d, at most %d: %d frames, want %d", tt.from, tt.limit, len(got), tt.want)
		}
		for i, f := range got {
			if f.seq != tt.from+uint64(i) || f.data[0] != byte(f.seq) {
				t.Errorf("from %d: %+v", tt.from, f)
			}
		}
	}
}
