package exit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// crashes names what a process of this test is to die of.
const crashes = "NIGHTFILL_TEST_CRASH"

func TestMain(m *testing.M) {
	switch os.Getenv(crashes) {
	case "panic":
		CrashBySignal()
		panic("as a test wants it")
	case "hang-up":
		ctx, stop := signal.NotifyContext(context.Background(), Stops()...)
		defer stop()
		_ = syscall.Kill(os.Getpid(), syscall.SIGHUP)
		select {
		case <-ctx.Done():
			os.Exit(10)
		case <-time.After(time.Second): // the signal is ignored
			os.Exit(11)
		}
	case "watchdog":
		CrashBySignal()
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
		select {}
	}
	os.Exit(m.Run())
}

func TestCrashBySignal(t *testing.T) {
	for _, cause := range []string{"panic", "watchdog"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), crashes+"="+cause)
		err := cmd.Run()
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || !status.Signaled() || status.Signal() != syscall.SIGABRT {
			t.Errorf("%s: %v, want an end by SIGABRT", cause, err)
		}
	}
}

func TestCode(t *testing.T) {
	cause := errors.New("no such file")
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"no error", nil, Good},
		{"nil stays nil", With(Usage, nil), Good},
		{"plain", cause, Failed},
		{"carried", With(Usage, cause), Usage},
		{"wrapped", fmt.Errorf("cannot read: %w", With(NotAllGood, cause)), NotAllGood},
	}
	for _, tt := range tests {
		if got := Code(tt.err); got != tt.want {
			t.Errorf("%s: Code = %d, want %d", tt.name, got, tt.want)
		}
	}
	if err := With(Failed, cause); err.Error() != "no such file" || !errors.Is(err, cause) {
		t.Errorf("With hides its cause: %v", err)
	}
}

// A daemon whose terminal is closed ends in good order, and goes on where it was started to outlive it.
func TestStops(t *testing.T) {
	for trap, code := range map[string]int{"": 10, `trap "" HUP; `: 11} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", trap+`exec "$0"`, os.Args[0])
		cmd.Env = append(os.Environ(), crashes+"=hang-up")
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != code {
			t.Errorf("started by sh -c '%sexec ...' it ended with %v, want exit code %d", trap, err, code)
		}
	}
}
