package hq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/sheet"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
	"github.com/nightfill/nightfill/ui/fleet/page/reports"
	"github.com/nightfill/nightfill/ui/gantt"
)

// maxNight is how many events of one night are folded: a thousand devices with ten patches need fewer.
const maxNight = 200_000

var errEnough = errors.New("enough")

// past is a night as headquarters has it.
type past struct {
	records []run.Record
	missing uint64 // events that are not stored
	short   int    // events of which the store left out large parts
	cut     bool   // it has more events than are looked at
}

// picture draws a night of a store from its stored events, as the store itself draws it. Nothing and no
// error: the store told of no such night.
func (h *HQ) picture(ctx context.Context, store, date string) ([]byte, error) {
	var night window.Date
	if err := night.UnmarshalText([]byte(date)); err != nil {
		return nil, err
	}
	p, err := h.nightOf(ctx, store, date)
	if err != nil || len(p.records) == 0 {
		return nil, err
	}
	shop, zone := h.shop(store)
	v, err := fold(shop, p.records)
	if err != nil || v == nil {
		return nil, err
	}
	chart := sheet.Chart(*v, zone)
	chart.Sub = sheet.Report(*v, zone).Sentence() + p.words()
	return gantt.SVG(chart), nil
}

// words says what of the night headquarters does not have.
func (p past) words() string {
	text := ""
	if p.missing > 0 {
		text += fmt.Sprintf(" Headquarters lacks %d events of this night: the picture is not whole.", p.missing)
	}
	if p.short > 0 {
		text += fmt.Sprintf(" The store left out large parts of %d events.", p.short)
	}
	if p.cut {
		text += fmt.Sprintf(" Only the first %d events are shown.", maxNight)
	}
	return text
}

// nightOf reads the events from the opening of a night to that of the next one.
func (h *HQ) nightOf(ctx context.Context, store, date string) (past, error) {
	var p past
	opened, err := h.db.Events(ctx, board.Query{Store: store, Night: date, Kinds: []run.Kind{run.NightOpened}, Newest: true, Limit: 1})
	if err != nil || len(opened) == 0 {
		return p, err
	}
	first := opened[0]
	last := first.Seq - 1
	err = h.db.EachEvent(ctx, board.Query{Store: store, Stream: first.Stream, After: board.Mark{Stream: first.No, Seq: last}}, func(e board.Event) error {
		event := e.Event()
		if event.Kind == run.NightOpened && e.Seq != first.Seq {
			return errEnough
		}
		if len(p.records) == maxNight {
			p.cut = true
			return errEnough
		}
		p.missing += e.Seq - last - 1
		last = e.Seq
		if event.Kind == "" {
			p.short++
			return nil
		}
		p.records = append(p.records, run.Record{Seq: e.Seq, Prev: e.Prev, Hash: e.Hash, Event: event})
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return p, err
}

// shop is a store as far as headquarters knows it.
func (h *HQ) shop(id string) (site.Store, *time.Location) {
	shop, zone := site.Store{ID: id}, time.UTC
	h.fleet.View(func(b *board.Board) {
		s := b.Stores[id]
		if s == nil {
			return
		}
		shop.Name, shop.Org, shop.Ring = s.Info.Name, s.Info.Org, s.Info.Ring
		if z, err := tzdata.Load(s.Info.Timezone); err == nil && s.Info.Timezone != "" {
			zone = z
		}
		for _, name := range s.Info.Devices {
			if d := s.Devices[name]; d != nil {
				shop.Devices = append(shop.Devices, site.Device{ID: name, Class: d.Now.Class, Groups: d.Now.Groups})
			}
		}
	})
	return shop, zone
}

// fold shows a night. What stores tell cannot end headquarters: records that make no sense are an error.
func fold(shop site.Store, records []run.Record) (v *view.Night, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, fmt.Errorf("the events of this night make no sense (%v)", p)
		}
	}()
	return view.WithEvidence(shop, run.Fold(run.State{}, records...), records, time.Now()), nil
}

// shift is what became of everything in a night of a store. None: the events of that night are not stored.
func (h *HQ) shift(ctx context.Context, store, date string) ([]reports.Shift, error) {
	p, err := h.nightOf(ctx, store, date)
	if err != nil || len(p.records) == 0 {
		return nil, err
	}
	shop, zone := h.shop(store)
	v, err := fold(shop, p.records)
	if err != nil || v == nil {
		h.Log.Warn("a night cannot be reported device by device", "site", store, "night", date, "err", err)
		return nil, nil
	}
	rows := sheet.Report(*v, zone).Rows
	list := make([]reports.Shift, 0, len(rows))
	for _, r := range rows {
		list = append(list, reports.Shift{
			Device: r.Device, Class: r.Class, Patch: r.Patch, Title: r.Title, State: site.State(r.State), Code: r.Code, Reason: r.Reason, Before: r.Before, After: r.After,
			Attempts: r.Attempts, Took: r.Took, Verified: r.Verified,
		})
	}
	return list, nil
}
