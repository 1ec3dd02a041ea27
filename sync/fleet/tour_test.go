package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/books"
)

// cables lets a test pull the network of a Fleet.
type cables struct {
	mu  sync.Mutex
	all []net.Conn
}

func (c *cables) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all = append(c.all, conn)
	}
	return conn, err
}

func (c *cables) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		conn.Close()
	}
	c.all = nil
}

// ear hears what headquarters says, as any dashboard could.
type ear struct {
	mu    sync.Mutex
	heard []string
}

func listenTo(t *testing.T, url string, filters ...string) *ear {
	t.Helper()
	e := &ear{}
	o := mqtt.NewClientOptions().AddBroker("tcp://" + strings.TrimPrefix(url, "mqtt://")).SetClientID("ear").SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, fmt.Sprintf("%s %s", strings.TrimPrefix(m.Topic(), "nightfill/v1/acme/"), m.Payload()))
	})
	c := mqtt.NewClient(o)
	if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	t.Cleanup(func() { c.Disconnect(100) })
	for _, f := range filters {
		if token := c.Subscribe(f, 1, nil); !token.WaitTimeout(patience) || token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	return e
}

func (e *ear) has(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.heard {
		if strings.HasPrefix(h, text) {
			return true
		}
	}
	return false
}

// TestOnEveryBroker lets a real uplink report over each kind of broker: what was retained before
// headquarters came, the history in order, what is told when it is stored, the last will of both
// sides, and a gap that is asked for.
func TestOnEveryBroker(t *testing.T) {
	for name, make := range brokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := make(t)
			b.start(t)
			j := newJournal("A")
			for i := range 100 {
				j.write(run.Event{Kind: run.VerdictChanged, Verdict: site.Ready, Text: fmt.Sprint(i + 1)})
			}
			leave := j.link(t, b.url(), "0142")
			e := listenTo(t, b.url(), "nightfill/v1/acme/hq/state", "nightfill/v1/acme/hq/seen/0142", "nightfill/v1/acme/s/0142/hint")
			db := openDB(t, dbPath(t))
			defer db.Close()
			var net cables
			l := &lab{t: t, url: b.url()}
			f := l.start(db, func(o *Options) {
				o.Broker, o.RollWait, o.GapWait = plain{at(b.url()).address, net.dial}, time.Second, 200*time.Millisecond
			})
			// What was sent before headquarters came is not kept by any broker: a new event shows the gap.
			j.write(run.Event{Kind: run.VerdictChanged, Text: "101"})
			f.until("everything is on the board", func(b *board.Board) bool {
				s := b.Stores["0142"]
				return s != nil && s.Stream() != nil && s.Stream().Stored == 101 && s.Verdict.Text == "101" && s.Contact.State == "online" &&
					s.Info.Name == "Shop 0142" && s.Ready.Verdict == site.Ready && s.Devices["till-1"] != nil && s.Devices["till-1"].Now.State == site.Done
			})
			eventually(t, "the store is told", func() bool { return e.has(`hq/seen/0142 {"stream":"A","seq":101}`) })
			eventually(t, "the store moved its cursor", func() bool { n, _ := j.Cursor("hq"); return n == 101 })
			if !e.has(`hq/state {"online":true`) {
				t.Error("headquarters did not say that it is there")
			}
			leave()
			f.until("the store said goodbye", func(b *board.Board) bool { return b.Stores["0142"].Contact.State == "disconnected" })
			net.pull()
			eventually(t, "the broker says that headquarters is gone", func() bool { return e.has(`hq/state {"online":false`) })
			f.until("it came back", func(*board.Board) bool { return f.Status().Connected })
		})
	}
}

// TestNothingIsSeenBeforeItIsStored closes the database under a headquarters that listens.
func TestNothingIsSeenBeforeItIsStored(t *testing.T) {
	l := newLab(t)
	db := openDB(t, dbPath(t))
	f := l.start(db, func(o *Options) { o.StopWait = 200 * time.Millisecond })
	l.tell("0142/evt", evt("A", 1, run.Event{Kind: run.VerdictChanged, At: night()}), false)
	eventually(t, "the first is told", func() bool { return l.said(`hq/seen/0142 {"stream":"A","seq":1}`) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	l.tell("0142/evt", evt("A", 2, run.Event{Kind: run.VerdictChanged, At: night()}), false)
	<-time.After(1500 * time.Millisecond) // longer than between two hq/seen
	f.stop()
	if l.said(`hq/seen/0142 {"stream":"A","seq":2}`) {
		t.Error("the store was told that an event is stored that is not")
	}
	f.View(func(b *board.Board) {
		if got := b.Stores["0142"].Stream().Stored; got != 1 {
			t.Errorf("the board shows %d events as stored", got)
		}
	})
}

// TestOneBadMessageStopsNothing sends what cannot be read among what can.
func TestOneBadMessageStopsNothing(t *testing.T) {
	l := newLab(t)
	db := openDB(t, dbPath(t))
	defer db.Close()
	f := l.start(db)
	for i := range uint64(50) {
		l.tell("0142/evt", evt("A", i+1, run.Event{Kind: run.VerdictChanged, At: night(), Device: "a\x00b"}), false)
		l.tell("0142/evt", `{"stream":`, false)
		l.tell("0142/d/x", `[`, true)
	}
	f.until("the rest is stored", func(b *board.Board) bool {
		return b.Stores["0142"] != nil && b.Stores["0142"].Stream() != nil && b.Stores["0142"].Stream().Stored == 50
	})
	if got := f.Status().Unreadable; got != 100 {
		t.Errorf("%d messages could not be read, want 100", got)
	}
}

func TestHintsNameWhatIsMissing(t *testing.T) {
	l := newLab(t)
	db := openDB(t, dbPath(t))
	defer db.Close()
	f := l.start(db, func(o *Options) { o.GapWait = time.Hour })
	for _, seq := range []uint64{1, 2, 5, 9} {
		l.tell("0142/evt", evt("A", seq, run.Event{Kind: run.VerdictChanged, At: night()}), false)
	}
	f.until("two gaps are open", func(b *board.Board) bool {
		return b.Stores["0142"] != nil && b.Stores["0142"].Stream() != nil && len(b.Stores["0142"].Stream().Gaps) == 2
	})
	for _, verb := range []string{"refresh", "resend"} {
		if err := f.Hint(context.Background(), "0142", verb); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []books.Hint{{Verb: "refresh"}, {Verb: "resend", Stream: "A", From: 3, To: 4}, {Verb: "resend", Stream: "A", From: 6, To: 8}} {
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, string(raw)+" was said", func() bool { return l.said("s/0142/hint " + string(raw)) })
	}
	if got := f.Status().Gaps; got != 2 {
		t.Errorf("%d gaps are open", got)
	}
}
