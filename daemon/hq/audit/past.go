package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/run"
)

// past puts a store on a board as its events told it by the as-of.
func (p *pack) past(ctx context.Context, b *board.Board, store string) error {
	held, err := p.db.HeldFacts(ctx, store, remembered()...)
	if err != nil {
		return err
	}
	later := false
	for _, f := range held {
		if lasting(f.Fact) != nil {
			continue
		}
		later = later || f.Received.After(p.order.AsOf)
	}
	told := held
	if later { // the registers hold what came after: they are filled again
		if told, err = p.replay(ctx, store); err != nil {
			return err
		}
	}
	for _, f := range held {
		if l := lasting(f.Fact); l != nil && l.Kind != "" {
			b.Apply(store, *l, f.Received)
		}
	}
	for _, f := range told {
		if lasting(f.Fact) == nil {
			b.Apply(store, f.Fact, f.Received)
		}
	}
	s := b.Store(store)
	for _, x := range p.expected {
		if x.ID == store {
			s.Expected = &x
		}
	}
	return nil
}

// replay fills the registers of a store with what its events told by the as-of.
func (p *pack) replay(ctx context.Context, store string) ([]feed.Held, error) {
	registers := map[board.Key]int{}
	var all []feed.Held
	err := p.db.EachEvent(ctx, board.Query{Store: store}, func(e board.Event) error {
		if e.Received.After(p.order.AsOf) {
			return nil
		}
		for _, f := range board.Project(e.Event(), board.Mark{Stream: e.No, Seq: e.Seq}, e.Received) {
			i, known := registers[f.Key()]
			switch {
			case !f.Kind.Remembered(), f.Kind.FleetWide():
			case !known:
				registers[f.Key()] = len(all)
				all = append(all, feed.Held{Fact: f, Received: e.Received})
			case f.Replaces(all[i].Fact):
				all[i] = feed.Held{Fact: f, Received: e.Received}
			}
		}
		return nil
	})
	return all, err
}

// remembered are the kinds of fact that compliance is judged by.
func remembered() []board.Kind {
	return []board.Kind{
		board.KindInfo, board.KindDevice, board.KindCached, board.KindObserved, board.KindNightOpened, board.KindLeftOut, board.KindJob,
		board.KindStarted, board.KindInstalled, board.KindRestarted, board.KindVerified, board.KindFailed, board.KindRolledBack,
	}
}

// patches are those that plans told of by the as-of: what is judged where headquarters reads no catalog.
func (p *pack) patches(ctx context.Context) (map[string]site.Patch, error) {
	b := board.NewBoard(p.Org)
	held, err := p.db.HeldFacts(ctx, "", board.KindPatch)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(held, func(h feed.Held) bool { return h.Received.After(p.order.AsOf) }) {
		for _, h := range held {
			b.Apply("", h.Fact, h.Received)
		}
		return b.Patches, nil
	}
	newest := map[string]board.Fact{}
	err = p.db.EachEvent(ctx, board.Query{Kinds: []run.Kind{run.NightOpened, run.NightExtended}}, func(e board.Event) error {
		if e.Received.After(p.order.AsOf) {
			return nil
		}
		for _, f := range board.Project(e.Event(), board.Mark{Stream: e.No, Seq: e.Seq}, e.Received) {
			if old, known := newest[f.Patch]; f.Kind.FleetWide() && (!known || f.Replaces(old)) {
				newest[f.Patch] = f
				b.Apply("", f, e.Received)
			}
		}
		return nil
	})
	return b.Patches, err
}

// lasting is what a retained message says that does not change from minute to minute: what the store and its
// devices are. Nil: the fact is no retained message. No kind: nothing in it lasts.
func lasting(f board.Fact) *board.Fact {
	switch f.Kind {
	case board.KindInfo:
		var v board.Info
		if json.Unmarshal(f.Body, &v) != nil {
			return &board.Fact{}
		}
		f.Body = written(board.Info{Store: v.Store, Org: v.Org, Name: v.Name, Ring: v.Ring, Timezone: v.Timezone, Devices: v.Devices})
	case board.KindDevice:
		var v board.DeviceNow
		if f.Body != nil && json.Unmarshal(f.Body, &v) != nil {
			return &board.Fact{}
		}
		if f.Body != nil {
			f.Body = written(board.DeviceNow{Device: f.Name, Class: v.Class, Model: v.Model, Groups: v.Groups, Asset: v.Asset})
		}
	case board.KindReady, board.KindNight, board.KindAlert:
		return &board.Fact{}
	default:
		return nil
	}
	f.At = time.Time{}
	return &f
}

func written(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("internal error: a fact cannot be written as JSON: " + err.Error())
	}
	return data
}

// described is a store as its retained messages describe it.
func described(org, id string, facts []board.Fact) (site.Store, string) {
	b := board.NewBoard(org)
	for _, f := range facts {
		b.Apply(id, f, time.Time{})
	}
	s := b.Store(id)
	out := site.Store{ID: id, Org: org, Name: s.Info.Name, Ring: s.Info.Ring}
	devices := slices.SortedFunc(maps.Values(s.Devices), func(x, y *board.Device) int {
		return cmp.Or(board.CompareIDs(x.ID, y.ID), strings.Compare(x.ID, y.ID))
	})
	for _, d := range devices {
		out.Devices = append(out.Devices, site.Device{ID: d.ID, Class: d.Now.Class, Model: d.Now.Model, Groups: d.Now.Groups})
	}
	return out, s.Info.Timezone
}
