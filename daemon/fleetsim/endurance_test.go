package fleetsim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/mqttline"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

// envHeadquarters makes the test program a headquarters: the database, a blank, and the broker.
const envHeadquarters = "NIGHTFILL_TEST_HEADQUARTERS"

// envEndurance says how large the endurance test is, for example
// "stores=2000 devices=36 nights=1 broker=100 hq=20 every=5s".
const envEndurance = "NIGHTFILL_TEST_ENDURANCE"

func TestMain(m *testing.M) {
	if where := os.Getenv(envHeadquarters); where != "" {
		if err := headquarters(where); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// headquarters stores what comes until it is ended.
func headquarters(where string) error {
	var db, broker string
	if _, err := fmt.Sscan(where, &db, &broker); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	base, err := database.Open(ctx, db, log)
	if err != nil {
		return err
	}
	way, err := mqttline.New(mqttline.Options{URL: "mqtt://" + broker})
	if err != nil {
		return err
	}
	f, err := fleet.Open(ctx, fleet.Options{DB: base, Org: "acme", Broker: way, Version: "test", Log: log})
	if err != nil {
		return err
	}
	return errors.Join(f.Run(ctx), base.Close())
}

// endurance is how large the test is.
type endurance struct {
	stores, devices, nights, broker, hq int
	every                               time.Duration
}

func readEndurance(t *testing.T) endurance {
	t.Helper()
	text := os.Getenv(envEndurance)
	if text == "" {
		t.Skip("a broker and a headquarters are killed over and over only with " + envEndurance + " (make hq-test)")
	}
	if _, err := exec.LookPath("mosquitto"); err != nil {
		t.Skip("mosquitto is not installed")
	}
	e := endurance{stores: 40, devices: 6, nights: 1, broker: 5, hq: 2, every: 2 * time.Second}
	for word := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(word, "=")
		numbers := map[string]*int{"stores": &e.stores, "devices": &e.devices, "nights": &e.nights, "broker": &e.broker, "hq": &e.hq}
		switch place := numbers[key]; {
		case place != nil:
			if _, err := fmt.Sscan(value, place); err != nil {
				t.Fatalf("%s: %v", word, err)
			}
		case key == "every":
			length, err := time.ParseDuration(value)
			if err != nil {
				t.Fatalf("%s: %v", word, err)
			}
			e.every = length
		default:
			t.Fatalf("what is %q in %s?", word, envEndurance)
		}
	}
	return e
}

// process is a program that is killed and started again.
type process struct {
	name  string
	start func() *exec.Cmd
	now   *exec.Cmd
}

func (p *process) run() error {
	p.now = p.start()
	p.now.Stderr = os.Stderr
	return p.now.Start()
}

// kill ends the program as a power cut would, and waits until it is gone.
func (p *process) kill() {
	_ = p.now.Process.Signal(syscall.SIGKILL)
	_ = p.now.Wait()
}

// TestEndurance plays nights of a fleet while the broker and headquarters are killed over and over. At
// the end every event of every store is stored once, unchanged and in its chain, and every state at
// headquarters is the store's own.
func TestEndurance(t *testing.T) {
	e := readEndurance(t)
	dir := t.TempDir()
	address := freeAddress(t)
	broker := &process{name: "broker", start: mosquitto(t, dir, address)}
	db := "sqlite:" + filepath.Join(dir, "hq.db")
	hq := &process{name: "headquarters", start: func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envHeadquarters+"="+db+" "+address)
		return cmd
	}}
	for _, p := range []*process{broker, hq} {
		if err := p.run(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.kill)
	}
	sim, err := New(Options{
		Org: "acme", Stores: e.stores, Devices: e.devices, Nights: e.nights, Seed: 11, Now: time.Now(), Run: "endurance",
		Broker: "mqtt://" + address, Log: slog.New(slog.DiscardHandler), // at the rate of real stores
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return sim.Run(ctx) })
	g.Go(func() error { return torment(ctx, broker, e.broker, e.every) })
	g.Go(func() error {
		return torment(ctx, hq, e.hq, e.every*time.Duration(max(e.broker, 1))/time.Duration(max(e.hq, 1)))
	})
	g.Go(func() error {
		defer stop()
		return settled(ctx, sim, e, began)
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := hq.now.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = hq.now.Wait()
	compare(t, sim, db)
}

// torment kills a program so many times, about so far apart.
func torment(ctx context.Context, p *process, times int, every time.Duration) error {
	for range times {
		if err := until(ctx, time.Now().Add(every/2+rand.N(every))); err != nil {
			return nil
		}
		p.kill()
		if err := p.run(); err != nil {
			return fmt.Errorf("%s does not start again: %w", p.name, err)
		}
	}
	return nil
}

// settled waits until every store has played its nights, every kill is over and everything is stored.
func settled(ctx context.Context, sim *Fleet, e endurance, began time.Time) error {
	quiet, told := 0, time.Duration(0)
	for quiet < 3 {
		if err := until(ctx, time.Now().Add(time.Second)); err != nil {
			p := sim.Progress()
			return fmt.Errorf("not everything was stored in time: %+v", p)
		}
		p := sim.Progress()
		if since := time.Since(began); since >= told+30*time.Second {
			told = since
			fmt.Printf("endurance: after %s: %d of %d stores connected, %d played; %d events, %d of them stored\n",
				since.Round(time.Second), p.Connected, p.Stores, p.Played, p.Events, p.Stored)
		}
		if p.Played == p.Stores && p.Waiting == 0 && p.Connected == p.Stores && time.Since(began) > e.every*time.Duration(e.broker)*3/2 {
			quiet++
		}
	}
	p := sim.Progress()
	fmt.Printf("endurance: %d stores with %d devices, %d events; broker killed %d times, headquarters %d times; all stored after %s\n",
		p.Stores, e.devices, p.Events, e.broker, e.hq, time.Since(began).Round(time.Second))
	return nil
}

// compare holds what headquarters has on its disk against the stores themselves.
func compare(t *testing.T, sim *Fleet, address string) {
	t.Helper()
	db, err := database.Open(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f, err := fleet.Open(t.Context(), fleet.Options{DB: db, Org: "acme", Broker: line(t, "mqtt://127.0.0.1:1"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	lost, repeated := 0, uint64(0)
	for _, s := range sim.shops {
		seq, prev := uint64(0), ""
		err := db.EachEvent(t.Context(), board.Query{Store: s.store.ID, Limit: 1 << 30}, func(e board.Event) error {
			seq++
			if e.Seq != seq || e.Prev != prev || e.Hash != journal.Hash(seq, prev, e.Data) {
				return fmt.Errorf("event %d of store %s is not the one after %d in its chain", e.Seq, s.store.ID, seq-1)
			}
			prev = e.Hash
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if seq != s.journal.last || prev != s.journal.hash {
			lost += int(s.journal.last - min(seq, s.journal.last))
			t.Errorf("store %s wrote %d events, headquarters has %d", s.store.ID, s.journal.last, seq)
		}
		f.View(func(b *board.Board) { repeated += sameStates(t, s, b.Stores[s.store.ID]) })
	}
	fmt.Printf("endurance: %d events lost, %d came more than once and are stored once\n", lost, repeated)
}

// sameStates compares every state at headquarters with the store's own.
func sameStates(t *testing.T, s *shop, at *board.Store) (repeats uint64) {
	t.Helper()
	if at == nil {
		t.Errorf("store %s is not on the board", s.store.ID)
		return 0
	}
	if at.Contact.State != "online" && at.Contact.State != "disconnected" {
		t.Errorf("store %s: contact %q", s.store.ID, at.Contact.State)
	}
	for _, d := range s.store.Devices {
		for _, j := range view.JobsOf(s.state, d.ID) {
			if got := at.Devices[d.ID].Find(j.Patch); got == nil || got.State != j.State {
				t.Errorf("store %s, %s, %s: headquarters has %+v, the store %s", s.store.ID, d.ID, j.Patch, got, j.State)
			}
		}
	}
	for _, d := range view.Devices(s.facts(time.Now())) {
		if got := at.Devices[d.Device]; got == nil || got.Now.State != d.State {
			t.Errorf("store %s, %s: headquarters shows %+v, the store %s", s.store.ID, d.Device, got, d.State)
		}
	}
	if night := view.NightOf(s.state, false); night != nil && at.Nights[night.Night.String()].Summary != night.Summary {
		t.Errorf("store %s: the night is %+v at headquarters, %q in the store", s.store.ID, at.Nights[night.Night.String()], run.Summary(s.state.Night))
	}
	for _, stream := range at.Streams {
		repeats += stream.Repeats
		if len(stream.Gaps) > 0 || len(stream.Lost) > 0 {
			t.Errorf("store %s: gaps %v, lost %v", s.store.ID, stream.Gaps, stream.Lost)
		}
	}
	return repeats
}

// mosquitto is a real broker that keeps nothing.
func mosquitto(t *testing.T, dir, address string) func() *exec.Cmd {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "mosquitto.conf")
	text := "listener " + port + " 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\nmax_queued_messages 20000\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return func() *exec.Cmd {
		cmd := exec.Command("mosquitto", "-c", file)
		cmd.Stdout = io.Discard
		return cmd
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// line is the way to a broker.
func line(t *testing.T, url string) *mqttline.Line {
	t.Helper()
	l, err := mqttline.New(mqttline.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return l
}
