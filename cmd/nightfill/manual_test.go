package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/manual"
	"github.com/nightfill/nightfill/ui/handbook"
)

// others are the programs besides the tool.
func others() []*cobra.Command {
	all := programs()
	return []*cobra.Command{all["nightfilld"], all["nightfill-hq"]}
}

// writeManual writes all pages and returns their folder and their names.
func writeManual(t *testing.T) (string, []string) {
	t.Helper()
	dir := t.TempDir()
	programs := []manual.Program{{Command: command(), Section: manual.Commands}}
	for _, other := range others() {
		programs = append(programs, manual.Program{Command: other, Section: manual.Daemons})
	}
	names, err := manual.Write(dir, manual.Edition{Version: "1.0.0", Date: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}, handbook.Open(), programs...)
	if err != nil {
		t.Fatal(err)
	}
	return dir, names
}

// TestManualIsWhole has one page of each page of the handbook and of each command, which is what it says it is.
func TestManualIsWhole(t *testing.T) {
	dir, names := writeManual(t)
	want := len(handbook.Open().Pages())
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		want++
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				walk(sub)
			}
		}
	}
	for _, root := range programs() {
		walk(root)
	}
	if len(names) != want {
		t.Errorf("%d pages were written, want %d", len(names), want)
	}
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var data []byte
			data, err = os.ReadFile(filepath.Join(dir, name))
			all[name] = string(data)
		}
		return err
	})
	if err != nil || len(all) != want {
		t.Fatalf("%d files: %v", len(all), err)
	}
	for name, text := range all {
		own := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		_, after, _ := strings.Cut(text, "\n.SH NAME\n")
		line, _, _ := strings.Cut(after, "\n")
		if !strings.HasPrefix(strings.ReplaceAll(line, `\-`, "-"), own+" - ") {
			t.Errorf("%s: the line of its name is %q", name, line)
		}
		if strings.Contains(text, ".md)") || strings.Contains(text, "**") || strings.Contains(text, "```") {
			t.Errorf("%s has Markdown in it:\n%s", name, text)
		}
	}
	if text := all["man1/nightfill-rehearse.1"]; !strings.Contains(text, "box power-cut 01:30 [20m]     the box") || !strings.Contains(text, "--fault stringArray") {
		t.Errorf("the page of a command lacks something:\n%s", text)
	}
	if text := all["man7/nightfill-red-till.7"]; !strings.Contains(text, `(\fBnightfill-try-again\fP(7))`) || !strings.Contains(text, "nightfill diagnose till-2") {
		t.Errorf("a page of the handbook lacks something:\n%s", text)
	}
}

// TestManualRenders has man-db and mandoc, where they are installed, read every page: they have nothing to say.
func TestManualRenders(t *testing.T) {
	dir, names := writeManual(t)
	var files []string
	for _, name := range names {
		files = append(files, filepath.Join(dir, name))
	}
	shown := files // as man sets them, which takes a process or more for each
	if testing.Short() {
		shown = nil
		for i := 0; i < len(files); i += 4 {
			shown = append(shown, files[i])
		}
		t.Logf("man sets %d of %d pages; .ci/run has it set all", len(shown), len(files))
	}
	tools := 0
	for _, tool := range [][]string{
		append([]string{"lexgrog"}, files...), append([]string{"mandoc", "-T", "lint", "-W", "warning"}, files...),
		append([]string{"man", "--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l"}, shown...),
	} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			continue
		}
		tools++
		cmd := exec.CommandContext(t.Context(), tool[0], tool[1:]...)
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if tool[0] == "mandoc" {
			said.Write(out)
		}
		if err != nil || said.Len() > 0 {
			t.Errorf("%s: %v %s", tool[0], err, said.String())
		}
	}
	if tools == 0 {
		t.Skip("none of man, mandoc and lexgrog is installed: apt-get install man-db mandoc")
	}
}
