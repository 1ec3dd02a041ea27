package democmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// progress shows a night as it goes: a bar a device on a terminal, a line a result elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	width    func() int      // columns of the terminal
	drawn    int             // lines on the terminal
	told     map[string]bool // jobs whose result was printed
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, told: map[string]bool{}}
	if f, ok := out.(*os.File); ok {
		p.terminal = term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
		p.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width < 20 {
				return 80
			}
			return width
		}
	}
	return p
}

// show brings the picture up to date.
func (p *progress) show(s run.State) {
	if s.Night == nil {
		return
	}
	if p.terminal {
		p.bars(s)
		return
	}
	p.lines(s.Night)
}

// lines prints each result once, as it comes.
func (p *progress) lines(n *run.Night) {
	for j := range n.Jobs() {
		key := j.Device + "/" + j.Patch
		if !j.Settled || p.told[key] {
			continue
		}
		p.told[key] = true
		fmt.Fprintf(p.out, "[%d/%d] %s %s %s%s\n", len(p.told), n.Total(), j.Device, j.Patch, words(j.State), because(j.Reason))
	}
}

func words(s site.State) string { return strings.ReplaceAll(string(s), "_", " ") }

func because(r *site.Reason) string {
	if r == nil {
		return ""
	}
	return ": " + r.Text
}

const barWidth = 24

// bars redraws one bar a device in place.
func (p *progress) bars(s run.State) {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	for _, lane := range s.Night.Plan.Lanes {
		jobs := view.JobsOf(s, lane.Device)
		fmt.Fprintf(&b, "\x1b[2K%s\n", clip(fmt.Sprintf("%-8s %s %s", lane.Device, bar(jobs), caption(s, jobs)), p.width()-1))
	}
	p.drawn = len(s.Night.Plan.Lanes)
	_, _ = io.WriteString(p.out, b.String())
}

// clip cuts a line to the width of the terminal: a line that wraps could not be drawn over.
func clip(line string, width int) string {
	runes := []rune(line)
	if len(runes) <= width {
		return line
	}
	return string(runes[:width-3]) + "..."
}

// bar fills by what is behind the device: a whole part for a settled patch, a piece for each step.
func bar(jobs []run.Job) string {
	done := 0.0
	for _, j := range jobs {
		switch {
		case j.Settled:
			done++
		case j.Last != nil || j.Intent != nil:
			done += min(0.9, 0.2*float64(len(j.Ends)+1))
		}
	}
	filled := int(done / float64(len(jobs)) * barWidth)
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", barWidth-filled) + "]"
}

// caption names what happens on the device now, or how it ended.
func caption(s run.State, jobs []run.Job) string {
	settled := map[site.State]int{}
	for _, j := range jobs {
		if !j.Settled {
			text := words(j.State) + " " + j.Patch
			if why := run.Whether(s, j); why != nil && j.Intent == nil {
				text += " (" + why.Text + ")"
			}
			return text
		}
		settled[j.State]++
	}
	var parts []string
	for _, state := range []site.State{site.Done, site.RolledBack, site.RollbackFailed, site.Failed, site.Skipped, site.Held, site.NoAnswer} {
		if n := settled[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words(state)))
		}
	}
	return strings.Join(parts, ", ")
}

// summary is the table at the end: what happened to every device, and why.
func summary(out io.Writer, n *view.Night) {
	fmt.Fprintf(out, "\n%-8s %-18s %-16s %-8s %s\n", "DEVICE", "PATCH", "OUTCOME", "TOOK", "WHY")
	for _, j := range n.Jobs {
		took := time.Duration(0)
		for _, step := range j.Steps {
			took += step.Took.Std()
		}
		why := strings.TrimPrefix(because(j.Reason), ": ")
		if why == "" && j.After != "" {
			why = "proven at " + j.After
		} else if why == "" {
			why = "proven"
		}
		fmt.Fprintf(out, "%-8s %-18s %-16s %-8s %s\n", j.Device, j.Patch, words(j.State), took.Round(100*time.Millisecond), why)
	}
	fmt.Fprintf(out, "\nThe night: %s.\n", n.Summary)
}
