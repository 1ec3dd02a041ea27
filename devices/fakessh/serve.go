package fakessh

import (
	"errors"
	"io"
	"net"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// serve speaks SSH on one connection until it ends.
func (h *Host) serve(c net.Conn) {
	if c.SetDeadline(time.Now().Add(15*time.Second)) != nil {
		return
	}
	sc, channels, requests, err := ssh.NewServerConn(c, h.config())
	if err != nil {
		return
	}
	if c.SetDeadline(time.Time{}) != nil {
		return
	}
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for r := range requests {
			if r.WantReply {
				_ = r.Reply(r.Type == "keepalive@openssh.com", nil)
			}
		}
	})
	for n := range channels {
		if n.ChannelType() != "session" {
			_ = n.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, requests, err := n.Accept()
		if err != nil {
			break
		}
		sessions.Go(func() { h.session(channel, requests) })
	}
	_ = sc.Close()
	sessions.Wait()
}

// session runs the one command of a session, or a shell in a terminal.
func (h *Host) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	var size *window
	for r := range requests {
		code, ran := uint32(0), false
		switch r.Type {
		case "exec":
			var command struct{ Line string }
			if ran = ssh.Unmarshal(r.Payload, &command) == nil; ran {
				_ = r.Reply(true, nil)
				code = h.command(channel, command.Line)
			}
		case "pty-req":
			if size = askedSize(r.Payload); size != nil {
				_ = r.Reply(true, nil)
				continue
			}
		case "shell":
			if ran = size != nil; ran {
				_ = r.Reply(true, nil)
				code = h.shell(channel, requests, *size)
			}
		}
		if ran {
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
			return
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

// command runs a line as a login shell would. When the session goes away first, the command
// goes on, as it does under sshd; only its input ends.
func (h *Host) command(channel ssh.Channel, line string) uint32 {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Env, cmd.Dir = h.Env(), h.dir
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	cmd.WaitDelay = 500 * time.Millisecond
	in, err := cmd.StdinPipe()
	if err != nil {
		return 255
	}
	if h.startUnlessDown(cmd) != nil {
		return 255
	}
	h.work.Go(func() { // ends with the channel at the latest
		_, _ = io.Copy(in, channel)
		_ = in.Close()
	})
	err = cmd.Wait()
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		return uint32(ended.ExitCode())
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return 255
	}
	return 0
}
