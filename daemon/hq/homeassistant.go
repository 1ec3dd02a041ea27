package hq

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

const (
	announcedKind = "home_assistant" // notes of what was announced, by store
	announceEvery = time.Minute
	announceLimit = 30 * time.Second
)

// post publishes retained messages.
type post interface {
	Announce(ctx context.Context, topic string, payload []byte) error
}

// announcer tells Home Assistant of every store, over the same broker. What it announced is written down,
// so that it is cleared when a store is closed, or when nobody wants it any more.
type announcer struct {
	org    string
	on     bool
	stores func() map[string]board.Info // those to announce, by id
	leader func() bool
	post   post
	notes  notebook
	log    *slog.Logger
}

func newAnnouncer(h *HQ) *announcer {
	return &announcer{
		org: h.Config.Org, on: h.Config.HomeAssistant, post: h.fleet, notes: h.db, log: h.Log,
		leader: func() bool { s := h.fleet.Status(); return s.Leader && s.Connected },
		stores: func() map[string]board.Info {
			all := map[string]board.Info{}
			h.fleet.View(func(b *board.Board) {
				for id, s := range b.Stores {
					if s.Info.Store != "" {
						all[id] = s.Info
					}
				}
			})
			return all
		},
	}
}

// Run announces what changed until ctx ends.
func (a *announcer) Run(ctx context.Context) error {
	return every(ctx, announceEvery, func(ctx context.Context) {
		if !a.leader() {
			return
		}
		if err := a.look(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("Home Assistant does not know of every store", "err", err)
		}
	})
}

// look announces the stores that are new or have changed, and clears those that are gone.
func (a *announcer) look(ctx context.Context) error {
	notes, err := a.notes.Notes(ctx, announcedKind)
	if err != nil {
		return err
	}
	known := map[string]board.Note{}
	for _, n := range notes {
		known[n.ID] = n
	}
	wanted := map[string][]byte{}
	if a.on {
		for id, info := range a.stores() {
			wanted[id] = a.document(id, info)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		if !bytes.Equal(known[id].Body, wanted[id]) {
			if err := a.tell(ctx, id, wanted[id]); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if _, stays := wanted[id]; !stays {
			if err := a.tell(ctx, id, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell publishes, and then writes down: after a crash in between it is published again.
func (a *announcer) tell(ctx context.Context, id string, document []byte) error {
	ctx, cancel := context.WithTimeout(ctx, announceLimit)
	defer cancel()
	n, err := a.notes.Note(ctx, announcedKind, id)
	if err != nil {
		return err
	}
	if err := a.post.Announce(ctx, "homeassistant/device/"+a.name(id)+"/config", document); err != nil {
		return err
	}
	n.Body, n.By, n.At = document, "nightfill-hq", time.Now()
	_, err = a.notes.Keep(ctx, n)
	return err
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]`)

// name is a store for Home Assistant, whose names have fewer characters.
func (a *announcer) name(store string) string {
	return notInNames.ReplaceAllString("nightfill_"+a.org+"_"+store, "-")
}

// document describes a store for Home Assistant's discovery by device. Every value comes from the store's
// own retained topics.
func (a *announcer) document(store string, info board.Info) []byte {
	root, name := "nightfill/v1/"+a.org+"/s/"+store+"/", a.name(store)
	num := func(title, key string) map[string]any {
		return map[string]any{"p": "sensor", "name": title, "unique_id": name + "_" + key, "state_topic": root + "num", "value_template": "{{ value_json." + key + " }}"}
	}
	title := "Store " + store
	if info.Name != "" && info.Name != store {
		title += " " + info.Name
	}
	v := map[string]any{
		"device":       map[string]any{"identifiers": []string{name}, "name": title, "manufacturer": "Nightfill", "model": "store", "sw_version": info.Software},
		"origin":       map[string]any{"name": "nightfill-hq"},
		"availability": []any{map[string]any{"topic": root + "state", "value_template": "{{ 'online' if value_json.online else 'offline' }}"}},
		"components": map[string]any{
			"ready": map[string]any{
				"p": "binary_sensor", "name": "Cannot open", "unique_id": name + "_ready", "device_class": "problem", "state_topic": root + "ready",
				"value_template": "{{ 'OFF' if value_json.verdict in ['ready', 'ready_notes'] else 'ON' }}",
			},
			"verdict":        map[string]any{"p": "sensor", "name": "Verdict", "unique_id": name + "_verdict", "state_topic": root + "ready", "value_template": "{{ value_json.text }}"},
			"devices_done":   num("Devices done", "dev_done"),
			"devices_failed": num("Devices failed", "dev_failed"),
			"outbox":         num("Events to send", "outbox"),
		},
	}
	document, err := json.Marshal(v)
	if err != nil {
		panic("internal error: the document for Home Assistant cannot be written as JSON: " + err.Error())
	}
	return document
}
