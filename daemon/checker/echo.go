package checker

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// echo is the Ping of the box: an ICMP socket that needs no rights, where the kernel gives one.
func echo(ctx context.Context, ip netip.Addr) error {
	if !ip.Is4() {
		return errors.ErrUnsupported
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, syscall.IPPROTO_ICMP)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "icmp")
	conn, err := net.FilePacketConn(file)
	_ = file.Close() // conn has a copy of its own
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	answer := make([]byte, 512)
	for seq := uint16(1); ; seq++ {
		if _, err := conn.WriteTo(echoRequest(seq), &net.UDPAddr{IP: ip.AsSlice()}); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(pingAgain)); err != nil {
			return err
		}
		for {
			n, from, err := conn.ReadFrom(answer)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return err
			}
			if sender, ok := from.(*net.UDPAddr); ok && sender.AddrPort().Addr().Unmap() == ip && isReply(answer[:n]) {
				return nil
			}
		}
	}
}

// echoRequest makes the ICMP message. The kernel puts its own id into it and keeps to replies of that id.
func echoRequest(seq uint16) []byte {
	msg := []byte{8, 0, 0, 0, 0, 0}
	msg = binary.BigEndian.AppendUint16(msg, seq)
	sum := uint32(0)
	for i := 0; i < len(msg); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(msg[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(msg[2:], ^uint16(sum+sum>>16))
	return msg
}

func isReply(msg []byte) bool { return len(msg) >= 8 && msg[0] == 0 && msg[1] == 0 }
