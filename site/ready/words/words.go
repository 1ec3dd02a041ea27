// Package words holds what the store's page says, in every language that it speaks: one file a
// language, with the same keys. It holds no rule about readiness, only how a thing is said. What the store
// file says of its own checks is not in here and wins.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

//go:embed *.json
var files embed.FS

var all = load()

// Default is the tag of the language that is spoken where no other is known.
const Default = "en"

// Language is one language. It is shared and must not be changed.
type Language struct {
	Tag      string                  `json:"language"` // as in the store file: "de"
	Name     string                  `json:"name"`     // in the language itself
	Verdicts map[site.Verdict]string `json:"verdicts"` // the big word
	Able     map[string]string       `json:"able"`     // capability -> "can sell"
	Days     []string                `json:"days"`     // from Sunday
	Months   []string                `json:"months"`
	Findings map[string]Finding      `json:"findings"` // by code or kind of check; a variant has a point and a word behind it
	Texts    map[string]Text         `json:"texts"`
}

// Finding is how one thing that is wrong, or worth knowing, is said.
type Finding struct {
	What   string   `json:"what"`
	SoWhat string   `json:"so_what,omitempty"`
	Steps  []string `json:"steps,omitempty"`
	Else   string   `json:"else,omitempty"`
	Works  string   `json:"works,omitempty"` // said when the check passes
}

// Text is one sentence, perhaps with another form for one thing than for many.
type Text struct{ One, Other string }

// UnmarshalJSON reads a text, or {"one": text, "other": text}.
func (t *Text) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &t.Other); err == nil {
		t.One = t.Other
		return nil
	}
	var forms struct{ One, Other string }
	err := json.Unmarshal(data, &forms)
	*t = Text(forms)
	return err
}

func load() map[string]*Language {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("internal error: the languages are not embedded: %v", err))
	}
	languages := map[string]*Language{}
	for _, e := range entries {
		data, err := files.ReadFile(e.Name())
		var l Language
		if err == nil {
			err = json.Unmarshal(data, &l)
		}
		if err != nil {
			panic(fmt.Sprintf("internal error: the language file %s cannot be read: %v", e.Name(), err))
		}
		languages[l.Tag] = &l
	}
	return languages
}

// For returns the language with a tag such as "de" or "de-AT", and English for one that is not known.
func For(tag string) *Language {
	base, _, _ := strings.Cut(tag, "-")
	if l, ok := all[strings.ToLower(base)]; ok {
		return l
	}
	return all[Default]
}

// Known reports whether the page speaks the language with this tag.
func Known(tag string) bool { return For(tag).Tag == tag }

// Languages returns every language, English first, the rest by tag.
func Languages() []*Language {
	list := []*Language{all[Default]}
	for _, tag := range slices.Sorted(maps.Keys(all)) {
		if tag != Default {
			list = append(list, all[tag])
		}
	}
	return list
}

// Word is the one big word of a verdict. A verdict that is none is unknown.
func (l *Language) Word(v site.Verdict) string {
	if w, ok := l.Verdicts[v]; ok {
		return w
	}
	return l.Verdicts[site.CannotTell]
}

// Say returns a text with its places filled in. pairs are names and values: "at", "07:40" fills in {at}.
func (l *Language) Say(key string, pairs ...string) string { return fill(l.Texts[key].Other, pairs) }

// Count is Say of a text about n things, which fill in {n}.
func (l *Language) Count(key string, n int, pairs ...string) string {
	text := l.Texts[key].Other
	if n == 1 {
		text = l.Texts[key].One
	}
	return fill(text, append(pairs, "n", strconv.Itoa(n)))
}

// Finding returns how the finding with this key is said, with its places filled in.
func (l *Language) Finding(key string, pairs ...string) Finding {
	f := l.Findings[key]
	f.What, f.SoWhat, f.Else, f.Works = fill(f.What, pairs), fill(f.SoWhat, pairs), fill(f.Else, pairs), fill(f.Works, pairs)
	steps := f.Steps
	f.Steps = nil
	for _, step := range steps {
		f.Steps = append(f.Steps, fill(step, pairs))
	}
	return f
}

// Has reports whether a finding with this key can be said.
func (l *Language) Has(key string) bool {
	_, ok := l.Findings[key]
	return ok
}

// fill puts values in the places of a text. A place that nobody fills in stays as it is, and what is
// filled in is not looked at again.
func fill(text string, pairs []string) string {
	var b strings.Builder
	for rest := text; ; {
		begin := strings.IndexByte(rest, '{')
		if begin < 0 {
			if b.Len() == 0 && len(rest) == len(text) {
				return text
			}
			b.WriteString(rest)
			return b.String()
		}
		b.WriteString(rest[:begin])
		rest = rest[begin:]
		value, long := place(rest, pairs)
		b.WriteString(value)
		rest = rest[long:]
	}
}

// place is what stands for the place with which a text begins, and how many bytes of the text it replaces.
func place(text string, pairs []string) (value string, long int) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if end := len(pairs[i]) + 1; end < len(text) && text[end] == '}' && text[1:end] == pairs[i] {
			return pairs[i+1], end + 1
		}
	}
	return text[:1], 1
}

// Can says what a device with a capability does, in words that follow "1 of 2 devices".
func (l *Language) Can(capability string) string {
	if can, ok := l.Able[capability]; ok {
		return can
	}
	return fill(l.Able["other"], []string{"name", strings.NewReplacer("-", " ", "_", " ").Replace(capability)})
}

// Clock writes t as 15:04, with the day when it is not the day of now or, for a time
// in the coming night, not within 12 hours of it. Both are in the zone of the store.
func (l *Language) Clock(t, now time.Time) string {
	away, clock := now.Sub(t), t.Format("15:04")
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year(), away < 0 && away > -12*time.Hour:
		return clock
	case away < 6*24*time.Hour && away > -6*24*time.Hour:
		return l.Say("at_day", "time", clock, "day", l.Days[t.Weekday()])
	}
	return l.Say("at_date", "time", clock, "date", strconv.Itoa(t.Day()), "month", l.Months[t.Month()-1])
}

// List writes at most four names as a phrase, and how many more there are.
func (l *Language) List(names []string) string {
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return names[0]
	case n > 4:
		return l.Say("and_more", "list", strings.Join(names[:3], ", "), "n", strconv.Itoa(n-3))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + l.Say("and") + names[last]
}
