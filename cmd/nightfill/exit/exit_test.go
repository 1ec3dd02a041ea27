package exit

import (
	"errors"
	"fmt"
	"testing"
)

func TestCode(t *testing.T) {
	cause := errors.New("no such file")
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"no error", nil, Good},
		{"nil stays nil", With(Usage, nil), Good},
		{"plain", cause, Failed},
		{"carried", With(Usage, cause), Usage},
		{"wrapped", fmt.Errorf("cannot read: %w", With(NotAllGood, cause)), NotAllGood},
	}
	for _, tt := range tests {
		if got := Code(tt.err); got != tt.want {
			t.Errorf("%s: Code = %d, want %d", tt.name, got, tt.want)
		}
	}
	if err := With(Failed, cause); err.Error() != "no such file" || !errors.Is(err, cause) {
		t.Errorf("With hides its cause: %v", err)
	}
}
