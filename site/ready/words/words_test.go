package words_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready/words"
)

// texts returns everything that a language says, each with the place where it stands.
func texts(l *words.Language) map[string]string {
	all := map[string]string{}
	for key, f := range l.Findings {
		all["findings."+key+".what"], all["findings."+key+".so_what"] = f.What, f.SoWhat
		all["findings."+key+".else"], all["findings."+key+".works"] = f.Else, f.Works
		for i, step := range f.Steps {
			all["findings."+key+".steps."+string(rune('1'+i))] = step
		}
	}
	for key, t := range l.Texts {
		all["texts."+key+".one"], all["texts."+key+".other"] = t.One, t.Other
	}
	for name, can := range l.Able {
		all["able."+name] = can
	}
	for verdict, word := range l.Verdicts {
		all["verdicts."+string(verdict)] = word
	}
	return all
}

var place = regexp.MustCompile(`\{[a-z_]+\}`)

// TestEveryLanguageSaysTheSame holds the files of all languages to the keys and places of the English one.
func TestEveryLanguageSaysTheSame(t *testing.T) {
	english := texts(words.For(words.Default))
	for _, l := range words.Languages() {
		if words.For(l.Tag) != l || l.Name == "" || len(l.Days) != 7 || len(l.Months) != 12 {
			t.Errorf("%s (%s) is not whole", l.Tag, l.Name)
		}
		own := texts(l)
		for key := range own {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %s is nothing that English says", l.Tag, key)
			}
		}
		for key, want := range english {
			got := own[key]
			if (got == "") != (want == "") {
				t.Errorf("%s: %s is %q, in English %q", l.Tag, key, got, want)
			}
			if a, b := places(got), places(want); !slices.Equal(a, b) {
				t.Errorf("%s: %s has the places %v, in English %v", l.Tag, key, a, b)
			}
		}
	}
	if n := len(words.Languages()); n < 3 {
		t.Errorf("only %d languages", n)
	}
}

func places(text string) []string {
	found := place.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// source is the source of everything that speaks.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"../*.go", "../../../ui/ready/*.go", "../../../ui/ready/*.html"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range found {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(data)
		}
	}
	return all.String()
}

func TestEveryKeyIsThere(t *testing.T) {
	english, source := words.For(words.Default), source(t)
	said := map[string]bool{"at_day": true, "at_date": true, "and": true, "and_more": true} // by words itself
	for _, m := range regexp.MustCompile(`(?:Say|Count)\(?\s?"([a-z_]+)"`).FindAllStringSubmatch(source, -1) {
		said[m[1]] = true
		if english.Texts[m[1]] == (words.Text{}) {
			t.Errorf("nothing is said for %q", m[1])
		}
	}
	for key := range english.Texts {
		if !said[key] && !strings.Contains(source, `"`+key+`"`) {
			t.Errorf("nobody says %q", key)
		}
	}
	codes := regexp.MustCompile(`(?m)^(?:const|\t)\s*[cC]ode[A-Z]\w*\s+= "([A-Z]+-[0-9])"`).FindAllStringSubmatch(source, -1)
	if len(codes) < 13 {
		t.Fatalf("found only the codes %q", codes)
	}
	for _, code := range codes {
		if !english.Has(code[1]) {
			t.Errorf("nothing is said about %s", code[1])
		}
	}
	for _, kind := range []site.CheckKind{site.CheckTCP, site.CheckHTTP, site.CheckService, site.CheckCommand, site.CheckDisk, site.CheckClock} {
		if f := english.Finding(string(kind)); f.What == "" || len(f.Steps) == 0 || f.Else == "" || f.Works == "" {
			t.Errorf("of a check of kind %s is said %+v", kind, f)
		}
	}
	for _, v := range []site.Verdict{site.Ready, site.ReadyNotes, site.NotReady, site.Working, site.CannotTell} {
		if english.Verdicts[v] == "" {
			t.Errorf("there is no word for %s", v)
		}
	}
}

