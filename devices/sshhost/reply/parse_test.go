package reply

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

const probed = `boot 2f1c8a52-0d1e-4a55-9a2e-0123456789ab
up 123.45
clock 1700000000
system "Debian GNU/Linux 12 (bookworm)"
free 1048576
reboot yes
record pos-app-4.2.1 aaaa,bbbb
p install ok installed	libc6	2.36-9
p hold ok installed	pos-db	1.0
p deinstall ok config-files	old	1.0
p install ok half-configured	pos-app	9.1.0
p install reinstreq half-installed	pos-x	1.0
end
`

func TestParseProbe(t *testing.T) {
	o, err := Probe(probed)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Packages) != 2 || o.Packages["libc6"] != "2.36-9" || o.Packages["pos-db"] != "1.0" {
		t.Errorf("packages: %v", o.Packages)
	}
	if strings.Join(o.Broken, " ") != "pos-app pos-x" {
		t.Errorf("broken: %v", o.Broken)
	}
	if o.Recorded["pos-app-4.2.1"] != "aaaa,bbbb" || !o.RebootPending || o.DiskFree != 1<<20 || o.System != "Debian GNU/Linux 12 (bookworm)" {
		t.Errorf("observation: %+v", o)
	}
	if o.Uptime.Std() != 123450*time.Millisecond || o.Clock.Unix() != 1700000000 {
		t.Errorf("uptime %s, clock %s", o.Uptime, o.Clock)
	}
	for text, want := range map[string]string{
		strings.TrimSuffix(probed, "end\n"): "the answer is not complete",
		"end\n":                             `"" is not a boot id`,
		strings.Replace(probed, "boot 2f1c8a52", "boot !", 1):   `"!-0d1e-4a55-9a2e-0123456789ab" is not a boot id`,
		strings.Replace(probed, "boot 2f1c8a52-", "boot 00", 1): `"000d1e-4a55-9a2e-0123456789ab" is not a boot id`,
	} {
		if _, err := Probe(text); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

func TestParsePower(t *testing.T) {
	for line, want := range map[string]*site.Power{
		"yes 80": {OnMains: true, Battery: 80}, "no 7": {Battery: 7}, "no 0": {}, "yes 104": {OnMains: true, Battery: 100},
		"": nil, "yes": nil, "no -3": nil, "perhaps 80": nil, "80 yes": nil, "yes 80 90": nil,
	} {
		o, err := Probe(strings.Replace(probed, "end\n", "power "+line+"\nend\n", 1))
		if err != nil || !reflect.DeepEqual(o.Power, want) {
			t.Errorf("%q: %+v, %v; want %+v", line, o.Power, err, want)
		}
	}
	if o, err := Probe(probed); err != nil || o.Power != nil {
		t.Errorf("a device without a battery has %+v, %v", o.Power, err)
	}
}

func TestParseStatus(t *testing.T) {
	for _, c := range []struct {
		text string
		want devices.Progress
		err  string
	}{
		{"phase none\noutput\n", devices.Progress{Phase: devices.PhaseNone}, ""},
		{"phase running\noutput\nphase done\n", devices.Progress{Phase: devices.PhaseRunning, Output: "phase done\n"}, ""},
		{"phase done\nresult 3 10.00 12.50\noutput\nno\n", devices.Progress{Phase: devices.PhaseDone, ExitCode: 3, Output: "no\n", Took: 2500 * time.Millisecond}, ""},
		{"phase timed_out\nresult - - 12.50\noutput\n", devices.Progress{Phase: devices.PhaseTimedOut}, ""},
		{"phase lost\nresult - - -\noutput\n\xff", devices.Progress{Phase: devices.PhaseLost, Output: "?"}, ""},
		{"phase done\nresult x 1 2\noutput\n", devices.Progress{}, `"x" is not an exit code`},
		{"phase done\noutput\n", devices.Progress{}, "it is done, and no exit code is told"},
		{"phase done\nresult 1\noutput\n", devices.Progress{}, "it is done, and no exit code is told"},
		{"phase done\nresult 1  \noutput\n", devices.Progress{}, "it is done, and no exit code is told"},
		{"phase dancing\noutput\n", devices.Progress{}, `"dancing" is not a phase`},
		{"phase running\n", devices.Progress{}, "the answer is not complete"},
	} {
		got, err := Status(c.text)
		if got != c.want || (err == nil) != (c.err == "") || (err != nil && err.Error() != c.err) {
			t.Errorf("%q: %+v, %v; want %+v, %q", c.text, got, err, c.want, c.err)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(probed)
	f.Add("phase done\nresult 3 10.00 12.50\noutput\nno\n")
	f.Add("outcome pass\nseen x\n")
	f.Add("have 3\npart /x\n")
	f.Add("room 3 4\n")
	f.Fuzz(func(t *testing.T, text string) {
		if o, err := Probe(text); err == nil && (!validBoot.MatchString(o.BootID) || o.Uptime < 0) {
			t.Errorf("accepted %+v", o)
		}
		if p, err := Status(text); err == nil && (len(p.Output) > 4096 || !utf8.ValidString(p.Output) || p.Took < 0) {
			t.Errorf("accepted %+v", p)
		}
		if have, part, complete, err := Stage(text); err == nil && !complete && (have < 0 || part == "") {
			t.Errorf("accepted %d %q", have, part)
		}
		if outcome, _, err := Check(text); err == nil && outcome != site.Pass && outcome != site.Fail {
			t.Errorf("accepted %s", outcome)
		}
		if free, all, err := Room(text); err == nil && (free < 0 || all <= 0) {
			t.Errorf("accepted %d of %d", free, all)
		}
	})
}

func TestJudgeRoom(t *testing.T) {
	for _, c := range []struct {
		want    string
		outcome site.CheckOutcome
		err     string
	}{
		{"10MiB", site.Pass, ""}, {"11MiB", site.Fail, ""}, {"10%", site.Pass, ""}, {"10.1%", site.Fail, ""}, {"", site.Pass, ""},
		{"1", site.Pass, ""}, {"1GiB", site.Fail, ""}, {"1TiB", site.Fail, ""}, {"1KiB", site.Pass, ""},
		{"lots", site.Unknown, `"lots" is not a size: write it like 500MiB, 2GiB or 5%`},
		{"5MB", site.Unknown, `"5MB" is not a size: write it like 500MiB, 2GiB or 5%`},
		{"-5%", site.Unknown, `"-5%" is not a size: write it like 500MiB, 2GiB or 5%`},
	} {
		outcome, seen, err := JudgeRoom("/", 10<<20, 100<<20, c.want)
		if outcome != c.outcome || (err == nil) != (c.err == "") || (err != nil && err.Error() != c.err) {
			t.Errorf("%q: %s, %v; want %s, %q", c.want, outcome, err, c.outcome, c.err)
		}
		if err == nil && !strings.HasPrefix(seen, "/ has 10 MiB free of 100 MiB, wanted ") {
			t.Errorf("seen: %q", seen)
		}
	}
}

func TestJudgeClock(t *testing.T) {
	at := time.Unix(1000, 500e6)
	for _, c := range []struct {
		clock   int64
		outcome site.CheckOutcome
		seen    string
	}{
		{1000, site.Pass, "its clock agrees with the box's to the second"},
		{1001, site.Pass, "its clock is 400ms ahead of the box's, wanted within 5s"},
		{1010, site.Fail, "its clock is 9.4s ahead of the box's, wanted within 5s"},
		{990, site.Fail, "its clock is 9.5s behind the box's, wanted within 5s"},
	} {
		outcome, seen := JudgeClock(time.Unix(c.clock, 0), at, at.Add(100*time.Millisecond), 5*time.Second)
		if outcome != c.outcome || seen != c.seen {
			t.Errorf("clock %d: %s, %q; want %s, %q", c.clock, outcome, seen, c.outcome, c.seen)
		}
	}
}
