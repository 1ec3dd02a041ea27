package config

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// text returns v as text. A number is refused: 0142 would lose its zero in other programs.
func (r *reader) text(v value) (string, bool) {
	var s string
	switch n := v.node.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = strings.TrimSpace(n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		r.fail(v, "is "+kindOf(n)+", not text", "put it in quotes: "+quote(n.GetToken().Value))
		return "", false
	default:
		r.fail(v, "is "+kindOf(v.node)+", not text", "write one piece of text")
		return "", false
	}
	switch {
	case strings.TrimSpace(s) == "":
		r.fail(v, "is empty", "write one, or remove the key")
	case strings.ContainsFunc(s, unicode.IsControl):
		r.fail(v, "holds a line break or a control character", "write it as one plain line")
	default:
		return s, true
	}
	return "", false
}

// raw returns v as text where a number may stand as well.
func (r *reader) raw(v value) (string, bool) {
	if n, ok := v.node.(*ast.IntegerNode); ok {
		return n.GetToken().Value, true
	}
	return r.text(v)
}

// into makes a function that stores text.
func (r *reader) into(to *string) func(value) {
	return func(v value) {
		if s, ok := r.text(v); ok {
			*to = s
		}
	}
}

// texts makes a function that stores a list of texts, one at least.
func (r *reader) texts(to *[]string) func(value) {
	return func(v value) {
		if s, ok := v.node.(*ast.SequenceNode); ok && len(s.Values) == 0 {
			r.fail(v, "is an empty list", "write an item, or remove the key")
		}
		r.each(v, func(v value) {
			if s, ok := r.text(v); ok {
				*to = append(*to, s)
			}
		})
	}
}

// flag makes a function that stores true or false.
func (r *reader) flag(to *bool) func(value) {
	return func(v value) {
		if n, ok := v.node.(*ast.BoolNode); ok {
			*to = n.Value
			return
		}
		r.fail(v, "is "+kindOf(v.node)+", not true or false", "write true or false, without quotes")
	}
}

// number returns v as a whole number of at least least.
func (r *reader) number(v value, least int) (int, bool) {
	if _, ok := v.node.(*ast.IntegerNode); !ok {
		r.fail(v, "is "+kindOf(v.node)+", not a whole number", fmt.Sprintf("write a number like %d, without quotes", max(2, least)))
		return 0, false
	}
	s := v.node.GetToken().Value
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > math.MaxInt32 {
		r.fail(v, s+" is not a number from "+strconv.Itoa(least)+" up", fmt.Sprintf("write a number like %d", max(2, least)))
		return 0, false
	}
	return n, true
}

// choice returns v as one of known.
func (r *reader) choice(v value, known ...string) (string, bool) {
	s, ok := r.text(v)
	if !ok {
		return "", false
	}
	if !slices.Contains(known, s) {
		r.fail(v, quote(s)+" is not known here", didYouMean(s, known))
		return "", false
	}
	return s, true
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// name returns v as a name that is safe in an MQTT topic, a file name and a command line.
func (r *reader) name(v value) (string, bool) {
	s, ok := r.text(v)
	return s, ok && r.safe(v, s)
}

func (r *reader) safe(v value, s string) bool {
	if len(s) > 64 || !namePattern.MatchString(s) {
		r.fail(v, quote(s)+" cannot be a name: it is used in topics, file names and commands",
			"write 1 to 64 letters, digits, dots, underscores and hyphens, a letter or digit first")
		return false
	}
	return true
}

// span returns v as a length of time of at least least.
func (r *reader) span(v value, least time.Duration) (time.Duration, bool) {
	s, ok := r.raw(v)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		r.fail(v, quote(s)+" is not a length of time", spanAdvice(s))
	case d < 0:
		r.fail(v, quote(s)+" is negative", "write it without the minus sign")
	case d < least && least == 1:
		r.fail(v, quote(s)+" is no time at all", "write a length of time like 45m")
	case d < least:
		r.fail(v, quote(s)+" is too short", "write "+short(least)+" or more")
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

// short writes a length of time without the units that are zero.
func short(d time.Duration) string {
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

// size returns v as a number of bytes, 0 or more.
func (r *reader) size(v value) (int64, bool) {
	s, ok := r.raw(v)
	if !ok {
		return 0, false
	}
	n, err := parseSize(s)
	if err != nil {
		wrong, instead, _ := strings.Cut(err.Error(), "; ")
		r.fail(v, wrong, instead)
	}
	return n, err == nil
}

// parseSize reads a number of bytes written 512, 500MiB or 1.5GiB.
func parseSize(s string) (int64, error) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		if o := otherUnits.FindStringSubmatch(s); o != nil {
			return 0, fmt.Errorf("%s is not a size; write %s%siB", quote(s), o[1], strings.ToUpper(o[2]))
		}
		return 0, fmt.Errorf("%s is not a size; write it like 500MiB or 40GiB", quote(s))
	}
	f, err := strconv.ParseFloat(m[1], 64)
	unit := map[string]float64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}[m[2]]
	if err != nil || f*unit >= 1<<60 {
		return 0, fmt.Errorf("%s is too large for a size; write it like 500MiB or 40GiB", quote(s))
	}
	return int64(f * unit), nil
}

