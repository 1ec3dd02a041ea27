package control_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/controltest"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// slowBox is a box whose checks go on until somebody gives up.
type slowBox struct {
	*controltest.Box
	begun chan struct{}
	ended chan error
}

func (b slowBox) CheckNow(ctx context.Context) (ready.Report, []site.CheckResult, error) {
	b.begun <- struct{}{}
	<-ctx.Done()
	b.ended <- ctx.Err()
	return ready.Report{}, nil, ctx.Err()
}

// TestGivingUp has the person leave, and then the daemon stop, in the middle of a long answer.
func TestGivingUp(t *testing.T) {
	box, err := controltest.New()
	if err != nil {
		t.Fatal(err)
	}
	slow := slowBox{box, make(chan struct{}, 1), make(chan error, 1)}
	path := filepath.Join(dir(t), "c.sock")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stopped := make(chan error, 1)
	go func() {
		stopped <- control.New(control.Options{Box: slow, Journal: box.Journal, Path: path}).Run(ctx)
	}()
	client := client.Dial(path)
	defer client.Close()
	(&lab{t: t, client: client}).await()

	asked, leave := context.WithCancel(context.Background())
	answer := make(chan error, 1)
	go func() {
		_, err := client.Check(asked)
		answer <- err
	}()
	<-slow.begun
	leave()
	if err := await(t, answer); !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	if err := await(t, slow.ended); !errors.Is(err, context.Canceled) {
		t.Errorf("the box was told %v", err)
	}

	go func() {
		_, err := client.Check(context.Background())
		answer <- err
	}()
	<-slow.begun
	stop()
	var refused *wire.Error
	if err := await(t, answer); !errors.As(err, &refused) || refused.Code != wire.CodeStopping {
		t.Errorf("who waited got %v", err)
	}
	if err := await(t, stopped); err != nil {
		t.Errorf("Run ended with %v", err)
	}
}

func await(t *testing.T, errs <-chan error) error {
	t.Helper()
	select {
	case err := <-errs:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("nothing happened")
		return nil
	}
}
