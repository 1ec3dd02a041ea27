package live

import "sync"

// tailKept is how many of the newest records are kept as they are sent: more than readers who keep up are apart.
const tailKept = 256

// tail is the end of the journal as it is sent, made once for everybody who follows.
type tail struct {
	mu   sync.Mutex // held for memory only
	kept [tailKept]frame
}

// frame is a record as it is sent.
type frame struct {
	seq  uint64
	data []byte
}

// from returns the frames of a record and of those that follow it, up to the first that is not kept.
func (t *tail) from(seq, limit uint64) (frames []frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ; seq > 0 && limit > 0 && t.kept[seq%tailKept].seq == seq; seq, limit = seq+1, limit-1 {
		frames = append(frames, t.kept[seq%tailKept])
	}
	return frames
}

// keep takes frames up. Those of a reader who is far behind do not push newer ones out.
func (t *tail) keep(frames []frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range frames {
		if at := &t.kept[f.seq%tailKept]; at.seq < f.seq {
			*at = f
		}
	}
}
