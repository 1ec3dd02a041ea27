package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/cmd/nightfill-hq/commandline"
	"github.com/nightfill/nightfill/cmd/nightfill/demobroker"
	"github.com/nightfill/nightfill/daemon/fleetsim"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

// asProgram has the test binary be nightfill-hq.
const asProgram = "NIGHTFILL_HQ_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	_ = os.Setenv("NIGHTFILL_KEY_PASSWORD", "") // the keys of tests have none
	os.Exit(m.Run())
}

const patience = 40 * time.Second // for what must come

// headquarters is a process of nightfill-hq.
type headquarters struct {
	*testing.T
	cmd   *exec.Cmd
	url   string
	claim string
	ended chan error

	mu  sync.Mutex
	log bytes.Buffer
}

// start starts nightfill-hq and waits until it listens.
func start(t *testing.T, args ...string) *headquarters {
	t.Helper()
	h := &headquarters{T: t, ended: make(chan error, 1)}
	h.cmd = exec.Command(os.Args[0], append([]string{"--listen", "127.0.0.1:0", "--metrics", "off", "--log-format", "json"}, args...)...)
	h.cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := h.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	runs := make(chan bool, 1)
	go func() { h.read(out, runs); h.ended <- h.cmd.Wait() }()
	t.Cleanup(func() {
		_ = h.cmd.Process.Kill()
		if t.Failed() {
			h.mu.Lock()
			t.Logf("the log of headquarters:\n%s", h.log.String())
			h.mu.Unlock()
		}
	})
	select {
	case <-runs:
	case err := <-h.ended:
		t.Fatalf("headquarters ended at once: %v\n%s", err, h.log.String())
	case <-time.After(patience):
		t.Fatal("headquarters does not run")
	}
	return h
}

// read keeps the log and finds in it what the test needs.
func (h *headquarters) read(out io.Reader, runs chan<- bool) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		h.mu.Lock()
		h.log.Write(append(lines.Bytes(), '\n'))
		h.mu.Unlock()
		var line struct{ Msg, Page, Address, ClaimCode string }
		text := strings.Replace(lines.Text(), `"claim_code"`, `"ClaimCode"`, 1)
		if json.Unmarshal([]byte(text), &line) != nil {
			continue
		}
		switch {
		case line.Msg == "listening" && line.Page == "listen":
			h.url = "http://" + line.Address
		case line.ClaimCode != "":
			h.claim = line.ClaimCode
		case line.Msg == "nightfill-hq runs":
			runs <- true
		}
	}
}

// stop ends it as systemd does, and wants it to end well within ten seconds.
func (h *headquarters) stop() {
	h.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		h.Fatal(err)
	}
	select {
	case err := <-h.ended:
		if err != nil {
			h.Errorf("headquarters ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		h.Error("headquarters does not end within 10 s")
	}
}

// kill ends it as a power cut does.
func (h *headquarters) kill() {
	h.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		h.Fatal(err)
	}
	<-h.ended
}

// get reads a page into v, or as text.
func (h *headquarters) get(path string, v any) (int, string) {
	h.Helper()
	r, err := http.Get(h.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.Fatal(err)
	}
	if v != nil && json.Unmarshal(body, v) != nil {
		h.Fatalf("%s is no JSON: %.200s", path, body)
	}
	return r.StatusCode, string(body)
}

// listen follows the topics of headquarters.
func listen(t *testing.T, broker string) func(topic string) string {
	t.Helper()
	var mu sync.Mutex
	heard := map[string]string{}
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID("listener").SetOrderMatters(true))
	if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	t.Cleanup(func() { c.Disconnect(100) })
	token := c.Subscribe("nightfill/v1/demo/hq/#", 1, func(_ mqtt.Client, m mqtt.Message) {
		mu.Lock()
		defer mu.Unlock()
		heard[m.Topic()] = string(m.Payload())
	})
	if !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	return func(topic string) string {
		mu.Lock()
		defer mu.Unlock()
		return heard["nightfill/v1/demo/hq/"+topic]
	}
}

// stores begins a fleet of simulated stores, which report over the real uplink.
func stores(t *testing.T, broker string, count int) *fleetsim.Fleet {
	t.Helper()
	f, err := fleetsim.New(fleetsim.Options{Org: "demo", Stores: count, Devices: 6, Nights: 2, Seed: 5, Now: time.Now(), Run: "test", Broker: broker, Rate: 400})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return f
}

