package sshhost

import (
	"errors"
	"testing"

	"github.com/nightfill/nightfill/site"
)

func TestAnswer(t *testing.T) {
	dev := site.Device{ID: "srv-1", User: "patch"}
	for _, c := range []struct {
		name string
		res  result
		want string
		code site.Code
	}{
		{"sudo asks", result{stderr: "sudo: a password is required\n", exit: 1}, "patch may not become root on srv-1: sudo: a password is required", site.CodeNoRights},
		{"sudo is not there", result{exit: 127}, "patch may not become root on srv-1: it said nothing", site.CodeNoRights},
		{"busy", result{stdout: "motd\nnightfill 1\nerror busy box-2 holds its lock for work x\n", exit: 1}, "srv-1 is busy: box-2 holds its lock for work x", site.CodeBusy},
		{"full", result{stdout: "nightfill 1\nerror disk_full 3 bytes are free\n", exit: 1}, "the disk of srv-1 is full: 3 bytes are free", site.CodeDiskFull},
		{"full while writing", result{stdout: "nightfill 1\n", stderr: "cat: write error: No space left on device\n", exit: 1},
			"the disk of srv-1 is full: cat: write error: No space left on device", site.CodeDiskFull},
		{"wrong bytes", result{stdout: "nightfill 1\nerror stage_failed digest x\n", exit: 1}, "srv-1 did not get the right bytes: digest x", site.CodeStageFailed},
		{"unsafe", result{stdout: "nightfill 1\nerror unsafe /x is a symbolic link; remove it\n", exit: 1}, "srv-1 refuses: /x is a symbolic link; remove it", ""},
		{"broken", result{stdout: "nightfill 1\n", stderr: "sh: 1: Syntax error\n", exit: 2}, "srv-1 answered with exit code 2: sh: 1: Syntax error", ""},
	} {
		_, err := answer(dev, c.res)
		var reason *site.Reason
		if err == nil || err.Error() != c.want || errors.As(err, &reason) != (c.code != "") || (reason != nil && reason.Code != c.code) {
			t.Errorf("%s: %v, want %q with the code %q", c.name, err, c.want, c.code)
		}
	}
}

func TestWithFiles(t *testing.T) {
	got := withFiles("call", "a\n", "NIGHTFILL_END_0\n")
	want := "call 3<<'NIGHTFILL_END_0' 4<<'NIGHTFILL_END_1'\na\nNIGHTFILL_END_0\nNIGHTFILL_END_0\nNIGHTFILL_END_1\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