// banned is what no shop has to understand, or is shouted at with. Numbers are written as digits.
func banned() map[string][]string {
	all := "service services daemon timeout rollback node endpoint wan mqtt hash exit null error process server host ssh http tcp port patch " +
		"reboot kernel api json log firmware "
	return map[string][]string{
		"en": strings.Fields(all + "rolled code please successfully successful failed two three four five six seven eight nine ten"),
		"de": strings.Fields(all + "bitte erfolgreich fehler fehlgeschlagen dienst knoten neustart prozess zwei drei vier fünf sechs sieben acht neun zehn"),
		"es": strings.Fields(all + "favor exitosamente éxito servicio servidor nodo proceso reinicio registro dos tres cuatro cinco seis siete ocho nueve diez"),
	}
}

func TestCopyRules(t *testing.T) {
	for _, l := range words.Languages() {
		if banned()[l.Tag] == nil {
			t.Errorf("no words are banned in %s", l.Tag)
		}
		for key, text := range texts(l) {
			if strings.HasPrefix(key, "texts.say_code.") {
				continue // saying it is what the code is for
			}
			if fault := lint(l.Tag, text); fault != "" {
				t.Errorf("%s: %s: %q: %s", l.Tag, key, text, fault)
			}
		}
		for key, f := range l.Findings {
			if len(f.Steps) > 3 {
				t.Errorf("%s: %s has %d steps", l.Tag, key, len(f.Steps))
			}
			for _, step := range f.Steps {
				if n := len(strings.Fields(step)); n > 12 {
					t.Errorf("%s: %s: %d words in the step %q", l.Tag, key, n, step)
				}
			}
		}
	}
}

// lint names the first rule of the shop's language that a text breaks.
func lint(tag, text string) string {
	if strings.ContainsAny(text, "!¡%") {
		return "exclamation mark or percentage"
	}
	for sentence := range strings.SplitSeq(text+" ", ". ") {
		parts := strings.FieldsFunc(sentence, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-':{}_", r)
		})
		if len(parts) > 15 {
			return "a sentence of more than 15 words"
		}
		for _, w := range parts {
			if slices.Contains(banned()[tag], strings.ToLower(w)) {
				return "the word " + w
			}
		}
	}
	return ""
}

func TestLintFindsFaults(t *testing.T) {
	for text, tag := range map[string]string{
		"The service is down.": "en", "Done!": "en", "7% left": "en", "Two tills work.": "en", "Wait. Timeout.": "en", "Bitte warten.": "de", "Falla el servidor.": "es",
		"This is a sentence that goes on and on until nobody knows what it was about.": "en",
	} {
		if lint(tag, text) == "" {
			t.Errorf("%q passes", text)
		}
	}
}

// TestReadingLevel estimates the school grade by Flesch and Kincaid over all that is said in English.
func TestReadingLevel(t *testing.T) {
	sentences, count, syllables := 0, 0, 0
	all, vowels := texts(words.For("en")), regexp.MustCompile(`[aeiouy]+`)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasPrefix(key, "findings.") && !strings.HasSuffix(key, ".other") {
			continue
		}
		for sentence := range strings.SplitSeq(place.ReplaceAllString(all[key], "it"), ". ") {
			parts := strings.Fields(sentence)
			if len(parts) < 3 {
				continue
			}
			sentences++
			count += len(parts)
			for _, w := range parts {
				w = strings.TrimSuffix(strings.Trim(strings.ToLower(w), ".,:"), "e")
				syllables += max(1, len(vowels.FindAllString(w, -1)))
			}
		}
	}
	if grade := 0.39*float64(count)/float64(sentences) + 11.8*float64(syllables)/float64(count) - 15.59; grade > 6 {
		t.Errorf("the texts need school grade %.1f", grade)
	}
}

func TestWhatIsNotKnownIsEnglish(t *testing.T) {
	for tag, want := range map[string]string{"": "en", "en": "en", "fr": "en", "de": "de", "de-AT": "de", "ES": "es", "x": "en"} {
		if got := words.For(tag).Tag; got != want {
			t.Errorf("%q is %s, want %s", tag, got, want)
		}
	}
	if words.Known("fr") || words.Known("de-AT") || !words.Known("de") {
		t.Error("what is known is not what there is")
	}
	if got := words.For("en").Word("no verdict"); got != "DON'T KNOW" {
		t.Errorf("no verdict is %q", got)
	}
}

