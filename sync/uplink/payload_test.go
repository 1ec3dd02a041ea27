package uplink

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

func encoder() *Uplink {
	return &Uplink{opt: Options{Org: "acme", Store: "0142"}, stream: "01JD3Q"}
}

func TestEventTypesAndSubjects(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 19, 40, 121999999, time.FixedZone("CST", -6*3600))
	for _, c := range []struct {
		event         run.Event
		kind, subject string
	}{
		{run.Event{Kind: run.PatchSettled, Device: "pos-03", Patch: "p1", To: site.RolledBack}, "nightfill.device.rolled_back.v1", "pos-03"},
		{run.Event{Kind: run.StepStarted, Device: "pos-03", Patch: "p1"}, "nightfill.step.started.v1", "pos-03"},
		{run.Event{Kind: run.PatchSettled, Patch: "p1", To: site.Queued}, "nightfill.patch.settled.v1", "p1"},
		{run.Event{Kind: run.NightClosed}, "nightfill.night.closed.v1", "0142"},
	} {
		c.event.At = now
		var got cloudEvent
		if err := json.Unmarshal(encoder().encode(run.Record{Seq: 1 << 60, Event: c.event}, now), &got); err != nil {
			t.Fatal(err)
		}
		if got.Type != c.kind || got.Subject != c.subject {
			t.Errorf("%s became %s about %s, want %s about %s", c.event.Kind, got.Type, got.Subject, c.kind, c.subject)
		}
		if got.Time != "2026-11-22T09:19:40.121Z" || got.ID != "01JD3Q/1152921504606846976" || got.Seq != 1<<60 || got.Truncated {
			t.Errorf("unexpected envelope: %+v", got)
		}
	}
}

func TestLargeEventsAreCutAndMarked(t *testing.T) {
	big := strings.Repeat("€", maxPayload)
	bigPlan := &plan.Plan{Patches: []site.Patch{{ID: "p1", Title: big}}}
	for _, c := range []struct {
		name  string
		event run.Event
		keeps string // what must survive
		loses string
	}{
		{"plan", run.Event{Kind: run.NightOpened, Plan: bigPlan, Output: "kept output"}, "kept output", `"plan"`},
		{"report", run.Event{Kind: run.NightOpened, Report: plan.Report{{Device: big, Reason: site.Because(site.CodeHeld, "")}}, Text: "kept text"}, "kept text", `"report"`},
		{"reasons", run.Event{Kind: run.NightOpened, Plan: &plan.Plan{Members: []plan.Member{{Device: "kept"}}}, Report: plan.Report{{Device: "srv-1", Reason: site.Because(site.CodeNotApplicable, big, "installed", "1.0", "wanted", big)}}},
			`"members":[{"device":"kept"}]},"report":[{"device":"srv-1","state":"","reason":{"code":"` + string(site.CodeNotApplicable) + `","text":"","facts":{"installed":"1.0"}}}]`, "€"},
		{"arithmetic", run.Event{Kind: run.NightOpened, Plan: &plan.Plan{Members: []plan.Member{{Device: big}}, Lanes: []plan.Lane{{Device: "srv-1", Jobs: []plan.Job{{Patch: "p1", Note: big}}}}}, Report: plan.Report{{Device: "srv-2"}}},
			`"lanes":[{"device":"srv-1","jobs":[{"patch":"p1","needs":"0s","begins":"0001-01-01T00:00:00Z","ends":"0001-01-01T00:00:00Z"}]}]},"report":[{"device":"srv-2"`, "€"},
		{"no plan without its report", run.Event{Kind: run.NightOpened, Plan: &plan.Plan{Lanes: []plan.Lane{{Device: "srv-1"}}}, Report: plan.Report{{Device: big}}}, "night.opened", `"plan"`},
		{"packages", run.Event{Kind: run.DeviceObserved, Device: "srv-1", Observed: &site.Observation{System: "kept system", Packages: map[string]string{"a": big}}}, "kept system", `"packages"`},
		{"observation", run.Event{Kind: run.DeviceObserved, Device: "srv-1", Observed: &site.Observation{System: big}, Output: "kept output"}, "kept output", `"observed"`},
		{"output", run.Event{Kind: run.StepEnded, Device: "srv-1", Output: big + "the end"}, "the end", `"observed"`},
		{"catalog", run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Version: 7, Patches: []string{big}}}, `"version":7`, "€"},
		{"reason", run.Event{Kind: run.CatalogRefused, Reason: site.Because(site.CodeExpired, big)}, "catalog.refused", "€"},
		{"names", run.Event{Kind: run.HoldReleased, Device: "srv-1", Actor: big, Work: big}, "hold.released", `"actor"`},
	} {
		before, err := json.Marshal(c.event)
		if err != nil {
			t.Fatal(err)
		}
		payload := encoder().encode(run.Record{Seq: 1, Event: c.event}, time.Now())
		var got cloudEvent
		if err := json.Unmarshal(payload, &got); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(payload) > maxPayload {
			t.Errorf("%s: %d bytes", c.name, len(payload))
		}
		if !got.Truncated || !bytes.Contains(payload, []byte(c.keeps)) || bytes.Contains(payload, []byte(c.loses)) {
			t.Errorf("%s: truncated is %v, the rest is %.300s", c.name, got.Truncated, payload)
		}
		if after, err := json.Marshal(c.event); err != nil || !bytes.Equal(after, before) {
			t.Errorf("%s: the record of the journal was changed", c.name)
		}
	}
}

