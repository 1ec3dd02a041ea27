package strict

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// Text returns v as text. A number is refused: 0142 would lose its zero in other programs.
func (r *Reader) Text(v Value) (string, bool) {
	var s string
	switch n := v.Node.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = strings.TrimSpace(n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		r.Fail(v, "is "+kindOf(n)+", not text", "put it in quotes: "+Quote(n.GetToken().Value))
		return "", false
	default:
		r.Fail(v, "is "+kindOf(v.Node)+", not text", "write one piece of text")
		return "", false
	}
	switch {
	case strings.TrimSpace(s) == "":
		r.Fail(v, "is empty", "write one, or remove the key")
	case strings.ContainsFunc(s, unicode.IsControl):
		r.Fail(v, "holds a line break or a control character", "write it as one plain line")
	default:
		return s, true
	}
	return "", false
}

// Raw returns v as text where a number may stand as well.
func (r *Reader) Raw(v Value) (string, bool) {
	if n, ok := v.Node.(*ast.IntegerNode); ok {
		return n.GetToken().Value, true
	}
	return r.Text(v)
}

// Into makes a function that stores text.
func (r *Reader) Into(to *string) func(Value) {
	return func(v Value) {
		if s, ok := r.Text(v); ok {
			*to = s
		}
	}
}

// Texts makes a function that stores a list of texts, one at least.
func (r *Reader) Texts(to *[]string) func(Value) {
	return func(v Value) {
		if s, ok := v.Node.(*ast.SequenceNode); ok && len(s.Values) == 0 {
			r.Fail(v, "is an empty list", "write an item, or remove the key")
		}
		r.Each(v, func(v Value) {
			if s, ok := r.Text(v); ok {
				*to = append(*to, s)
			}
		})
	}
}

// Flag makes a function that stores true or false.
func (r *Reader) Flag(to *bool) func(Value) {
	return func(v Value) {
		if n, ok := v.Node.(*ast.BoolNode); ok {
			*to = n.Value
			return
		}
		r.Fail(v, "is "+kindOf(v.Node)+", not true or false", "write true or false, without quotes")
	}
}

// Number returns v as a whole number of at least least.
func (r *Reader) Number(v Value, least int) (int, bool) {
	if _, ok := v.Node.(*ast.IntegerNode); !ok {
		r.Fail(v, "is "+kindOf(v.Node)+", not a whole number", fmt.Sprintf("write a number like %d, without quotes", max(2, least)))
		return 0, false
	}
	s := v.Node.GetToken().Value
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > math.MaxInt32 {
		r.Fail(v, s+" is not a number from "+strconv.Itoa(least)+" up", fmt.Sprintf("write a number like %d", max(2, least)))
		return 0, false
	}
	return n, true
}

// Choice returns v as one of known.
func (r *Reader) Choice(v Value, known ...string) (string, bool) {
	s, ok := r.Text(v)
	if !ok {
		return "", false
	}
	if !slices.Contains(known, s) {
		r.Fail(v, Quote(s)+" is not known here", DidYouMean(s, known))
		return "", false
	}
	return s, true
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// IsName reports whether s is safe in an MQTT topic, a file name and a command line.
func IsName(s string) bool { return len(s) <= 64 && namePattern.MatchString(s) }

// Name returns v as a name that is safe in an MQTT topic, a file name and a command line.
func (r *Reader) Name(v Value) (string, bool) {
	s, ok := r.Text(v)
	return s, ok && r.Safe(v, s)
}

// Safe refuses an s that cannot be a name.
func (r *Reader) Safe(v Value, s string) bool {
	if !IsName(s) {
		r.Fail(v, Quote(s)+" cannot be a name: it is used in topics, file names and commands",
			"write 1 to 64 letters, digits, dots, underscores and hyphens, a letter or digit first")
		return false
	}
	return true
}

// Span returns v as a length of time of at least least.
func (r *Reader) Span(v Value, least time.Duration) (time.Duration, bool) {
	s, ok := r.Raw(v)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		r.Fail(v, Quote(s)+" is not a length of time", spanAdvice(s))
	case d < 0:
		r.Fail(v, Quote(s)+" is negative", "write it without the minus sign")
	case d < least && least == 1:
		r.Fail(v, Quote(s)+" is no time at all", "write a length of time like 45m")
	case d < least:
		r.Fail(v, Quote(s)+" is too short", "write "+Short(least)+" or more")
	default:
		return d, true
	}
	return 0, false
}

