package board

import "strings"

// signatureLength is how much of a message takes part in a signature, in bytes.
const signatureLength = 160

// SignatureOf names a failure so that failures with the same cause have the same name: the step, the
// code of the reason and its text with what differs from device to device taken out (numbers, hex
// digits, paths below a temporary folder, quoted names).
func SignatureOf(s Step) string {
	code, text := "", ""
	if s.Reason != nil {
		code, text = string(s.Reason.Code), s.Reason.Text
	}
	parts := []string{}
	for _, part := range []string{string(s.Step), code, plain(text)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// plain takes out of a message what differs from device to device.
func plain(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = plainWord(w)
	}
	out := strings.Join(words, " ")
	if len(out) > signatureLength {
		out = strings.ToValidUTF8(out[:signatureLength], "")
	}
	return out
}

// plainWord replaces a word that holds a digit by the same word with # for each run of digits, and a
// long hexadecimal number by one #.
func plainWord(w string) string {
	if len(w) >= 12 && strings.Trim(strings.ToLower(w), "0123456789abcdef-:.,;()[]") == "" {
		return "#"
	}
	var b strings.Builder
	digits := false
	for _, r := range w {
		if '0' <= r && r <= '9' {
			if !digits {
				b.WriteByte('#')
			}
			digits = true
			continue
		}
		digits = false
		b.WriteRune(r)
	}
	return b.String()
}
