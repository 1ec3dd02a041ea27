package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/ledger/ledgertest"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// box is a ledger in memory, a store that is not ready, and a webhook.
type box struct {
	*ledger.Ledger
	journal *ledgertest.Journal

	mu  sync.Mutex
	red bool

	answers []int // of the webhook, in order; 0 = it does not answer, none left = 204
	posts   []map[string]any
	at      []time.Time
}

func (b *box) View(context.Context) view.Facts {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := view.Facts{State: b.State(), Now: time.Now(), Store: site.Store{
		ID: "0142", Org: "acme", Calendar: window.Calendar{Zone: time.UTC}, Contacts: []site.Contact{{Name: "Area manager", Phone: "+1 555 0199"}},
		Escalation: []site.Escalation{{To: "Night desk"}, {To: "Area manager", After: site.Duration(30 * time.Minute), Webhook: "http://10.0.0.5/hook"}},
	}}
	f.Report = ready.Report{Verdict: site.Ready}
	if b.red {
		f.Report = ready.Report{Verdict: site.NotReady, Fix: []ready.Finding{{Code: "POS-1", Device: "till-1", What: "till-1 does not answer"}}}
	}
	return f
}

// RoundTrip implements http.RoundTripper.
func (b *box) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	b.posts, b.at = append(b.posts, body), append(b.at, time.Now())
	status := 204
	if len(b.answers) > 0 {
		status, b.answers = b.answers[0], b.answers[1:]
	}
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

// opened is a box whose store is not ready.
func opened(t *testing.T, answers []int) *box {
	l, journal := ledgertest.Open(t)
	return &box{Ledger: l, journal: journal, red: true, answers: answers}
}

// begin runs an escalator until stop is called.
func (b *box) begin(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	e := New(Options{Ledger: b, View: b.View, Log: slog.New(slog.DiscardHandler)})
	e.client.Transport = b
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (b *box) kinds() string {
	var all []string
	for _, e := range b.journal.Events() {
		all = append(all, strings.TrimPrefix(string(e.Kind), "alarm."))
	}
	return strings.Join(all, " ")
}

// sent are the posts so far, and when they came.
func (b *box) sent() ([]map[string]any, []time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.posts), slices.Clone(b.at)
}

func (b *box) newest() run.Event {
	events := b.journal.Events()
	return events[len(events)-1]
}

func (b *box) turn(red bool) { b.mu.Lock(); defer b.mu.Unlock(); b.red = red }

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestWebhookIsToldUntilItTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, []int{0, 500, 302, 200})
		stop := b.begin(t)
		pass(29 * time.Minute)
		if posts, _ := b.sent(); b.kinds() != "raised told" || len(posts) > 0 {
			t.Fatalf("before its time: %s, %d posts", b.kinds(), len(posts))
		}
		pass(10 * time.Minute)
		if got := b.kinds(); got != "raised told told sent" {
			t.Errorf("after it: %s", got)
		}
		posts, at := b.sent()
		if got := b.State().Alarms["POS-1"].Told[1]; got.Sent != site.SentOK || len(posts) != 4 || at[3].Sub(at[0]) != 5*time.Second+30*time.Second+2*time.Minute {
			t.Errorf("%+v after %d posts at %v", got, len(posts), at)
		}
		post, _ := json.Marshal(posts[0])
		for _, want := range []string{`"schema":"alert/1"`, `"store":"0142"`, `"org":"acme"`, `"code":"POS-1"`, `"device":"till-1"`, `"cause":"not_ready"`, `"to":"Area manager"`, `"phone":"+1 555 0199"`, `"text":"till-1 does not answer"`} {
			if !strings.Contains(string(post), want) {
				t.Errorf("the post lacks %s: %s", want, post)
			}
		}
		b.turn(false)
		pass(time.Minute)
		if got := b.kinds(); got != "raised told told sent cleared" {
			t.Errorf("when it is over: %s", got)
		}
		stop()
	})
}

func TestWebhookThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, make([]int, 50))
		stop := b.begin(t)
		pass(2 * time.Hour)
		if posts, _ := b.sent(); b.State().Alarms["POS-1"].Told[1].Sent != site.SentFailed || len(posts) != 5 {
			t.Errorf("%+v after %d posts", b.State().Alarms, len(posts))
		}
		if last := b.newest(); last.Kind != run.AlarmSent || last.Outcome != run.Bad || !strings.Contains(last.Text, "no route to host") {
			t.Errorf("written down: %+v", last)
		}
		stop()
	})
}

func TestTakenOnEndsTheTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, make([]int, 50))
		stop := b.begin(t)
		pass(30*time.Minute + 15*time.Second)
		_, _ = b.Commit(func(run.State) []run.Event {
			return []run.Event{{Kind: run.AlarmAcked, At: time.Now(), Actor: "ann", Text: "x", Alarm: &run.AlarmNote{Code: "POS-1"}}}
		})
		pass(time.Hour)
		if posts, _ := b.sent(); b.kinds() != "raised told told acked sent" || len(posts) != 2 {
			t.Errorf("%s after %d posts", b.kinds(), len(posts))
		}
		stop()
	})
}

func TestAnotherProcessGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, []int{0, 0})
		stop := b.begin(t)
		pass(30*time.Minute + 15*time.Second)
		stop()
		if got := b.kinds(); got != "raised told told" {
			t.Fatalf("when the box stopped: %s", got)
		}
		stop = b.begin(t)
		pass(time.Minute)
		if got := b.kinds(); got != "raised told told sent" {
			t.Errorf("after its start: %s", got)
		}
		stop()
	})
}
