package democmd

import (
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// night is one in which a patch was taken back, and another stands as given.
func night(motd site.State) run.State {
	planned := plan.Plan{
		Patches: []site.Patch{{ID: "app"}, {ID: "motd"}},
		Lanes:   []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "app"}, {Patch: "motd"}}}},
	}
	return run.State{Night: run.NewNight(planned, time.Time{}, []run.Job{
		{Device: "till-1", Patch: "app", State: site.RolledBack, Settled: true, Reason: site.Because(site.CodeVerifyFailed, "the service is not running")},
		{Device: "till-1", Patch: "motd", State: motd, Settled: motd == site.Done},
	})}
}

func TestLinesTellEachResultOnce(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	s := night(site.Queued)
	p.show(s)
	p.show(s)
	p.show(night(site.Done))
	want := "[1/2] till-1 app rolled back: the service is not running\n[2/2] till-1 motd done\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestBarsFitTheTerminal(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	p.terminal, p.width = true, func() int { return 40 }
	p.show(night(site.Queued))
	first := out.String()
	if want := "\x1b[2Ktill-1   [############............] ...\n"; first != want {
		t.Errorf("got %q, want %q", first, want)
	}
	p.show(night(site.Queued))
	if got := strings.TrimPrefix(out.String(), first); !strings.HasPrefix(got, "\x1b[1A") {
		t.Errorf("the second drawing does not go back up: %q", got)
	}
}
