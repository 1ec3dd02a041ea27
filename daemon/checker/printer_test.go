package checker

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// paper is a receipt printer: it answers status requests, and would print every other byte.
type paper struct {
	status  [5]byte // by the number of the question, without the bits that are always set
	strays  []byte  // sent before each answer
	mute    byte    // this question is not answered
	mu      sync.Mutex
	got     []byte
	printed []byte
}

func (p *paper) serve(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	request := make([]byte, 3)
	for {
		if _, err := io.ReadFull(conn, request); err != nil {
			return
		}
		p.mu.Lock()
		p.got = append(p.got, request...)
		if request[0] != dle || request[1] != eot || request[2] < 1 || request[2] > 4 {
			p.printed = append(p.printed, request...)
		}
		p.mu.Unlock()
		if q := request[2]; q <= 4 && q != p.mute {
			conn.Write(append(bytes.Clone(p.strays), 0x12|p.status[q]))
		}
	}
}

func TestPrinter(t *testing.T) {
	all := []byte{dle, eot, 1, dle, eot, 2, dle, eot, 3, dle, eot, 4}
	tests := []struct {
		name    string
		paper   *paper
		outcome site.CheckOutcome
		seen    string
		sent    []byte
	}{
		{"well", &paper{}, site.Pass, "it is online, its cover is closed, it has paper", all},
		{"drawer open", &paper{status: [5]byte{1: 0x04}}, site.Pass, "it is online, its cover is closed, it has paper", all},
		{"near the end", &paper{status: [5]byte{4: 0x0c}}, site.Warn, "its paper is near the end", all},
		{"out of paper", &paper{status: [5]byte{1: 0x08, 2: 0x20, 4: 0x6c}}, site.Fail,
			"it is out of paper, it stopped at the end of the paper, it is offline, its paper is near the end", all},
		{"cover open", &paper{status: [5]byte{1: 0x08, 2: 0x04}}, site.Fail, "its cover is open, it is offline", all},
		{"offline", &paper{status: [5]byte{1: 0x08}}, site.Fail, "it is offline", all},
		{"cutter", &paper{status: [5]byte{2: 0x40, 3: 0x08}}, site.Fail, "its cutter is stuck, it has an error", all},
		{"broken", &paper{status: [5]byte{2: 0x40, 3: 0x20}}, site.Fail, "it has an error that needs a repair, it has an error", all},
		{"hot", &paper{status: [5]byte{2: 0x40, 3: 0x40}}, site.Fail, "it is too hot or has another error that ends by itself, it has an error", all},
		{"tells of changes by itself", &paper{strays: []byte{0x10, 0x00, 0x00, 0x0f, 0x11}}, site.Pass, "it is online, its cover is closed, it has paper", all},
		{"no ESC/POS printer", &paper{strays: bytes.Repeat([]byte("@"), skipAtMost)}, site.Unknown,
			"it does not tell its status: no usable answer: it sends 0x40, which is no ESC/POS status", all[:3]},
		{"says nothing", &paper{mute: 1}, site.Unknown, "it does not tell its status: no answer within 100ms", all[:3]},
		{"stops telling", &paper{mute: 3}, site.Unknown, "it does not tell its status: no answer within 100ms", all[:9]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := site.Check{ID: "PRN-1", Kind: site.CheckPrinter, Address: listen(t, tt.paper.serve)}
			if tt.paper.mute > 0 {
				c.Timeout = site.Duration(100 * time.Millisecond)
			}
			expect(t, one(t, options(), c), tt.outcome, tt.seen)
			tt.paper.mu.Lock()
			defer tt.paper.mu.Unlock()
			if !bytes.Equal(tt.paper.got, tt.sent) || len(tt.paper.printed) > 0 {
				t.Errorf("it was sent %x, want %x; it printed %x", tt.paper.got, tt.sent, tt.paper.printed)
			}
		})
	}
	for address, seen := range map[string]string{gone(t): "it refuses connections", "prn-1": `"prn-1" is not host:port`} {
		expect(t, one(t, options(), site.Check{ID: "PRN-1", Kind: site.CheckPrinter, Address: address}), site.Unknown, seen)
	}
	hangsUp := listen(t, func(net.Conn) {})
	expect(t, one(t, options(), site.Check{ID: "PRN-1", Kind: site.CheckPrinter, Address: hangsUp}), site.Unknown, "it does not tell its status: no usable answer: ...")
}