func TestPhrases(t *testing.T) {
	l, now := words.For("de"), time.Date(2026, 11, 23, 7, 41, 0, 0, time.UTC)
	for i, pair := range [][2]string{
		{l.Count("fix_before", 1, "at", "08:00"), "1 Sache ist zu lösen, bevor Sie um 08:00 öffnen."},
		{l.Count("fix_before", 2, "at", "08:00"), "2 Sachen sind zu lösen, bevor Sie um 08:00 öffnen."},
		{l.Clock(now.Add(-time.Hour), now), "06:41"}, {l.Clock(now.Add(-24*time.Hour), now), "07:41 am Sonntag"}, {l.Clock(now.AddDate(0, -1, 0), now), "07:41 am 23. Oktober"},
		{l.Clock(now.Add(17*time.Hour), now), "00:41 am Dienstag"}, {l.Clock(now.Add(11*time.Hour), now.Add(-time.Hour)), "18:41"},
		{l.List(nil), ""}, {l.List([]string{"a"}), "a"}, {l.List([]string{"a", "b"}), "a und b"}, {l.List([]string{"a", "b", "c", "d", "e"}), "a, b, c und 2 weitere"},
		{l.Can("sell"), "können verkaufen"}, {l.Can("kitchen_screens"), "arbeiten für kitchen screens"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%d: got %q, want %q", i, pair[0], pair[1])
		}
	}
	before := l.Finding("DEV-1", "it", "till-3")
	if after := l.Finding("DEV-1", "it", "till-3"); !reflect.DeepEqual(before, after) || before.Steps[0] != "Schauen Sie, ob till-3 eingeschaltet ist." {
		t.Errorf("%+v, then %+v", before, after)
	}
}

// maxBanner is how many words can be read at a glance.
const maxBanner = 20

// TestBannerIsReadAtAGlance counts the big word and what may stand below it, with the longest times and names that are
// filled in: a day of this week, and for what is old a date.
func TestBannerIsReadAtAGlance(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 41, 0, 0, time.UTC)
	many := []string{"till-1", "till-2", "till-3", "till-4", "till-5"}
	for _, l := range words.Languages() {
		day, date := l.Clock(now.Add(-26*time.Hour), now), l.Clock(now.Add(-300*time.Hour), now)
		if day == date || !strings.Contains(date, l.Months[10]) {
			t.Errorf("%s: %q is no date", l.Tag, date)
		}
		box := l.Finding("BOX-1", "at", date)
		banners := map[site.Verdict][]string{
			site.Ready: {l.Say("open_all", "at", date)}, site.ReadyNotes: {l.Count("open_notes", 12)},
			site.NotReady: {l.Count("fix", 12), l.Count("fix_before", 1, "at", day), l.Count("fix_before", 12, "at", day)},
			site.CannotTell: {
				l.Say("unknown_empty"), l.Say("unknown_yet"), l.Say("unknown_old", "at", date), l.Say("unknown_needed"),
				l.Count("unknown_some", 1), l.Count("unknown_some", 12), box.What + " " + box.SoWhat,
			},
		}
		for _, text := range []string{
			l.Count("night", 1, "done", "0") + " " + l.Say("night_ends", "at", day), l.Count("night", 36, "done", "14") + " " + l.Say("night_ends", "at", day),
			l.Say("over_wait"), l.Count("over_free", 1, "names", "till-1"), l.Count("over_free", 4, "names", l.List(many[:4])), l.Count("over_free", 5, "names", l.List(many)),
		} {
			banners[site.Working] = append(banners[site.Working], text+" "+l.Say("no_switch"))
		}
		for verdict, texts := range banners {
			for _, text := range texts {
				if n := len(strings.Fields(l.Word(verdict) + " " + text)); n > maxBanner {
					t.Errorf("%s: %d words: %s %s", l.Tag, n, l.Word(verdict), text)
				}
			}
		}
	}
}