// long is a snapshot that can be told in fewer words.
type long struct {
	Verdict string `json:"verdict"`
	Fix     string `json:"fix,omitempty"`
}

func (l long) Short() any { return long{Verdict: l.Verdict} }

// TestWhatIsTooLongIsToldShort: the verdict before must not stay on the board.
func TestWhatIsTooLongIsToldShort(t *testing.T) {
	b := newBoard()
	for _, c := range []struct{ fix, want string }{
		{"till 1", `{"verdict":"not_ready","fix":"till 1","rev":9}`},
		{strings.Repeat("x", maxPayload), `{"verdict":"not_ready","rev":9}`},
	} {
		posts, err := b.due(Snapshot{Rev: 9, Ready: long{"not_ready", c.fix}})
		if err != nil || len(posts) != 1 || string(posts[0].payload) != c.want {
			t.Fatalf("%v, %v, want %s", posts, err, c.want)
		}
		b.confirm(posts[0])
	}
}

func TestRender(t *testing.T) {
	type shown struct {
		B string `json:"b"`
		A int    `json:"a"`
	}
	for _, c := range []struct {
		name  string
		value any
		flat  bool
		want  string
		err   string
	}{
		{"keeps the order of fields", shown{"x", 1}, false, `{"b":"x","a":1,"rev":9}`, ""},
		{"keeps a rev of its own", map[string]any{"rev": 4, "a": 1}, false, `{"a":1,"rev":4}`, ""},
		{"empty", map[string]any{}, false, `{"rev":9}`, ""},
		{"nothing", nil, false, "", ""},
		{"no object", []int{1}, false, `[1]`, ""},
		{"numbers", map[string]any{"a": 1.5, "b": -2}, true, `{"a":1.5,"b":-2,"rev":9}`, ""},
		{"more than numbers", map[string]any{"a": 1, "b": "x", "c": true, "d": map[string]any{}, "e": nil}, true, `{"a":1,"rev":9}`,
			"cannot post b, c, d, e in num: only numbers belong there"},
		{"no numbers at all", "x", true, "", "cannot post num: it must be an object of numbers"},
		{"not JSON", make(chan int), false, "", "cannot write num as JSON: json: unsupported type: chan int"},
		{"too large", strings.Repeat("x", maxPayload), false, "", "cannot post num: 131074 bytes are more than the 131072 that brokers take"},
	} {
		p, err := render("num", c.value, 9, c.flat)
		if string(p.payload) != c.want {
			t.Errorf("%s: %s, want %s", c.name, p.payload, c.want)
		}
		if got := text(err); got != c.err {
			t.Errorf("%s: error %q, want %q", c.name, got, c.err)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestBoardPostsOnlyWhatChanged(t *testing.T) {
	b := newBoard()
	s := Snapshot{Rev: 1, Ready: map[string]any{"ready": 1}, Devices: map[string]any{"a": 1, "b/c": 1, "": 1}}
	posts, err := b.due(s)
	if len(posts) != 2 || text(err) != "cannot post d/\"\": it must not be empty nor contain / + #\ncannot post d/\"b/c\": it must not be empty nor contain / + #" {
		t.Errorf("%d posts, error %v", len(posts), err)
	}
	for _, p := range posts {
		b.confirm(p)
	}
	s.Rev = 2
	if posts, _ := b.due(s); len(posts) != 0 {
		t.Errorf("%d posts although only rev grew", len(posts))
	}
	b.found("alert/X")
	if b.found("evt") || b.found("alert/X") {
		t.Error("a topic that is no news was taken for news")
	}
	posts, _ = b.due(s)
	if len(posts) != 1 || posts[0].topic != "alert/X" || posts[0].payload != nil {
		t.Errorf("posts are %+v, want alert/X cleared", posts)
	}
	b.forget()
	if posts, _ := b.due(s); len(posts) != 3 {
		t.Errorf("%d posts after a new connection, want everything and the clearing again", len(posts))
	}
}

func TestPace(t *testing.T) {
	now := time.Now()
	p := newPace(20, 16, now)
	burst := 0
	for p.take(now) {
		burst++
	}
	if burst != 16 {
		t.Errorf("a burst of %d, want 16", burst)
	}
	if at := p.ready().Sub(now); at < 50*time.Millisecond || at > 60*time.Millisecond {
		t.Errorf("the next one after %s, want 50 ms", at)
	}
	if !p.take(p.ready()) || p.take(now.Add(60*time.Millisecond)) {
		t.Error("the next one does not pass when it is said to, or two do")
	}
	if !newPace(-1, 0, now).take(now) {
		t.Error("no rate lets nothing through")
	}
}

func TestWaits(t *testing.T) {
	var b backoff
	for _, limit := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if got := b.after(0); got < limit*time.Second/2 || got > limit*time.Second {
			t.Errorf("waited %s, want up to %d s", got, limit)
		}
	}
	if got := b.after(19 * time.Second); got < 30*time.Second {
		t.Errorf("after a short connection the wait is %s, want it to stay long", got)
	}
	if got := b.after(steady); got > time.Second {
		t.Errorf("after a good connection the wait is %s, want at most 1 s", got)
	}
	for _, c := range []struct {
		n        uint64
		min, max time.Duration
	}{{0, 0, 0}, {12, 3 * time.Second, 6 * time.Second}, {120, 30 * time.Second, time.Minute}, {1 << 60, 30 * time.Second, time.Minute}} {
		if got := spread(c.n, time.Minute); got < c.min || got > c.max {
			t.Errorf("a backlog of %d waits %s, want %s to %s", c.n, got, c.min, c.max)
		}
	}
	if spread(500, -1) != 0 {
		t.Error("no jitter waits")
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := func() Options {
		return Options{Broker: plain(nil), Org: "acme", Store: "0142", Journal: newMemory(), Snapshots: new(shop).snapshots}
	}
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(*Options) {}, ""},
		{func(o *Options) { o.Org, o.Store = "a/b", "" }, `cannot use org "a/b" in a topic: it must not be empty nor contain / + # or control characters` + "\n" +
			`cannot use store "" in a topic: it must not be empty nor contain / + # or control characters`},
		{func(o *Options) { o.Broker = nil }, "cannot report without a broker"},
		{func(o *Options) { o.Journal = nil }, "cannot report without a journal and snapshots"},
	} {
		o := good()
		c.change(&o)
		u, err := New(o)
		if text(err) != c.want || (err == nil) != (u != nil) {
			t.Errorf("New says\n%v\nwant\n%s", err, c.want)
		}
	}
}