// TestKillAndStartAgain kills headquarters while stores report: nothing is lost, nothing is doubled, and the
// night of a store is drawn as the store had it.
func TestKillAndStartAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds; make hq-test runs it")
	}
	broker, address, err := demobroker.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	said := listen(t, address)
	path := filepath.Join(t.TempDir(), "hq.db")
	args := []string{"--mqtt", address, "--org", "demo", "--db", "sqlite:" + path, "--login", "off"}
	h := start(t, args...)
	fleet := stores(t, address, 3)
	for range 3 {
		before := fleet.Progress().Stored
		until(t, "more is stored", func() bool {
			p := fleet.Progress()
			return p.Stored > before+50 || p.Stored == p.Events && p.Played == p.Stores
		})
		h.kill()
		h = start(t, args...)
	}
	until(t, "all is stored", func() bool {
		p := fleet.Progress()
		return p.Played == p.Stores && p.Stored == p.Events
	})
	until(t, "the stores are told", func() bool {
		return strings.Contains(said("seen/1001"), `"seq":`) && strings.Contains(said("state"), `"online":true`)
	})
	var list struct {
		Stores []struct{ ID, Night string }
	}
	if status, text := h.get("/api/v1/stores", &list); status != http.StatusOK || len(list.Stores) != 3 || list.Stores[0].Night == "" {
		t.Fatalf("%d %.600s", status, text)
	}
	var store struct{ Nights []board.Night } // the night of the list may be one that has not opened yet
	if status, text := h.get("/api/v1/stores/"+list.Stores[0].ID, &store); status != http.StatusOK || len(store.Nights) == 0 {
		t.Fatalf("%d %.600s", status, text)
	}
	picture := "/stores/" + list.Stores[0].ID + "/nights/" + store.Nights[0].Night.String() + "/picture.svg"
	if status, text := h.get(picture, nil); status != http.StatusOK || !strings.HasPrefix(text, "<svg") || !strings.Contains(text, "dev") && !strings.Contains(text, "till") || strings.Contains(text, "lacks") {
		t.Errorf("%s: %d %.300s", picture, status, text)
	}
	ask := commands(t, filepath.Dir(path))
	if got := ask("", "store", "forget", "1003"); !strings.HasPrefix(got, "Store 1003 is off the board, by ") {
		t.Error(got)
	}
	for want, args := range map[string][]string{
		"Store 1001 is asked: refresh.\n":                                            {"store", "hint", "1001", "refresh"},
		`error: "dance" is no hint: write refresh or resend`:                         {"store", "hint", "1001", "dance"},
		`error: there is no store "9": look at its number on the page of the stores`: {"store", "forget", "9"},
	} {
		if got := ask("", args...); got != want {
			t.Errorf("%v: %s", args, got)
		}
	}
	h.stop()
	if state := said("state"); !strings.Contains(state, `"online":false`) {
		t.Errorf("headquarters is gone, and says %s", state)
	}
	whole(t, "sqlite:"+path, fleet.Progress().Events)
}

// whole wants every stream of a database without a hole and without a repeat, and so many events in all.
func whole(t *testing.T, address string, want uint64) {
	t.Helper()
	db, err := database.Open(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	last, total := map[string]uint64{}, uint64(0)
	err = db.EachEvent(t.Context(), board.Query{}, func(e board.Event) error {
		if e.Seq != last[e.Store+e.Stream]+1 {
			t.Errorf("store %s: event %d follows %d", e.Store, e.Seq, last[e.Store+e.Stream])
		}
		last[e.Store+e.Stream] = e.Seq
		total++
		return nil
	})
	if err != nil || total != want {
		t.Errorf("%d events, want %d, %v", total, want, err)
	}
}

// TestLogin claims a fresh headquarters, makes accounts and tokens with its commands, and asks as each.
func TestLogin(t *testing.T) {
	broker, address, err := demobroker.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	dir := t.TempDir()
	h := start(t, "--mqtt", address, "--org", "demo", "--db", "sqlite:"+filepath.Join(dir, "hq.db"))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	post := func(path string, form url.Values) (int, string) {
		t.Helper()
		r, err := client.PostForm(h.url+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(body)
	}
	if status, text := h.get("/api/v1/summary", nil); status != http.StatusUnauthorized || !strings.Contains(text, "not_logged_in") {
		t.Errorf("nobody is let in: %d %s", status, text)
	}
	if status, text := post("/claim", url.Values{"claim": {h.claim}, "name": {"kim"}, "password": {"three odd words"}, "again": {"three odd words"}}); status != http.StatusOK {
		t.Fatalf("claim %q: %d %s", h.claim, status, text)
	}
	if status, text := post("/login", url.Values{"name": {"kim"}, "password": {"three odd words"}, "to": {"/api/v1/summary"}}); status != http.StatusOK || !strings.Contains(text, `"sentence"`) {
		t.Fatalf("login: %d %.300s", status, text)
	}
	nightfillHQ := commands(t, dir)
	if got := nightfillHQ("four other odd words\n", "user", "add", "lee", "--role", "manager", "--password-stdin"); got != "lee may log in at headquarters with the role manager.\n" {
		t.Error(got)
	}
	if got := nightfillHQ("", "user", "list"); !strings.Contains(got, "kim") || !strings.Contains(got, "manager") {
		t.Error(got)
	}
	if got := nightfillHQ("", "user", "role", "lee", "tech"); got != `error: "tech" is not a role: write one of viewer, manager, admin` {
		t.Error(got)
	}
	var made struct{ Secret, Role string }
	if err := json.Unmarshal([]byte(nightfillHQ("", "token", "add", "grafana", "--role", "viewer", "--json")), &made); err != nil || !strings.HasPrefix(made.Secret, "nfhq_") {
		t.Fatalf("%+v %v", made, err)
	}
	asked := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/api/v1/audit", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+made.Secret)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"claimed", "account lee was made with the role manager", "token.add"} {
			if a.StatusCode == http.StatusOK && !strings.Contains(string(body), word) {
				t.Errorf("the audit log lacks %q: %s", word, body)
			}
		}
		return a.StatusCode
	}
	if status := asked(); status != http.StatusOK {
		t.Errorf("a token gets %d", status)
	}
	if got := nightfillHQ("", "token", "remove", "grafana"); !strings.HasPrefix(got, "The token grafana is removed, by ") {
		t.Error(got)
	}
	if status := asked(); status != http.StatusUnauthorized {
		t.Errorf("a token that is removed gets %d", status)
	}
	h.stop()
	if got := nightfillHQ("", "user", "list"); !strings.HasPrefix(got, "error: cannot reach nightfill-hq at ") {
		t.Error(got)
	}
}

// commands runs commands of nightfill-hq that ask the running one in a folder, and returns what they say.
func commands(t *testing.T, dir string) func(input string, args ...string) string {
	return func(input string, args ...string) string {
		t.Helper()
		cmd := commandline.Command("dev", "")
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetIn(strings.NewReader(input))
		cmd.SetArgs(append(args, "--state", dir))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			return out.String() + "error: " + err.Error()
		}
		return out.String()
	}
}
