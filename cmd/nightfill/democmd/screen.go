package democmd

import (
	"bytes"
	"strings"
	"sync"
)

// screen is the box's own screen: it keeps what is shown there until the progress of the night is over.
type screen struct {
	mu    sync.Mutex
	shown bytes.Buffer
}

// Write implements io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.Write(p)
}

// text is what was shown, on one line.
func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(strings.Fields(s.shown.String()), " ")
}
