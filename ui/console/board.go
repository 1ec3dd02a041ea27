package console

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

const (
	boardEvery = 5 * time.Second        // documents change also when the journal does not
	boardPause = 250 * time.Millisecond // at least, between two looks
)

// The channels of documents.
const (
	chDevice = "dev"
	chNight  = "night"
	chReady  = "ready"
	chStore  = "store"
)

// sheet is a document on the board.
type sheet struct {
	channel string
	device  string // of chDevice
	version uint64 // of the board, when it last changed
	body    json.RawMessage
	frame   []byte // as it is sent: made when it changed
}

// board holds the newest documents, made once for everybody who looks.
type board struct {
	box   Box
	last  func() uint64 // of the journal
	fresh chan struct{} // asks for a look now

	mu      sync.Mutex // held for memory only
	version uint64
	sheets  []sheet // the store's first, then the devices in order
	trading bool
	changed chan struct{} // closed at the next change
	first   chan struct{} // closed when the board is filled
}

func newBoard(box Box, last func() uint64) *board {
	return &board{box: box, last: last, fresh: make(chan struct{}, 1), changed: make(chan struct{}), first: make(chan struct{})}
}

// run looks whenever the box learned something, until ctx ends.
func (b *board) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for {
		changed := b.box.Changed()
		seq := b.last()
		b.fill(b.box.Documents(ctx), seq)
		pause.Reset(boardPause)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		pause.Reset(boardEvery)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-b.fresh:
		case <-pause.C:
		}
		pause.Stop()
	}
}

// fill puts documents up, which know the journal up to a record at least, and wakes who waits when one is new.
func (b *board) fill(d Documents, seq uint64) {
	next := []sheet{{channel: chStore, body: encode(d.Store)}, {channel: chReady, body: encode(d.Ready)}}
	if d.Night != nil {
		next = append(next, sheet{channel: chNight, body: encode(d.Night)})
	}
	for _, device := range d.Devices {
		next = append(next, sheet{channel: chDevice, device: device.ID, body: encode(device.Doc)})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	version, news := b.version+1, false
	for i := range next {
		next[i].version = version
		if old := b.find(next[i].channel, next[i].device); old != nil && bytes.Equal(old.body, next[i].body) {
			next[i].version, next[i].frame = old.version, old.frame
			continue
		}
		news = true
		one := &next[i]
		one.frame = encode(event{T: "ev", Channel: one.channel, Seq: seq, At: time.Now().UTC(), Device: one.device, Doc: one.body})
	}
	b.sheets, b.trading = next, d.Trading
	if !news {
		return
	}
	if b.version == 0 {
		close(b.first)
	}
	b.version = version
	close(b.changed)
	b.changed = make(chan struct{})
}

// find returns a sheet; the caller holds mu.
func (b *board) find(channel, device string) *sheet {
	i := slices.IndexFunc(b.sheets, func(s sheet) bool { return s.channel == channel && s.device == device })
	if i < 0 {
		return nil
	}
	return &b.sheets[i]
}

// since returns the sheets of a channel that changed after a version, and the version now.
func (b *board) since(channel string, version uint64) (news []sheet, now uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sheets {
		if s.channel == channel && s.version > version {
			news = append(news, s)
		}
	}
	return news, b.version
}

func (b *board) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

func (b *board) tradingNow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trading
}

// look returns the sheets when the board is filled; nil when ctx ends before.
func (b *board) look(ctx context.Context) []sheet {
	select {
	case <-b.first:
	case <-ctx.Done():
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sheets)
}

// has reports whether there is a device of this id.
func (b *board) has(device string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.find(chDevice, device) != nil
}
