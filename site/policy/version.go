package policy

import "strings"

// CompareVersions orders two Debian package versions as dpkg does (Debian Policy
// 5.6.12: epoch:upstream-revision, "~" sorts before the end). It returns -1, 0 or +1.
func CompareVersions(a, b string) int {
	epochA, upstreamA, revisionA := splitVersion(a)
	epochB, upstreamB, revisionB := splitVersion(b)
	if c := compareDigits(epochA, epochB); c != 0 {
		return c
	}
	if c := comparePart(upstreamA, upstreamB); c != 0 {
		return c
	}
	return comparePart(revisionA, revisionB)
}

func splitVersion(v string) (epoch, upstream, revision string) {
	if i := strings.IndexByte(v, ':'); i >= 0 {
		epoch, v = v[:i], v[i+1:]
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		v, revision = v[:i], v[i+1:]
	}
	return epoch, v, revision
}

// comparePart compares runs of other characters and runs of digits in turn.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		textA, restA := cut(a, false)
		textB, restB := cut(b, false)
		if c := compareText(textA, textB); c != 0 {
			return c
		}
		numberA, nextA := cut(restA, true)
		numberB, nextB := cut(restB, true)
		if c := compareDigits(numberA, numberB); c != 0 {
			return c
		}
		a, b = nextA, nextB
	}
	return 0
}

func cut(s string, digits bool) (run, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) == digits {
		i++
	}
	return s[:i], s[i:]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func compareText(a, b string) int {
	for i := 0; i < len(a) || i < len(b); i++ {
		if c := weight(a, i) - weight(b, i); c != 0 {
			return sign(c)
		}
	}
	return 0
}

// weight orders "~" before the end of the text, the end before letters, letters before the rest.
func weight(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case 'a' <= s[i] && s[i] <= 'z', 'A' <= s[i] && s[i] <= 'Z':
		return int(s[i])
	}
	return int(s[i]) + 256
}

func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return sign(len(a) - len(b))
	}
	return strings.Compare(a, b)
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
