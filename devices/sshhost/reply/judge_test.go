package reply

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

func TestJudgeVersion(t *testing.T) {
	incomplete := "the device's answer to the check is not complete"
	for _, c := range []struct {
		out     string
		check   site.Check
		outcome site.CheckOutcome
		seen    string
		err     string
	}{
		{"version install ok installed|4.2.1-1\n", site.Check{AtLeast: "4.2.1"}, site.Pass, "package pos is 4.2.1-1, wanted 4.2.1 or higher", ""},
		{"version install ok installed|4.2.1~rc1\n", site.Check{AtLeast: "4.2.1"}, site.Fail, "package pos is 4.2.1~rc1, wanted 4.2.1 or higher", ""},
		{"version hold ok installed|1:1.0\n", site.Check{AtMost: "9.9"}, site.Fail, "package pos is 1:1.0, wanted 9.9 or lower", ""},
		{"version install ok installed|4.10\n", site.Check{AtLeast: "4.2", AtMost: "4.10"}, site.Pass, "package pos is 4.10, wanted 4.2 to 4.10", ""},
		{"version install ok half-configured|4.10\n", site.Check{AtLeast: "4.2"}, site.Fail, "package pos 4.10 is broken (install ok half-configured), wanted 4.2 or higher", ""},
		{"version deinstall ok config-files|4.10\n", site.Check{AtLeast: "4.2"}, site.Fail, "package pos is not installed, wanted 4.2 or higher", ""},
		{"version |\n", site.Check{AtMost: "4.2"}, site.Fail, "package pos is not installed, wanted 4.2 or lower", ""},
		{"nodpkg\n", site.Check{AtLeast: "4.2"}, site.Unknown, "the device has no dpkg to ask", ""},
		{"", site.Check{AtLeast: "4.2"}, site.Unknown, "", incomplete},
		{"version install ok installed\n", site.Check{AtLeast: "4.2"}, site.Unknown, "", incomplete},
		{"version a|b\nversion c|d\n", site.Check{AtLeast: "4.2"}, site.Unknown, "", incomplete},
	} {
		c.check.Package = "pos"
		outcome, seen, err := JudgeVersion(c.out, c.check)
		said(t, c.out, outcome, seen, err, c.outcome, c.seen, c.err)
	}
}

func TestJudgeFileAge(t *testing.T) {
	untold := "the device does not tell when the file was changed"
	for _, c := range []struct {
		out     string
		outcome site.CheckOutcome
		seen    string
		err     string
	}{
		{"file 1000 1000\n", site.Pass, "/f was changed 0s ago, wanted within 1m0s", ""},
		{"file 1000 1060\n", site.Pass, "/f was changed 1m0s ago, wanted within 1m0s", ""},
		{"file 1000 1061\n", site.Fail, "/f was changed 1m1s ago, wanted within 1m0s", ""},
		{"file 1001 1000\n", site.Unknown, "/f was changed 1s in the future of the device's clock", ""},
		{"nofile\n", site.Fail, "/f is not there", ""},
		{"", site.Unknown, "", untold},
		{"file  1060\n", site.Unknown, "", untold},
		{"file 1000\n", site.Unknown, "", untold},
	} {
		outcome, seen, err := JudgeFileAge(c.out, "/f", time.Minute)
		said(t, c.out, outcome, seen, err, c.outcome, c.seen, c.err)
	}
}

func TestJudgeBattery(t *testing.T) {
	incomplete := "the device's answer to the check is not complete"
	for _, c := range []struct {
		out     string
		outcome site.CheckOutcome
		seen    string
		err     string
	}{
		{"power no 80\nend\n", site.Pass, "its battery has 80%, on its battery, wanted 80%", ""},
		{"power yes 79\nend\n", site.Fail, "its battery has 79%, on mains, wanted 80%", ""},
		{"end\n", site.Unknown, "the device tells of no battery", ""},
		{"", site.Unknown, "", incomplete},
		{"power no 80\n", site.Unknown, "", incomplete},
		{"power no x\nend\n", site.Unknown, "", incomplete},
	} {
		outcome, seen, err := JudgeBattery(c.out, 80)
		said(t, c.out, outcome, seen, err, c.outcome, c.seen, c.err)
	}
}

func said(t *testing.T, out string, outcome site.CheckOutcome, seen string, err error, wantOutcome site.CheckOutcome, wantSeen, wantErr string) {
	t.Helper()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if outcome != wantOutcome || seen != wantSeen || text != wantErr {
		t.Errorf("%q: %s %q, %q; want %s %q, %q", out, outcome, seen, text, wantOutcome, wantSeen, wantErr)
	}
}
