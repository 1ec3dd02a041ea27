package fleet

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
)

func night() time.Time { return time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC) }

// TestFromBrokerToBoard follows what a store tells through the broker and the database to the board,
// and through a restart.
func TestFromBrokerToBoard(t *testing.T) {
	l := newLab(t)
	path := dbPath(t)
	db := openDB(t, path)
	l.tell("0142/state", `{"state":"online","online":1,"bd":57,"v":"nightfilld 1.4.0"}`, true)
	l.tell("0142/info", `{"store":"0142","name":"Springfield East","timezone":"America/Chicago","stream":"A","rev":3,"devices":["till-1"],"more":{}}`, true)
	l.tell("0142/ready", `{"verdict":"ready","text":"You can open.","rev":3}`, true)
	l.tell("0142/d/till-1", `{"device":"till-1","class":"linux-server","state":"queued","rev":3}`, true)
	l.tell("0142/alert/POS-1", `{"code":"POS-1","text":"Till 1","rev":3}`, true)
	f := l.start(db)
	if !f.Status().Leader {
		t.Error("over SQLite it is not the leader")
	}
	for i, e := range []run.Event{
		{Kind: run.StepStarted, At: night(), Device: "till-1", Patch: "p-1", Step: run.Install, To: site.Installing},
		{Kind: run.StepEnded, At: night().Add(time.Minute), Device: "till-1", Patch: "p-1", Step: run.Install, Outcome: run.OK, To: site.Verifying},
		{Kind: run.StepEnded, At: night().Add(2 * time.Minute), Device: "till-1", Patch: "p-1", Step: run.Verify, Outcome: run.OK, To: site.Done},
	} {
		l.tell("0142/evt", evt("A", uint64(i+1), e), false)
	}
	shows := func(b *board.Board) bool {
		s := b.Stores["0142"]
		if s == nil || s.Devices["till-1"] == nil || s.Stream() == nil {
			return false
		}
		j := s.Devices["till-1"].Find("p-1")
		return j != nil && j.State == site.Done && j.Verified == board.At(night().Add(2*time.Minute)) && s.Info.Name == "Springfield East" &&
			s.Ready.Verdict == site.Ready && s.Alerts["POS-1"].Text == "Till 1" && s.Contact.State == "online" && s.Contact.Birth == 57 &&
			s.Contact.Version == "nightfilld 1.4.0" && s.Stream().Stored == 3 && s.Stream().Highest == 3 && s.Devices["till-1"].Now.State == site.Queued
	}
	f.until("everything is on the board", shows)
	eventually(t, "the store was told", func() bool { return l.said(`hq/seen/0142 {"stream":"A","seq":3}`) })
	if !l.said(`hq/state {"online":true,"timestamp":`) {
		t.Errorf("hq/state is missing in %q", l.heard)
	}
	l.tell("0142/alert/POS-1", ``, true)
	f.until("the alert is cleared", func(b *board.Board) bool { return len(b.Stores["0142"].Alerts) == 0 })
	f.stop()
	eventually(t, "headquarters said goodbye", func() bool { return l.said(`hq/state {"online":false`) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	db = openDB(t, path)
	defer db.Close()
	again, err := Open(context.Background(), Options{DB: db, Org: "acme", Broker: at(l.url)})
	if err != nil {
		t.Fatal(err)
	}
	again.View(func(b *board.Board) {
		s := b.Stores["0142"]
		if s == nil || len(s.Alerts) != 0 {
			t.Fatalf("after a restart: %+v", s)
		}
		s.Alerts["POS-1"] = board.Alert{Text: "Till 1"}
		if !shows(b) {
			t.Errorf("after a restart the board differs: %+v", s)
		}
	})
	events, err := db.Events(context.Background(), board.Query{Store: "0142", Device: "till-1"})
	if err != nil || len(events) != 3 || events[2].Event().To != site.Done || events[1].Prev != events[0].Hash || events[0].Hash == "" {
		t.Errorf("events: %v %v", events, err)
	}
}

// TestExpectedStores changes the list of stores under a board with all kinds of them.
func TestExpectedStores(t *testing.T) {
	l := newLab(t)
	db := openDB(t, dbPath(t))
	defer db.Close()
	f := l.start(db, func(o *Options) { o.Expected = []board.Expected{{ID: "1", Region: "west"}, {ID: "2"}} })
	l.tell("2/state", `{"state":"online","bd":1}`, true)
	l.tell("3/state", `{"state":"online","bd":1}`, true)
	l.tell("4/state", `{"state":"online","bd":1}`, true)
	f.until("all are there", func(b *board.Board) bool { return len(b.Stores) == 4 })
	l.tell("4/state", ``, true)
	f.until("one was removed", func(b *board.Board) bool { return b.Stores["4"].Contact.State == "" })
	for _, c := range []struct {
		list []board.Expected
		want string
	}{
		{[]board.Expected{{ID: "1", Region: "west"}, {ID: "2"}, {ID: "4"}}, "1 west 2  3 - 4 "},
		{nil, "2 - 3 - 4 -"},
		{[]board.Expected{{ID: "5", Region: "east"}}, "2 - 3 - 5 east"},
	} {
		f.Expect(c.list)
		var got []string
		f.View(func(b *board.Board) {
			for _, s := range b.Sorted() {
				region := "-"
				if s.Expected != nil {
					region = s.Expected.Region
				}
				got = append(got, s.ID+" "+region)
			}
		})
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v leaves %q, want %q", c.list, got, c.want)
		}
	}
}
