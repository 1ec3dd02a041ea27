package logs

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	systemd "github.com/coreos/go-systemd/v22/journal"
)

// stuck takes what is written, but not before it is let go.
type stuck struct {
	free chan struct{}
	text bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	return s.text.Write(p)
}

func textTo(out io.Writer) (*slog.Logger, *Queue) {
	log, q, _ := queued(out, func(out io.Writer) slog.Handler { return textHandler(out, slog.LevelInfo) })
	return log, q
}

// Row 83 of the fault catalogue: the log's end stands still while much more is said than is kept. Nobody waits, the
// newest lines are kept, and how many were lost is told.
func TestLogThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{free: make(chan struct{})}
		log, q := textTo(out)
		stop := q.Start()
		const said = 50_000
		begin := time.Now()
		for n := range said {
			log.Info(strings.Repeat("x", 100), "n", n)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("who said it waited %s", took)
		}
		synctest.Wait()
		if q.bytes > queueBytes || q.bytes < queueBytes/2 {
			t.Errorf("%d bytes wait", q.bytes)
		}
		close(out.free)
		stop()
		text := out.text.String()
		first, rest, _ := strings.Cut(text, "\n")
		second, _, _ := strings.Cut(rest, "\n")
		if !strings.Contains(first, "n=0") { // it stood in the way
			t.Errorf("the first line is %s", first)
		}
		lost := said - strings.Count(text, "xxx n=")
		if want := `level=WARN msg="lines of the log were lost: what takes it stood still or was too slow" lines=`; lost < said/2 || !strings.Contains(second, want) ||
			!strings.HasSuffix(second, "lines="+itoa(lost)) {
			t.Errorf("%d lines were lost, and it says %s", lost, second)
		}
		if !strings.HasSuffix(text, " n=49999\n") {
			t.Errorf("it ends with %s", text[len(text)-200:])
		}
	})
}

func itoa(n int) string { return slog.IntValue(n).String() }

// A program ends though its log takes nothing.
func TestEndWithoutLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{free: make(chan struct{})}
		log, q := textTo(out)
		stop := q.Start()
		log.Info("nobody hears this")
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != partingTry {
			t.Errorf("it waits %s", took)
		}
		close(out.free)
	})
}

// Lines come whole and in order, the last ones too; who says them may change what they were about.
func TestQueueKeepsOrder(t *testing.T) {
	var out bytes.Buffer
	log, q := textTo(&out)
	stop := q.Start()
	for n := range 3000 {
		log.With("device", "srv-1").Info("look", "n", n)
	}
	stop()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3000 {
		t.Fatalf("%d lines", len(lines))
	}
	for n, line := range lines {
		if !strings.HasSuffix(line, "msg=look device=srv-1 n="+itoa(n)) {
			t.Fatalf("line %d is %s", n, line)
		}
	}
}

// The system's own log may stand still as well: its socket is full.
func TestNativeLogThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free, sent := make(chan struct{}), []string{}
		log, q, _ := queuedNative(slog.LevelInfo, func(message string, _ systemd.Priority, fields map[string]string) error {
			<-free
			sent = append(sent, message)
			return nil
		})
		stop := q.Start()
		for n := range 2 * queueLines {
			log.Info("look", "n", n)
		}
		synctest.Wait()
		if len(q.waiting) != queueLines {
			t.Errorf("%d lines wait", len(q.waiting))
		}
		close(free)
		stop()
		if len(sent) != queueLines+2 || sent[0] != "look n=0" || !strings.HasPrefix(sent[1], "lines of the log were lost") || sent[len(sent)-1] != "look n=16383" {
			t.Errorf("%d were sent: %.60q ... %q", len(sent), sent[:2], sent[len(sent)-1])
		}
	})
}

// A pipe that nobody reads, as a real log's end: what is said is said.
func TestPipeThatNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	log, q, err := New(w, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	stop := q.Start()
	for n := range 5000 {
		log.Info(strings.Repeat("x", 100), "n", n)
	}
	read := make(chan string)
	go func() {
		text, _ := io.ReadAll(r)
		read <- string(text)
	}()
	stop()
	_ = w.Close()
	if text := <-read; !strings.HasSuffix(text, `"n":4999}`+"\n") {
		t.Errorf("it ends with %.200s", text[max(0, len(text)-200):])
	}
}
