package daemon

import "testing"

// Half of the files are kept for the rest of the box, and a browser has room anyhow.
func TestRoomOfPages(t *testing.T) {
	for _, tt := range []struct {
		files uint64
		ports int
		want  int
	}{{64, 3, 10}, {64, 2, 16}, {1024, 3, 170}, {524288, 3, 1024}, {1 << 63, 1, 1024}, {16, 3, 6}} {
		if got := roomOf(tt.files, tt.ports); got != tt.want {
			t.Errorf("with %d files %d ports have room for %d each, want %d", tt.files, tt.ports, got, tt.want)
		}
	}
	if room(3) < 6 || room(3) > 1024 {
		t.Errorf("this process has room for %d", room(3))
	}
}
