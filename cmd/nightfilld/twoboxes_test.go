package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
)

// TestLabTwoBoxes replaces the box of a store, and switches the old one on again: the hosts refuse it, whatever it
// wants, until a person says that it is to work.
func TestLabTwoBoxes(t *testing.T) {
	s := openStore(t, 2)
	for n := 1; n <= 2; n++ {
		s.install(n, "pos-app", "lab-agent")
	}
	s.debPatch("lab-agent", "8.0.0", "reboot: always")
	s.publish()
	path := s.file()
	// The old box is set up first. It finds no catalog yet, and so has nothing to do.
	s.run()
	s.box.kill()
	pause(1100 * time.Millisecond) // when a box was set up is told in seconds
	s.serve()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.write("new.yaml", strings.NewReplacer("state: state\n", "state: state-new\n",
		fmt.Sprint(s.readyPort), fmt.Sprint(freePort(t)), fmt.Sprint(s.metricsPort), fmt.Sprint(freePort(t))).Replace(string(text)))
	box := start(t, s.folder, "nightfilld-new", filepath.Join(s.bin, "nightfilld"), "--config", "new.yaml")
	until(t, patient, "the new box has done the night", func() (bool, string) {
		out, _, err := call(s.folder, filepath.Join(s.bin, "nightfill"), "night", "--state", "state-new", "--json")
		if err != nil {
			return false, err.Error()
		}
		night := decode[view.Night](t, out)
		return !night.Open && night.Summary == "2 done", night.Summary + "; " + underWay(night)
	})
	box.kill()

	later := s.debPatch("pos-app", "1.1.0", "")
	s.hq("add", "hq", s.patches[len(s.patches)-1])
	s.hq("release", "hq", later, "--ring", "fleet")
	s.hq("sign", "hq", "--key", "keys/pos-1", "--yes")
	s.hq("sign", "hq", "--key", "keys/pos-3", "--yes")
	s.hq("publish", "hq", "out")
	s.run()
	until(t, patient, "the old box is refused on both hosts", func() (bool, string) {
		night, ok := s.night()
		return ok && !night.Open && len(night.Jobs) == 2, night.Summary + "; " + underWay(night)
	})
	night, _ := s.night()
	for n, id := range s.ids {
		j := job(t, night, id, later)
		if j.State != site.Skipped || j.Reason == nil || j.Reason.Code != site.CodeBusy || !strings.Contains(j.Reason.Text, "was set up later than this one") {
			t.Errorf("%s on %s is %s because of %v", later, id, j.State, j.Reason)
		}
		if got := s.version(n+1, "pos-app"); got != "1.0.0 install ok installed" {
			t.Errorf("%s has pos-app %q", id, got)
		}
	}

	// A person lets it work again: on one host by name, and on the other by setting the box up anew.
	s.mustAsk("takeover", s.ids[0], "--reason", "this box is the one that stays")
	s.mustAsk("retry", s.ids[0], later, "--reason", "this box is the one that stays")
	until(t, patient, "the old box works on "+s.ids[0], func() (bool, string) {
		night, ok := s.night()
		return ok && !night.Open && night.Summary == "1 done, 1 skipped", night.Summary + "; " + underWay(night)
	})
	s.box.kill()
	if err := os.Remove(filepath.Join(s.folder, "state", "box")); err != nil {
		t.Fatal(err)
	}
	s.run()
	s.mustAsk("retry", s.ids[1], later, "--reason", "this box is the one that stays")
	until(t, patient, "the old box works again", func() (bool, string) {
		night, ok := s.night()
		return ok && !night.Open && night.Summary == "2 done", night.Summary + "; " + underWay(night)
	})
	for n, id := range s.ids {
		if got, times := s.version(n+1, "pos-app"), s.upgrades(n+1, "pos-app", "1.1.0"); got != "1.1.0 install ok installed" || times != 1 {
			t.Errorf("%s has pos-app %q, unpacked %d times", id, got, times)
		}
		if got := s.boots(n + 1); got != 2 {
			t.Errorf("%s was booted %d times, want its first and the restart of the new box", id, got)
		}
	}
}
