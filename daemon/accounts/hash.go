package accounts

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// Cost is what one hash of a password takes.
type Cost struct {
	Memory  uint32 // KiB
	Rounds  uint32
	Threads uint8
}

// cost is for a box with one core and 512 MB: what OWASP recommends as the least for argon2id.
func cost() Cost { return Cost{Memory: 19 << 10, Rounds: 2, Threads: 1} }

// The largest cost that is carried out: a damaged file must not eat the memory of the box.
const (
	maxMemory  = 128 << 10
	maxRounds  = 16
	maxThreads = 8
)

const (
	saltSize  = 16
	keySize   = 32
	largeHash = 1 << 10 // KiB
)

// hash is an argon2id hash with its parameters.
type hash struct {
	Cost
	salt, key []byte
}

// text writes the hash in the PHC string form.
func (h hash) text() string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.Memory, h.Rounds, h.Threads, b.EncodeToString(h.salt), b.EncodeToString(h.key))
}

// parseHash reads the PHC string form, exactly as text writes it.
func parseHash(text string) (hash, error) {
	var h hash
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return h, errors.New("the password is not an argon2id hash")
	}
	var version int
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &h.Memory, &h.Rounds, &h.Threads); err != nil {
		return h, errors.New("the parameters of the password's hash cannot be read")
	}
	var errSalt, errKey error
	h.salt, errSalt = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.key, errKey = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case version != argon2.Version, h.Rounds < 1, h.Rounds > maxRounds, h.Threads < 1, h.Threads > maxThreads, h.Memory < 8*uint32(h.Threads), h.Memory > maxMemory:
		return h, errors.New("the parameters of the password's hash are out of range")
	case errSalt != nil, errKey != nil, len(h.salt) < 8, len(h.salt) > 64, len(h.key) != keySize:
		return h, errors.New("the password's hash is cut off or damaged")
	case h.text() != text:
		return h, errors.New("the password's hash is not in its usual form")
	}
	return h, nil
}

// hasher carries out one hash at a time, so that any number of logins needs the memory of one.
type hasher struct {
	Cost
	random  io.Reader
	slot    chan struct{}
	waiting atomic.Int32
}

// maxWaiting is how many strangers may wait for their turn.
const maxWaiting = 16

func newHasher(c Cost, random io.Reader) *hasher {
	return &hasher{Cost: c, random: random, slot: make(chan struct{}, 1)}
}

// turn waits until the caller may hash; done gives the turn to the next. Too many strangers are refused.
func (h *hasher) turn(ctx context.Context, stranger bool) (done func(), err error) {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > maxWaiting && stranger {
		return nil, refuse(Busy, "try again in a few seconds", "too many people log in at this moment")
	}
	select {
	case h.slot <- struct{}{}:
		return func() { <-h.slot }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// make hashes a new password.
func (h *hasher) make(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx, false)
	if err != nil {
		return "", err
	}
	defer done()
	return h.fresh(password)
}

func (h *hasher) fresh(password string) (string, error) {
	made := hash{Cost: h.Cost, salt: make([]byte, saltSize)}
	if _, err := io.ReadFull(h.random, made.salt); err != nil {
		return "", fmt.Errorf("cannot draw a salt: %w", err)
	}
	made.key = derive(made, password)
	return made.text(), nil
}

// derive gives the memory of the hash back at once: several dead ones together are much on a small box.
func derive(h hash, password string) []byte {
	if h.Memory >= largeHash {
		defer debug.FreeOSMemory()
	}
	return argon2.IDKey([]byte(password), h.salt, h.Rounds, h.Memory, h.Threads, keySize)
}

// verify compares a password with its hash. upgraded is a new hash of a right password whose hash
// was made with another cost, else "".
func (h *hasher) verify(ctx context.Context, text, password string, stranger bool) (right bool, upgraded string, err error) {
	stored, err := parseHash(text)
	if err != nil {
		return false, "", err
	}
	done, err := h.turn(ctx, stranger)
	if err != nil {
		return false, "", err
	}
	defer done()
	if subtle.ConstantTimeCompare(derive(stored, password), stored.key) != 1 {
		return false, "", nil
	}
	if stored.Cost == h.Cost {
		return true, "", nil
	}
	upgraded, err = h.fresh(password)
	return err == nil, upgraded, err
}
