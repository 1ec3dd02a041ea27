package overview

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

func chicago(string) *time.Location { return time.FixedZone("CST", -6*3600) }

// clockAt reads "day hour:minute" of November in the store of the tables. Its window opens on the 21st at 23:00.
func clockAt(text string) time.Time {
	t, err := time.ParseInLocation("2 15:04", text, chicago(""))
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 11, t.Day(), t.Hour(), t.Minute(), 0, 0, chicago(""))
}

// shop is a store that is live at a moment, told its window and has not begun its night.
func shop(now time.Time) (*board.Board, *board.Store) {
	b := board.NewBoard("acme")
	s := b.Store("0142")
	s.Expected = &board.Expected{ID: "0142", Name: "Springfield", Region: "South"}
	s.Contact = board.Contact{State: "online", Heard: now}
	s.Info = board.Info{Timezone: "America/Chicago", WindowOpens: clockAt("21 23:00"), WindowCloses: clockAt("22 05:00"), Opens: clockAt("22 06:30")}
	s.Ready = board.ReadyNow{Verdict: site.Ready, Text: "You can open.", AsOf: now, MaxAge: 900}
	return b, s
}

func opened(s *board.Store, total, settled int) {
	n := board.Night{Night: window.Date{Year: 2026, Month: 11, Day: 21}, Open: true, Opens: clockAt("21 23:00"), Closes: clockAt("22 05:00"), Total: total, Settled: settled}
	s.Nights["2026-11-21"] = n
}

func closed1(s *board.Store, total int) {
	opened(s, total, total)
	n := s.Nights["2026-11-21"]
	n.Open, n.Closed, n.Summary = false, clockAt("22 02:00"), "12 done"
	s.Nights["2026-11-21"] = n
	s.Info.WindowOpens, s.Info.WindowCloses = clockAt("22 23:00"), clockAt("23 05:00")
}

// silent is a store that was last heard at a moment, and lost since.
func silent(s *board.Store, since string) {
	s.Contact = board.Contact{State: "lost", Heard: clockAt(since), At: clockAt(since)}
	s.Ready.AsOf = clockAt(since)
}

