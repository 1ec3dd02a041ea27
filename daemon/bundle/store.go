package bundle

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// StoreFile writes a store file without what could be a secret, and returns also what was taken out, to be
// looked for in the other parts. Only keys that are known to hold none are written with their values; comments
// are not. The error never repeats the file.
func StoreFile(text []byte) (clean []byte, secrets []string, err error) {
	var doc yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(text, &doc, yaml.UseOrderedMap()); err != nil {
		return nil, nil, errors.New("the store file is no YAML: see what is wrong with it with nightfill config validate")
	}
	r := &redactor{}
	clean, err = yaml.Marshal(r.value(nil, doc))
	if err != nil {
		return nil, nil, errors.New("the store file cannot be written without its secrets")
	}
	return clean, r.secrets, nil
}

// redactor walks a store file.
type redactor struct{ secrets []string }

// value writes what is at a path of keys.
func (r *redactor) value(path []string, v any) any {
	switch v := v.(type) {
	case yaml.MapSlice:
		out := make(yaml.MapSlice, 0, len(v))
		for _, item := range v {
			key := fmt.Sprint(item.Key)
			out = append(out, yaml.MapItem{Key: item.Key, Value: r.entry(append(slices.Clone(path), key), item.Value)})
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, r.value(path, item))
		}
		return out
	}
	return v
}

// entry writes the value of a key by what the key may hold.
func (r *redactor) entry(path []string, v any) any {
	key := path[len(path)-1]
	switch {
	case chosen(path):
		return r.value(path, v)
	case key == "command":
		return r.command(v)
	case key == "url":
		return r.address(v, true)
	case key == "webhook":
		return r.address(v, false)
	case slices.Contains(plain(), key):
		return r.value(path, v)
	}
	r.note(v)
	return Mark
}

// command keeps the program and counts the rest: an argument may be anything.
func (r *redactor) command(v any) any {
	args, ok := v.([]any)
	if !ok || len(args) == 0 {
		r.note(v)
		return Mark
	}
	for _, a := range args[1:] {
		text := fmt.Sprint(a)
		if name, value, found := strings.Cut(text, "="); found && strings.HasPrefix(name, "-") {
			text = value
		}
		if telling(text) && !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "-") {
			r.secrets = append(r.secrets, text)
		}
	}
	if len(args) == 1 {
		return args
	}
	return []any{args[0], fmt.Sprintf("%s: %d arguments", Mark, len(args)-1)}
}

// telling reports whether a word looks more like a secret than like a word.
func telling(text string) bool {
	return len(text) >= free && strings.ContainsAny(text, "0123456789:!$%&*#@")
}

// address keeps where a URL leads; its path only where it is no secret by habit.
func (r *redactor) address(v any, path bool) any {
	text, _ := v.(string)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && u.Scheme != "file" {
		r.note(v)
		return Mark
	}
	if word, ok := u.User.Password(); ok {
		r.secrets = append(r.secrets, word)
	}
	for _, values := range u.Query() {
		r.secrets = append(r.secrets, values...)
	}
	clean := url.URL{Scheme: u.Scheme, Host: u.Host}
	if path {
		clean.Path = u.Path
	} else {
		for part := range strings.SplitSeq(u.Path, "/") {
			if telling(part) {
				r.secrets = append(r.secrets, part)
			}
		}
	}
	return clean.String()
}

// note remembers every text below a value that is taken out.
func (r *redactor) note(v any) {
	switch v := v.(type) {
	case yaml.MapSlice:
		for _, item := range v {
			r.note(item.Value)
		}
	case []any:
		for _, item := range v {
			r.note(item)
		}
	case string:
		r.secrets = append(r.secrets, v)
	}
}

// chosen reports whether a key is a name that people choose: of a group, of days, of a capability.
func chosen(path []string) bool {
	return len(path) == 2 && (path[0] == "groups" || path[0] == "opening") || len(path) == 3 && path[1] == "floor"
}

// plain are the keys whose values are no secret: names, times, numbers, addresses, paths of files, words for
// people. A key that is not here, nor treated by itself, is written without its value.
func plain() []string {
	return []string{
		"version", "store", "id", "org", "name", "timezone", "ring", "language", "opening", "window", "start", "end", "days", "reserve", "blackouts",
		"from", "to", "reason", "mode", "clock", "trust", "contacts", "phone", "for", "notice", "not_tonight", "latest", "max_per_month", "escalation",
		"after", "catalog", "root", "max_offline", "cache", "rate", "open", "closed", "mqtt", "ca", "cert", "key", "password_file", "ssh", "devices",
		"asset", "make", "serial", "location", "function", "owner", "pci_scope", "support_ends",
		"class", "model", "address", "user", "host_key", "groups", "capabilities", "role", "min_up", "max_down", "canary", "before", "readiness", "at",
		"every", "floor", "checks", "device", "kind", "expect", "path", "min_free", "max_skew", "server_name", "warn", "fail", "resolve", "server",
		"package", "at_least", "at_most", "max", "min_charge", "capability", "optional", "needs", "timeout", "retries", "max_age", "repair", "service",
		"what", "steps", "else", "listen", "ready", "console", "agents", "gossip", "metrics", "totp", "state",
	}
}

// Hidden are the keys of a store file whose values a bundle never holds, or only in part.
func Hidden() []string { return []string{"pin", "username", "webhook", "url", "command"} }

// Plain reports whether a bundle holds the values of a key of the store file as they are.
func Plain(key string) bool { return slices.Contains(plain(), key) }
