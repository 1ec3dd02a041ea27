package ready

import (
	"html/template"
	"regexp"
	"strings"
	"testing"

	"github.com/robertkrimen/otto/parser"
)

// TestScriptIsES5 reads the script as an old tablet does: ECMAScript 5, and nothing that came with
// browsers after it.
func TestScriptIsES5(t *testing.T) {
	body, err := files.ReadFile("ready.js")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(nil, "ready.js", body, parser.IgnoreRegExpErrors); err != nil {
		t.Error(err)
	}
	for _, modern := range []string{
		"let a = 1;", "const a = 1;", "var f = () => 1;", "for (var x of y) {}", "class A {}", "var a = `b`;", "f(...a);", "var {a} = b;", "a?.b;", "a ?? b;",
		"async function f() {}", "function f(a = 1) {}", "var a = {b};", "var a = {b() {}};",
	} {
		if _, err := parser.ParseFile(nil, "modern.js", string(body)+modern, 0); err == nil {
			t.Errorf("the parser takes %q for ECMAScript 5", modern)
		}
	}
	later := regexp.MustCompile(`\b(fetch|Promise|Symbol|Map|Set|WeakMap|Proxy|URL|URLSearchParams|closest|matches|append|remove|dataset|classList|assign|includes|startsWith|find|from|IntersectionObserver)\b`)
	if found := later.Find(body); found != nil {
		t.Errorf("the script needs %s, which an old tablet does not have", found)
	}
}

// TestStyleIsOld keeps out what an old tablet does not understand, and what would show the page in
// another order than its source: who sees it without its style, or hears it, gets the same order.
func TestStyleIsOld(t *testing.T) {
	body, err := files.ReadFile("ready.css")
	if err != nil {
		t.Fatal(err)
	}
	style := string(body)
	modern := regexp.MustCompile(`(?i)\bgrid\b|var\(|--[a-z]|@supports|@layer|@container|\b(min|max|clamp|calc)\(|:(is|where|has)\(|\b(row-|column-)?gap:|\binset\b|aspect-ratio|[0-9](rem|dvh|svh)\b|[{;]order:|-reverse\b|float:|position:(fixed|sticky)`)
	if found := modern.FindString(style); found != "" {
		t.Errorf("the style has %q", found)
	}
	for _, rule := range regexp.MustCompile(`[^{}]*display:flex[^}]*`).FindAllString(style, -1) {
		if !strings.Contains(rule, "display:-webkit-flex;display:flex") {
			t.Errorf("an old WebKit does not know %q", rule)
		}
	}
}

// TestOrderOfTheText reads every state without its style: the word comes first, then what is wrong with its
// steps, then what else there is to know, and when it was seen last.
func TestOrderOfTheText(t *testing.T) {
	for name, r := range reports(t) {
		html := render(t, r, "page")
		last, was := -1, ""
		for _, part := range []string{`<h1 id="word"`, `<p id="text">`, `<section class="red">`, `<section class="amber">`, `<section class="blue">`, `<p class="foot">`, `<p class="printed">`} {
			at := strings.Index(html, part)
			if at < 0 {
				continue
			}
			if at < last {
				t.Errorf("%s: %s comes before %s", name, part, was)
			}
			last, was = at, part
		}
		for _, f := range r.Fix {
			for _, step := range f.Steps {
				if strings.Index(html, template.HTMLEscapeString(f.What)) > strings.LastIndex(html, template.HTMLEscapeString(step)) {
					t.Errorf("%s: the step %q comes before %q", name, step, f.What)
				}
			}
		}
	}
}
