package democmd

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// TestDemoEnds plays the whole demo with a few stores: headquarters has the real store's night at the end.
func TestDemoEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("a night of half a minute; .ci/run plays it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := Command("test")
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--stores", "10", "--devices", "4", "--exit"})
	if err := cmd.ExecuteContext(ctx); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"Headquarters answers after ", "store 0142: The store: READY", "Headquarters has the whole night of store 0142: http://127.0.0.1:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}
