package terminal

const (
	kept     = 1 << 20   // output that is kept for readers who are behind
	replayed = 256 << 10 // of it, what is shown again to a new reader
)

// ring keeps the newest output of a session. Bytes are counted from the beginning of the session.
type ring struct {
	buf []byte
	end int64
}

func newRing() ring { return ring{buf: make([]byte, kept)} }

// start is the first byte that is still kept.
func (r *ring) start() int64 { return max(0, r.end-int64(len(r.buf))) }

func (r *ring) write(p []byte) {
	for len(p) > 0 {
		n := copy(r.buf[r.end%int64(len(r.buf)):], p)
		r.end += int64(n)
		p = p[n:]
	}
}

// read returns a copy of at most limit bytes from at on, which must be kept.
func (r *ring) read(at int64, limit int) []byte {
	p := make([]byte, min(int64(limit), r.end-at))
	size := int64(len(r.buf))
	for n := 0; n < len(p); {
		from := (at + int64(n)) % size
		n += copy(p[n:], r.buf[from:])
	}
	return p
}
