// Package audittest tells headquarters' database the past of a store as it comes over MQTT, for tests of evidence
// packs of many stores.
package audittest

import (
	"encoding/json"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence/evidencetest"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/run"
)

// Look journals that both tills of a past were looked at on the morning of its as-of, so that compliance is known.
func Look(p *evidencetest.Past) error {
	at := evidencetest.AsOf().Add(-8 * time.Hour)
	for _, device := range []string{"till-1", "till-2"} {
		if err := p.Add(at, run.Event{Kind: run.DeviceObserved, Device: device, Observed: &site.Observation{Device: device, At: at}}); err != nil {
			return err
		}
	}
	return p.Journal.Flush()
}

// Describe tells what a store with the devices of a past is.
func Describe(p *evidencetest.Past, store string) []feed.Message {
	at, stream := evidencetest.AsOf().AddDate(0, 0, -5), p.Journal.Stream()
	info := board.Info{Store: store, Org: "acme", Name: p.Store.Name, Ring: p.Store.Ring, Timezone: "America/Chicago", Stream: stream}
	all := []feed.Message{{Store: store, Received: at, Stream: stream, Facts: []board.Fact{{Kind: board.KindInfo, Mark: board.Mark{Seq: 1}, Body: written(info)}}}}
	for _, d := range p.Store.Devices {
		now := board.DeviceNow{Device: d.ID, Class: d.Class, Model: d.Model, Groups: d.Groups, State: site.Done, Answers: true, SeenAt: at}
		all = append(all, feed.Message{Store: store, Received: at, Facts: []board.Fact{{Kind: board.KindDevice, Name: d.ID, Mark: board.Mark{Seq: 1}, Body: written(now)}}})
	}
	return all
}

func written(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("internal error: a snapshot cannot be written as JSON: " + err.Error())
	}
	return data
}

// Records tells the journal of a past as that of a store, each record a second after it happened.
func Records(p *evidencetest.Past, store string) ([]feed.Message, error) {
	var all []feed.Message
	err := p.Journal.EachRaw(0, func(r journal.Raw) error {
		rec, err := r.Record()
		if err == nil {
			all = append(all, Message(store, p.Journal.Stream(), r, rec.Event.At.Add(time.Second)))
		}
		return err
	})
	return all, err
}

// Message is a record as it comes over MQTT. One that is not readable tells nothing but itself.
func Message(store, stream string, r journal.Raw, received time.Time) feed.Message {
	var e run.Event
	if rec, err := r.Record(); err == nil {
		e = rec.Event
	}
	m := feed.Event{Stream: stream, Seq: r.Seq, Prev: r.Prev, Hash: r.Hash, Data: r.Event, At: e.At, Kind: string(e.Kind), Device: e.Device, Patch: e.Patch}
	if !e.Night.IsZero() {
		m.Night = e.Night.String()
	}
	return feed.Message{Store: store, Received: received, Live: true, Event: &m, Facts: board.Project(e, board.Mark{Seq: r.Seq}, received)}
}
