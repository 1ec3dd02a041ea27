package checker

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// The real-time status request of ESC/POS: these three bytes print nothing, whatever the printer
// is doing, and are answered by one byte.
const (
	dle, eot = 0x10, 0x04

	statusPrinter = 1 // the questions
	statusOffline = 2
	statusError   = 3
	statusPaper   = 4

	skipAtMost = 32 // bytes before an answer that are none: a printer may tell of changes by itself
)

// sign is a bit of a status that says something.
type sign struct {
	question, bits byte
	bad            bool
	says           string
}

func signs() []sign {
	return []sign{
		{statusOffline, 0x04, true, "its cover is open"},
		{statusPaper, 0x60, true, "it is out of paper"},
		{statusOffline, 0x20, true, "it stopped at the end of the paper"},
		{statusError, 0x08, true, "its cutter is stuck"},
		{statusError, 0x20, true, "it has an error that needs a repair"},
		{statusError, 0x40, true, "it is too hot or has another error that ends by itself"},
		{statusOffline, 0x40, true, "it has an error"},
		{statusPrinter, 0x08, true, "it is offline"},
		{statusPaper, 0x0c, false, "its paper is near the end"},
	}
}

// printer asks a receipt printer how it stands. It sends status requests and nothing else: no text,
// no paper, no drawer. Silence is unknown, since a printer speaks with one till at a time.
func (c *Checker) printer(ctx context.Context, check site.Check, limit time.Duration) (site.CheckOutcome, string) {
	if _, _, err := net.SplitHostPort(check.Address); err != nil {
		return site.Unknown, fmt.Sprintf("%q is not host:port", check.Address)
	}
	conn, err := c.opts.Dial(ctx, "tcp", check.Address)
	if err != nil {
		return unseen(err, limit)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var status [statusPaper + 1]byte
	for q := byte(statusPrinter); q <= statusPaper; q++ {
		if status[q], err = askStatus(conn, q); err != nil {
			_, seen := unseen(err, limit)
			return site.Unknown, fmt.Sprintf("it does not tell its status: %s", seen)
		}
	}
	return judgePrinter(status)
}

// askStatus asks one question and skips what is no answer to it.
func askStatus(conn io.ReadWriter, question byte) (byte, error) {
	if _, err := conn.Write([]byte{dle, eot, question}); err != nil {
		return 0, err
	}
	answer := make([]byte, 1)
	for range skipAtMost {
		if _, err := io.ReadFull(conn, answer); err != nil {
			return 0, err
		}
		if answer[0]&0x93 == 0x12 { // the bits that every answer has set, or not
			return answer[0], nil
		}
	}
	return 0, fmt.Errorf("it sends %#02x, which is no ESC/POS status", answer[0])
}

func judgePrinter(status [statusPaper + 1]byte) (site.CheckOutcome, string) {
	outcome := site.Pass
	var says []string
	for _, s := range signs() {
		if status[s.question]&s.bits == 0 {
			continue
		}
		says = append(says, s.says)
		if s.bad {
			outcome = site.Fail
		} else if outcome == site.Pass {
			outcome = site.Warn
		}
	}
	if len(says) == 0 {
		return site.Pass, "it is online, its cover is closed, it has paper"
	}
	return outcome, strings.Join(says, ", ")
}
