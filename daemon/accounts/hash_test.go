package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The cost of a hash may change: the next login makes the hash anew.
func TestHashIsUpgraded(t *testing.T) {
	a, _ := open(t, Never)
	a.Cost = Cost{128, 2, 1}
	b := reopen(t, a)
	old, _ := b.record("boss")
	if err := try(b, "boss", "wrong", "10.0.0.1"); !is(err, Wrong) {
		t.Fatal(err)
	}
	if same, _ := b.record("boss"); same.Password != old.Password {
		t.Error("a wrong password made a new hash")
	}
	if err := try(b, "boss", secretWord, "10.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if r, _ := reopen(t, b).record("boss"); !strings.HasPrefix(r.Password, "$argon2id$v=19$m=128,t=2,p=1$") {
		t.Errorf("the hash is %s", r.Password)
	}
	if err := try(reopen(t, b), "boss", secretWord, "10.0.0.1"); err != nil {
		t.Error(err)
	}
}

// The cost that is used when none is named is that of the smallest box.
func TestCost(t *testing.T) {
	a, err := Open(Options{Dir: t.TempDir()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(a.dummy, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s", a.dummy)
	}
}

// Only sixteen strangers wait for a hash; who is known waits too, and whoever gives up is not counted.
func TestHashQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := open(t, Never)
		known, err := a.Authenticate(tContext, Login{Name: "boss", Password: secretWord, Source: "10.0.0.1"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		a.hasher.slot <- struct{}{} // a hash that takes long
		ctx, cancel := context.WithCancel(tContext)
		var running sync.WaitGroup
		errs := make(chan error, 40)
		for n := range 20 {
			running.Go(func() {
				_, err := a.Authenticate(ctx, Login{Name: "a.khan", Password: "wrong", Source: fmt.Sprint("10.0.1.", n)}, time.Now())
				errs <- err
			})
		}
		synctest.Wait()
		if len(errs) != 20-maxWaiting {
			t.Errorf("%d strangers were sent away", len(errs))
		}
		for range len(errs) {
			says(t, "a stranger", <-errs, "too many people log in at this moment: try again in a few seconds")
		}
		running.Go(func() {
			_, err := a.Authenticate(tContext, Login{Name: "boss", Password: secretWord, Source: "10.0.0.1", Browser: known.Browser}, time.Now())
			if err != nil {
				t.Errorf("who is known was sent away: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		<-a.hasher.slot
		running.Wait()
		for range maxWaiting {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if n := a.limits.names["a.khan"].total; n != 0 {
			t.Errorf("%d attempts that were given up were counted", n)
		}
	})
}

// BenchmarkHash is one login on this machine at the cost that is used.
func BenchmarkHash(b *testing.B) {
	h := newHasher(cost(), zeros{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.make(tContext, secretWord); err != nil {
			b.Fatal(err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