// spanAdvice knows the usual ways of writing a length of time that Go does not read.
func spanAdvice(s string) string {
	if days, ok := strings.CutSuffix(strings.TrimSpace(s), "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 10000 {
			return fmt.Sprintf("write days as hours: %dh", n*24)
		}
	}
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return fmt.Sprintf("write the unit: %ds, %dm or %dh", n, n, n)
	}
	return "write it like 90s, 45m or 1h30m"
}

// Short writes a length of time without the units that are zero.
func Short(d time.Duration) string {
	s := d.String()
	if cut, ok := strings.CutSuffix(s, "m0s"); ok {
		s = cut + "m"
	}
	if cut, ok := strings.CutSuffix(s, "h0m"); ok {
		s = cut + "h"
	}
	return s
}

var (
	sizePattern    = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?(B|KiB|MiB|GiB|TiB)?$`)
	otherUnits     = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([KMGTkmgt])[Bb]?$`)
	percentPattern = regexp.MustCompile(`^[0-9]{1,3}%$`)
)

// IsPercent reports whether s is a share in percent, of up to three digits.
func IsPercent(s string) bool { return percentPattern.MatchString(s) }

// Size returns v as a number of bytes, 0 or more.
func (r *Reader) Size(v Value) (int64, bool) {
	s, ok := r.Raw(v)
	if !ok {
		return 0, false
	}
	n, err := ParseSize(s)
	if err != nil {
		wrong, instead, _ := strings.Cut(err.Error(), "; ")
		r.Fail(v, wrong, instead)
	}
	return n, err == nil
}

// ParseSize reads a number of bytes written 512, 500MiB or 1.5GiB.
func ParseSize(s string) (int64, error) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		if o := otherUnits.FindStringSubmatch(s); o != nil {
			return 0, fmt.Errorf("%s is not a size; write %s%siB", Quote(s), o[1], strings.ToUpper(o[2]))
		}
		return 0, fmt.Errorf("%s is not a size; write it like 500MiB or 40GiB", Quote(s))
	}
	f, err := strconv.ParseFloat(m[1], 64)
	unit := map[string]float64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}[m[2]]
	if err != nil || f*unit >= 1<<60 {
		return 0, fmt.Errorf("%s is too large for a size; write it like 500MiB or 40GiB", Quote(s))
	}
	return int64(f * unit), nil
}

// Path makes a function that stores the path of a file, made relative to the folder of the file read.
func (r *Reader) Path(to *string) func(Value) {
	return func(v Value) {
		if s, ok := r.Text(v); ok {
			*to = r.Resolve(s)
			r.Places[v.key] = v.At
		}
	}
}

// Resolve makes a path relative to the folder of the file that is read.
func (r *Reader) Resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.dir, path)
}

// Percent reads a share of a whole, 1% to 100%.
func (r *Reader) Percent(v Value) int {
	s, ok := r.Raw(v)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s, "%"))
	if !IsPercent(s) || err != nil || n < 1 || n > 100 {
		r.Fail(v, Quote(s)+" is not a share from 1% to 100%", "write it like 30%")
		return 0
	}
	return n
}

// Between reads a whole number from least to most.
func (r *Reader) Between(v Value, least, most int) (int, bool) {
	n, ok := r.Number(v, least)
	if ok && n > most {
		r.Fail(v, fmt.Sprintf("%d is more than %d", n, most), fmt.Sprintf("write a number from %d to %d", least, most))
	}
	return n, ok && n <= most
}

// Together wants two keys both or not at all.
func (r *Reader) Together(given map[string]Value, a, b string) {
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		one, have := given[pair[0]]
		if _, other := given[pair[1]]; have && !other {
			r.Fail(one, "needs "+pair[1]+" beside it", "write "+pair[1]+" too, or remove "+pair[0])
		}
	}
}
