package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Mark stands where something was taken out.
const Mark = "[left out]"

// Of a secret as the box knows it.
const (
	shortest = 4 // bytes; what is shorter is in every text by chance
	free     = 8 // from here on it is looked for inside of words too
)

// Scrubber takes secrets out of text: those that it was given, wherever they stand and however JSON or a URL
// writes them, and whatever looks like one. It would rather take too much. It is immutable, and any number of
// goroutines may use it. A nil one knows no secret and takes out what looks like one.
type Scrubber struct{ known [][]byte }

// NewScrubber makes one for secrets that are known. What is shorter than four bytes is not looked for.
func NewScrubber(secrets ...string) *Scrubber {
	var forms []string
	for _, s := range secrets {
		s = strings.TrimSpace(s)
		if len(s) < shortest {
			continue
		}
		quoted, err := json.Marshal(s)
		if err == nil {
			forms = append(forms, string(quoted[1:len(quoted)-1]))
		}
		forms = append(forms, s, url.QueryEscape(s), url.PathEscape(s))
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	s := &Scrubber{}
	for _, f := range slices.Compact(forms) {
		s.known = append(s.known, []byte(f))
	}
	return s
}

// Scrub returns text without secrets, and how many places were replaced. JSON stays JSON.
func (s *Scrubber) Scrub(text []byte) (scrubbed []byte, places int) {
	if s != nil {
		for _, secret := range s.known {
			var n int
			text, n = without(text, secret)
			places += n
		}
	}
	looks := looks()
	var clean bytes.Buffer
	for line := range bytes.Lines(text) {
		lower := bytes.ToLower(line)
		for _, l := range looks {
			if !l.alone && l.near(lower) {
				var n int
				line, n = l.scrub(line)
				places += n
			}
		}
		clean.Write(line)
	}
	text = clean.Bytes()
	for _, l := range looks {
		if l.alone {
			var n int
			text, n = l.scrub(text)
			places += n
		}
	}
	return text, places
}

// without replaces a secret; a short one only where it is a word of its own.
func without(text, secret []byte) (clean []byte, places int) {
	if !bytes.Contains(text, secret) {
		return text, 0
	}
	word := func(i int) bool {
		return i >= 0 && i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z')
	}
	for at := 0; ; {
		i := bytes.Index(text[at:], secret)
		if i < 0 {
			return append(clean, text[at:]...), places
		}
		end := at + i + len(secret)
		clean = append(clean, text[at:at+i]...)
		if len(secret) < free && (word(at+i-1) || word(end)) {
			clean = append(clean, secret...)
		} else {
			clean, places = append(clean, Mark...), places+1
		}
		at = end
	}
}

// spared reports whether a value says that there is no secret.
func spared(value string) bool {
	return slices.Contains([]string{"", `""`, `''`, "null", "true", "false", `\"\"`}, value)
}

// marked writes what was found with the mark instead of the secret.
func marked(parts [][]byte) []byte {
	value, before, mark := string(parts[2]), bytes.TrimRight(parts[1], " "), Mark
	switch {
	case strings.HasPrefix(value, `\"`), bytes.HasSuffix(before, []byte(`\":`)):
		mark = `\"` + Mark + `\"`
	case strings.HasPrefix(value, `"`), bytes.HasSuffix(before, []byte(`":`)):
		mark = `"` + Mark + `"` // a number of a JSON object too
	}
	return slices.Concat(parts[1], []byte(mark), parts[3])
}

// look is something that looks like a secret. It finds three parts: what stays before it, the secret, and what
// stays after it.
type look struct {
	at    *regexp.Regexp
	words []string // one of which is in every line where it may be found, in small letters
	alone bool     // it may go over lines
}

// near reports whether it is worth while to look into a line, which is in small letters.
func (l look) near(line []byte) bool {
	return slices.ContainsFunc(l.words, func(w string) bool { return bytes.Contains(line, []byte(w)) })
}

func (l look) scrub(text []byte) (clean []byte, places int) {
	clean = l.at.ReplaceAllFunc(text, func(found []byte) []byte {
		parts := l.at.FindSubmatch(found)
		if value := string(parts[2]); strings.Contains(value, Mark[:5]) || spared(value) {
			return found
		}
		places++
		return marked(parts)
	})
	return clean, places
}

func looks() []look {
	const names = `(?:pass(?:word|wd|phrase|code)|secret|token|credential|api[_-]?key|private[_-]?key|browser[_-]?key|claim[_-]?code|otp|pin|cookie|authorization)s?`
	words := []string{"pass", "secret", "token", "credential", "key", "code", "otp", "pin", "cookie", "authorization"}
	return []look{
		{at: regexp.MustCompile(`(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)([A-Za-z0-9+/=\\\s:,.-]*)()`), alone: true},
		{at: regexp.MustCompile(`(otpauth://)([^\s"'\\]+)()`), words: []string{"otpauth:"}},
		{at: regexp.MustCompile(`()(\$(?:argon2(?:id|i|d)|2[aby]|[156y])\$[^\s"'\\]+)()`), words: []string{"$"}},
		{at: regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)([^/\s"'@\\]+)(@)`), words: []string{"@"}},
		{at: regexp.MustCompile(`((?i:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{8,})()`), words: []string{"bearer", "basic"}},
		{at: regexp.MustCompile(`((?i:` + names + `)\\?["']?\s*[=:]\s*)(\\"[^"\\]*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;"'{}\[\]&\\]+)()`), words: words},
		{at: regexp.MustCompile(`((?i:--?` + names + `)[\s"',\\]+)([^\s"',\\]+)()`), words: words},
	}
}
