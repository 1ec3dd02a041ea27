package printout

import (
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	between  = 2         // columns between two cells
	leastFit = 24        // columns that a wrapped last cell has at least
	indent   = "       " // of what stands below its row
)

// Columns is how wide the terminal is that w writes on; 0 where it is none, or does not tell.
func Columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// below chooses the columns of a table that stand below their row, for the others to fit on the terminal: the widest
// first, and never the first one. The last one stays where there is room to wrap it. It returns how wide that may
// be then; 0 = as wide as it is.
func (p *Printer) below(widths []int) (folded []bool, last int) {
	folded = make([]bool, len(widths))
	if p.Columns == 0 {
		return folded, 0
	}
	for {
		total, widest, end := -between, -1, 0
		for i, w := range widths {
			if folded[i] || w == 0 {
				continue
			}
			total, end = total+w+between, i
			if i > 0 && (widest < 0 || w >= widths[widest]) {
				widest = i
			}
		}
		room := p.Columns - total + widths[end]
		switch {
		case total <= p.Columns || widest < 0:
			return folded, 0
		case widest == end && room >= leastFit:
			return folded, room
		}
		folded[widest] = true
	}
}

// fold writes a row on the terminal: what has no room in it, with its heading, on lines below it.
func (p *Printer) fold(head []string, row []Cell, widths []int, folded []bool, last int) {
	var kept []Cell
	var keptWidths []int
	var under []string
	for i, c := range row {
		switch {
		case !folded[i]:
			kept, keptWidths = append(kept, c), append(keptWidths, widths[i])
		case c.Text != "" && c.tone != Heading:
			under = append(under, head[i]+" "+c.Text)
		}
	}
	var rest []string
	if end := len(kept) - 1; last > 0 {
		lines := wrapped(kept[end].Text, last)
		kept[end].Text, rest = lines[0], lines[1:]
	}
	p.row(kept, keptWidths)
	for _, line := range rest {
		p.Line("%s%s", strings.Repeat(" ", sum(keptWidths[:len(kept)-1])+between*(len(kept)-1)), line)
	}
	if len(under) == 0 {
		return
	}
	for _, line := range wrapped(strings.Join(under, ", "), p.Columns-len(indent)) {
		p.Line("%s%s", indent, line)
	}
}

func sum(widths []int) (total int) {
	for _, w := range widths {
		total += w
	}
	return total
}

// wrapped breaks a text at spaces into lines of at most so many characters; a longer word has a line of its own. There
// is one line at least.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		line := &lines[len(lines)-1]
		switch {
		case *line == "":
			*line = word
		case utf8.RuneCountInString(*line)+1+utf8.RuneCountInString(word) <= width:
			*line += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return slices.Clip(lines)
}
