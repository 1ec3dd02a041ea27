package strict

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"id", "class", "address", "host_key", "linux-server", "windows-server", "max_age", "max_down", "at", "every"}
	tests := []struct{ word, want string }{
		{"clas", "class"}, {"clsas", "class"}, {"Class", "class"}, {"addr", "address"}, {"hostkey", "host_key"}, {"host-key", "host_key"},
		{"linux", "linux-server"}, {"window-server", "windows-server"}, {"maxdown", "max_down"}, {"ids", "id"}, {"idd", "id"},
		{"banana", ""}, {"", ""}, {"x", ""}, {"clbbb", ""}, {"everything", "every"},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, known); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "ac", 1}, {"ab", "xaby", 2}, {"kitten", "sitting", 3}}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if distance(tt.a, tt.b) != distance(tt.b, tt.a) {
			t.Errorf("distance(%q, %q) depends on the order", tt.a, tt.b)
		}
	}
}
