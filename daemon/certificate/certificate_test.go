package certificate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/certificate"
)

// box is a state directory with its log.
type box struct {
	certificate.Options
	log bytes.Buffer
}

func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{}
	b.Options = certificate.Options{Dir: t.TempDir(), Names: []string{"nightfill-0142"}}
	b.Log = slog.New(slog.NewTextHandler(&b.log, nil))
	return b
}

func (b *box) open(t *testing.T, now time.Time) *certificate.Keeper {
	t.Helper()
	k, err := certificate.Open(b.Options, now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func day(n int) time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

// The box keeps what it made until its end comes near, or until the clock proves that it was wrong.
func TestOwn(t *testing.T) {
	for _, tt := range []struct {
		name  string
		later int // days
		same  bool
	}{{"the next day", 1, true}, {"not near the end", 660, true}, {"near the end", 675, false}, {"after the end", 900, false}, {"before it was made", -2, false}} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBox(t)
			first := b.open(t, day(0)).Shown()
			then := b.open(t, day(tt.later)).Shown()
			if (first == then) != tt.same || !first.Own || first.Until.Sub(day(0)) != 730*24*time.Hour {
				t.Errorf("first %+v, then %+v", first, then)
			}
			if !strings.Contains(b.log.String(), "sha256="+then.Fingerprint) || len(then.Fingerprint) != 95 {
				t.Errorf("the log does not show %s:\n%s", then.Fingerprint, b.log.String())
			}
		})
	}
}

func TestKey(t *testing.T) {
	b := newBox(t)
	c, err := b.open(t, day(0)).Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := c.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is %T", c.PrivateKey)
	}
	for _, name := range []string{"nightfill-0142", "localhost", "127.0.0.1"} {
		if err := c.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	info, err := os.Stat(filepath.Join(b.Dir, "console.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the key: %v, %v", info.Mode(), err)
	}
}

// A damaged file is made anew; the box does not stop.
func TestDamaged(t *testing.T) {
	b := newBox(t)
	if err := os.WriteFile(filepath.Join(b.Dir, "console.pem"), []byte("-----BEGIN CERT"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := b.open(t, day(0)).Shown(); !s.Own || !strings.Contains(b.log.String(), "the one that it had is damaged") {
		t.Errorf("%+v\n%s", s, b.log.String())
	}
}

func TestGiven(t *testing.T) {
	other := newBox(t)
	theirs := other.open(t, day(0)).Shown()
	b := newBox(t)
	b.Cert, b.Key = filepath.Join(other.Dir, "console.pem"), filepath.Join(other.Dir, "console.pem")
	if s := b.open(t, day(0)).Shown(); s.Fingerprint != theirs.Fingerprint {
		t.Errorf("%+v is not what was given", s)
	}
	if _, err := os.Stat(filepath.Join(b.Dir, "console.pem")); err == nil {
		t.Error("a certificate of its own was made for nothing")
	}
	for _, tt := range []struct {
		name string
		at   time.Time
		key  string
		says string
	}{
		{"no key", day(0), filepath.Join(b.Dir, "none"), "cannot use console.cert and console.key of the store file: "},
		{"ended", day(800), b.Key, "cannot use console.cert of the store file: it ended on 2028-11-21; give a newer one"},
	} {
		b.log.Reset()
		b.Key = tt.key
		if s := b.open(t, tt.at).Shown(); s.Fingerprint == theirs.Fingerprint || !strings.Contains(b.log.String(), tt.says) {
			t.Errorf("%s: %+v\n%s", tt.name, s, b.log.String())
		}
	}
}

func TestNoPlace(t *testing.T) {
	b := newBox(t)
	b.Dir = filepath.Join(b.Dir, "none")
	_, err := certificate.Open(b.Options, day(0))
	if err == nil || !strings.HasPrefix(err.Error(), "cannot write the certificate of the console: ") {
		t.Error(err)
	}
}
