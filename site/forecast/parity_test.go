package forecast

import (
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
)

// TestSameWithoutRecords plays nights with all of their records and without: what came of them is the same.
func TestSameWithoutRecords(t *testing.T) {
	for _, mode := range []string{"one-by-one", "bundle"} {
		t.Run(mode, func(t *testing.T) { sameWithoutRecords(t, mode) })
	}
}

func sameWithoutRecords(t *testing.T, mode string) {
	s, err := scenario.Read("store 0142 mode=" + mode + `
group servers before=lanes
group lanes min_up=2 canary
device srv-1 groups=servers has=app:1.0
device till-1 groups=lanes has=app:1.0
device till-2 groups=lanes has=app:1.0
device till-3 groups=lanes has=app:1.0
patch app-1.1 package=app below=1.1 install=20m reboot=may restart=5m verify=2m revert=10m gate=wait
patch kernel kind=script install=10m reboot=always restart=8m verify=1m revert=12m requires=app-1.1
patch motd kind=file install=1m
`)
	if err != nil {
		t.Fatal(err)
	}
	span, _ := s.Calendar.Contains(s.Facts.Now)
	made, report := plan.Make(s.Facts, span, s.Calendar.Reserve)
	odds := Usual()
	odds.InstallFails, odds.Interrupted, odds.NotBack, odds.Unreachable, odds.GateLate, odds.PowerCut = 0.05, 0.05, 0.1, 0.05, 0.3, 0.2
	st := newStage(Scene{Store: s.Facts.Store, Inventory: s.Facts.Inventory, Plan: made, Report: report, Begins: s.Facts.Now}, odds)
	nights, trouble := uint64(150), 0
	if testing.Short() {
		nights = 25
	}
	for seed := range nights {
		quick, told := newPlayer(st, newDice(seed), time.Second), newPlayer(st, newDice(seed), time.Second)
		told.keep = true
		a, b := quick.play(), told.play()
		if !a.Done {
			trouble++
		}
		if !reflect.DeepEqual(a.Jobs, b.Jobs) || !reflect.DeepEqual(a.Floors, b.Floors) || !a.Ends.Equal(b.Ends) || a.Done != b.Done {
			t.Fatalf("seed %d: without records\n%+v, ended %v\nwith them\n%+v, ended %v", seed, a.Jobs, a.Ends, b.Jobs, b.Ends)
		}
	}
	if trouble < int(nights)/5 {
		t.Errorf("only %d of %d nights had trouble: they compare little", trouble, nights)
	}
}

func TestDice(t *testing.T) {
	d := newDice(1)
	if d.of("ab", "c") == d.of("a", "bc") || d.of("a") == newDice(2).of("a") || d.night(0) == d.night(1) || d.of("a") != newDice(1).of("a") {
		t.Error("names do not tell draws apart, or one name does not always give the same")
	}
	const draws = 20000
	sum, over, below := 0.0, 0, 0
	for i := range draws {
		share := d.night(i).share(0)
		if share < 0 || share >= 1 {
			t.Fatalf("share %v", share)
		}
		sum += share
		switch takes := d.night(i).length(6*time.Minute, 10*time.Minute); {
		case takes > 10*time.Minute:
			over++
		case takes < 6*time.Minute:
			below++
		}
	}
	if mean := sum / draws; mean < 0.49 || mean > 0.51 {
		t.Errorf("the mean is %v", mean)
	}
	if over < draws*45/1000 || over > draws*55/1000 || below < draws*48/100 || below > draws*52/100 {
		t.Errorf("of %d lengths %d are above the 95th percentile and %d below the median", draws, over, below)
	}
	if d.length(0, time.Hour) != 0 || d.length(time.Hour, time.Minute) != time.Hour {
		t.Error("a length without a spread is its median")
	}
}
