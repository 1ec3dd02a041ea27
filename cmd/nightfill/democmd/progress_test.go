package democmd

import (
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

func night() run.State {
	return run.State{Night: &run.Night{
		Plan: plan.Plan{
			Patches: []site.Patch{{ID: "app"}, {ID: "motd"}},
			Lanes:   []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "app"}, {Patch: "motd"}}}},
		},
		Jobs: []run.Job{
			{Device: "till-1", Patch: "app", State: site.RolledBack, Settled: true, Reason: site.Because(site.CodeVerifyFailed, "the service is not running")},
			{Device: "till-1", Patch: "motd", State: site.Queued},
		},
	}}
}

func TestLinesTellEachResultOnce(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	s := night()
	p.show(s)
	p.show(s)
	s.Night.Jobs[1].State, s.Night.Jobs[1].Settled = site.Done, true
	p.show(s)
	want := "[1/2] till-1 app rolled back: the service is not running\n[2/2] till-1 motd done\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestBarsFitTheTerminal(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	p.terminal, p.width = true, func() int { return 40 }
	p.show(night())
	first := out.String()
	if want := "\x1b[2Ktill-1   [############............] ...\n"; first != want {
		t.Errorf("got %q, want %q", first, want)
	}
	p.show(night())
	if got := strings.TrimPrefix(out.String(), first); !strings.HasPrefix(got, "\x1b[1A") {
		t.Errorf("the second drawing does not go back up: %q", got)
	}
}
