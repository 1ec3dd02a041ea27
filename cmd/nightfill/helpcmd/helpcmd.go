// Package helpcmd is `nightfill help` and `nightfill-hq help`: it prints a page of the handbook, or the help of a command, and
// writes manual pages of both. It asks nobody, so it works anywhere.
package helpcmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/manual"
	"github.com/nightfill/nightfill/cmd/nightfill/storecmd"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/ui/handbook"
)

// How wide a text is where no terminal says so, and how wide it is at most: longer lines are hard to read.
const (
	usualWidth = 80
	mostWidth  = 100
)

// Program is the program that a help command belongs to.
type Program struct {
	Name       string
	Section    int              // of the manual, for its commands
	Topic      string           // a page, as an example
	Subcommand string           // one of its commands, as an example
	Others     []*cobra.Command // other programs, which the manual pages that it writes are also about, as daemons
}

// Command returns the help command of a program. It takes the place of the one that cobra makes.
func Command(book *handbook.Book, p Program) *cobra.Command {
	h := help{book: book, of: p}
	cmd := &cobra.Command{
		Use:   "help [TOPIC|COMMAND...]",
		Short: "Read the handbook: how to do a task, page by page",
		Long: `Print a page of the handbook, or the help of a command. Without a topic, list all pages and commands. It
needs no daemon and no network.

--man writes manual pages of the handbook and of all commands into the folders man1, man7 and man8 of DIR. To read
them: man -M DIR ` + p.Name + `. SOURCE_DATE_EPOCH is their date, where it is set.`,
		Example: fmt.Sprintf("  %[1]s help %s\n  %[1]s help %s\n  %[1]s help --man /usr/local/share/man", p.Name, p.Topic, p.Subcommand),
		Args:    cobra.ArbitraryArgs, ValidArgsFunction: h.complete, SilenceErrors: true, SilenceUsage: true,
	}
	cmd.Flags().StringVar(&h.man, "man", "", "write manual pages into this folder")
	cmd.Flags().BoolVar(&h.json, "json", false, "print JSON, errors too")
	cmd.RunE = h.run
	return cmd
}

type help struct {
	book *handbook.Book
	of   Program
	man  string
	json bool
}

func (h *help) run(cmd *cobra.Command, args []string) error {
	switch {
	case h.man != "" && len(args) > 0:
		return refuse("--man writes all pages: name no topic beside it", "see: "+h.of.Name+" help --help")
	case h.man != "":
		return h.write(cmd)
	case len(args) == 0 && h.json:
		return encode(cmd.OutOrStdout(), map[string]any{"topics": h.topics()})
	case len(args) == 0:
		return h.list(cmd)
	}
	if page, ok := h.book.Page(args[0]); ok && len(args) == 1 {
		return h.show(cmd, page)
	}
	about, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 || about == cmd.Root() {
		return h.unknown(cmd, args)
	}
	if h.json {
		return encode(cmd.OutOrStdout(), map[string]string{"command": about.CommandPath(), "text": about.UsageString()})
	}
	about.InitDefaultHelpFlag()
	about.InitDefaultVersionFlag()
	return about.Help()
}

// topic is a page as it is listed.
type topic struct {
	Topic string `json:"topic"`
	Title string `json:"title"`
	For   string `json:"for"`
	Task  string `json:"task"`
	Text  string `json:"text,omitempty"`
}

func topicOf(p handbook.Page) topic {
	return topic{Topic: p.Topic, Title: p.Title, For: string(p.For), Task: p.Task}
}

func (h *help) topics() []topic {
	var all []topic
	for _, p := range h.book.Pages() {
		all = append(all, topicOf(p))
	}
	return all
}

// list prints the commands, and then the pages of each reader.
func (h *help) list(cmd *cobra.Command) error {
	var b strings.Builder
	width := 0
	for _, p := range h.book.Pages() {
		width = max(width, len(p.Topic))
	}
	for _, r := range handbook.Readers() {
		fmt.Fprintf(&b, "\nThe handbook, for %s:\n", r)
		for _, p := range h.book.Pages() {
			if p.For == r {
				fmt.Fprintf(&b, "  %-*s  %s\n", width, p.Topic, p.Title)
			}
		}
	}
	fmt.Fprintf(&b, "\nRead a page: %s help TOPIC\n", h.of.Name)
	if err := cmd.Root().Help(); err != nil {
		return err
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// show prints a page, as wide as the terminal.
func (h *help) show(cmd *cobra.Command, p handbook.Page) error {
	if h.json {
		t := topicOf(p)
		t.Text = p.Text(usualWidth, false)
		return encode(cmd.OutOrStdout(), t)
	}
	width, bold := usualWidth, false
	if f, ok := cmd.OutOrStdout().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		bold = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = min(w, mostWidth)
		}
	}
	_, err := io.WriteString(cmd.OutOrStdout(), p.Text(width, bold))
	return err
}

// unknown says what comes nearest to a topic that is none.
func (h *help) unknown(cmd *cobra.Command, args []string) error {
	what := "see: " + h.of.Name + " help"
	cmd.Root().SuggestionsMinimumDistance = 2
	near := append(h.near(args[0]), cmd.Root().SuggestionsFor(args[0])...)
	if len(near) > 0 && len(args) == 1 {
		what = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return refuse(fmt.Sprintf("there is no page of the handbook and no command %q", strings.Join(args, " ")), what)
}

// near are topics that are like a word, or hold it. Cobra knows how commands are compared.
func (h *help) near(word string) []string {
	topics := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, p := range h.book.Pages() {
		topics.AddCommand(&cobra.Command{Use: p.Topic, Run: func(*cobra.Command, []string) {}})
	}
	found := topics.SuggestionsFor(word)
	for _, p := range h.book.Pages() {
		if len(word) > 2 && strings.Contains(p.Topic, strings.ToLower(word)) && !slices.Contains(found, p.Topic) {
			found = append(found, p.Topic)
		}
	}
	return found
}

// complete offers topics and commands to the shell.
func (h *help) complete(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	var found []string
	add := func(name, about string) {
		if strings.HasPrefix(name, start) {
			found = append(found, name+"\t"+about)
		}
	}
	within, _, err := cmd.Root().Find(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if len(args) == 0 {
		for _, p := range h.book.Pages() {
			add(p.Topic, p.Title)
		}
	}
	for _, c := range within.Commands() {
		if c.IsAvailableCommand() {
			add(c.Name(), c.Short)
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// write writes the manual pages.
func (h *help) write(cmd *cobra.Command) error {
	root := cmd.Root()
	date, err := manual.Date(os.Getenv("SOURCE_DATE_EPOCH"), root.Annotations[storecmd.Built], time.Now())
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	programs := []manual.Program{{Command: root, Section: h.of.Section}}
	for _, o := range h.of.Others {
		programs = append(programs, manual.Program{Command: o, Section: manual.Daemons})
	}
	names, err := manual.Write(h.man, manual.Edition{Version: root.Version, Date: date}, h.book, programs...)
	if err != nil {
		return err
	}
	if h.json {
		return encode(cmd.OutOrStdout(), map[string]any{"written": names})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Wrote %d manual pages into %s. Read them with: man -M %s %s\n", len(names), h.man, h.man, h.of.Name)
	return err
}

// refuse makes an error of the command line.
func refuse(message, what string) error {
	return exit.With(exit.Usage, &wire.Error{Code: "usage", Message: message, WhatToDo: what})
}

func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
