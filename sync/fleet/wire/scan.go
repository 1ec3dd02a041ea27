package wire

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"
)

// scan reads an envelope in one pass over the bytes and leaves its data as they are. It gives up,
// and returns false, wherever something is not as stores usually write it; what it leaves out it
// does not look into.
func scan(raw []byte, e *envelope) bool {
	s := scanner{raw: raw}
	if !s.take('{') {
		return false
	}
	for more := true; more; more = s.take(',') {
		key, ok := s.text()
		if !ok || !s.take(':') || !s.field(string(key), e) {
			return false
		}
	}
	if !s.take('}') {
		return false
	}
	s.space()
	return s.at == len(s.raw)
}

// scanner is a place in a JSON text.
type scanner struct {
	raw []byte
	at  int
}

// field reads the value of one field of an envelope.
func (s *scanner) field(key string, e *envelope) bool {
	var place *string
	switch key {
	case "type":
		place = &e.Type
	case "subject":
		place = &e.Subject
	case "stream":
		place = &e.Stream
	case "prevhash":
		place = &e.Prev
	case "hash":
		place = &e.Hash
	case "time":
		text, ok := s.text()
		if !ok {
			return false
		}
		var err error
		e.Time, err = time.Parse(time.RFC3339, string(text))
		return err == nil
	case "seq":
		from, ok := s.skip()
		if !ok {
			return false
		}
		var err error
		e.Seq, err = strconv.ParseUint(string(s.raw[from:s.at]), 10, 64)
		return err == nil
	case "data":
		from, ok := s.skip()
		e.Data = s.raw[from:s.at]
		return ok
	default:
		_, ok := s.skip()
		return ok
	}
	text, ok := s.text()
	*place = string(text)
	return ok
}

// space goes over white space.
func (s *scanner) space() {
	for s.at < len(s.raw) && (s.raw[s.at] == ' ' || s.raw[s.at] == '\n' || s.raw[s.at] == '\t' || s.raw[s.at] == '\r') {
		s.at++
	}
}

// take goes over one character, if it comes next.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.at >= len(s.raw) || s.raw[s.at] != c {
		return false
	}
	s.at++
	return true
}

// text reads a string without escapes.
func (s *scanner) text() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	n := bytes.IndexByte(s.raw[s.at:], '"')
	if n < 0 {
		return nil, false
	}
	text := s.raw[s.at : s.at+n]
	s.at += n + 1
	for _, c := range text {
		if c < ' ' || c == '\\' {
			return nil, false
		}
	}
	return text, utf8.Valid(text)
}

// skip goes over a value, and returns where it began. It looks at brackets and strings only.
func (s *scanner) skip() (from int, ok bool) {
	s.space()
	from = s.at
	depth := 0
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case '"':
			if !s.over() {
				return from, false
			}
			if depth == 0 {
				return from, true
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return from, s.at > from
			}
			if depth == 0 {
				s.at++
				return from, true
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return from, s.at > from
			}
		}
		s.at++
	}
	return from, false
}

// over goes over a string with its escapes.
func (s *scanner) over() bool {
	for s.at++; ; {
		n := bytes.IndexByte(s.raw[s.at:], '"')
		if n < 0 {
			return false
		}
		end := s.at + n
		slashes := 0
		for end-slashes-1 >= s.at && s.raw[end-slashes-1] == '\\' {
			slashes++
		}
		s.at = end + 1
		if slashes%2 == 0 {
			return true
		}
	}
}
