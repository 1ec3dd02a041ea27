package control

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/window"
)

// maxReason is how long a reason may be, in bytes.
const maxReason = 500

// short refuses a reason that is too long.
func short(reason string) error {
	if len(reason) > maxReason {
		return wire.Bad("", "the reason has %d bytes and may have %d", len(reason), maxReason)
	}
	return nil
}

func (s *Server) status(r *socket.Request) (any, error) { return view.StatusOf(s.Box.View(r.Ctx)), nil }

func (s *Server) devices(r *socket.Request) (any, error) {
	return wire.Devices{Devices: view.Devices(s.Box.View(r.Ctx))}, nil
}

func (s *Server) device(r *socket.Request) (any, error) {
	f := s.Box.View(r.Ctx)
	if err := known(f, r.ID); err != nil {
		return nil, err
	}
	for _, d := range view.Devices(f) {
		if d.Device == r.ID {
			return d, nil
		}
	}
	return nil, fmt.Errorf("cannot show %s", r.ID)
}

// loginable refuses a device that has no host key to pin.
func loginable(f view.Facts, id string) error {
	if err := known(f, id); err != nil {
		return err
	}
	if d, _ := f.Store.Device(id); !d.Patchable() {
		return &wire.Error{Status: http.StatusConflict, Code: string(site.CodeObserveOnly), Message: id + " is only observed: there is no host key to pin"}
	}
	return nil
}

// known refuses a device that the store file does not name.
func known(f view.Facts, id string) error {
	if _, ok := f.Store.Device(id); ok {
		return nil
	}
	ids := make([]string, 0, len(f.Store.Devices))
	for _, d := range f.Store.Devices {
		ids = append(ids, d.ID)
	}
	what := "there is no device in this store's file"
	if len(ids) > 0 {
		what = "the store has " + strings.Join(ids, " ")
	}
	return &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoDevice, Message: fmt.Sprintf("there is no device %q", id), WhatToDo: what}
}

func (s *Server) hostKey(r *socket.Request) (any, error) {
	f := s.Box.View(r.Ctx)
	if err := loginable(f, r.ID); err != nil {
		return nil, err
	}
	key, fingerprint, err := s.Box.HostKey(r.Ctx, r.ID)
	if err != nil {
		return nil, err
	}
	d, _ := f.Store.Device(r.ID)
	pinned := d.HostKey
	if enrolled := f.State.HostKeys[r.ID]; enrolled != "" {
		pinned = enrolled
	}
	return wire.HostKey{Device: r.ID, Key: key, Fingerprint: fingerprint, Pinned: wire.Pinned(pinned, key)}, nil
}

func (s *Server) diagnosis(r *socket.Request) (any, error) {
	if err := known(s.Box.View(r.Ctx), r.ID); err != nil {
		return nil, err
	}
	if check := r.Query.Get("check"); check != "" {
		return s.Box.DiagnoseBy(r.Ctx, r.ID, check)
	}
	return s.Box.Diagnose(r.Ctx, r.ID)
}

func (s *Server) plan(r *socket.Request) (any, error) {
	scene, err := s.foreseen(r, r.Query.Get("at"))
	if err != nil {
		return nil, err
	}
	f := wire.ForecastOf(scene.Plan, scene.Report)
	f.HeldBack, f.Passed = view.HeldBack(s.Box.View(r.Ctx), scene.Plan.Night, scene.Begins), scene.Passed
	f.Chance = forecast.Of(scene, forecast.Usual(), chanceSeed)
	return f, nil
}

// foreseen plans the window of a moment, written as Moment reads it; "" = now.
func (s *Server) foreseen(r *socket.Request, text string) (forecast.Scene, error) {
	at := time.Time{}
	if text != "" {
		f := s.Box.View(r.Ctx)
		var err error
		if at, err = wire.Moment(text, f.Now, zoneOf(f)); err != nil {
			return forecast.Scene{}, err
		}
	}
	return s.Box.Forecast(r.Ctx, at)
}

func zoneOf(f view.Facts) *time.Location {
	if f.Store.Calendar.Zone == nil {
		return time.UTC
	}
	return f.Store.Calendar.Zone
}

func (s *Server) why(r *socket.Request) (any, error) {
	device, patch := r.Query.Get("device"), r.Query.Get("patch")
	if err := known(s.Box.View(r.Ctx), device); err != nil {
		return nil, err
	}
	answers, err := s.Box.Why(r.Ctx, device, patch)
	if err != nil {
		return nil, err
	}
	if len(answers) == 0 && patch != "" {
		return nil, &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoPatch, Message: fmt.Sprintf("no patch %q is known here", patch),
			WhatToDo: "neither the catalog nor the newest night names it; see all with: nightfill why " + device}
	}
	return wire.Answers{Answers: answers}, nil
}

func (s *Server) night(r *socket.Request) (any, error) {
	date, err := nightAsked(r, "date")
	if err != nil {
		return nil, err
	}
	night, err := s.Box.NightAt(r.Ctx, date)
	if err != nil {
		return nil, err
	}
	if night == nil {
		return nil, noNight(date)
	}
	return night, nil
}

