package fleet

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// chain is a chain of shops in which every device gets the same patches in one night.
type chain struct {
	stores, devices, jobs int
}

// perStore is how many events a store has in the night.
func (c chain) perStore() int { return 1 + c.devices*c.jobs*len(jobEvents()) }

func (c chain) events() int { return c.stores * c.perStore() }

func storeName(i int) string  { return fmt.Sprintf("%04d", i+1) }
func streamName(i int) string { return fmt.Sprintf("01JD3QZ7V8K2M4N6P8R0S2%04d", i+1) }
func deviceName(i int) string { return fmt.Sprintf("till-%02d", i+1) }

// jobEvents are the events of one patch on one device that goes well.
func jobEvents() []run.Event {
	return []run.Event{
		{Kind: run.StepStarted, Step: run.Stage, To: site.Fetching, Work: "w-7f3a-stage"},
		{Kind: run.StepEnded, Step: run.Stage, From: site.Fetching, To: site.Staged, Outcome: run.OK, Took: site.Duration(4 * time.Second)},
		{Kind: run.StepStarted, Step: run.Install, From: site.Staged, To: site.Installing, Work: "w-7f3a-install"},
		{Kind: run.StepClaimed, Step: run.Install, Work: "w-7f3a-install"},
		{Kind: run.StepEnded, Step: run.Install, From: site.Installing, To: site.Verifying, Outcome: run.OK, Took: site.Duration(41 * time.Second), Output: "Setting up pos-app (4.2.1) ..."},
		{Kind: run.StepStarted, Step: run.Verify, From: site.Verifying, To: site.Verifying, Work: "w-7f3a-verify"},
		{Kind: run.StepEnded, Step: run.Verify, From: site.Verifying, To: site.Done, Outcome: run.OK, Took: site.Duration(3 * time.Second)},
		{Kind: run.DeviceAnswered, Text: "after 12 s"},
	}
}

// template is the payload of an event with holes for what differs from store to store.
type template struct{ parts []string }

const (
	holeStore  = "STORE"
	holeStream = "STREAM"
	holeSeq    = "90000001"
)

// templates returns the payloads of the night of one store, in the order of its journal.
func (c chain) templates() []template {
	date := window.Date{Year: 2026, Month: 11, Day: 21}
	p := &plan.Plan{Night: date, Opens: night(), Cutoff: night().Add(5 * time.Hour), Closes: night().Add(6 * time.Hour), Catalog: 7}
	for j := range c.jobs {
		p.Patches = append(p.Patches, site.Patch{ID: fmt.Sprintf("pos-app-4.2.%d", j+1), Title: "POS application"})
	}
	for d := range c.devices {
		lane := plan.Lane{Device: deviceName(d)}
		for j := range c.jobs {
			lane.Jobs = append(lane.Jobs, plan.Job{Patch: p.Patches[j].ID})
		}
		p.Lanes = append(p.Lanes, lane)
	}
	events := []run.Event{{Kind: run.NightOpened, Plan: p}}
	for j := range c.jobs {
		for _, e := range jobEvents() {
			for d := range c.devices {
				e.Device, e.Patch, e.Attempt = deviceName(d), p.Patches[j].ID, 1
				events = append(events, e)
			}
		}
	}
	var all []template
	for i, e := range events {
		e.Night, e.At = date, night().Add(time.Duration(i)*time.Second)
		raw, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		text := fmt.Sprintf(`{"specversion":"1.0","id":"%s/%s","source":"/org/acme/store/%s","type":"nightfill.%s.v1","subject":"%s","time":"%s","datacontenttype":"application/json","stream":"%s","seq":%s,"prevhash":"%064x","hash":"%064x","data":%s}`,
			holeStream, holeSeq, holeStore, e.Kind, e.Device, e.At.Format(time.RFC3339), holeStream, holeSeq, i, i+1, raw)
		all = append(all, template{strings.SplitAfter(strings.NewReplacer(holeStream, "\x00t\x00", holeSeq, "\x00q\x00", holeStore, "\x00s\x00").Replace(text), "\x00")})
	}
	return all
}

// fill appends the payload for one store.
func (t template) fill(out []byte, store, stream string, seq int) []byte {
	for _, p := range t.parts {
		switch p {
		case "t\x00":
			out = append(out, stream...)
		case "q\x00":
			out = strconv.AppendInt(out, int64(seq), 10)
		case "s\x00":
			out = append(out, store...)
		default:
			out = append(out, strings.TrimSuffix(p, "\x00")...)
		}
	}
	return out
}

// shop publishes events as cheaply as can be: one connection, packets written by hand.
type shop struct {
	conn  net.Conn
	in    *bufio.Reader
	out   *bufio.Writer
	id    uint16
	fly   int
	limit int
}

// openShop connects to a broker.
func openShop(address, id string) (*shop, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &shop{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), out: bufio.NewWriterSize(conn, 64<<10), limit: 200}
	head := append([]byte{0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, byte(len(id))}, id...)
	if _, err := conn.Write(append([]byte{0x10, byte(len(head))}, head...)); err != nil {
		return nil, err
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(s.in, answer); err != nil || answer[0] != 0x20 || answer[3] != 0 {
		conn.Close()
		return nil, fmt.Errorf("the broker said %x, %v", answer, err)
	}
	return s, nil
}

// publish sends one message with QoS 1 and waits while too many are not acknowledged.
func (s *shop) publish(topic string, payload []byte) error {
	for s.fly >= s.limit {
		if err := s.settle(s.limit / 2); err != nil {
			return err
		}
	}
	s.id = s.id%60000 + 1
	n := 2 + len(topic) + 2 + len(payload)
	s.out.WriteByte(0x32)
	for ; n >= 0x80; n >>= 7 {
		s.out.WriteByte(byte(n) | 0x80)
	}
	s.out.WriteByte(byte(n))
	s.out.WriteByte(byte(len(topic) >> 8))
	s.out.WriteByte(byte(len(topic)))
	s.out.WriteString(topic)
	s.out.WriteByte(byte(s.id >> 8))
	s.out.WriteByte(byte(s.id))
	s.fly++
	_, err := s.out.Write(payload)
	return err
}

// settle waits until at most keep messages are not acknowledged.
func (s *shop) settle(keep int) error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	ack := make([]byte, 4)
	for s.fly > keep {
		if _, err := io.ReadFull(s.in, ack); err != nil {
			return err
		}
		if ack[0] != 0x40 {
			return fmt.Errorf("the broker said %x, not PUBACK", ack)
		}
		s.fly--
	}
	return nil
}

// play publishes the night of all stores by several connections, all stores in step, and keeps at
// most ahead messages between what was published and what received returns.
func (c chain) play(t testing.TB, address string, connections, ahead int, received func() int) {
	templates := c.templates()
	var sent atomic.Int64
	errs := make(chan error, connections)
	for part := range connections {
		go func() {
			errs <- func() error {
				s, err := openShop(address, fmt.Sprintf("shop-%d-%d", part, time.Now().UnixNano()))
				if err != nil {
					return err
				}
				defer s.conn.Close()
				var payload []byte
				for i, template := range templates {
					for store := part; store < c.stores; store += connections {
						payload = template.fill(payload[:0], storeName(store), streamName(store), i+1)
						if err := s.publish(root+storeName(store)+"/evt", payload); err != nil {
							return err
						}
						if n := sent.Add(1); n%64 == 0 {
							for int(sent.Load())-received() > ahead {
								if err := s.settle(0); err != nil {
									return err
								}
								<-time.After(time.Millisecond)
							}
						}
					}
				}
				return s.settle(0)
			}()
		}()
	}
	for range connections {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}
