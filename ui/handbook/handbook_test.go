package handbook_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/handbook"
)

// TestPages holds every page to what makes it quick to read.
func TestPages(t *testing.T) {
	readers := map[handbook.Reader]int{}
	for _, p := range handbook.Open().Pages() {
		readers[p.For]++
		data, err := os.ReadFile(filepath.Join("pages", p.Topic+".md"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), "\n"); n > 80 {
			t.Errorf("%s has %d lines: at most 80", p.Topic, n)
		}
		if !strings.HasSuffix(p.Task, ".") || strings.Count(p.Task, ". ") > 0 || len(p.Task) > 120 {
			t.Errorf("%s: the task is not one short sentence: %s", p.Topic, p.Task)
		}
		if len(p.Title) > 48 || strings.HasSuffix(p.Title, ".") {
			t.Errorf("%s: the title is %q", p.Topic, p.Title)
		}
		if regexp.MustCompile(`(?m)^# |^### |^\|`).MatchString(p.Body) {
			t.Errorf("%s has a heading that is not of the second level, or a table, which a terminal shows badly", p.Topic)
		}
		if strings.Contains(p.Body, "<") && regexp.MustCompile(`<[a-z/]`).MatchString(p.Body) {
			t.Errorf("%s has HTML in it", p.Topic)
		}
	}
	for _, r := range handbook.Readers() {
		if readers[r] == 0 {
			t.Errorf("there is nothing for %s", r)
		}
	}
}

var anyLink = regexp.MustCompile(`\]\(([^)]*)\)`)

// TestLinks holds every link to a page that there is, and every page to a link that leads to it.
func TestLinks(t *testing.T) {
	book := handbook.Open()
	for _, p := range book.Pages() {
		for _, m := range anyLink.FindAllStringSubmatch(p.Body, -1) {
			topic, ok := strings.CutSuffix(m[1], ".md")
			if _, there := book.Page(topic); !ok || !there {
				t.Errorf("%s leads to %s, which is no page", p.Topic, m[1])
			}
			if topic == p.Topic {
				t.Errorf("%s leads to itself", p.Topic)
			}
		}
		_, body, _ := book.HTML(p.Topic, "/at/")
		if strings.Contains(body, ".md") || strings.Contains(body, "://") && strings.Contains(body, `href="http`) {
			t.Errorf("%s leads out of the handbook:\n%s", p.Topic, body)
		}
	}
}

// banned are words for which the product has another one, and words that a page for a manager does not have.
func banned(r handbook.Reader) []string {
	always := strings.Fields("job jobs endpoint endpoints host hosts node nodes asset assets workload deploy deploys deployed deployment rollout " +
		"whitelist blacklist revert reverted uninstall reboot rebooted downtime hotfix utilize please simply just easily successfully " +
		"freeze tenant repo repository manifest payload waiver exemption revoke revoked recall")
	if r == handbook.Manager {
		always = append(always, strings.Fields("patch patches server ssh daemon catalog rollback json mqtt wan journal log timeout command firmware kernel error process percent")...)
	}
	return always
}

var word = regexp.MustCompile(`[A-Za-z][A-Za-z-]*`)

// prose is what of a page is read as sentences.
func prose(p handbook.Page) string {
	body := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(p.Body, "")
	body = regexp.MustCompile("`[^`]*`").ReplaceAllString(body, "")
	text := p.Title + ". " + p.Task + " " + anyLink.ReplaceAllString(body, "]")
	return regexp.MustCompile(`(?i)host\s+key`).ReplaceAllString(text, "key") // that is what it is called
}

// TestWords holds the pages to the words of the product, and to sentences that can be read.
func TestWords(t *testing.T) {
	for _, p := range handbook.Open().Pages() {
		text := prose(p)
		for _, w := range word.FindAllString(text, -1) {
			if slices.Contains(banned(p.For), strings.ToLower(w)) {
				t.Errorf("%s says %q", p.Topic, w)
			}
		}
		if strings.Contains(text, "%") {
			t.Errorf("%s has a percentage", p.Topic)
		}
		longest := 45
		if p.For == handbook.Manager {
			longest = 28
		}
		for _, s := range regexp.MustCompile(`[.:?!;]\s|\n\n|\n- |\n\d\. `).Split(text, -1) {
			if n := len(strings.Fields(s)); n > longest {
				t.Errorf("%s has a sentence of %d words: %s", p.Topic, n, s)
			}
		}
	}
}

// TestStates holds the page of words to the states and verdicts that there are.
func TestStates(t *testing.T) {
	p, _ := handbook.Open().Page("words")
	text := strings.Join(strings.Fields(p.Body), " ")
	var states, verdicts []string
	for _, s := range []site.State{
		site.NotDue, site.Queued, site.Fetching, site.Staged, site.Waiting, site.Installing, site.Restarting, site.Verifying, site.Done, site.Failed,
		site.RolledBack, site.RollbackFailed, site.Held, site.Skipped, site.NoAnswer,
	} {
		states = append(states, string(s))
	}
	for _, v := range []site.Verdict{site.Ready, site.ReadyNotes, site.NotReady, site.Working, site.CannotTell} {
		verdicts = append(verdicts, string(v))
	}
	for _, want := range [][]string{states, verdicts} {
		if !strings.Contains(text, "`"+strings.Join(want, " ")+"`") {
			t.Errorf("the page of words lacks %v", want)
		}
	}
}

