package cast_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/daemon/terminal/cast"
)

func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		w, err := cast.NewWriter(&b, time.Now(), 80, 24, "till-1")
		if err != nil {
			t.Fatal(err)
		}
		step := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(1500 * time.Millisecond)
		}
		step(w.Output([]byte("a<b>\xe2\x82")))
		step(w.Output([]byte("\xac \x1b[1mgr\xff\xc3")))
		step(w.Resize(120, 50))
		step(w.Marker("the person is back"))
		step(w.Finish())
		want := `{"version":2,"width":80,"height":24,"timestamp":946684800,"title":"till-1","env":{"TERM":"xterm-256color"}}
[0,"o","a<b>"]
[1.5,"o","€ \u001b[1mgr\ufffd"]
[3,"r","120x50"]
[4.5,"m","the person is back"]
[6,"o","\ufffd"]
`
		if b.String() != want {
			t.Errorf("written\n%swant\n%s", &b, want)
		}
		if w.Size() != int64(b.Len()) {
			t.Errorf("size %d of %d", w.Size(), b.Len())
		}
	})
}

// What was shown is in the recording, wherever the bytes were cut.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shown := []byte(rapid.String().Draw(t, "text") + string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
		var b bytes.Buffer
		w, err := cast.NewWriter(&b, time.Now(), 80, 24, "")
		if err != nil {
			t.Fatal(err)
		}
		for rest := shown; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			if err := w.Output(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		r, err := cast.NewReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for {
			e, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(e.Text)
		}
		var want strings.Builder
		for _, r := range string(shown) {
			want.WriteRune(r)
		}
		if got.String() != want.String() {
			t.Fatalf("recorded %q of %q", got.String(), want.String())
		}
	})
}

func TestReaderRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "cannot read the recording: its first line is no header: EOF",
		`{"version":3}`:                    "cannot read the recording: it is of version 3 and not 2",
		"{\"version\":2}\n[1,\"o\"":        "cannot read on in the recording: unexpected EOF",
		"{\"version\":2}\n[\"x\",\"o\",1]": "cannot read on in the recording: json: cannot unmarshal string into Go value of type float64",
	} {
		if err := cast.WriteText(io.Discard, strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%q: error is %v, want %s", text, err, want)
		}
	}
}

func TestWriteText(t *testing.T) {
	for shown, want := range map[string]string{
		"plain\r\ntext\r\n":                     "plain\ntext\n",
		"\x1b[1;31mred\x1b[0m\x1b]0;title\x07!": "red!\n",
		"\x1b]0;title\x1b\\after":               "after\n",
		"\x1b(Bascii\x1b=keys":                  "asciikeys\n",
		"10%\r100%":                             "100%\n",
		"lss\b \b":                              "ls\n",
		"a\tb":                                  "a       b\n",
		"bell\x07\x00 und \u0085Grüße":          "bell und Grüße\n",
		"two\r\n\r\n\r\n":                       "two\n",
	} {
		var b, got bytes.Buffer
		w, err := cast.NewWriter(&b, time.Now(), 80, 24, "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(shown) {
			if err := w.Output([]byte{shown[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Resize(1, 1); err != nil {
			t.Fatal(err)
		}
		if err := cast.WriteText(&got, &b); err != nil || got.String() != want {
			t.Errorf("%q became %q, %v; want %q", shown, got.String(), err, want)
		}
	}
}