func (s *Server) replay(r *socket.Request) (any, error) {
	date, err := nightAsked(r, "night")
	if err != nil {
		return nil, err
	}
	replay, err := s.Box.Replay(r.Ctx, date)
	if err != nil {
		return nil, err
	}
	if replay == nil {
		return nil, noNight(date)
	}
	return replay, nil
}

func nightAsked(r *socket.Request, parameter string) (date window.Date, err error) {
	if err := date.UnmarshalText([]byte(r.Query.Get(parameter))); err != nil {
		return date, wire.Bad("", "%v", err)
	}
	return date, nil
}

func noNight(date window.Date) error {
	e := &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoNight, Message: "there was no night yet",
		WhatToDo: "see when the first one is with: nightfill status"}
	if !date.IsZero() {
		e.Message = "there is no night of " + date.String() + " in the journal"
		e.WhatToDo = "a night has the date on which its window opened"
	}
	return e
}

func (s *Server) verify(r *socket.Request) (any, error) { return s.Journal.Verify(r.Ctx) }

func (s *Server) check(r *socket.Request) (any, error) {
	report, results, err := s.Box.CheckNow(r.Ctx)
	if err != nil {
		return nil, err
	}
	if results == nil {
		results = []site.CheckResult{}
	}
	return wire.Checked{Ready: report.Document(), Results: results}, nil
}

func (s *Server) hold(r *socket.Request) (any, error) {
	var ask wire.HoldAsked
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	f := s.Box.View(r.Ctx)
	if ask.Device != site.AllDevices {
		if err := known(f, ask.Device); err != nil {
			return nil, err
		}
	}
	until, err := wire.Moment(ask.Until, f.Now, zoneOf(f))
	if err != nil {
		return nil, err
	}
	hold := site.Hold{Device: ask.Device, Until: until, Reason: strings.TrimSpace(ask.Reason), Actor: r.Actor}
	switch {
	case !until.After(f.Now):
		return nil, wire.Bad("name a moment that is still to come", "a hold until %s would be over already", until.In(zoneOf(f)).Format(time.RFC3339))
	case hold.Reason == "":
		return nil, wire.Bad("say why, for the next person who asks", "the reason of the hold is missing")
	case len(hold.Reason) > maxReason:
		return nil, wire.Bad("", "the reason of the hold has %d bytes and may have %d", len(hold.Reason), maxReason)
	}
	if err := s.Box.Hold(r.Ctx, hold); err != nil {
		return nil, err
	}
	s.Log.Info("a hold was set", "device", hold.Device, "until", hold.Until, "actor", hold.Actor, "reason", hold.Reason)
	return hold, nil
}

func (s *Server) cache(r *socket.Request) (any, error) { return s.Box.Cache(r.Ctx) }

func (s *Server) refresh(r *socket.Request) (any, error) {
	c, changed, err := s.Box.Refresh(r.Ctx)
	if err != nil {
		return nil, err
	}
	return taken(c, changed), nil
}

func (s *Server) importFrom(r *socket.Request) (any, error) {
	var ask struct {
		Dir string `json:"dir"`
	}
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(ask.Dir) {
		return nil, wire.Bad("give the whole path", "%q is not an absolute path", ask.Dir)
	}
	before := s.Box.View(r.Ctx).Catalog.Version
	c, err := s.Box.Import(r.Ctx, filepath.Clean(ask.Dir))
	if err != nil {
		return nil, err
	}
	s.Log.Info("a catalog was imported", "dir", ask.Dir, "version", c.Version, "actor", r.Actor)
	return taken(c, c.Version != before), nil
}

func taken(c site.Catalog, changed bool) wire.CatalogTaken {
	t := wire.CatalogTaken{Version: c.Version, Issued: c.Issued, Patches: []string{}, Changed: changed}
	for _, p := range c.Patches {
		t.Patches = append(t.Patches, p.Patch.ID)
	}
	return t
}

func (s *Server) enrol(r *socket.Request) (any, error) {
	var ask struct {
		Device string `json:"device"`
		Key    string `json:"key"`
		Reason string `json:"reason"`
	}
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	if err := short(ask.Reason); err != nil {
		return nil, err
	}
	if err := loginable(s.Box.View(r.Ctx), ask.Device); err != nil {
		return nil, err
	}
	if len(strings.Fields(ask.Key)) < 2 {
		return nil, wire.Bad("write it like: ssh-ed25519 AAAA...", "this is not a host key: %q", ask.Key)
	}
	if err := s.Box.Enrol(r.Ctx, ask.Device, ask.Key, strings.TrimSpace(ask.Reason), r.Actor); err != nil {
		return nil, err
	}
	s.Log.Info("a host key was pinned", "device", ask.Device, "actor", r.Actor)
	return wire.Enrolled{Device: ask.Device, Key: ask.Key, Actor: r.Actor}, nil
}