func TestBuckets(t *testing.T) {
	for name, c := range map[string]struct {
		now    string
		make   func(s *board.Store)
		bucket Bucket
		text   string
	}{
		"never heard":           {"21 22:00", func(s *board.Store) { *s = board.Store{ID: s.ID, Expected: s.Expected} }, NeverHeard, "Nothing was ever heard of this store."},
		"before its window":     {"21 22:00", func(*board.Store) {}, Waiting, "The window opens at 23:00 CST."},
		"just opened":           {"21 23:05", func(*board.Store) {}, Waiting, "The window has just opened."},
		"no work":               {"21 23:30", func(*board.Store) {}, Nothing, "The window opened and no work was begun."},
		"left out":              {"21 23:30", func(s *board.Store) { s.LeftOut = &board.LeftOut{Code: site.CodeClockUnsure} }, Nothing, "The whole store is left out: clock unsure."},
		"no window":             {"21 22:00", func(s *board.Store) { s.Info.WindowOpens = time.Time{} }, Nothing, "The store has not told of any window."},
		"at work":               {"22 01:00", func(s *board.Store) { opened(s, 40, 12) }, AtWork, "12 of 40 settled."},
		"cut off at work":       {"22 01:00", func(s *board.Store) { opened(s, 40, 12); silent(s, "22 00:10") }, AtWork, "12 of 40 settled. No contact since 00:10 CST. The store carries on alone; its report is due when the line is back. It needs someone from 06:30 CST."},
		"silent before":         {"21 22:30", func(s *board.Store) { silent(s, "21 21:00") }, Waiting, "The window opens at 23:00 CST."},
		"silent in it":          {"21 23:01", func(s *board.Store) { silent(s, "21 21:00") }, NotHeard, "No contact since 21:00 CST. The store carries on alone; its report is due when the line is back. It needs someone from Sun 06:30 CST."},
		"silent at opening":     {"22 06:30", func(s *board.Store) { silent(s, "21 21:00") }, NeedsSome, "No report of the night of 2026-11-21: nothing was heard since Sat 21:00 CST. Nothing is known to have failed."},
		"silent the next day":   {"22 20:00", func(s *board.Store) { silent(s, "21 21:00") }, NeedsSome, "No report of the night of 2026-11-21: nothing was heard since Sat 21:00 CST. Nothing is known to have failed."},
		"silent, opens unknown": {"22 06:29", func(s *board.Store) { silent(s, "21 21:00"); s.Info.Opens = time.Time{} }, NotHeard, "No contact since Sat 21:00 CST. The store carries on alone; its report is due when the line is back. It needs someone from 06:30 CST."},
		"over":                  {"22 03:00", func(s *board.Store) { closed1(s, 40) }, Done, "The night is over: 12 done."},
		"over, then silent":     {"22 09:00", func(s *board.Store) { closed1(s, 40); silent(s, "22 03:00") }, Done, "The night is over: 12 done."},
		"over, past noon":       {"22 12:00", func(s *board.Store) { closed1(s, 40) }, Waiting, "The window opens at 23:00 CST."},
		"over, nothing due":     {"22 03:00", func(s *board.Store) { closed1(s, 0) }, Nothing, "Nothing was to be done."},
		"held": {"21 22:00", func(s *board.Store) {
			s.Catalog.StoreHeld = &site.StoreHold{Reason: "the power is cut", At: clockAt("21 18:00"), By: "kim"}
		}, Waiting, "The window opens at 23:00 CST. Held by headquarters since 18:00 CST, asked for by kim: the power is cut."},
		"held all night": {"22 03:00", func(s *board.Store) {
			closed1(s, 0)
			s.Catalog.StoreHeld = &site.StoreHold{Reason: "Flood.", At: clockAt("21 22:00")}
		}, Nothing, "Nothing was to be done. Held by headquarters since Sat 22:00 CST: Flood."},
		"not ready": {"22 03:00", func(s *board.Store) {
			closed1(s, 40)
			s.Ready.Verdict, s.Ready.Fix = site.NotReady, []board.Finding{{Code: "POS-1", What: "Till 1 does not sell", BlocksTrading: true}}
		}, NeedsSome, "The store cannot open: Till 1 does not sell"},
	} {
		t.Run(name, func(t *testing.T) {
			now := clockAt(c.now)
			b, s := shop(now)
			c.make(s)
			row := Look(b, Options{Now: now, Zone: chicago}).Stores[0]
			if held := s.Catalog.StoreHeld; row.Held != held {
				t.Errorf("held is %+v, want %+v", row.Held, held)
			}
			if row.Bucket != c.bucket || row.Text != c.text {
				t.Errorf("is in %s: %q\nwant  %s: %q", row.Bucket, row.Text, c.bucket, c.text)
			}
		})
	}
}

// A store that is silent while headquarters itself cannot hear is not called late, and never without a report.
func TestDeaf(t *testing.T) {
	now := clockAt("22 08:00")
	b, s := shop(clockAt("21 22:50"))
	s.Contact.Heard = clockAt("21 22:50")
	v := Look(b, Options{Now: now, Heard: clockAt("21 22:55"), Zone: chicago})
	if got := v.Stores[0]; got.Contact.State != Live || len(v.Items) != 0 {
		t.Errorf("headquarters was deaf: contact %+v, items %+v", got.Contact, v.Items)
	}
	v = Look(b, Options{Now: now, Zone: chicago})
	if got := v.Stores[0]; got.Contact.State != Late || got.Bucket != NeedsSome {
		t.Errorf("headquarters could hear: contact %+v, bucket %s", got.Contact, got.Bucket)
	}
}

