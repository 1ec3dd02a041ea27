package socket

import (
	"context"
	"net"
	"os/user"
	"strconv"
)

type peerKey struct{}

// withPeer remembers who opened the connection.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, nameOf(c))
}

// nameOf is the login name of the process at the other end, "uid 1234" for a user without one.
func nameOf(c net.Conn) string {
	unix, ok := c.(*net.UnixConn)
	if !ok {
		return unknownPeer
	}
	uid, ok := uidOf(unix)
	if !ok {
		return unknownPeer
	}
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// unknownPeer stands for a person about whom the kernel says nothing.
const unknownPeer = "unknown"

// Actor is who sent the request of ctx.
func Actor(ctx context.Context) string {
	if name, ok := ctx.Value(peerKey{}).(string); ok {
		return name
	}
	return unknownPeer
}
