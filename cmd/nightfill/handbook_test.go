package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	headquarters "github.com/nightfill/nightfill/cmd/nightfill-hq/commandline"
	"github.com/nightfill/nightfill/cmd/nightfilld/commandline"
	"github.com/nightfill/nightfill/ui/handbook"
)

// block is a fenced block of a page.
type block struct {
	line  int
	kind  string // sh, output or another language
	how   string // "" runs, exit=N too, parsed only
	lines []string
}

// blocks are the fenced blocks of a page, in their order.
func blocks(t *testing.T, p handbook.Page) []block {
	t.Helper()
	var all []block
	open := false
	for i, line := range strings.Split(p.Body, "\n") {
		info, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && strings.HasPrefix(line, " "):
			t.Fatalf("%s: a block is indented: %s", p.Topic, line)
		case fence && open && info != "":
			t.Fatalf("%s: a block begins within a block: %s", p.Topic, line)
		case fence && !open:
			kind, how, _ := strings.Cut(info, " ")
			all = append(all, block{line: i, kind: kind, how: how})
			open = true
		case fence:
			open = false
		case open:
			all[len(all)-1].lines = append(all[len(all)-1].lines, line)
		}
	}
	return all
}

// runs reports whether the commands of a block can run in a test, and with which exit code.
func (b block) runs() (code string, ok bool) {
	if b.kind != "sh" || b.how == "parsed" {
		return "", false
	}
	if b.how == "" {
		return "0", true
	}
	return strings.CutPrefix(b.how, "exit=")
}

// TestHandbookRuns runs every command of every page, as it stands there, and compares what it prints. What a page
// needs is in testdata/handbook/TOPIC.txtar, a script with these lines beside those of TestScripts:
//
//	page              the commands of the page run here
//	replace OLD NEW   the page says OLD where the store of the test has NEW
//	answer FILE TEXT  the commands that contain TEXT are asked something, and FILE is what a person types
//
// Files below /etc, /srv, /media, /mnt and /var are those below the folder of the script.
func TestHandbookRuns(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for _, p := range handbook.Open().Pages() {
		all := blocks(t, p)
		scripted := filepath.Join("testdata", "handbook", p.Topic+".txtar")
		if !slices.ContainsFunc(all, func(b block) bool { _, ok := b.runs(); return ok }) {
			if _, err := os.Stat(scripted); err == nil {
				t.Errorf("%s is about a page that runs nothing", scripted)
			}
			continue
		}
		archive, err := txtar.ParseFile(scripted)
		if err != nil {
			t.Errorf("page %s has commands, but nothing says what they need: %v", p.Topic, err)
			continue
		}
		file := filepath.Join(dir, p.Topic+".txtar")
		if err := os.WriteFile(file, script(t, p, all, archive), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	setups, err := filepath.Glob("testdata/handbook/*.txtar")
	if err != nil || len(setups) != len(files) {
		t.Errorf("%d pages run, but there are %d scripts: %v", len(files), len(setups), err)
	}
	o := params()
	o.Files = files
	testscript.Run(t, o)
}

// script puts the commands of a page into its script.
func script(t *testing.T, p handbook.Page, all []block, archive *txtar.Archive) []byte {
	t.Helper()
	var b strings.Builder
	answers := map[string]string{}
	paged := false
	for line := range strings.Lines(string(archive.Comment)) {
		words := strings.Fields(line)
		switch {
		case len(words) > 2 && words[0] == "answer":
			answers[strings.Join(words[2:], " ")] = words[1]
		case len(words) == 1 && words[0] == "page":
			b.WriteString(paging(t, p, all, answers, archive))
			paged = true
		default:
			b.WriteString(line)
		}
	}
	if !paged {
		t.Errorf("the script of %s never runs the page", p.Topic)
	}
	archive.Comment = []byte(b.String())
	return txtar.Format(archive)
}

func paging(t *testing.T, p handbook.Page, all []block, answers map[string]string, archive *txtar.Archive) string {
	t.Helper()
	var b strings.Builder
	ran := false
	for i, block := range all {
		code, ok := block.runs()
		switch {
		case ok:
			ran = true
			b.WriteString("forget\n")
			for _, line := range block.lines {
				for text, file := range answers {
					if strings.Contains(line, text) {
						fmt.Fprintf(&b, "ttyin -stdin %s\n", file)
					}
				}
				fmt.Fprintf(&b, "typed %s '%s'\n", code, strings.ReplaceAll(line, "'", "''"))
			}
		case block.kind == "output":
			if i == 0 || !ran || all[i-1].kind != "sh" {
				t.Errorf("%s: an output follows nothing that ran", p.Topic)
			}
			name := fmt.Sprintf("output-%d", i)
			archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(strings.Join(block.lines, "\n") + "\n")})
			fmt.Fprintf(&b, "printed %s\n", name)
		case block.kind == "sh" && block.how != "parsed":
			t.Errorf("%s: what is %q of a block?", p.Topic, block.how)
		default:
			ran = false
		}
	}
	return b.String()
}

