package wire

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"github.com/nightfill/nightfill/daemon/terminal"
)

// What both ends of a terminal keep to.
const (
	ShellProtocol = "nightfill-shell-1" // of the connection after the upgrade: a Frame a line
	maxFrame      = 256 << 10           // bytes of a line
)

// The kinds of frames. Those of a person come first, then those of the box.
const (
	FrameInput  = "input"  // Data was typed
	FrameResize = "resize" // the terminal has another size
	FrameEnd    = "end"    // the terminal is to end

	FrameOpened = "opened" // the first: Info, Back when the terminal was open before
	FrameOutput = "output" // Data was shown
	FrameGap    = "gap"    // Missed bytes were not kept
	FrameIdle   = "idle"   // it ends at Ends unless something is typed; zero: not any more
	FrameEnded  = "ended"  // the last: End
)

// Frame is one line of the connection of a terminal, either way.
type Frame struct {
	Kind   string         `json:"kind"`
	Data   []byte         `json:"data,omitempty"`
	Size   *terminal.Size `json:"size,omitempty"`
	Info   *terminal.Info `json:"info,omitempty"`
	Back   bool           `json:"back,omitempty"`
	Missed int64          `json:"missed,omitempty"`
	Ends   time.Time      `json:"ends,omitzero"`
	End    *terminal.End  `json:"end,omitempty"`
}

// WriteFrame writes one frame as a line.
func WriteFrame(w io.Writer, f Frame) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// Frames reads the lines of a connection for NextFrame; one that is too long ends it.
func Frames(from io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxFrame)
	return lines
}

// NextFrame reads one frame. The end of the connection is io.EOF.
func NextFrame(lines *bufio.Scanner) (Frame, error) {
	var f Frame
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return f, err
		}
		return f, io.EOF
	}
	return f, json.Unmarshal(lines.Bytes(), &f)
}
