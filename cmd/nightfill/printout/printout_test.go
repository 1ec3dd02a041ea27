package printout

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// TestTable holds columns together, with colours and without, and lets no device draw on the terminal.
func TestTable(t *testing.T) {
	rows := func() [][]Cell {
		return [][]Cell{
			{Text("srv-1"), State(site.Done), Text("fine")},
			{Text("kühltheke-2"), State(site.RolledBack), Text("\x1b[2Jgone\n now")},
			{Text("srv-3"), State(site.Queued), Text("")},
		}
	}
	plain := New(time.UTC, false)
	plain.Table([]string{"DEVICE", "STATE", "WHY"}, rows())
	want := `DEVICE       STATE        WHY
srv-1        done         fine
kühltheke-2  rolled back  [2Jgone now
srv-3        queued
`
	if plain.String() != want {
		t.Errorf("got\n%s\nwant\n%s", plain, want)
	}
	colours := New(time.UTC, true)
	colours.Table([]string{"DEVICE", "STATE", "WHY"}, rows())
	stripped := colours.String()
	for _, code := range []string{"\x1b[0m", "\x1b[1m", "\x1b[32m", "\x1b[1;31m"} {
		if !strings.Contains(stripped, code) {
			t.Errorf("no %q in %q", code, colours)
		}
		stripped = strings.ReplaceAll(stripped, code, "")
	}
	if stripped != want {
		t.Errorf("with colours, got\n%s\nwant\n%s", stripped, want)
	}
}

// TestLine lets no text break a line or draw, whoever sees colours, and keeps the colours of the printer.
func TestLine(t *testing.T) {
	const nasty = "till\x1b[2J in\nuse\x07\tby \u202eeno\u0085"
	for _, colour := range []bool{false, true} {
		p := New(time.UTC, colour)
		p.Line("%s: %s, %d", p.Paint(Bad, "held"), nasty, 3)
		want := "held: till[2J in use by eno, 3\n"
		if colour {
			want = "\x1b[1;31mheld\x1b[0m" + strings.TrimPrefix(want, "held")
		}
		if p.String() != want {
			t.Errorf("colour %v: got %q, want %q", colour, p, want)
		}
	}
}

func TestColoured(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Coloured(f) || Coloured(&bytes.Buffer{}) {
		t.Error("a file is no terminal")
	}
}

func TestLength(t *testing.T) {
	tests := map[time.Duration]string{
		0: "0s", 120 * time.Millisecond: "120ms", 48 * time.Second: "48s", 10 * time.Minute: "10m", 90 * time.Minute: "1h30m",
		5 * time.Hour: "5h", 61 * time.Second: "1m1s", 1499 * time.Millisecond: "1s",
	}
	for d, want := range tests {
		if got := Length(site.Duration(d)); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

// TestTableOnANarrowTerminal wraps the last column where there is room, and puts wide ones below their row where there
// is none.
func TestTableOnANarrowTerminal(t *testing.T) {
	why := "verification ended with exit code 1: not proven within 3 s: the service is not running [verify_failed]"
	for _, c := range []struct {
		columns int
		want    string
	}{
		{50, `DEVICE  STATE        WHY
till-5  rolled back  verification ended with exit
                     code 1: not proven within 3
                     s: the service is not running
                     [verify_failed]
srv-1   done
`},
		{40, `DEVICE  STATE
till-5  rolled back
       WHY verification ended with exit
       code 1: not proven within 3 s:
       the service is not running
       [verify_failed]
srv-1   done
`},
		{0, "DEVICE  STATE        WHY\ntill-5  rolled back  " + why + "\nsrv-1   done\n"},
		{200, "DEVICE  STATE        WHY\ntill-5  rolled back  " + why + "\nsrv-1   done\n"},
	} {
		p := New(time.UTC, false)
		p.Columns = c.columns
		p.Table([]string{"DEVICE", "STATE", "WHY"}, [][]Cell{
			{Text("till-5"), State(site.RolledBack), Text("%s", why)},
			{Text("srv-1"), State(site.Done), Text("")},
		})
		if p.String() != c.want {
			t.Errorf("%d columns: got\n%s\nwant\n%s", c.columns, p, c.want)
		}
		for line := range strings.Lines(p.String()) {
			if n := len(strings.TrimSpace(line)); c.columns > 0 && n > c.columns {
				t.Errorf("a line has %d characters on %d columns: %s", n, c.columns, line)
			}
		}
	}
}
