package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/bundle"
	"github.com/nightfill/nightfill/daemon/certificate"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/screen"
	"github.com/nightfill/nightfill/daemon/view/sheet"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/console"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
	"github.com/nightfill/nightfill/ui/handbook"
)

// openConsole makes the technician's console and its certificate, where the store file wants one.
func (d *Daemon) openConsole() error {
	if d.Config.Listen.Console == "" {
		return nil
	}
	names := []string{"nightfill-" + d.store.ID}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	var err error
	d.certificate, err = certificate.Open(certificate.Options{
		Dir: d.Config.State, Names: names, Cert: d.Config.Console.Cert, Key: d.Config.Console.Key, Log: d.Log,
	}, time.Now())
	if err != nil {
		return err
	}
	d.console = console.New(console.Options{
		Box: desk{d}, Journal: kept{d}, Accounts: people{d.users}, Terminals: terminals{d.desk}, Handbook: handbook.Open(), Store: d.store.ID, Name: d.store.Name, Zone: d.store.Calendar.Zone,
		Version: "nightfilld " + d.Version, Log: d.Log,
	})
	return nil
}

// consoleTLS is how the console is spoken to. Websockets need HTTP/1.1.
func (d *Daemon) consoleTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: d.certificate.Get, NextProtos: []string{"http/1.1"}}
}

// consoleShown is what the status tells of the console.
func (d *Daemon) consoleShown() *view.Console {
	if d.certificate == nil {
		return nil
	}
	s := d.certificate.Shown()
	return &view.Console{Address: d.Config.Listen.Console, Fingerprint: s.Fingerprint, Until: s.Until, Own: s.Own}
}

// desk is the box as the console needs it.
type desk struct{ d *Daemon }

// Changed implements console.Box.
func (k desk) Changed() <-chan struct{} { return k.d.Changed() }

// Documents implements console.Box.
func (k desk) Documents(ctx context.Context) live.Documents {
	k.d.mu.Lock()
	results := maps.Clone(k.d.results)
	k.d.mu.Unlock()
	return screen.Documents(k.d.View(ctx), results)
}

// Picture implements console.Box.
func (k desk) Picture(ctx context.Context, night string) ([]byte, error) {
	var date window.Date
	if err := date.UnmarshalText([]byte(night)); night != "" && err != nil {
		return nil, &order.Refusal{Code: order.CodeBadRequest, Say: err.Error()}
	}
	v, err := k.d.NightAt(ctx, date)
	if err != nil || v == nil {
		return nil, err
	}
	return sheet.Picture(*v, k.d.store.Calendar.Zone), nil
}

// Ask implements console.Box.
func (k desk) Ask(ctx context.Context, question, device string) (any, error) {
	switch question {
	case console.AskWhy:
		answers, err := k.d.Why(ctx, device, "")
		return wire.Answers{Answers: answers}, err
	case console.AskHostKey:
		key, fingerprint, err := k.d.HostKey(ctx, device)
		known, _ := k.d.device(device)
		return wire.HostKey{Device: device, Key: key, Fingerprint: fingerprint, Pinned: wire.Pinned(known.HostKey, key)}, err
	}
	return nil, &order.Refusal{Code: order.CodeBadRequest, Say: "nobody answers " + question}
}

// Act implements console.Box. What is done is in the journal with who asked for it.
func (k desk) Act(ctx context.Context, o order.Order) (order.Done, error) {
	ask := hands.Ask{Device: o.Device, Patch: o.Patch, Reason: o.Reason, Actor: o.Actor, Rev: o.Rev}
	switch o.Verb {
	case order.Retry:
		patches, err := k.d.hands.Retry(ask)
		return order.Done{Say: strings.Join(patches, ", ") + " is tried once more on " + o.Device}, err
	case order.RollBack:
		return order.Done{Say: o.Patch + " is being taken off " + o.Device}, k.d.hands.RollBack(ask)
	case order.Restart:
		hand, err := k.d.hands.Restart(ctx, ask)
		return order.Done{Say: o.Device + " is being restarted; it is wanted back by " + k.clock(hand.Deadline)}, err
	case order.Shell:
		s, err := k.d.desk.Open(ctx, ask, terminal.Size{})
		if err != nil {
			return order.Done{}, err
		}
		return order.Done{Say: "a terminal is open on " + o.Device + " and recorded as " + s.Info().ID, Data: s.Info()}, nil
	case order.Hold:
		return k.hold(o)
	case order.Release:
		return k.release(o)
	case order.Enrol:
		return k.enrol(o)
	case order.Diagnose:
		return k.diagnose(ctx, o)
	case order.Check:
		return k.check(ctx, o)
	case order.Refresh:
		return k.refresh(ctx, o)
	}
	return order.Done{}, &order.Refusal{Code: order.CodeNoVerb, Say: "this box cannot " + o.Verb}
}

// Cache implements console.Box.
func (k desk) Cache(ctx context.Context) (any, error) { return k.d.Cache(ctx) }