// personKey is under which a script has its reader.
type personKey struct{}

// reader is a person with a page of the handbook at a box.
type reader struct {
	words []string // pairs: what the page says, what the box has
	shown strings.Builder
}

// places are where the folders of a page are in the folder of a script.
func (r *reader) places(work string) *strings.Replacer {
	pairs := slices.Clone(r.words)
	for _, top := range []string{"/etc/", "/srv/", "/media/", "/mnt/", "/var/"} {
		pairs = append(pairs, " "+top, " "+work+top)
	}
	return strings.NewReplacer(pairs...)
}

func replaceWords(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value(personKey{}).(*reader)
	r.words = append(r.words, args...)
}

func forget(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Value(personKey{}).(*reader).shown.Reset()
}

// typed has the shell run a line of a page, which must end with the exit code.
func typed(ts *testscript.TestScript, neg bool, args []string) {
	r := ts.Value(personKey{}).(*reader)
	exits(ts, neg, []string{args[0], "sh", "-c", "{ " + r.places(ts.Getenv("WORK")).Replace(args[1]) + "\n} 2>&1"}) // in the order in which a person sees it
	r.shown.WriteString(ts.ReadFile("stdout"))
}

// printed compares what the commands of a block printed with what the page says.
func printed(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value(personKey{}).(*reader)
	back := []string{ts.Getenv("WORK"), ""}
	for i := 0; i < len(r.words); i += 2 {
		back = append(back, r.words[i+1], r.words[i])
	}
	got, want := strings.NewReplacer(back...).Replace(r.shown.String()), ts.ReadFile(args[0])
	if !pattern(want).MatchString(tidy(got)) {
		ts.Fatalf("the page says\n%s\nbut it is\n%s", want, got)
	}
}

var spaces = regexp.MustCompile(`[ \t]+`)

// tidy takes out what depends on how wide a column is.
func tidy(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(spaces.ReplaceAllString(line, " ")))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// pattern matches what an output block stands for.
func pattern(want string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for line := range strings.Lines(tidy(want)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "..." {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `.*`) + `\n`)
	}
	return regexp.MustCompile(b.String() + `\z`)
}

// TestPattern shows that an output block can be wrong.
func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		want, got string
		ok        bool
	}{
		{"good\n", "good\n", true}, {"good\n", "bad\n", false}, {"good\n", "good\nmore\n", false}, {"good\n...\n", "good\nmore\n\n", true}, {"...\nlast\n", "a\nb\nlast\n", true},
		{"a ... c\n", "a   b   c\n", true}, {"a ... c\n", "a\nc\n", false}, {"...\nx\n", "a\n", false}, {"1.2\n", "1x2\n", false},
	} {
		if got := pattern(tt.want).MatchString(tidy(tt.got)); got != tt.ok {
			t.Errorf("%q stands for %q: %v", tt.want, tt.got, got)
		}
	}
}

// The programs that a page may name although they are not of Nightfill.
func otherPrograms() []string {
	return []string{"systemctl", "journalctl", "install", "ssh-keygen", "cp", "curl", "sqlite3", "pg_dump", "adduser"}
}

// programs are those of Nightfill, by their names.
func programs() map[string]*cobra.Command {
	daemon, _ := commandline.Command()
	return map[string]*cobra.Command{"nightfill": command(), "nightfilld": daemon, "nightfill-hq": headquarters.Command("dev", "")}
}

