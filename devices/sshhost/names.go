package sshhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	resolveWithin = 2 * time.Second // then the addresses that are known count
	askAgainAfter = time.Minute     // who did not answer is not asked again for so long, where addresses are known
)

// names knows the addresses of hosts that are given by name. Where nobody can tell them, those count that were told last:
// the host key says whether the right device answers there. It is lost when the program ends.
type names struct {
	resolve func(ctx context.Context, host string) ([]string, error)

	mu    sync.Mutex // held for memory only
	known map[string]found
}

// found is what was told of a host last.
type found struct {
	addresses []string
	silent    time.Time // when nobody could tell; zero = it was told
}

// of returns the addresses of a host, at least one.
func (n *names) of(ctx context.Context, host string) ([]string, error) {
	n.mu.Lock()
	last := n.known[host]
	n.mu.Unlock()
	if len(last.addresses) > 0 && !last.silent.IsZero() && time.Since(last.silent) < askAgainAfter {
		return last.addresses, nil
	}
	short, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	addresses, err := n.resolve(short, host)
	if err == nil && len(addresses) == 0 {
		err = errors.New("it has none")
	}
	if err == nil {
		n.keep(host, found{addresses: addresses})
		return addresses, nil
	}
	if len(last.addresses) == 0 {
		return nil, fmt.Errorf("nobody tells the address of %s: %s; write the IP address in the store file", host, reasonOf(err))
	}
	n.keep(host, found{last.addresses, time.Now()})
	return last.addresses, nil
}

func (n *names) keep(host string, f found) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[host] = f
}

// reasonOf is why a name was not told, without the name.
func reasonOf(err error) string {
	var e *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within " + resolveWithin.String()
	case errors.As(err, &e):
		return e.Err
	}
	return err.Error()
}
