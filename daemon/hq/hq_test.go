package hq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/hq/escalate"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/ui/fleet"
)

// open makes headquarters in a folder of its own. It does not run.
func open(t *testing.T, change func(*hqfile.Headquarters)) *HQ {
	t.Helper()
	c := hqfile.Lab()
	c.State = t.TempDir()
	c.MQTT.URL, c.Listen = "mqtt://127.0.0.1:1", "127.0.0.1:0"
	if change != nil {
		change(&c)
	}
	if err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	h, err := New(t.Context(), Options{Config: c, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.db.Close() })
	return h
}

// scraped is what Prometheus gets.
func scraped(t *testing.T, h *HQ) string {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(newMetrics(h))
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// busy gives headquarters two stores, one of which was never heard, and many patches that broke.
func busy(t *testing.T) *HQ {
	h := open(t, nil)
	h.fleet.View(func(b *board.Board) {
		b.Store("0999")
		s := b.Store("0142")
		s.Verdict.Verdict = site.NotReady
		s.Ready, s.ReadyTold = board.ReadyNow{Verdict: site.NotReady, Text: "You cannot open.", AsOf: time.Now(), MaxAge: 600}, time.Now()
		s.Contact = board.Contact{State: "online", At: time.Now(), Heard: time.Now()}
		d := s.Device("till-1")
		d.Now = board.DeviceNow{Device: "till-1", Class: site.LinuxServer}
		for n := range 200 {
			j := d.Job(fmt.Sprintf("p-%03d", n))
			j.State, j.At = site.Done, board.At(time.Now())
			if n%2 == 0 {
				j.State, j.Failed = site.RolledBack, board.At(time.Now())
			}
		}
	})
	return h
}

func TestMetrics(t *testing.T) {
	text := scraped(t, busy(t))
	for _, line := range []string{
		`nightfill_hq_stores{contact="live",verdict="not_ready"} 1`, `nightfill_hq_stores{contact="never",verdict="unknown"} 1`,
		`nightfill_hq_store_ready{store="0142"} 0`, `nightfill_hq_store_heard_timestamp_seconds{store="0999"} 0`,
		`nightfill_hq_run_devices{state="done"} 100`, `nightfill_hq_build_info{org="acme",version="test"} 1`, `nightfill_hq_mqtt_connected 0`,
		`nightfill_hq_exceptions{status="open"} 0`, `nightfill_hq_logins_total{outcome="refused"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("there is no %s; there are %v", line, regexp.MustCompile("(?m)^"+name+".*").FindAllString(text, 5))
		}
	}
	if n := strings.Count(text, "nightfill_hq_patch_failure_ratio{"); n != maxPatches {
		t.Errorf("%d patches have series, want %d", n, maxPatches)
	}
	if strings.Contains(text, `patch="p-001"`) {
		t.Error("a patch that broke nowhere has a series, and one that broke has none")
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not here: apt-get install prometheus")
		return
	}
	for _, args := range [][]string{{"check", "metrics"}, {"check", "rules", "../../image/monitoring/prometheus/alerts.yaml"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		cmd := exec.CommandContext(ctx, promtool, args...)
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || args[1] == "metrics" && len(out) > 0 {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
		cancel()
	}
}

// TestShippedFilesNameRealMetrics wants every metric of the dashboards and the rules to be one that a
// program shows.
func TestShippedFilesNameRealMetrics(t *testing.T) {
	real := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(scraped(t, busy(t)), -1) {
		real[m[1]] = true
	}
	source, err := os.ReadFile("../metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`desc\("([a-z_]+)"`).FindAllSubmatch(source, -1) {
		real["nightfill_"+string(m[1])] = true
	}
	if len(real) < 35 {
		t.Fatalf("only %d metrics are known", len(real))
	}
	named := regexp.MustCompile(`nightfill_[a-z_]+`)
	files, seen := 0, 0
	err = filepath.WalkDir("../../image/monitoring", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "grafana/") && !strings.HasSuffix(path, "alerts.yaml") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, name := range named.FindAllString(string(data), -1) {
			if seen++; !real[name] {
				t.Errorf("%s names %s, which no program shows", path, name)
			}
		}
		var v any
		if strings.HasSuffix(path, ".json") && json.Unmarshal(data, &v) != nil {
			t.Errorf("%s is not JSON", path)
		}
		return nil
	})
	if err != nil || files < 4 || seen < 40 {
		t.Errorf("%d files name %d metrics, %v", files, seen, err)
	}
}

// blind is a database that cannot be read once a token was kept.
type blind struct {
	*database.DB
	kept bool
}

func (b *blind) Keep(ctx context.Context, n board.Note) (board.Note, error) {
	b.kept = true
	return b.DB.Keep(ctx, n)
}

func (b *blind) Notes(ctx context.Context, kind string) ([]board.Note, error) {
	if b.kept {
		return nil, errors.New("the database is away")
	}
	return b.DB.Notes(ctx, kind)
}

// A token that was made is in the audit log, whatever comes after.
func TestATokenIsWrittenDown(t *testing.T) {
	h := open(t, nil)
	tokens := newTokens(&blind{DB: h.db}, h.db)
	if _, err := tokens.Add(t.Context(), wire.Token{Name: "grafana", Role: site.UserViewer}, "root"); err == nil || err.Error() != "the database is away" {
		t.Errorf("%v", err)
	}
	deeds, err := h.db.NewestDeeds(t.Context(), 0, 1)
	if err != nil || len(deeds) != 1 || deeds[0].Verb != "token.add" || deeds[0].Subject != "grafana" {
		t.Errorf("%+v %v", deeds, err)
	}
}

func TestTokens(t *testing.T) {
	h := open(t, nil)
	ctx := t.Context()
	add := func(name string, role site.UserRole, until time.Time) (string, string) {
		secret, err := h.tokens.Add(ctx, wire.Token{Name: name, Role: role, Until: until}, "root")
		return secret, strings.TrimSuffix(fmt.Sprint(err), "<nil>")
	}
	good, _ := add("grafana", site.UserViewer, time.Time{})
	over, _ := add("old", site.UserAdmin, time.Now().Add(-time.Second))
	for want, got := range map[string]func() (string, string){
		`"Bad Name" cannot be the name of a token: write 1 to 64 lower-case letters, digits, dots, underscores and hyphens`: func() (string, string) { return add("Bad Name", site.UserViewer, time.Time{}) },
		`"tech" is not a role: write one of viewer, manager, admin`:                                                         func() (string, string) { return add("x", site.UserTech, time.Time{}) },
		`there is a token "grafana" already: choose another name, or remove it first`:                                       func() (string, string) { return add("grafana", site.UserViewer, time.Time{}) },
	} {
		if _, err := got(); err != want {
			t.Errorf("got %s, want %s", err, want)
		}
	}
	who := func(tk *tokens, secret string) string {
		p, ok := tk.Who(ctx, secret)
		return fmt.Sprint(p.Name, " ", p.Role, " ", ok)
	}
	if got := who(h.tokens, good); got != "token grafana viewer true" {
		t.Error(got)
	}
	for _, bad := range []string{over, "", "nfhq_guess"} {
		if got := who(h.tokens, bad); got != "  false" {
			t.Errorf("%q opens: %s", bad, got)
		}
	}
	other := newTokens(h.db, h.db) // another program on the same database
	list, err := other.List(ctx)
	if err != nil || len(list) != 2 || who(other, good) != "token grafana viewer true" {
		t.Errorf("%v %v", list, err)
	}
	if err := h.tokens.Remove(ctx, "grafana", "root"); err != nil || who(h.tokens, good) != "  false" {
		t.Errorf("removed, and %s, %v", who(h.tokens, good), err)
	}
	if err := h.tokens.Remove(ctx, "grafana", "root"); err == nil || err.Error() != `there is no token "grafana": see: nightfill-hq token list` {
		t.Errorf("%v", err)
	}
	notes, err := h.db.Notes(ctx, tokenKind)
	if err != nil || strings.Contains(fmt.Sprint(notes), over) {
		t.Errorf("the database holds a secret: %v", err)
	}
	if again, why := add("grafana", site.UserAdmin, time.Time{}); again == good || why != "" {
		t.Errorf("a name that is free again: %s", why)
	}
}

// retained is a broker: what it keeps, by topic.
type retained map[string]string

func (r retained) Announce(_ context.Context, topic string, payload []byte) error {
	if payload == nil {
		delete(r, topic)
		return nil
	}
	r[topic] = string(payload)
	return nil
}

func TestHomeAssistant(t *testing.T) {
	h := open(t, nil)
	stores := map[string]board.Info{"0142": {Store: "0142", Name: "East"}, "a.b": {Store: "a.b"}}
	shown := retained{}
	a := newAnnouncer(h)
	a.on, a.post, a.stores = true, shown, func() map[string]board.Info { return stores }
	look := func() string {
		t.Helper()
		if err := a.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		var topics []string
		for topic := range shown {
			topics = append(topics, topic)
		}
		slices.Sort(topics)
		return strings.Join(topics, " ")
	}
	const both = "homeassistant/device/nightfill_acme_0142/config homeassistant/device/nightfill_acme_a-b/config"
	if got := look(); got != both {
		t.Errorf("announced %s", got)
	}
	var v struct {
		Device     struct{ Name string }
		Components map[string]map[string]string
	}
	if err := json.Unmarshal([]byte(shown["homeassistant/device/nightfill_acme_0142/config"]), &v); err != nil || v.Device.Name != "Store 0142 East" ||
		v.Components["ready"]["device_class"] != "problem" || v.Components["outbox"]["state_topic"] != "nightfill/v1/acme/s/0142/num" {
		t.Errorf("%+v %v", v, err)
	}
	clear(shown) // the broker lost nothing: it is not said again
	if got := look(); got != "" {
		t.Errorf("said again: %s", got)
	}
	stores["0142"] = board.Info{Store: "0142", Name: "West"}
	if got := look(); got != "homeassistant/device/nightfill_acme_0142/config" {
		t.Errorf("after a change: %s", got)
	}
	shown[strings.Fields(both)[1]] = "x"
	delete(stores, "a.b")
	if got := look(); got != "homeassistant/device/nightfill_acme_0142/config" {
		t.Errorf("after a store was closed: %s", got)
	}
	a.on = false
	if got := look(); got != "" {
		t.Errorf("switched off: %s", got)
	}
}

// tell stores events of a store, as if they had come over MQTT.
func tell(t *testing.T, h *HQ, seq uint64, events ...run.Event) {
	t.Helper()
	var batch []feed.Message
	for i, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		night := ""
		if !e.Night.IsZero() {
			night = e.Night.String()
		}
		batch = append(batch, feed.Message{Store: "0142", Received: time.Now(), Event: &feed.Event{
			Stream: "A", Seq: seq + uint64(i), Data: data, At: e.At, Kind: string(e.Kind), Device: e.Device, Patch: e.Patch, Night: night,
		}})
	}
	if _, err := h.db.Take(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func TestNight(t *testing.T) {
	h := open(t, nil)
	date := window.Date{Year: 2026, Month: 11, Day: 21}
	at := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	event := func(kind run.Kind, minute int, step run.Step, to site.State, outcome run.Outcome) run.Event {
		return run.Event{Kind: kind, At: at.Add(time.Duration(minute) * time.Minute), Night: date, Device: "till-1", Patch: "p-1", Step: step, Attempt: 1, To: to, Outcome: outcome}
	}
	tell(t, h, 10, run.Event{Kind: run.NightOpened, At: at, Night: date, Plan: &plan.Plan{
		Night: date, Opens: at, Cutoff: at.Add(5 * time.Hour), Closes: at.Add(6 * time.Hour), Patches: []site.Patch{{ID: "p-1", Title: "One"}},
		Lanes: []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "p-1"}}}},
	}}, event(run.StepStarted, 1, run.Install, site.Installing, ""), event(run.StepEnded, 9, run.Install, site.Verifying, run.OK))
	draw := func() string {
		t.Helper()
		svg, err := h.picture(t.Context(), "0142", "2026-11-21")
		if err != nil {
			t.Fatal(err)
		}
		return string(svg)
	}
	if svg := draw(); !strings.HasPrefix(svg, "<svg") || !strings.Contains(svg, "till-1") || strings.Contains(svg, "lacks") {
		t.Errorf("%.400s", svg)
	}
	tell(t, h, 16, event(run.StepEnded, 12, run.Verify, site.Done, run.OK), run.Event{Kind: run.NightClosed, At: at.Add(time.Hour), Night: date, Text: "1 done"})
	tell(t, h, 18, run.Event{Kind: run.NightOpened, At: at.Add(24 * time.Hour), Night: window.Date{Year: 2026, Month: 11, Day: 22}})
	if svg := draw(); !strings.Contains(svg, "Headquarters lacks 3 events of this night: the picture is not whole.") {
		t.Errorf("it does not say what is missing: %.900s", svg)
	}
	if list, err := h.shift(t.Context(), "0142", "2026-11-21"); err != nil || len(list) != 1 || list[0].Device != "till-1" || list[0].State != site.Done || !list[0].Planned() || list[0].Next() != "" {
		t.Errorf("by device: %+v %v", list, err)
	}
	if list, err := h.shift(t.Context(), "0142", "2026-11-20"); list != nil || err != nil {
		t.Errorf("a night that was not, by device: %+v %v", list, err)
	}
	if svg, err := h.picture(t.Context(), "0142", "2026-11-20"); svg != nil || err != nil {
		t.Errorf("a night that was not: %s %v", svg, err)
	}
	if _, err := h.picture(t.Context(), "0142", "yesterday"); err == nil {
		t.Error("a date that is none")
	}
}

func TestItemsAndTiers(t *testing.T) {
	c := hqfile.Lab()
	c.Webhooks = []hqfile.Webhook{{Name: "pager", URL: "http://h"}}
	c.SMTP = &hqfile.SMTP{Host: "m:25", Security: hqfile.MailPlain, From: "a@b"}
	c.Escalation = []hqfile.Tier{{Webhooks: []string{"pager"}, Mail: []string{"x@y", "z@y"}, Urgent: true}, {After: time.Hour, Mail: []string{"x@y"}, Repeat: time.Hour}}
	var got []string
	for _, tier := range tiers(c) {
		got = append(got, fmt.Sprint(tier.To, " ", tier.After, " ", tier.Urgent, " ", tier.Repeat))
	}
	if want := "webhook pager 0s true 0s; mail x@y, z@y 0s true 0s; mail x@y 1h0m0s false 1h0m0s"; strings.Join(got, "; ") != want {
		t.Errorf("%s", strings.Join(got, "; "))
	}
	h := busy(t)
	h.Config.Escalation = []hqfile.Tier{{After: time.Hour, Urgent: true}, {After: 2 * time.Hour, For: []string{"rolled_back"}}, {After: 3 * time.Hour}, {After: 3 * time.Hour}}
	now := h.nextTiers(overview.Item{Kind: overview.KindNotReady, Urgency: overview.Now})
	today := h.nextTiers(overview.Item{Kind: overview.KindRolledBack, Urgency: overview.Today})
	if fmt.Sprint(now, today) != "[1h0m0s 3h0m0s] [2h0m0s 3h0m0s]" {
		t.Errorf("tiers %v and %v", now, today)
	}
	v, err := h.look(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	list := items(v.Items)
	if i := slices.IndexFunc(list, func(i escalate.Item) bool { return i.Patch == "p-000" }); i < 0 || list[i].Urgent || list[i].Store != "0142" || list[i].Taken || list[i].Group != "rolled_back/p-000/no reason was told" {
		t.Errorf("%d items, and p-000 at %d", len(list), i)
	}
}

func TestStoresFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stores.csv")
	h := open(t, nil)
	read := func(text string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h.readStores(path)
		var ids []string
		h.fleet.View(func(b *board.Board) {
			for _, s := range b.Sorted() {
				if s.Expected != nil {
					ids = append(ids, s.ID+" "+s.Expected.Region)
				}
			}
		})
		return strings.Join(ids, ", ")
	}
	if got := read("id,region\n1,North\n2,South\n"); got != "1 North, 2 South" {
		t.Error(got)
	}
	if got := read("id\n2\n3\n"); got != "2 , 3 " {
		t.Error(got)
	}
	var packed strings.Builder
	order := fleet.EvidenceOrder{From: window.Date{Year: 2026, Month: 11, Day: 21}, To: window.Date{Year: 2026, Month: 11, Day: 21}, AsOf: time.Now(), Stores: []string{"3"}, By: "kim"}
	if err := h.packs().Pack(t.Context(), &packed, order); err != nil {
		t.Errorf("a pack of a store that is in the list by now: %v", err)
	}
	if got := read("id\n2\n2\n"); got != "2 , 3 " {
		t.Errorf("a list with a mistake was taken over: %s", got)
	}
}