// Bundle implements console.Box.
func (k desk) Bundle(ctx context.Context, device, reason, actor string, w io.Writer) error {
	_, err := k.d.Bundle(ctx, bundle.Ask{Device: device, Reason: reason, Actor: actor}, w)
	if errors.Is(err, bundle.ErrBusy) {
		return &order.Refusal{Code: order.CodeTooMany, Say: err.Error() + ": try again in a minute"}
	}
	return err
}

// commit writes down what a person asked for, unless it is not as he saw it.
func (k desk) commit(o order.Order, decide func(run.State) ([]run.Event, *site.Reason)) error {
	var refused *site.Reason
	_, err := k.d.ledger.Commit(func(s run.State) []run.Event {
		if refused = s.Changed(o.Device, o.Rev); refused != nil {
			return nil
		}
		var events []run.Event
		if events, refused = decide(s); refused != nil {
			return nil
		}
		return events
	})
	if err == nil && refused != nil {
		return refused
	}
	return err
}

func (k desk) hold(o order.Order) (order.Done, error) {
	now := time.Now()
	until, err := wire.Moment(o.Until, now, k.zone())
	switch {
	case err != nil:
		return order.Done{}, &order.Refusal{Code: order.CodeBadRequest, Say: err.Error()}
	case !until.After(now):
		return order.Done{}, &order.Refusal{Code: order.CodeBadRequest, Say: "name a moment that is still to come"}
	}
	h := site.Hold{Device: o.Device, Until: until, Reason: o.Reason, Actor: o.Actor}
	return order.Done{Say: whole(o.Device) + " is held until " + k.clock(until)}, k.commit(o, func(run.State) ([]run.Event, *site.Reason) {
		return []run.Event{{Kind: run.HoldSet, At: now, Device: h.Device, Hold: &h, Actor: h.Actor, Text: h.Reason}}, nil
	})
}

// release lets go a device, the whole store or a patch in quarantine.
func (k desk) release(o order.Order) (order.Done, error) {
	name := o.Device
	if name == "" {
		name = o.Patch
	}
	return order.Done{Say: whole(name) + " is released"}, k.commit(o, func(s run.State) ([]run.Event, *site.Reason) {
		e, was := run.Release(s, name, o.Actor, time.Now())
		if !was {
			return nil, site.Because(site.CodeNotApplicable, "nothing holds "+name)
		}
		e.Why = o.Reason
		return []run.Event{e}, nil
	})
}

// enrol pins the key that the person compared.
func (k desk) enrol(o order.Order) (order.Done, error) {
	if d, _ := k.d.store.Device(o.Device); !d.Patchable() || len(strings.Fields(o.Key)) < 2 {
		return order.Done{}, &order.Refusal{Code: order.CodeBadRequest, Say: "this is no host key for " + o.Device}
	}
	err := k.commit(o, func(run.State) ([]run.Event, *site.Reason) {
		return []run.Event{{Kind: run.DeviceEnrolled, At: time.Now(), Device: o.Device, Text: o.Key, Actor: o.Actor, Why: o.Reason}}, nil
	})
	if err == nil {
		ask(k.d.relook)
		k.d.checker.Kick()
	}
	return order.Done{Say: "the key of " + o.Device + " is pinned"}, err
}

// looked writes down that a person had devices looked at.
func (k desk) looked(o order.Order) error {
	return k.d.ledger.Add(run.Event{Kind: run.LookAsked, At: time.Now(), Device: o.Device, Actor: o.Actor, Text: strings.TrimSpace(o.Verb + " " + o.Check), Why: o.Reason})
}

func (k desk) diagnose(ctx context.Context, o order.Order) (order.Done, error) {
	if err := k.looked(o); err != nil {
		return order.Done{}, err
	}
	if o.Check != "" {
		v, err := k.d.DiagnoseBy(ctx, o.Device, o.Check)
		if err != nil {
			return order.Done{}, err
		}
		say := fmt.Sprintf("check %s of %s was carried out", o.Check, o.Device)
		if len(v.Checks) > 0 {
			say += ": " + string(v.Checks[0].Outcome)
		}
		return order.Done{Say: say, Data: v}, nil
	}
	v, err := k.d.Diagnose(ctx, o.Device)
	say := o.Device + " was looked at"
	if v.Error != nil {
		say = o.Device + " could not be looked at: " + v.Error.Text
	}
	return order.Done{Say: say, Data: v}, err
}

func (k desk) check(ctx context.Context, o order.Order) (order.Done, error) {
	if err := k.looked(o); err != nil {
		return order.Done{}, err
	}
	report, results, err := k.d.CheckNow(ctx)
	bad := len(slices.DeleteFunc(slices.Clone(results), func(r site.CheckResult) bool { return r.Outcome != site.Fail }))
	return order.Done{Say: fmt.Sprintf("%d checks were carried out, %d failed", len(results), bad), Data: wire.Checked{Ready: report.Document(), Results: results}}, err
}

