// Package handbook holds the pages that tell people how to work with Nightfill: one part for each
// reader, each page short and beginning with a task. They are part of the program, so they are there
// with the WAN down, and are shown as HTML, as text in a terminal and as manual pages.
//
// It decides nothing and asks nobody. What a page says is held true by a test of the operator's tool,
// which runs every command of every page.
//
// # How a page is written
//
// A page is a Markdown file of at most 80 lines. It begins with three lines between two lines of
// dashes: title, for (one of Readers) and task, one sentence. It has paragraphs, lists, headings of
// the second level, links to other pages and blocks:
//
//	```sh           commands, one a line, that run in order
//	```sh exit=3    they end with this exit code
//	```sh parsed    a test cannot run them (root, a real device); it looks at their flags
//	```output       what the block before prints; ... stands for any text, or for any lines
//	```yaml         part of a file, which is only shown
package handbook
