package strict

import (
	"cmp"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// HostPort returns v as host:port. port is added when there is none; "" = it must be there.
func (r *Reader) HostPort(v Value, port string) (string, bool) {
	s, ok := r.Text(v)
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
	case !IsHost(host):
		r.Fail(v, Quote(s)+" is not host:port", "write it like 10.77.0.11:"+cmp.Or(port, "8080"))
	case p == "":
		r.Fail(v, Quote(s)+" has no port", "write it like "+net.JoinHostPort(host, "8080"))
	case !isPort(p):
		r.Fail(v, Quote(p)+" is not a port", "write a number from 1 to 65535")
	default:
		return net.JoinHostPort(host, p), true
	}
	return "", false
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$`)

// IsHost reports whether s can be a host: a name or an IP address.
func IsHost(s string) bool {
	if ip, zone, found := strings.Cut(s, "%"); found && zone != "" {
		s = ip
	}
	return net.ParseIP(s) != nil || (len(s) <= 253 && hostPattern.MatchString(s))
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 65535 && s[0] != '+' && s[0] != '0'
}

// URL returns v as an address with one of the schemes. A password inside it is refused:
// the file is shown and sent around.
func (r *Reader) URL(v Value, example string, schemes ...string) (*url.URL, bool) {
	s, ok := r.Text(v)
	if !ok {
		return nil, false
	}
	u, err := url.Parse(s)
	switch {
	case strings.HasPrefix(s, "file:") && slices.Contains(schemes, "file") && !strings.HasPrefix(s, "file:///"):
		r.Fail(v, Quote(s)+" does not name a folder", "write three slashes: file:///media/usb/catalog/")
	case err != nil || u.Scheme == "" || u.Opaque != "":
		r.Fail(v, Quote(s)+" is not a URL", "write it like "+example)
	case !slices.Contains(schemes, u.Scheme):
		r.Fail(v, Quote(u.Scheme)+" is not one of "+list(schemes), "write it like "+example)
	case u.User != nil:
		r.Fail(v, "holds a user name or a password", "remove it: the "+r.what+" is not a place for secrets")
	case u.Scheme != "file" && (!IsHost(u.Hostname()) || (u.Port() != "" && !isPort(u.Port()))):
		r.Fail(v, Quote(s)+" has no valid host and port", "write it like "+example)
	case u.Fragment != "":
		r.Fail(v, Quote(s)+" has a fragment", "remove the # and what follows")
	default:
		return u, true
	}
	return nil, false
}

// Homepage makes a function that stores the address of a server, exactly as it is written. In the clear
// it is taken only on this machine.
func (r *Reader) Homepage(to *string) func(Value) {
	return func(v Value) {
		u, ok := r.URL(v, "https://hq.example.com", "https", "http")
		switch {
		case !ok:
		case u.Scheme == "http" && !Loopback(u.Host) && !Loopback(u.Host+":80"):
			r.Fail(v, "is not encrypted", "write https://")
		default:
			*to, _ = r.Text(v)
		}
	}
}

// Listener reads one address to listen on; its host may be missing.
func (r *Reader) Listener(v Value, to *string) {
	s, ok := r.Raw(v)
	if !ok {
		return
	}
	if s == "off" {
		*to = ""
		return
	}
	host, port, found := CutLast(s, ":")
	switch {
	case isPort(s):
		r.Fail(v, Quote(s)+" is not an address to listen on", `write it with a colon: ":`+s+`"`)
	case !found || (host != "" && !IsHost(strings.Trim(host, "[]"))):
		r.Fail(v, Quote(s)+" is not an address to listen on", `write it like ":8443" or "127.0.0.1:9464", or off`)
	case !isPort(port):
		r.Fail(v, Quote(port)+" is not a port", "write a number from 1 to 65535")
	default:
		*to = s
	}
}

// CutLast cuts s around the last sep.
func CutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Loopback reports whether an address to listen on can be reached from this machine only.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
