package signin

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The limits of what is sent.
const (
	maxForm = 16 << 10
	maxBody = 4 << 20
)

// policy lets a page use files of headquarters and nothing from elsewhere. No script stands in a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers puts the policy on every answer; package daemon/serve adds what all answers of a program have.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		next.ServeHTTP(w, r)
	})
}

// called refuses, where nobody logs in, what is not addressed to this machine: no cookie tells a page of headquarters
// from one of a web site whose name was made to lead here.
func (s *SignIn) called(next http.Handler) http.Handler {
	if s.Anyone == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		if !ofThisMachine(host) && !slices.ContainsFunc(s.Hosts, func(own string) bool { return strings.EqualFold(own, host) }) {
			answer(w, r, http.StatusMisdirectedRequest, "foreign_host",
				fmt.Sprintf("nobody logs in here, so headquarters answers only at localhost and at the host of address in its file, not at %.80q", host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is the name or the address of a Host header, without its port.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.TrimSuffix(host, ".")
}

// ofThisMachine reports whether a name or an address leads nowhere but to this machine, whoever asks.
func ofThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// known lets only those in who are known. A page sends others to the login, and back afterwards.
func (s *SignIn) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := s.person(r)
		switch {
		case ok:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			next.ServeHTTP(w, r.WithContext(withPerson(r.Context(), p)))
		case forPrograms(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="nightfill"`)
			answer(w, r, http.StatusUnauthorized, "not_logged_in", "log in, or send a token in the header Authorization: Bearer TOKEN")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			s.page(w, http.StatusUnauthorized, form{Error: "You are not logged in any more. Log in and do it again."})
		default:
			http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		}
	})
}

// person finds who a request comes from.
func (s *SignIn) person(r *http.Request) (Person, bool) {
	if s.Anyone != nil {
		return *s.Anyone, true
	}
	if header := r.Header.Get("Authorization"); header != "" {
		secret, ok := strings.CutPrefix(header, "Bearer ")
		if !ok || s.Token == nil {
			return Person{}, false
		}
		return s.Token(r.Context(), strings.TrimSpace(secret))
	}
	got, err := r.Cookie(s.cookieName(sessionCookie))
	if err != nil {
		return Person{}, false
	}
	if byItself(r) {
		return s.Accounts.Alive(got.Value, time.Now())
	}
	return s.Accounts.Session(got.Value, time.Now())
}

// byItself reports whether a script of a page asks, as one that follows the night does. Such a request is
// no sign that somebody sits there.
func byItself(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.Header.Get("Sec-Fetch-Dest") == "empty" || strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream"))
}

// forPrograms reports whether no person reads the answer.
func forPrograms(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/events" || byItself(r) || r.Header.Get("Authorization") != ""
}

// answer says why not, as JSON to a program.
func answer(w http.ResponseWriter, r *http.Request, status int, code, say string) {
	if !forPrograms(r) {
		http.Error(w, say, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": code, "message": say}})
}

// Origin is the address that a request comes from: what a program on this machine passes on for, when
// it stands before headquarters and says so.
func Origin(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return host
	}
	all := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	if last := net.ParseIP(strings.TrimSpace(all[len(all)-1])); last != nil {
		return last.String()
	}
	return host
}
