package checker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// askAgain is how long a name server has before the same question is sent once more.
const askAgain = 2 * time.Second

// The record types and answer codes of DNS that a check needs.
const (
	typeA       = 1
	typeAAAA    = 28
	noSuchName  = 3
	maxQuestion = 253
)

// dns asks for every name, one after the other: at the server of the check, else as the box itself
// resolves names. A name that nobody knows fails; a server that does not tell is unknown.
func (c *Checker) dns(ctx context.Context, check site.Check, limit time.Duration) (site.CheckOutcome, string) {
	if len(check.Names) == 0 {
		return site.Unknown, "the check has no names to resolve"
	}
	ask, at := c.resolve, "the box's own name servers"
	if check.Server != "" {
		ask, at = func(ctx context.Context, name string) error { return c.askServer(ctx, check.Server, name) }, check.Server
	}
	for _, name := range check.Names {
		if err := ask(ctx, name); err != nil {
			outcome, seen := unreached(err, limit)
			if named := (*net.DNSError)(nil); !errors.As(err, &named) {
				outcome, seen = site.Unknown, fmt.Sprintf("%s, asked for %s: %s", at, name, seen)
			}
			return outcome, seen
		}
	}
	return site.Pass, fmt.Sprintf("%s resolve at %s", strings.Join(check.Names, ", "), at)
}

// resolve asks as every program of the box does.
func (c *Checker) resolve(ctx context.Context, name string) error {
	resolver := net.Resolver{PreferGo: true, Dial: c.opts.Dial}
	_, err := resolver.LookupNetIP(ctx, "ip", name)
	return err
}

// askServer asks one name server for the addresses of a name: IPv4, and IPv6 where there is none.
func (c *Checker) askServer(ctx context.Context, server, name string) error {
	if ip, err := netip.ParseAddr(name); err == nil && ip.IsValid() {
		return nil
	}
	for _, kind := range []uint16{typeA, typeAAAA} {
		found, err := c.query(ctx, server, name, kind)
		if err != nil || found {
			return err
		}
	}
	return &net.DNSError{Err: "no such host", Name: name, Server: server, IsNotFound: true}
}

// query sends one question until it is answered or ctx ends.
func (c *Checker) query(ctx context.Context, server, name string, kind uint16) (found bool, err error) {
	conn, err := c.opts.Dial(ctx, "udp", server)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	id := uint16(rand.Uint32())
	question, err := question(id, name, kind)
	if err != nil {
		return false, err
	}
	answer := make([]byte, 4096)
	for {
		if _, err := conn.Write(question); err != nil {
			return false, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(askAgain)); err != nil {
			return false, err
		}
		for {
			if ctx.Err() != nil { // after the deadline was set: AfterFunc may have been before it
				return false, ctx.Err()
			}
			n, err := conn.Read(answer)
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				break
			}
			if err != nil {
				return false, err
			}
			if code, records, mine := answered(answer[:n], question); mine {
				return judgeAnswer(code, records, server, name)
			}
		}
	}
}

func judgeAnswer(code, records int, server, name string) (found bool, err error) {
	switch code {
	case 0:
		return records > 0, nil
	case noSuchName:
		return false, &net.DNSError{Err: "no such host", Name: name, Server: server, IsNotFound: true}
	}
	return false, &net.DNSError{Err: fmt.Sprintf("%s answers with the DNS error %d", server, code), Name: name, Server: server}
}

// question makes a DNS message that asks for one name.
func question(id uint16, name string, kind uint16) ([]byte, error) {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxQuestion {
		return nil, &net.DNSError{Err: "it is no name", Name: name}
	}
	msg := binary.BigEndian.AppendUint16(nil, id)
	msg = append(msg, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0) // recursion wanted, one question
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return nil, &net.DNSError{Err: "it is no name", Name: name}
		}
		msg = append(append(msg, byte(len(label))), label...)
	}
	msg = binary.BigEndian.AppendUint16(append(msg, 0), kind)
	return binary.BigEndian.AppendUint16(msg, 1), nil
}

// answered reads a DNS message: its code, how many records answer, and whether it answers the question.
func answered(msg, question []byte) (code, records int, mine bool) {
	if len(msg) < len(question) || msg[0] != question[0] || msg[1] != question[1] || msg[2]&0x80 == 0 {
		return 0, 0, false
	}
	return int(msg[3] & 0x0f), int(binary.BigEndian.Uint16(msg[6:])), strings.EqualFold(string(msg[12:len(question)]), string(question[12:]))
}
