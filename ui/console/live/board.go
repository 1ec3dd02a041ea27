package live

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
	ChannelDevice = "dev"
	ChannelNight  = "night"
	ChannelReady  = "ready"
	ChannelStore  = "store"
)

// Box is what there is to show.
type Box interface {
	// Changed is closed when the box next learns something. Ask for it before Documents.
	Changed() <-chan struct{}
	// Documents is everything that is shown, as of now.
	Documents(ctx context.Context) Documents
}

// Documents is what the box shows. Each document is a value that encodes as a JSON object.
type Documents struct {
	Store   any
	Ready   any
	Night   any // nil = there never was one
	Devices []Device
	Trading bool // the store may be serving customers
}

// Device is the document of one device, with its id. Documents has them in the order of the store file.
type Device struct {
	ID  string
	Doc any
}

// Sheet is a document on the board.
type Sheet struct {
	Channel string
	Device  string // of ChannelDevice
	Body    json.RawMessage
	version uint64 // of the board, when it last changed
	frame   []byte // as it is sent: made when it changed
}

// Board holds the newest documents, made once for everybody who looks. Any number of goroutines may use it.
type Board struct {
	box   Box
	last  func() uint64 // of the journal
	fresh chan struct{} // asks for a look now

	mu      sync.Mutex // held for memory only
	version uint64
	sheets  []Sheet // the store's first, then the devices in order
	trading bool
	changed chan struct{} // closed at the next change
	first   chan struct{} // closed when the board is filled
}

// NewBoard makes an empty board. last is the newest record of the journal.
func NewBoard(box Box, last func() uint64) *Board {
	return &Board{box: box, last: last, fresh: make(chan struct{}, 1), changed: make(chan struct{}), first: make(chan struct{})}
}

// Run looks whenever the box learned something, until ctx ends.
func (b *Board) Run(ctx context.Context) {
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

// Renew asks for a look before the usual time.
func (b *Board) Renew() {
	select {
	case b.fresh <- struct{}{}:
	default:
	}
}

// fill puts documents up, which know the journal up to a record at least, and wakes who waits when one is new.
func (b *Board) fill(d Documents, seq uint64) {
	next := []Sheet{{Channel: ChannelStore, Body: encode(d.Store)}, {Channel: ChannelReady, Body: encode(d.Ready)}}
	if d.Night != nil {
		next = append(next, Sheet{Channel: ChannelNight, Body: encode(d.Night)})
	}
	for _, device := range d.Devices {
		next = append(next, Sheet{Channel: ChannelDevice, Device: device.ID, Body: encode(device.Doc)})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	version, news := b.version+1, false
	for i := range next {
		next[i].version = version
		if old := b.find(next[i].Channel, next[i].Device); old != nil && bytes.Equal(old.Body, next[i].Body) {
			next[i].version, next[i].frame = old.version, old.frame
			continue
		}
		news = true
		one := &next[i]
		one.frame = encode(event{T: "ev", Channel: one.Channel, Seq: seq, At: time.Now().UTC(), Device: one.Device, Doc: one.Body})
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
func (b *Board) find(channel, device string) *Sheet {
	i := slices.IndexFunc(b.sheets, func(s Sheet) bool { return s.Channel == channel && s.Device == device })
	if i < 0 {
		return nil
	}
	return &b.sheets[i]
}

// since returns the sheets of a channel that changed after a version, and the version now.
func (b *Board) since(channel string, version uint64) (news []Sheet, now uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sheets {
		if s.Channel == channel && s.version > version {
			news = append(news, s)
		}
	}
	return news, b.version
}

func (b *Board) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Trading reports whether the store may be serving customers.
func (b *Board) Trading() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trading
}

// Look returns the sheets when the board is filled; nil when ctx ends before.
func (b *Board) Look(ctx context.Context) []Sheet {
	select {
	case <-b.first:
	case <-ctx.Done():
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sheets)
}

// Has reports whether there is a device of this id.
func (b *Board) Has(device string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.find(ChannelDevice, device) != nil
}
