package run_test

import (
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

func TestExplainQuotesTheTellingLine(t *testing.T) {
	const epilogue = "dpkg: error processing package pos (--install):\n" +
		" installed pos package post-installation script subprocess returned error exit status 1\n" +
		"Errors were encountered while processing:\n pos\n"
	for _, c := range []struct {
		name, output, want string
	}{
		{"nothing", "", "the installer ended with exit code 1"},
		{"a line", "disk is full\n\n", "the installer ended with exit code 1: disk is full"},
		{"a script that says why", "Setting up pos (9.1.0) ...\npos: cannot migrate\n" + epilogue, "the installer ended with exit code 1: pos: cannot migrate"},
		{"a script that says nothing", "Setting up pos (9.1.0) ...\n" + epilogue,
			"the installer ended with exit code 1: installed pos package post-installation script subprocess returned error exit status 1"},
		{"only the epilogue", epilogue,
			"the installer ended with exit code 1: installed pos package post-installation script subprocess returned error exit status 1"},
		{"a long line", strings.Repeat("x", 400), "the installer ended with exit code 1: " + strings.Repeat("x", 300)},
	} {
		t.Run(c.name, func(t *testing.T) {
			reason := run.Explain(run.Install, run.Bad, 1, c.output)
			if reason.Code != site.CodeInstallFailed || reason.Text != c.want {
				t.Errorf("got %s %q, want %q", reason.Code, reason.Text, c.want)
			}
		})
	}
}