// refresh looks for a newer catalog; the artifacts arrive by themselves.
func (k desk) refresh(ctx context.Context, o order.Order) (order.Done, error) {
	if err := k.looked(o); err != nil {
		return order.Done{}, err
	}
	c, changed, err := k.d.lookForCatalog(ctx)
	if err != nil {
		return order.Done{}, err
	}
	ask(k.d.refresh)
	news := "the store has the newest catalog already"
	if changed {
		news = "the store has a new catalog"
	}
	return order.Done{Say: fmt.Sprintf("%s: version %d of %s; what is missing of it is fetched now", news, c.Version, k.clock(c.Issued))}, nil
}

func (k desk) zone() *time.Location {
	if k.d.store.Calendar.Zone == nil {
		return time.UTC
	}
	return k.d.store.Calendar.Zone
}

func (k desk) clock(t time.Time) string { return t.In(k.zone()).Format("15:04 on 2 January") }

func whole(device string) string {
	if device == site.AllDevices {
		return "the whole store"
	}
	return device
}

// kept is the journal as the console needs it: what a crash may still take back is not shown.
type kept struct{ d *Daemon }

// First implements console.Journal.
func (k kept) First() uint64 { return k.d.journal.First() }

// Last implements console.Journal.
func (k kept) Last() uint64 { return k.d.journal.Durable() }

// Stream implements console.Journal.
func (k kept) Stream() string { return k.d.journal.Stream() }

// Verify implements console.Journal.
func (k kept) Verify(ctx context.Context) (any, error) { return k.d.journal.Verify(ctx) }

// Since implements console.Journal.
func (k kept) Since(from uint64, limit int) ([]run.Record, error) {
	records, err := k.d.journal.Since(from, limit)
	last := k.Last()
	return slices.DeleteFunc(records, func(r run.Record) bool { return r.Seq > last }), err
}

// people are the accounts as the console needs them.
type people struct{ *accounts.Accounts }

// Login implements console.Accounts.
func (p people) Login(ctx context.Context, l console.Login, now time.Time) (console.Entry, error) {
	e, err := p.Authenticate(ctx, accounts.Login{Name: l.Name, Password: l.Password, Code: l.Code, Source: l.Source, Browser: l.Browser, Enrol: true}, now)
	return console.Entry{Token: e.Token, Browser: e.Browser, Enrol: e.Session.Enrol}, refusal(err)
}

// Session implements console.Accounts.
func (p people) Session(token string, now time.Time) (live.User, bool) {
	s, ok := p.Accounts.Session(token, now)
	return live.User{Name: s.Account, Role: s.Role}, ok
}

// Alive implements console.Accounts.
func (p people) Alive(token string, now time.Time) (live.User, bool) {
	s, ok := p.Peek(token, now)
	return live.User{Name: s.Account, Role: s.Role}, ok
}

// May implements console.Accounts.
func (p people) May(token string, t site.Tier, now time.Time) error {
	_, err := p.Accounts.May(token, t, now)
	return refusal(err)
}

// Confirm implements console.Accounts.
func (p people) Confirm(token, code string, now time.Time) error {
	return refusal(p.Accounts.Confirm(token, code, now))
}

// Enrolling implements console.Door.
func (p people) Enrolling(token string, now time.Time) (live.User, bool, bool) {
	s, ok := p.Accounts.Enrolling(token, now)
	return live.User{Name: s.Account, Role: s.Role}, s.Enrol, ok
}

// Person implements console.Own.
func (p people) Person(token string, now time.Time) (console.Person, error) {
	own, err := p.Own(token, now)
	return console.Person{App: own.TOTP, Wanted: own.Wanted}, refusal(err)
}

// ChangePassword implements console.Own.
func (p people) ChangePassword(ctx context.Context, token, old, password string, now time.Time) error {
	return refusal(p.Accounts.ChangePassword(ctx, token, old, password, now))
}

// BeginTOTP implements console.App.
func (p people) BeginTOTP(ctx context.Context, token, password string, now time.Time) (string, error) {
	uri, err := p.Accounts.BeginTOTP(ctx, token, password, now)
	return uri, refusal(err)
}

// FinishTOTP implements console.App.
func (p people) FinishTOTP(token, code string, now time.Time) error {
	return refusal(p.Accounts.FinishTOTP(token, code, now))
}

// Claim implements console.Accounts.
func (p people) Claim(ctx context.Context, code, name, password, source string, now time.Time) (string, error) {
	made, err := p.Accounts.Claim(ctx, code, name, password, source, now)
	return made.URI, refusal(err)
}

// refusal puts why an account is refused into the words of the console.
func refusal(err error) error {
	var r *accounts.Refusal
	if errors.As(err, &r) {
		return &order.Refusal{Code: string(r.Code), Say: r.Error(), Wait: r.Wait}
	}
	return err
}