// path makes a function that stores the path of a file, made relative to the folder of the file read.
func (r *reader) path(to *string) func(value) {
	return func(v value) {
		if s, ok := r.text(v); ok {
			*to = r.resolve(s)
			r.places[v.key] = v.at
		}
	}
}

func (r *reader) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.dir, path)
}

// address returns v as host:port. port is added when there is none; "" = it must be there.
func (r *reader) address(v value, port string) (string, bool) {
	s, ok := r.text(v)
	if !ok {
		return "", false
	}
	host, p, err := net.SplitHostPort(s)
	if err != nil || strings.Contains(s, "/") {
		host, p = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), port
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			host = ""
		}
	}
	switch {
	case !isHost(host):
		r.fail(v, quote(s)+" is not host:port", "write it like 10.77.0.11:"+orElse(port, "8080"))
	case p == "":
		r.fail(v, quote(s)+" has no port", "write it like "+net.JoinHostPort(host, "8080"))
	case !isPort(p):
		r.fail(v, quote(p)+" is not a port", "write a number from 1 to 65535")
	default:
		return net.JoinHostPort(host, p), true
	}
	return "", false
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$`)

func isHost(s string) bool {
	if ip, zone, found := strings.Cut(s, "%"); found && zone != "" {
		s = ip
	}
	return net.ParseIP(s) != nil || (len(s) <= 253 && hostPattern.MatchString(s))
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 65535 && s[0] != '+' && s[0] != '0'
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// url returns v as an address with one of the schemes. A password inside it is refused:
// the file is shown and sent around.
func (r *reader) url(v value, example string, schemes ...string) (*url.URL, bool) {
	s, ok := r.text(v)
	if !ok {
		return nil, false
	}
	u, err := url.Parse(s)
	switch {
	case strings.HasPrefix(s, "file:") && slices.Contains(schemes, "file") && !strings.HasPrefix(s, "file:///"):
		r.fail(v, quote(s)+" does not name a folder", "write three slashes: file:///media/usb/catalog/")
	case err != nil || u.Scheme == "" || u.Opaque != "":
		r.fail(v, quote(s)+" is not a URL", "write it like "+example)
	case !slices.Contains(schemes, u.Scheme):
		r.fail(v, quote(u.Scheme)+" is not one of "+list(schemes), "write it like "+example)
	case u.User != nil:
		r.fail(v, "holds a user name or a password", "remove it: the "+r.what+" is not a place for secrets")
	case u.Scheme != "file" && (!isHost(u.Hostname()) || (u.Port() != "" && !isPort(u.Port()))):
		r.fail(v, quote(s)+" has no valid host and port", "write it like "+example)
	case u.Fragment != "":
		r.fail(v, quote(s)+" has a fragment", "remove the # and what follows")
	default:
		return u, true
	}
	return nil, false
}
