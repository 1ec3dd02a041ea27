package cast

import "bytes"

// plain turns what a terminal is sent into plain text, one line at a time.
type plain struct {
	out   bytes.Buffer
	line  []rune
	at    int // column in line
	state escape
}

// escape is where in an escape sequence a text is.
type escape int

const (
	none    escape = iota
	begun          // after ESC
	control        // CSI: ends with a letter or one of @[\]^_`{|}~
	text           // OSC, DCS and their like: ends with BEL or ESC \
	textEnd        // after ESC in a text
	charset        // ESC ( and its like: one more character
)

// maxLine keeps a device that never ends a line from filling the memory.
const maxLine = 64 << 10

func (p *plain) show(s string) {
	for _, r := range s {
		if p.state == none {
			p.character(r)
		} else {
			p.state = p.state.after(r)
		}
	}
}

func (p *plain) character(r rune) {
	switch {
	case r == 0x1b:
		p.state = begun
	case r == 0x9b:
		p.state = control
	case r == '\n':
		p.newLine()
	case r == '\r':
		p.at = 0
	case r == '\b':
		p.at = max(0, p.at-1)
	case r == '\t':
		for stop := p.at/8*8 + 8; p.at < stop; {
			p.put(' ')
		}
	case r < ' ' || r == 0x7f || r > 0x7f && r < 0xa0: // it rings, or is for the terminal alone
	default:
		p.put(r)
	}
}

func (p *plain) put(r rune) {
	if p.at >= len(p.line) {
		p.line = append(p.line, r)
	} else {
		p.line[p.at] = r
	}
	if p.at++; p.at >= maxLine {
		p.newLine()
	}
}

func (p *plain) newLine() {
	p.out.WriteString(string(bytes.TrimRight([]byte(string(p.line)), " ")))
	p.out.WriteByte('\n')
	p.line, p.at = p.line[:0], 0
}

// after is the state after one more character of a sequence.
func (e escape) after(r rune) escape {
	switch e {
	case begun:
		switch r {
		case '[':
			return control
		case ']', 'P', 'X', '^', '_':
			return text
		case '(', ')', '*', '+', '-', '.', '/', '#', '%', ' ':
			return charset
		case 0x1b:
			return begun
		}
	case control:
		if r < '@' || r > '~' {
			return control
		}
	case text:
		switch r {
		case 0x07, 0x9c:
			return none
		case 0x1b:
			return textEnd
		}
		return text
	case textEnd:
		if r != '\\' {
			return begun.after(r)
		}
	}
	return none
}
