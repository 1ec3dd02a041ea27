package checker

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// zone answers questions: a name has addresses of one kind, or a code.
type zone map[string]struct {
	kind uint16
	code byte
	late int // answers only after so many questions
}

// serve is a name server; names that the zone lacks do not exist, and an empty zone is silent.
func (z zone) serve(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		asked, buf := map[string]int{}, make([]byte, 512)
		for {
			_, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			name, end := "", 12
			for buf[end] != 0 {
				name += strings.ToLower(string(buf[end+1:end+1+int(buf[end])])) + "."
				end += 1 + int(buf[end])
			}
			asked[name]++
			entry, known := z[name]
			if len(z) == 0 || asked[name] <= entry.late {
				continue
			}
			msg := append([]byte{}, buf[:end+5]...)
			copy(msg[2:], []byte{0x81, 0x80 | entry.code, 0, 1, 0, 0, 0, 0, 0, 0})
			if !known {
				msg[3] = 0x80 | noSuchName
			} else if kind := binary.BigEndian.Uint16(buf[end+1:]); kind == entry.kind {
				msg[7] = 1
				size := map[uint16]int{typeA: 4, typeAAAA: 16}[kind]
				msg = append(msg, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 60, 0, byte(size))
				msg = append(msg, make([]byte, size)...)
			}
			stray := append([]byte{}, msg...)
			stray[0]++ // an answer to another question is no answer
			stray[3] = 0x80 | noSuchName
			conn.WriteTo(stray, from)
			conn.WriteTo(msg, from)
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return conn.LocalAddr().String()
}

func TestDNS(t *testing.T) {
	server := zone{
		"four.example.":  {kind: typeA},
		"six.example.":   {kind: typeAAAA},
		"none.example.":  {},
		"sick.example.":  {code: 2},
		"later.example.": {kind: typeA, late: 1},
	}.serve(t)
	silent, closed := zone{}.serve(t), gone(t)
	tests := []struct {
		server  string
		names   []string
		outcome site.CheckOutcome
		seen    string
	}{
		{server, []string{"four.example", "six.example", "FOUR.example."}, site.Pass, "four.example, six.example, FOUR.example. resolve at " + server},
		{server, []string{"10.77.0.1"}, site.Pass, "10.77.0.1 resolve at " + server},
		{server, []string{"later.example"}, site.Pass, "later.example resolve at " + server},
		{server, []string{"four.example", "nobody.example"}, site.Fail, "nobody knows the name nobody.example"},
		{server, []string{"none.example"}, site.Fail, "nobody knows the name none.example"},
		{server, []string{"sick.example"}, site.Unknown, "the name sick.example cannot be looked up: " + server + " answers with the DNS error 2"},
		{server, []string{"a..example"}, site.Unknown, "the name a..example cannot be looked up: it is no name"},
		{server, nil, site.Unknown, "the check has no names to resolve"},
		{silent, []string{"four.example"}, site.Unknown, silent + ", asked for four.example: no answer within 100ms"},
		{closed, []string{"four.example"}, site.Unknown, closed + ", asked for four.example: it refuses connections"},
	}
	for _, tt := range tests {
		c := site.Check{ID: "DNS-1", Kind: site.CheckDNS, Names: tt.names, Server: tt.server}
		if tt.server == silent {
			c.Timeout = site.Duration(100 * time.Millisecond)
		}
		expect(t, one(t, options(), c), tt.outcome, tt.seen)
	}
}

// TestDNSAsTheBox asks as the box is set up; whatever server that is, the test answers in its place.
func TestDNSAsTheBox(t *testing.T) {
	server := zone{"four.example.": {kind: typeA}}.serve(t)
	o := options()
	o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server)
	}
	expect(t, one(t, o, site.Check{ID: "DNS-1", Kind: site.CheckDNS, Names: []string{"four.example."}}), site.Pass, "four.example. resolve at the box's own name servers")
	expect(t, one(t, o, site.Check{ID: "DNS-1", Kind: site.CheckDNS, Names: []string{"nobody.example."}}), site.Fail, "nobody knows the name nobody.example.")
}

func FuzzAnswered(f *testing.F) {
	q, err := question(7, "pos.example", typeA)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(q)
	f.Add([]byte{0, 7, 0x80})
	f.Fuzz(func(t *testing.T, msg []byte) {
		code, records, mine := answered(msg, q)
		if mine && (code > 15 || records < 0 || len(msg) < len(q)) {
			t.Errorf("%x is taken for an answer", msg)
		}
	})
}