func TestReadyText(t *testing.T) {
	for text, want := range map[string]string{
		"NOT READY: Till 3 cannot take cards": "Till 3 cannot take cards", "READY": "", "You can open.": "You can open.", "": "", "POS-1: it is down": "POS-1: it is down", "DON'T KNOW: Too old.": "Too old.",
	} {
		if got := Sentence(text); got != want {
			t.Errorf("Sentence(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	if got, want := Look(board.NewBoard("acme"), Options{Now: at(7)}).Sentence, "No store is expected and none was heard yet."; got != want {
		t.Errorf("without stores: %q, want %q", got, want)
	}
	b := board.NewBoard("acme")
	b.Store("1").Expected = &board.Expected{ID: "1"}
	if got, want := Look(b, Options{Now: at(7)}).Sentence, "0 of 1 store done. 1 never heard."; got != want {
		t.Errorf("with one store: %q, want %q", got, want)
	}
}

// spoil changes a board as no chain of shops would.
func spoil(r *rand.Rand, b *board.Board, now time.Time) {
	states := []string{"online", "init", "disconnected", "lost", ""}
	verdicts := []site.Verdict{site.Ready, site.NotReady, site.CannotTell, site.Working, ""}
	for _, s := range b.Sorted() {
		switch r.IntN(8) {
		case 0:
			s.Contact = board.Contact{State: states[r.IntN(len(states))], Heard: now.Add(-time.Duration(r.IntN(100)) * time.Hour)}
		case 1:
			s.Info = board.Info{WindowOpens: now.Add(time.Duration(r.IntN(100)-50) * time.Hour)}
		case 2:
			s.Ready = board.ReadyNow{Verdict: verdicts[r.IntN(len(verdicts))], AsOf: now.Add(-time.Duration(r.IntN(50)) * time.Hour)}
		case 3:
			clear(s.Nights)
		case 4:
			clear(s.Closed)
			clear(s.Opened)
		case 5:
			s.Expected = nil
		case 6:
			s.Quarantines["p"] = site.Quarantine{Patch: "p", Since: now}
			s.Streams = append(s.Streams, board.Stream{ID: "x", Lost: []board.Span{{From: 1, To: 3}}})
		case 7:
			for _, id := range sortedKeys(s.Devices) {
				for _, j := range s.Devices[id].Jobs {
					j.State = []site.State{site.NoAnswer, site.Failed, site.Held, "strange"}[r.IntN(4)]
				}
			}
		}
	}
}

// Whatever is told: every store is in one bucket, and everything that is counted adds up.
func TestCountsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := at(0).Add(time.Duration(rapid.IntRange(0, 40*60).Draw(t, "minute")) * time.Minute)
		c := boardtest.Chain{Seed: rapid.Uint64().Draw(t, "seed"), Stores: rapid.IntRange(1, 40).Draw(t, "stores"), Devices: 9, Silent: 0.2, Fails: 0.1}
		b := c.Board(now)
		spoil(rand.New(rand.NewPCG(c.Seed, 1)), b, now)
		v := Look(b, Options{Now: now})
		for what, list := range map[string][]Count{"buckets": v.Buckets, "opening": v.Opening, "contact": v.Contact} {
			if n := sum(list); n != len(b.Stores) {
				t.Fatalf("%s add up to %d, there are %d stores", what, n, len(b.Stores))
			}
		}
		zones := 0
		for _, z := range v.Zones {
			if n := sum(z.Buckets); n != z.Total {
				t.Fatalf("zone %s: %d in buckets, %d stores", z.Zone, n, z.Total)
			}
			zones += z.Total
		}
		if zones != v.Total {
			t.Fatalf("the zones have %d stores, there are %d", zones, v.Total)
		}
		for _, p := range v.Patches {
			if p.Total != p.Waiting+p.Attempted || p.Attempted != p.Underway+p.Done+p.Failed+p.RolledBack+p.NoAnswer || p.Rate.Low > p.Rate.Share || p.Rate.Share > p.Rate.High {
				t.Fatalf("a patch does not add up: %+v", p)
			}
		}
		for _, bucket := range v.Buckets {
			if n := len(v.Filter(b, Filter{Bucket: []string{bucket.ID}})); n != bucket.Count {
				t.Fatalf("bucket %s counts %d, its list has %d", bucket.ID, bucket.Count, n)
			}
		}
		ids := map[string]bool{}
		for _, i := range v.Items {
			if ids[i.ID] || i.Text == "" || i.Cause == "" || i.Kind.Word() == "" {
				t.Fatalf("an item is there twice or has no words: %+v", i)
			}
			ids[i.ID] = true
		}
	})
}

