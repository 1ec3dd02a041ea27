package patchfile

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/suggest"
	"github.com/nightfill/nightfill/site/window"
)

func (r *reader) rollback(m mapping) site.Rollback {
	if !m.has("rollback") {
		return site.Rollback{Class: site.RollbackNone}
	}
	sub, ok := r.mapping(m.fields["rollback"].value, "rollback", rollbackKeys)
	if !ok {
		return site.Rollback{}
	}
	b := site.Rollback{Class: site.RollbackClass(r.text(sub, "class")), Artifacts: r.artifacts(sub, "artifacts"), Args: r.list(sub, "args")}
	switch b.Class {
	case site.RollbackNone:
		if len(b.Artifacts) > 0 {
			r.complain(sub.where("artifacts"), "rollback.class none takes nothing back: leave the artifacts out, or write class: package-downgrade")
		}
	case site.RollbackDowngrade, site.RollbackScript:
		if !sub.has("artifacts") || sub.empty("artifacts") {
			r.complain(sub.at, "rollback.class %s needs artifacts: write artifacts: [FILE]", b.Class)
		}
	default:
		r.complain(sub.where("class"), "rollback.class %q is not possible: this version takes back with none, package-downgrade and script", b.Class)
	}
	return b
}

func (r *reader) durations(m mapping) site.Durations {
	minutes := func(n int) site.Duration { return site.Duration(time.Duration(n) * time.Minute) }
	d := site.Durations{Install: minutes(2), Reboot: minutes(3), Verify: minutes(1), Rollback: minutes(2)}
	if !m.has("duration") {
		return d
	}
	sub, ok := r.mapping(m.fields["duration"].value, "duration", durationKeys)
	if !ok {
		return d
	}
	for name, into := range map[string]*site.Duration{"install": &d.Install, "reboot": &d.Reboot, "verify": &d.Verify, "rollback": &d.Rollback, "soak": &d.Soak} {
		if !sub.has(name) {
			continue
		}
		if err := into.UnmarshalText([]byte(r.text(sub, name))); err != nil {
			r.complain(sub.where(name), "duration.%s: %v", name, err)
		}
	}
	return d
}

func (r *reader) gates(m mapping) []site.Gate {
	var out []site.Gate
	for _, n := range r.items(m, "gates") {
		sub, ok := r.mapping(n, "a gate", gateKeys)
		if !ok {
			continue
		}
		g := site.Gate{Command: r.list(sub, "command"), Wait: r.flag(sub, "wait")}
		if len(g.Command) == 0 {
			r.complain(sub.where("command"), "a gate needs a command: write {command: [\"test\", \"!\", \"-e\", \"/run/pos/eod.lock\"]}")
		}
		out = append(out, g)
	}
	return out
}

func (r *reader) verifications(m mapping) []site.Verify {
	var out []site.Verify
	for _, n := range r.items(m, "verify") {
		if sub, ok := r.mapping(n, "an entry of verify", verifyKeys); ok {
			out = append(out, r.verification(sub))
		}
	}
	return out
}

func (r *reader) verification(sub mapping) site.Verify {
	v := site.Verify{Service: r.text(sub, "service"), HTTP: r.text(sub, "http"), TCP: r.text(sub, "tcp"), Command: r.list(sub, "command")}
	set := 0
	for _, given := range []bool{v.Service != "", v.HTTP != "", v.TCP != "", len(v.Command) > 0} {
		if given {
			set++
		}
	}
	if set != 1 {
		r.complain(sub.at, "an entry of verify asks exactly one thing: write service, http, tcp or command")
	}
	if v.HTTP != "" {
		if u, err := url.Parse(v.HTTP); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			r.complain(sub.where("http"), "%q is not an address: write http://127.0.0.1:8080/health", v.HTTP)
		}
	}
	if v.TCP != "" && !strings.Contains(v.TCP, ":") {
		r.complain(sub.where("tcp"), "%q has no port: write host:port", v.TCP)
	}
	return v
}

func (r *reader) approval(m mapping) site.Approval {
	if !m.has("approval") {
		return site.Approval{}
	}
	sub, ok := r.mapping(m.fields["approval"].value, "approval", approvalKeys)
	if !ok {
		return site.Approval{}
	}
	return site.Approval{
		Change: r.text(sub, "change"), Reason: r.text(sub, "reason"), SecurityImpact: r.text(sub, "security_impact"),
		Tested: r.text(sub, "tested"), Backout: r.text(sub, "backout"),
		NotBefore: r.moment(sub, "not_before", false), NotAfter: r.moment(sub, "not_after", true),
	}
}

// moment reads a date or an RFC 3339 time. A date as an end includes that whole day, in UTC.
func (r *reader) moment(m mapping, name string, end bool) *time.Time {
	s := r.text(m, name)
	if s == "" {
		return nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		t = t.UTC()
		return &t
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		r.complain(m.where(name), "%s %q is not a time: write 2026-11-22 or 2026-11-22T23:00:00Z", name, s)
		return nil
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return &t
}

func (r *reader) date(m mapping, name string) window.Date {
	s := r.text(m, name)
	if s == "" {
		return window.Date{}
	}
	d, err := window.ParseDate(s)
	if err != nil {
		r.complain(m.where(name), "%s: %v", name, err)
	}
	return d
}

// oneOf reads a word of a closed list; def when it is not there.
func oneOf[T ~string](r *reader, m mapping, name string, def T, known ...T) T {
	if !m.has(name) {
		return def
	}
	got := T(r.text(m, name))
	if slices.Contains(known, got) {
		return got
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	r.complain(m.where(name), "%s %q does not exist: %s", name, got, suggest.Known(string(got), words))
	return def
}
