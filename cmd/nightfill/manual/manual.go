// Package manual makes manual pages for man(1): one of each page of the handbook, in section 7, and one of
// each command. They say nothing that the handbook and the help of the commands do not say.
package manual

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/ui/handbook"
)

// The sections of a manual that pages are written for.
const (
	Commands = 1
	Topics   = 7
	Daemons  = 8
)

// Program is a program with the section that its commands belong to.
type Program struct {
	Command *cobra.Command
	Section int
}

// Edition is what every page says of itself.
type Edition struct {
	Version string
	Date    time.Time
}

// Date is the date of the pages: what SOURCE_DATE_EPOCH says, in seconds, else when the program was built
// (RFC 3339), else now.
func Date(epoch, built string, now time.Time) (time.Time, error) {
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, which is no number of seconds: write it like 1795000000, or unset it", epoch)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339, built); err == nil {
		return t.UTC(), nil
	}
	return now.UTC(), nil
}

// Write writes all pages into the folders man1, man7 and so on of dir, which are made where they are missing,
// and returns their names below dir. A page that is there already is replaced; no other file is touched. After
// an error some of them are written.
func Write(dir string, e Edition, book *handbook.Book, programs ...Program) ([]string, error) {
	var names []string
	write := func(name string, section int, markdown string) error {
		file := fmt.Sprintf("man%d/%s.%d", section, name, section)
		full := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("cannot make a folder for manual pages: %w", err)
		}
		head := fmt.Sprintf("%% %q %q %q %q %q\n", strings.ToUpper(name), strconv.Itoa(section), e.Date.Format("2006-01-02"), "nightfill "+e.Version, "Nightfill")
		if err := os.WriteFile(full, md2man.Render([]byte(head+markdown)), 0o644); err != nil {
			return fmt.Errorf("cannot write a manual page: %w", err)
		}
		names = append(names, file)
		return nil
	}
	for _, p := range book.Pages() {
		if err := write("nightfill-"+p.Topic, Topics, topic(p)); err != nil {
			return names, err
		}
	}
	for _, p := range programs {
		for _, c := range all(p.Command) {
			if err := write(nameOf(c), p.Section, page(c, p.Section, book)); err != nil {
				return names, err
			}
		}
	}
	return names, nil
}

// all is a command with those below it that people may use.
func all(c *cobra.Command) []*cobra.Command {
	found := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			found = append(found, all(sub)...)
		}
	}
	return found
}

func nameOf(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// topic is a page of the handbook as a manual page. Links name the pages that they lead to.
func topic(p handbook.Page) string {
	body := p.Linked(func(text, topic string) string { return fmt.Sprintf("%s (**nightfill-%s**(7))", text, topic) })
	body = strings.ReplaceAll("\n"+body, "\n## ", "\n# ")
	return fmt.Sprintf("# NAME\nnightfill-%s - %s\n\n# TASK\n%s For %s.\n\n# DESCRIPTION\n%s\n# SEE ALSO\n**nightfill**(1)\n", p.Topic, lowerFirst(p.Title), p.Task, p.For, body)
}

// page is a command as a manual page.
func page(c *cobra.Command, section int, book *handbook.Book) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# NAME\n%s - %s\n\n# SYNOPSIS\n**%s**\n\n", nameOf(c), lowerFirst(short(c)), escape(c.UseLine()))
	long := c.Long
	if long == "" {
		long = c.Short
	}
	fmt.Fprintf(&b, "# DESCRIPTION\n%s\n", paragraphs(long))
	b.WriteString(flags(c))
	if c.Example != "" {
		b.WriteString("# EXAMPLES\n" + paragraphs(c.Example))
	}
	b.WriteString(contents(c, section, book))
	return b.String()
}

// contents names the pages beside that of a command. That of a whole tool tells what each is about.
func contents(c *cobra.Command, section int, book *handbook.Book) string {
	var below []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			below = append(below, fmt.Sprintf("**%s**(%d)\n: %s\n\n", nameOf(sub), section, escape(short(sub))))
		}
	}
	switch {
	case c.HasParent():
		return fmt.Sprintf("%s# SEE ALSO\n**%s**(%d)\n", commands(below), nameOf(c.Parent()), section)
	case len(below) == 0:
		return "# SEE ALSO\n**nightfill**(1)\n"
	}
	var b strings.Builder
	b.WriteString(commands(below) + "# HANDBOOK\n")
	for _, p := range book.Pages() {
		fmt.Fprintf(&b, "**nightfill-%s**(%d)\n: %s. For %s.\n\n", p.Topic, Topics, escape(p.Title), p.For)
	}
	return b.String()
}

func commands(below []string) string {
	if len(below) == 0 {
		return ""
	}
	return "# COMMANDS\n" + strings.Join(below, "")
}

// short is what a command does, in a few words.
func short(c *cobra.Command) string {
	if c.Short != "" {
		return c.Short
	}
	first, _, _ := strings.Cut(c.Long, ".")
	return strings.TrimPrefix(first, c.Name()+" ")
}

// flags lists the flags of a command, with those of the commands above it.
func flags(c *cobra.Command) string {
	usages := c.NonInheritedFlags().FlagUsages() + c.InheritedFlags().FlagUsages()
	if usages == "" {
		return ""
	}
	return "# OPTIONS\n```\n" + usages + "```\n\n"
}

// paragraphs makes Markdown of a help text: lines that are indented are shown as they are, in a block, all others are
// prose.
func paragraphs(text string) string {
	var b strings.Builder
	block := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		indented := strings.HasPrefix(line, "  ")
		if indented != block && line != "" {
			if indented {
				b.WriteString("\n```\n")
			} else {
				b.WriteString("```\n\n")
			}
			block = indented
		}
		if block {
			b.WriteString(strings.TrimPrefix(line, "  ") + "\n")
		} else {
			b.WriteString(escape(line) + "\n")
		}
	}
	if block {
		b.WriteString("```\n")
	}
	return b.String() + "\n"
}

// escape keeps a text from being read as Markdown.
func escape(text string) string {
	return strings.NewReplacer("*", "\\*", "_", "\\_", "<", "\\<", "[", "\\[", "]", "\\]", "|", "\\|").Replace(text)
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s // READY and the like
	}
	return strings.ToLower(s[:1]) + s[1:]
}
