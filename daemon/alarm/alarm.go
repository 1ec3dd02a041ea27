// Package alarm tells people of what lasts: it writes alarms and the tiers that are due to the
// journal, from where the page and the retained topics show them, and posts to the webhooks of
// tiers. Who is due is decided by daemon/view and site; it works with the WAN down, and after a
// crash goes on with what was written down.
package alarm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

const (
	lookEvery = 10 * time.Second // whatever happens; tiers are due by the clock
	postLimit = 10 * time.Second // for one try
	maxAnswer = 4 << 10
)

// pauses are between the tries of a post; after the last one it has failed.
func pauses() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
}

// Ledger is the journal with its fold.
type Ledger interface {
	State() run.State
	Changed() <-chan struct{}
	Commit(decide func(run.State) []run.Event) ([]run.Record, error)
}

// Options are what an Escalator works with.
type Options struct {
	Ledger Ledger
	View   func(ctx context.Context) view.Facts
	Log    *slog.Logger
}

// Escalator tells people of what lasts.
type Escalator struct {
	Options
	client *http.Client
	posts  sync.WaitGroup
}

// New makes an Escalator. It starts nothing.
func New(o Options) *Escalator {
	direct := &http.Transport{DisableKeepAlives: true} // no proxy: the webhook is on the store LAN
	return &Escalator{Options: o, client: &http.Client{
		Transport: direct, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Run looks at what lasts until ctx ends.
func (e *Escalator) Run(ctx context.Context) error {
	defer e.posts.Wait()
	begun := map[post]bool{}
	for ctx.Err() == nil {
		changed := e.Ledger.Changed()
		e.look(ctx)
		for _, p := range pending(e.Ledger.State()) {
			if !begun[p] {
				begun[p] = true
				e.posts.Go(func() { e.send(ctx, p) })
			}
		}
		pause.Until(ctx, changed, lookEvery)
	}
	return nil
}

// look writes down what began, changed or is over, and who is told of it.
func (e *Escalator) look(ctx context.Context) {
	facts := e.View(ctx)
	records, err := e.Ledger.Commit(func(s run.State) []run.Event {
		if s.Seq != facts.State.Seq {
			return nil // something happened in between: it is looked at again at once
		}
		return view.Escalate(facts)
	})
	if err != nil {
		e.Log.Error("cannot write down an alarm", "err", err)
	}
	for _, r := range records {
		e.Log.Warn(string(r.Event.Kind), "alarm", r.Event.Alarm.Code, "text", r.Event.Text, "to", r.Event.Alarm.To)
	}
}

// post is one webhook that is to be told of one alarm.
type post struct {
	code, to, webhook string
	after             time.Duration
	at                time.Time
}

// pending are the posts whose end is not known: an earlier process may have sent them, and they are
// sent again rather than not at all.
func pending(s run.State) []post {
	var all []post
	for _, a := range s.Alarms {
		for _, t := range a.Told {
			if t.Webhook != "" && t.Sent == "" {
				all = append(all, post{code: a.Code, to: t.To, webhook: t.Webhook, after: t.After.Std(), at: t.At})
			}
		}
	}
	return all
}

// send posts until it is taken, until the alarm is over or taken on, or until the tries are used up,
// and writes down how it ended. When ctx ends first nothing is written: the next process goes on.
func (e *Escalator) send(ctx context.Context, p post) {
	end := run.Event{Kind: run.AlarmSent, Outcome: run.Bad, Alarm: &run.AlarmNote{Code: p.code, To: p.to, After: site.Duration(p.after), Webhook: p.webhook}}
	for try := 0; ; try++ {
		facts := e.View(ctx)
		a, lasts := facts.State.Alarms[p.code]
		if !lasts || try > 0 && a.Ack != nil {
			end.Text = "not sent any more: it is over, or somebody has taken it on"
			break
		}
		err := e.try(ctx, facts.Store, a, p)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			end.Outcome, end.Text = run.OK, ""
			break
		}
		end.Text = err.Error()
		e.Log.Warn("a webhook was not told", "alarm", p.code, "to", p.to, "try", try+1, "err", err)
		if try == len(pauses()) {
			break
		}
		pause.For(ctx, pauses()[try])
	}
	end.At = time.Now()
	if _, err := e.Ledger.Commit(func(run.State) []run.Event { return []run.Event{end} }); err != nil {
		e.Log.Error("cannot write down how a webhook ended", "alarm", p.code, "err", err)
	}
}

// try posts once. Any 2xx answer means that it was taken.
func (e *Escalator) try(ctx context.Context, store site.Store, a site.Alarm, p post) error {
	alert := view.AlertOf(store, a)
	alert["to"] = p.to
	for _, c := range store.Contacts {
		if c.Name == p.to {
			alert["phone"] = c.Phone
		}
	}
	body, err := json.Marshal(alert)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, postLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.webhook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s", p.webhook, answer.Status)
	}
	return nil
}
