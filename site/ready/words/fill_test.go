package words

import "testing"

func TestFill(t *testing.T) {
	for _, tt := range []struct {
		text  string
		pairs []string
		want  string
	}{
		{"nothing to fill in", []string{"at", "x"}, "nothing to fill in"},
		{"{at}", []string{"at", "07:40"}, "07:40"},
		{"from {at} to {at}, {n} of {m}.", []string{"at", "07:40", "n", "2"}, "from 07:40 to 07:40, 2 of {m}."},
		{"{at} {n}", []string{"at", "{n}", "n", "{at}"}, "{n} {at}"},
		{"{{at}} {at", []string{"at", "x"}, "{x} {at"},
		{"{} {a", []string{"a", "x", "lonely"}, "{} {a"},
		{"ä{at}ö", []string{"at", "ü"}, "äüö"},
		{"{at}", nil, "{at}"},
	} {
		if got := fill(tt.text, tt.pairs); got != tt.want {
			t.Errorf("%q with %q: %q, want %q", tt.text, tt.pairs, got, tt.want)
		}
	}
}