var shellWord = regexp.MustCompile(`"[^"]*"|[^\s"]+`)

// understood says what is wrong with a command line, without running it. whole is false when arguments are left out.
func understood(line string, whole bool) error {
	var words []string
	for _, w := range shellWord.FindAllString(line, -1) {
		if w == ">" || w == "<" || w == "|" {
			break
		}
		words = append(words, strings.Trim(w, `"`))
	}
	root := programs()[words[0]]
	if root == nil {
		if slices.Contains(otherPrograms(), words[0]) {
			return nil
		}
		return fmt.Errorf("%s is no program that the handbook may name", words[0])
	}
	root.InitDefaultHelpCmd()
	cmd, rest, err := root.Find(words[1:])
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if named := cmd.Flags().Args(); cmd.HasSubCommands() && len(named) > 0 {
		return fmt.Errorf("%s has no command %s", cmd.CommandPath(), named[0])
	}
	if whole {
		return cmd.ValidateArgs(cmd.Flags().Args())
	}
	return nil
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// TestHandbookNames holds every command and flag that a page names to those that there are, also where it cannot run.
func TestHandbookNames(t *testing.T) {
	flags := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, m := range regexp.MustCompile(`--[a-z-]+`).FindAllString(c.UsageString(), -1) {
			flags[m] = true
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	names := map[string]bool{}
	for _, root := range programs() {
		walk(root)
		for _, c := range root.Commands() {
			names[c.Name()] = true
		}
	}
	for _, p := range handbook.Open().Pages() {
		prose := p.Body
		for _, b := range blocks(t, p) {
			prose = strings.Replace(prose, strings.Join(b.lines, "\n"), "", 1)
			if !slices.Contains([]string{"sh", "output", "yaml"}, b.kind) {
				t.Errorf("%s has a block of %q: commands are in sh, what they print in output, parts of files in yaml", p.Topic, b.kind)
			}
			if b.kind != "sh" {
				continue
			}
			for _, line := range b.lines {
				if err := understood(line, true); err != nil {
					t.Errorf("%s: %s: %v", p.Topic, line, err)
				}
			}
		}
		prose = strings.NewReplacer("```sh", "", "```output", "", "```yaml", "", "```", "").Replace(prose)
		for _, m := range codeSpan.FindAllStringSubmatch(prose, -1) {
			code := strings.Join(strings.Fields(m[1]), " ")
			program, _, more := strings.Cut(code, " ")
			switch {
			case more && programs()[program] != nil:
				if err := understood(code, false); err != nil {
					t.Errorf("%s: %s: %v", p.Topic, code, err)
				}
			case strings.HasPrefix(code, "--") && !flags[strings.Fields(code)[0]]:
				t.Errorf("%s: no command has %s", p.Topic, code)
			}
		}
		if names[p.Topic] {
			t.Errorf("page %s has the name of a command", p.Topic)
		}
	}
}

func TestUnderstood(t *testing.T) {
	for line, whole := range map[string]bool{
		"nightfill frobnicate": false, "nightfill status --wrong": false, "nightfill hold --untill 4h": false, "nightfill why": true, "rm -rf /": true,
		"nightfill catalog frobnicate": true, "nightfilld --frob x": true, "nightfill-hq user ad": false,
	} {
		if err := understood(line, whole); err == nil {
			t.Errorf("%s was understood", line)
		}
	}
	for _, line := range []string{`nightfill hold till-1 --until 4h --reason "till in use"`, "nightfill night --format csv > night.csv", "nightfilld --config f", "nightfill help hold", "nightfill-hq help words"} {
		if err := understood(line, true); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestHelpOffersTopics asks for what the shell completes.
func TestHelpOffersTopics(t *testing.T) {
	for line, want := range map[string]string{"re": "red-till\tA till is red in the morning", "reh": "rehearse\t", "catalog a": "add\t"} {
		root := command()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetArgs(append([]string{"__complete", "help"}, strings.Fields(line)...))
		if err := root.Execute(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("help %s is completed with\n%s%v", line, out.String(), err)
		}
	}
}