func TestRead(t *testing.T) {
	page := func(text string) fstest.MapFS { return fstest.MapFS{"one.md": {Data: []byte(text)}} }
	for _, tt := range []struct{ text, want string }{
		{"text\n", "page one: it does not begin with title, for and task between two lines of ---"},
		{"---\ntitle: A\n", "page one: it does not begin with title, for and task between two lines of ---"},
		{"---\ntitle: A\nfor: everybody\n---\n", "page one: it has no title or no task"},
		{"---\ntitle: A\nfor: nobody\ntask: Do.\n---\n", `page one: it is for "nobody", who is none of its readers`},
		{"---\ntitle: A\nauthor: me\n---\n", `page one: its front has the line "author: me": only title, for and task belong there`},
	} {
		if _, err := handbook.Read(page(tt.text), []string{"one"}); err == nil || err.Error() != tt.want {
			t.Errorf("%q: %v", tt.text, err)
		}
	}
	good := page("---\ntitle: A: b\nfor: everybody\ntask: Do.\n---\nText.\n")
	if b, err := handbook.Read(good, []string{"one"}); err != nil || b.Pages()[0].Title != "A: b" {
		t.Errorf("%v %v", b, err)
	}
	if _, err := handbook.Read(good, nil); err == nil || err.Error() != "page one has no place in the order of the pages" {
		t.Error(err)
	}
	if _, err := handbook.Read(good, []string{"one", "two"}); err == nil || !strings.HasPrefix(err.Error(), "cannot read page two: ") {
		t.Error(err)
	}
}

const sample = "---\ntitle: A till is red\nfor: everybody\ntask: Find out why.\n---\n" +
	"Say **who** you are, use `why` or `nightfill why`, and go on with\n[the other](two.md).\n\n" +
	"- one that is longer than a line\n  of this narrow terminal\n- two\n\n3. three\n4. four\n\n## Then\n\n```sh\nnightfill why till-1 --state /a/path/that/is/longer/than/the/line\n```\n```output\ngood <b>\n```\n"

func book(t *testing.T) *handbook.Book {
	t.Helper()
	b, err := handbook.Read(fstest.MapFS{
		"one.md": {Data: []byte(sample)}, "two.md": {Data: []byte("---\ntitle: The other & more\nfor: the technician\ntask: Go on.\n---\nEnd.\n")},
	}, []string{"one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestText(t *testing.T) {
	p, _ := book(t).Page("one")
	want := `A till is red

Find out why. For everybody.

Say who you are, use why or
` + "`nightfill why`" + `, and go on with
the other [two].

- one that is longer than a
  line of this narrow terminal
- two

3. three
4. four

Then

    $ nightfill why till-1 --state /a/path/that/is/longer/than/the/line
    good <b>
`
	if got := p.Text(31, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	bold := p.Text(31, true)
	if !strings.HasPrefix(bold, "\x1b[1mA till is red\x1b[0m\n") || regexp.MustCompile(`\x1b\[[01]m`).ReplaceAllString(bold, "") != want {
		t.Errorf("in bold it is\n%q", bold)
	}
	if p.Text(1, false) != p.Text(30, false) {
		t.Error("a terminal of no width gets lines of no width")
	}
}

// TestTextFits shows every page in a usual terminal.
func TestTextFits(t *testing.T) {
	for _, p := range handbook.Open().Pages() {
		text := p.Text(80, false)
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(line) - 1; n > 80 && !strings.HasPrefix(line, "    ") {
				t.Errorf("%s: a line of %d: %s", p.Topic, n, line)
			}
		}
		if strings.ContainsAny(text, "\x01\x02\x1b\t") || strings.Contains(text, "\n\n\n") {
			t.Errorf("%s has what is no text, or two empty lines:\n%q", p.Topic, text)
		}
	}
}

func TestHTML(t *testing.T) {
	b := book(t)
	title, body, ok := b.HTML("one", "/at/")
	want := `<p class="task">Find out why. <span class="for">For everybody.</span></p>
<p>Say <strong>who</strong> you are, use <code>why</code> or <code>nightfill why</code>, and go on with
<a href="/at/two">the other</a>.</p>
<ul>
<li>one that is longer than a line
of this narrow terminal</li>
<li>two</li>
</ul>
<ol start="3">
<li>three</li>
<li>four</li>
</ol>
<h2>Then</h2>
<pre><code class="language-sh">nightfill why till-1 --state /a/path/that/is/longer/than/the/line
</code></pre>
<pre><code class="language-output">good &lt;b&gt;
</code></pre>
`
	if !ok || title != "A till is red" || body != want {
		t.Errorf("%q %v\n%s", title, ok, body)
	}
	title, body, ok = b.HTML("", "/at/")
	if !ok || title != "Handbook" || !strings.Contains(body, `<a href="/at/two">The other &amp; more</a><br>Go on.`) || strings.Index(body, "/at/two") > strings.Index(body, "/at/one") {
		t.Errorf("the list is\n%s", body)
	}
	if _, _, ok := b.HTML("../one", "/at/"); ok {
		t.Error("there is a page that is none")
	}
}

func TestLinked(t *testing.T) {
	p, _ := book(t).Page("one")
	got := p.Linked(func(text, topic string) string { return text + "=" + topic })
	if !strings.Contains(got, "\nthe other=two.\n") {
		t.Errorf("it is\n%s", got)
	}
}
