package terminalcmd

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// keys remembers what was typed.
type keys struct{ strings.Builder }

func (k *keys) Input(p []byte) error {
	_, err := k.Write(p)
	return err
}

func TestTypist(t *testing.T) {
	for _, c := range []struct {
		in, typed string
		left      bool
	}{
		{"ls\r", "ls\r", false},
		{"~.rest", "", true},
		{"ls\r~.", "ls\r", true},
		{"ls ~.\r", "ls ~.\r", false},
		{"cd ~/x\r~/bin\r", "cd ~/x\r~/bin\r", false},
		{"~~.", "~.", false},
		{"\r~?~.", "\r", true},
		{"\x03~.", "\x03~.", false},
	} {
		for name, in := range map[string]io.Reader{"at once": strings.NewReader(c.in), "by bytes": iotest.OneByteReader(strings.NewReader(c.in))} {
			var typed keys
			left := false
			typist := &typist{to: &typed, told: io.Discard, leave: func() { left = true }}
			typist.run(context.Background(), in)
			if typed.String() != c.typed || left != c.left || typist.left() != c.left {
				t.Errorf("%q %s: typed %q, left %t; want %q, %t", c.in, name, typed.String(), left, c.typed, c.left)
			}
		}
	}
	var typed keys
	(&typist{to: &typed, whole: true}).run(context.Background(), strings.NewReader("~.\n"))
	if typed.String() != "~.\n\x04" {
		t.Errorf("without a terminal %q was typed", typed.String())
	}
}
