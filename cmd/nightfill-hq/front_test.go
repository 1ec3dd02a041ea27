package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/cmd/nightfill/demobroker"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

// front tells what stores tell, in the words of a test.
type front struct {
	*testing.T
	client mqtt.Client
	sent   []mqtt.Token // what the broker may not have yet

	mu    sync.Mutex
	seq   map[string]uint64
	hints map[string]int // by store and verb, as the stores would have heard them
}

// newFront connects to a broker as many stores at once.
func newFront(t *testing.T, broker string) *front {
	t.Helper()
	f := &front{T: t, seq: map[string]uint64{}, hints: map[string]int{}}
	f.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID("front"))
	f.settle(f.client.Connect())
	t.Cleanup(func() { f.client.Disconnect(100) })
	f.settle(f.client.Subscribe("nightfill/v1/demo/s/+/hint", 1, func(_ mqtt.Client, m mqtt.Message) {
		var told struct{ Verb string }
		_ = json.Unmarshal(m.Payload(), &told)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hints[strings.Split(m.Topic(), "/")[4]+" "+told.Verb]++
	}))
	return f
}

func (f *front) settle(token mqtt.Token) {
	f.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		f.Fatalf("the broker does not answer: %v", token.Error())
	}
}

// tell posts what a store keeps at the broker.
func (f *front) tell(store, leaf string, v any) {
	f.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		f.Fatal(err)
	}
	f.sent = append(f.sent, f.client.Publish("nightfill/v1/demo/s/"+store+"/"+leaf, 1, true, body))
}

// flush waits until the broker has everything.
func (f *front) flush() {
	f.Helper()
	for _, token := range f.sent {
		f.settle(token)
	}
	f.sent = nil
}

// opens makes a store known, in contact and with an answer for the manager.
func (f *front) opens(store, verdict string, since time.Time, fix ...map[string]any) {
	f.Helper()
	f.tell(store, "info", map[string]any{"store": store, "org": "demo", "name": "Shop " + store, "ring": "fleet", "timezone": "UTC", "stream": "S" + store, "rev": 1})
	f.tell(store, "state", map[string]any{"state": "online", "bd": 1})
	f.tell(store, "ready", map[string]any{"verdict": verdict, "text": strings.ToUpper(verdict), "fix": fix, "as_of": since, "max_age_s": 36000, "rev": 1})
}

// events publishes what happened in a store, as its next records.
func (f *front) events(store string, events ...run.Event) {
	f.Helper()
	for _, e := range events {
		f.seq[store]++
		body, err := json.Marshal(map[string]any{
			"specversion": "1.0", "id": fmt.Sprintf("S%s/%d", store, f.seq[store]), "source": "/org/demo/store/" + store, "type": "nightfill." + string(e.Kind) + ".v1",
			"subject": e.Device, "time": e.At, "stream": "S" + store, "seq": f.seq[store], "prevhash": fmt.Sprintf("%064x", f.seq[store]-1), "hash": fmt.Sprintf("%064x", f.seq[store]), "data": e,
		})
		if err != nil {
			f.Fatal(err)
		}
		f.sent = append(f.sent, f.client.Publish("nightfill/v1/demo/s/"+store+"/evt", 1, false, body))
	}
}

// hinted is how many stores were asked for something, and how often at most one of them.
func (f *front) hinted(verb string) (stores, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, n := range f.hints {
		if strings.HasSuffix(key, " "+verb) {
			stores, most = stores+1, max(most, n)
		}
	}
	return stores, most
}

// broker starts a broker that lasts as long as the test.
func broker(t *testing.T) string {
	t.Helper()
	b, address, err := demobroker.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return address
}

// write puts a file that only its owner reads into a folder.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// file writes a headquarters file whose state is the folder, with more keys.
func file(t *testing.T, dir, broker, more string) (args []string) {
	t.Helper()
	return fileOf(t, dir, broker, "", more)
}

// fileOf is file with more about the broker.
func fileOf(t *testing.T, dir, broker, shared, more string) (args []string) {
	t.Helper()
	return []string{"--config", write(t, dir, "hq.yaml", fmt.Sprintf("version: 1\norg: demo\nmqtt: {url: %q%s}\nlisten: \"127.0.0.1:8444\"\nstate: .\n%s", broker, shared, more))}
}

// post sends a form and returns the answer, without going where it leads.
func (h *headquarters) post(path string, form url.Values) (int, string) {
	h.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := client.PostForm(h.url+path, form)
	if err != nil {
		h.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// hears waits until headquarters hears what stores say.
func (h *headquarters) hears() {
	h.Helper()
	until(h.T, "headquarters hears its broker", func() bool {
		var v struct{ Line struct{ Connected bool } }
		h.get("/api/v1/summary", &v)
		return v.Line.Connected
	})
}

// attention is what needs someone, by id.
func (h *headquarters) attention() map[string]string {
	h.Helper()
	var list struct{ Items []struct{ ID, Text string } }
	if status, text := h.get("/api/v1/attention?q=&group=&size=500", &list); status != http.StatusOK {
		h.Fatalf("%d %.300s", status, text)
	}
	items := map[string]string{}
	for _, i := range list.Items {
		items[i.ID] = i.Text
	}
	return items
}

// deeds are the lines of the audit log with a verb, as "subject outcome".
func deeds(t *testing.T, address, verb string) []string {
	t.Helper()
	db, err := database.Open(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := db.Deeds(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, d := range all {
		if d.Verb == verb {
			found = append(found, d.Subject+" "+string(d.Outcome))
		}
	}
	return found
}

// until asks again and again until something is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	within(t, patience, what, is)
}

// within is until with its own limit.
func within(t *testing.T, patience time.Duration, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("it does not come: %s", what)
		}
	}
}