func sum(list []Count) (n int) {
	for _, c := range list {
		n += c.Count
	}
	return n
}

func job(s *board.Store, state site.State, at time.Time, change func(*board.Job)) {
	d := s.Device("till-1")
	d.Now = board.DeviceNow{Device: "till-1", Class: site.LinuxServer, Answers: true}
	j := d.Job("p-1")
	j.State, j.At, j.Night = state, board.At(at), window.Date{Year: 2026, Month: 11, Day: 21}
	if change != nil {
		change(j)
	}
}

func TestItems(t *testing.T) {
	broke := func(j *board.Job) {
		j.FailedCode, j.Signature = site.CodeVerifyFailed, "verify · verify_failed · it did not start"
	}
	for name, c := range map[string]struct {
		now  string
		make func(s *board.Store)
		want string // kind, urgency, id: text; several by lines
	}{
		"nothing": {"22 03:00", func(s *board.Store) { closed1(s, 3) }, ""},
		"rolled back": {"22 03:00", func(s *board.Store) { closed1(s, 3); job(s, site.RolledBack, clockAt("22 01:00"), broke) },
			"rolled_back today rolled_back/0142/till-1/p-1: p-1 failed on till-1 with verify_failed and was taken back. The device works as before."},
		"rolled back, withdrawn": {"22 03:00", func(s *board.Store) {
			closed1(s, 3)
			job(s, site.RolledBack, clockAt("22 01:00"), broke)
			s.Catalog.Withdrawn = map[string]string{"p-1": "bad"}
		}, ""},
		"rolled back, excepted": {"22 03:00", func(s *board.Store) {
			closed1(s, 3)
			job(s, site.RolledBack, clockAt("22 01:00"), broke)
			s.Catalog.Exceptions = []site.Exception{{Patch: "p-1", Expires: clockAt("29 00:00")}}
		}, ""},
		"failing now": {"22 01:10", func(s *board.Store) { opened(s, 3, 1); job(s, site.Failed, clockAt("22 01:00"), broke) }, ""},
		"failed": {"22 01:40", func(s *board.Store) { opened(s, 3, 1); job(s, site.Failed, clockAt("22 01:00"), broke) },
			"failed now failed/0142/till-1/p-1: p-1 failed on till-1 with verify_failed and was not taken back."},
		"an old failure that is being told": {"25 01:40", func(s *board.Store) {
			closed1(s, 3)
			s.Info.Opens = clockAt("25 06:30")
			s.Streams = []board.Stream{{ID: "a", No: 1, Last: clockAt("25 01:39")}}
			job(s, site.Failed, clockAt("22 01:00"), broke)
		}, ""},
		"an old failure, told to its end": {"25 01:40", func(s *board.Store) {
			closed1(s, 3)
			s.Info.Opens = clockAt("25 06:30")
			s.Streams = []board.Stream{{ID: "a", No: 1, Last: clockAt("25 01:39")}}
			s.Closed["2026-11-21"] = board.NightClosed{At: clockAt("22 02:00"), Text: "1 failed"}
			job(s, site.Failed, clockAt("22 01:00"), broke)
		}, "failed now failed/0142/till-1/p-1: p-1 failed on till-1 with verify_failed and was not taken back."},
		"no proof": {"22 01:10", func(s *board.Store) { opened(s, 3, 1); job(s, site.RollbackFailed, clockAt("22 01:00"), broke) },
			"rollback_failed now rollback_failed/0142/till-1/p-1: p-1 failed on till-1 with verify_failed and taking it back is not proven."},
		"silent in the middle": {"22 01:20", func(s *board.Store) {
			opened(s, 3, 1)
			job(s, site.NoAnswer, clockAt("22 01:00"), func(j *board.Job) { j.Started, j.Step = board.At(clockAt("22 00:50")), run.Install })
		}, "no_answer now no_answer/0142/till-1/p-1: till-1 does not answer since p-1 was begun."},
		"silent, nothing begun": {"22 01:20", func(s *board.Store) { opened(s, 3, 1); job(s, site.NoAnswer, clockAt("22 01:00"), nil) }, ""},
		"silent for days": {"25 02:20", func(s *board.Store) {
			closed1(s, 3)
			s.Info.Opens = clockAt("25 06:30")
			job(s, site.NoAnswer, clockAt("22 01:00"), nil)
		}, "no_answer today no_answer/0142/till-1/p-1: till-1 does not answer; nothing was begun on it."},
		"cannot tell, long before open": {"22 03:00", func(s *board.Store) { closed1(s, 3); s.Ready.Verdict = site.CannotTell }, ""},
		"cannot tell": {"22 05:40", func(s *board.Store) { closed1(s, 3); s.Ready.Verdict, s.Ready.Text = site.CannotTell, "Too old." },
			"cannot_tell now cannot_tell/0142: The store opens soon and does not know whether it can: Too old."},
		"at work in its window": {"22 04:50", func(s *board.Store) {
			opened(s, 3, 1)
			s.Info.Opens = clockAt("22 05:30")
			s.Ready.Verdict, s.Ready.Text = site.Working, "UPDATING: 1 of 3 devices is done."
		}, ""},
		"at work after it": {"22 05:10", func(s *board.Store) {
			opened(s, 3, 1)
			s.Info.Opens = clockAt("22 05:30")
			s.Ready.Verdict, s.Ready.Text = site.Working, "UPDATING: 1 of 3 devices is done."
		}, "cannot_tell now cannot_tell/0142: The store opens soon and does not know whether it can: 1 of 3 devices is done."},
		"quarantine": {"22 03:00", func(s *board.Store) { closed1(s, 3); s.Quarantines["p-1"] = site.Quarantine{Patch: "p-1"} },
			"quarantine today quarantine/0142/p-1: p-1 is begun nowhere in this store any more."},
		"lost events": {"22 03:00", func(s *board.Store) {
			closed1(s, 3)
			s.Streams = []board.Stream{{ID: "a", No: 2, Lost: []board.Span{{From: 4, To: 9}}}}
		}, "gap today gap/0142/2/6: 6 events of this store are lost: the store does not have them any more."},
		"alert": {"22 03:00", func(s *board.Store) {
			closed1(s, 3)
			s.Alerts["NET-1"] = board.Alert{Code: "NET-1", Text: "The router does not answer.", Ack: &site.Ack{Actor: "kim"}}
		}, "alert today alert/0142/NET-1: The router does not answer. Taken on in the store by kim."},
	} {
		t.Run(name, func(t *testing.T) {
			now := clockAt(c.now)
			b, s := shop(now)
			c.make(s)
			var got []string
			for _, i := range Look(b, Options{Now: now, Zone: chicago}).Items {
				got = append(got, string(i.Kind)+" "+string(i.Urgency)+" "+i.ID+": "+i.Text)
			}
			if text := strings.Join(got, "\n"); text != c.want {
				t.Errorf("items\n%s\nwant\n%s", text, c.want)
			}
		})
	}
}

// TestSettledByALaterLook has an item go when the newest look says that the patch is not due any more.
func TestSettledByALaterLook(t *testing.T) {
	now := clockAt("22 03:00")
	b, s := shop(now)
	closed1(s, 3)
	for i, c := range []struct {
		left string
		want int
	}{
		{`[]`, 1},
		{`[{"device":"till-1","patch":"p-1","state":"skipped","code":"quarantined"}]`, 1},
		{`[{"device":"till-1","patch":"p-1","state":"not_due","code":"superseded"}]`, 0},
	} {
		job(s, site.RolledBack, clockAt("22 01:00"), nil)
		if !b.Apply("0142", board.Fact{Kind: board.KindLeftOut, Mark: board.Mark{Stream: 1, Seq: uint64(i + 5)}, Body: []byte(c.left)}, now) {
			t.Fatal("the board cannot read it")
		}
		if got := len(Look(b, Options{Now: now, Zone: chicago}).Items); got != c.want {
			t.Errorf("%s: %d items, want %d", c.left, got, c.want)
		}
	}
}
