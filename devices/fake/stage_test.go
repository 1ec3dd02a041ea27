package fake_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
)

// big takes 100 s on a device of 1000 bytes a second.
var big = site.Artifact{Name: "big.bin", SHA256: "b1", Size: 100_000}

func (r *rig) sends(ctx context.Context) (d time.Duration, err error) {
	d = took(func() { err = r.Stage(ctx, r.device, big, fake.Weightless{}) })
	return d, err
}

func TestStageTakesItsTimeOnce(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		for _, want := range []time.Duration{100 * time.Second, 0} {
			if d, err := r.sends(t.Context()); d != want || err != nil {
				t.Errorf("%v after %s, want %s", err, d, want)
			}
		}
	})
}

// Whatever breaks a transfer, the next one sends only the rest.
func TestStageResumes(t *testing.T) {
	for _, c := range []struct {
		name   string
		breaks func(t *testing.T, r *rig) context.Context
		first  time.Duration // until the first call gives up
		rest   time.Duration
	}{
		{"link cut", func(t *testing.T, r *rig) context.Context {
			r.Trouble("srv-1", fake.Trouble{Kind: fake.NoAnswer, From: r.after(30 * time.Second), To: r.after(40 * time.Second)})
			return t.Context()
		}, 30*time.Second + fake.Silence, 70 * time.Second},
		{"flapping", func(t *testing.T, r *rig) context.Context {
			r.Trouble("srv-1", fake.Trouble{Kind: fake.Flapping, To: r.after(80 * time.Second), Up: 60 * time.Second, Down: 20 * time.Second})
			return t.Context()
		}, 60*time.Second + fake.Silence, 40 * time.Second},
		{"context ends", func(t *testing.T, _ *rig) context.Context { return within(t, 25*time.Second) }, 25 * time.Second, 75 * time.Second},
		{"power cut", func(t *testing.T, r *rig) context.Context {
			r.Trouble("srv-1", fake.Trouble{Kind: fake.PowerOff, From: r.after(10 * time.Second), To: r.after(10 * time.Second)})
			return t.Context()
		}, 100*time.Second + fake.Silence, 90 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, base(), func(t *testing.T, r *rig) {
				d, err := r.sends(c.breaks(t, r))
				if d != c.first || err == nil {
					t.Errorf("the first call: %v after %s, want an error after %s", err, d, c.first)
				}
				if len(r.truth().Staged) != 0 {
					t.Error("it is there in full")
				}
				r.pass(time.Hour)
				if d, err := r.sends(t.Context()); d.Round(time.Microsecond) != c.rest || err != nil {
					t.Errorf("the second call: %v after %s, want %s", err, d, c.rest)
				}
				if seen, _ := r.Probe(t.Context(), r.device); seen.DiskFree != 32<<30-big.Size {
					t.Errorf("%d bytes free: the artifact is not counted once", seen.DiskFree)
				}
			})
		})
	}
}

func TestStageDamaged(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		r.DamageStage("srv-1", "", 2)
		for range 2 {
			d, err := r.sends(t.Context())
			wantCode(t, err, site.CodeStageFailed)
			if d != 100*time.Second {
				t.Errorf("it took %s: what was sent before is not thrown away", d)
			}
		}
		if _, err := r.sends(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStageOnAFullDisk(t *testing.T) {
	d := base()
	d.DiskFree = 150_000
	bubble(t, d, func(t *testing.T, r *rig) {
		r.Trouble("srv-1", fake.Trouble{Kind: fake.DiskFull, To: r.after(time.Minute)})
		_, err := r.sends(t.Context())
		wantCode(t, err, site.CodeDiskFull)
		if want := "cannot stage big.bin on srv-1: srv-1 has 0 bytes free and big.bin needs 100000"; err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
		r.pass(time.Minute)
		if _, err := r.sends(t.Context()); err != nil {
			t.Error(err)
		}
		if seen, _ := r.Probe(t.Context(), r.device); seen.DiskFree != 50_000 {
			t.Errorf("%d bytes free, want 50000", seen.DiskFree)
		}
		other := big
		other.SHA256 = "b2"
		wantCode(t, r.Stage(t.Context(), r.device, other, fake.Weightless{}), site.CodeDiskFull)
	})
}

func TestStageTwiceAtOnce(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, err := r.sends(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if seen, _ := r.Probe(t.Context(), r.device); seen.DiskFree != 32<<30-big.Size {
			t.Errorf("%d bytes free: the artifact is counted more than once", seen.DiskFree)
		}
	})
}

func TestStageKeepsTheLongerOfTwo(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := r.sends(within(t, 50*time.Second)); err == nil {
				t.Error("the first is there in full")
			}
		})
		all.Go(func() {
			r.pass(10 * time.Second)
			if _, err := r.sends(within(t, 45*time.Second)); err == nil {
				t.Error("the second is there in full")
			}
		})
		all.Wait()
		if d, err := r.sends(t.Context()); d.Round(time.Microsecond) != 50*time.Second || err != nil {
			t.Errorf("%v after %s, want only the rest of the longer one", err, d)
		}
	})
}

func TestStageOfRealBytes(t *testing.T) {
	bubble(t, base(), func(t *testing.T, r *rig) {
		a := artifact("the right bytes")
		err := r.Stage(t.Context(), r.device, a, bytes.NewReader([]byte("the right")))
		if want := "cannot stage the right bytes on srv-1: the box has only 9 of its 15 bytes: EOF"; err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
		wantCode(t, r.Stage(t.Context(), r.device, a, bytes.NewReader([]byte("the right BYTES"))), site.CodeStageFailed)
		if err := r.Stage(t.Context(), r.device, a, content(a)); err != nil {
			t.Error(err)
		}
	})
}

func TestWeightlessCannotBeRead(t *testing.T) {
	if _, err := (fake.Weightless{}).ReadAt(nil, 0); err == nil || errors.Unwrap(err) != nil {
		t.Errorf("%v", err)
	}
}
