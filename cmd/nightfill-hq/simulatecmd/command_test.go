package simulatecmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/cmd/nightfill/demobroker"
	"github.com/nightfill/nightfill/cmd/nightfill/exit"
)

func TestWithoutABroker(t *testing.T) {
	cmd := Command()
	cmd.SetArgs(nil)
	err := cmd.ExecuteContext(t.Context())
	want := "cannot simulate without a broker: name it with --mqtt, for example --mqtt mqtt://127.0.0.1:1883"
	if err == nil || err.Error() != want || exit.Code(err) != exit.Usage {
		t.Errorf("%v, want %q with exit code 2", err, want)
	}
}

// TestUntilStored plays three stores to a headquarters that says what it stored, and ends by itself.
func TestUntilStored(t *testing.T) {
	broker, url, err := demobroker.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	headquarters(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	list := filepath.Join(t.TempDir(), "stores.csv")
	var out bytes.Buffer
	cmd := Command()
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--mqtt", url, "--org", "demo", "--stores", "3", "--devices", "4", "--nights", "1", "--exit", "--list", list})
	if err := cmd.ExecuteContext(ctx); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); !strings.HasPrefix(lines[len(lines)-1], "[3/3] stores have ended their nights; 3 connected; ") {
		t.Errorf("the last line is %q", lines[len(lines)-1])
	}
	text, err := os.ReadFile(list)
	if want := "id,name,region\n1001,Springfield 1,Midwest\n1002,Riverside 1,West\n1003,Franklin 1,South\n"; err != nil || string(text) != want {
		t.Errorf("the list is %q, %v", text, err)
	}
}

// TestNobodyReads ends every store before it returns when the progress cannot be written any more.
func TestNobodyReads(t *testing.T) {
	broker, url, err := demobroker.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := Command()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetOut(closed{})
	cmd.SetArgs([]string{"--mqtt", url, "--org", "demo", "--stores", "3", "--devices", "4", "--nights", "1"})
	if err := cmd.ExecuteContext(ctx); !errors.Is(err, io.ErrClosedPipe) || err.Error() != "cannot show the progress: io: read/write on closed pipe" {
		t.Errorf("%v", err)
	}
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; bytes.Contains(stacks, []byte("fleetsim.(*Fleet).Run")) {
		t.Error("the stores go on")
	}
}

// closed is an output that nobody reads.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// headquarters says of every event that it is stored.
func headquarters(t *testing.T, url string) {
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID("hq").SetOrderMatters(true))
	wait := func(token mqtt.Token) {
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal("no answer from the broker: ", token.Error())
		}
	}
	wait(client.Connect())
	t.Cleanup(func() { client.Disconnect(100) })
	wait(client.Subscribe("nightfill/v1/demo/s/+/evt", 1, func(c mqtt.Client, m mqtt.Message) {
		var e struct {
			Stream string `json:"stream"`
			Seq    uint64 `json:"seq"`
		}
		if json.Unmarshal(m.Payload(), &e) != nil {
			t.Errorf("not JSON: %.80s", m.Payload())
			return
		}
		seen, _ := json.Marshal(e)
		c.Publish("nightfill/v1/demo/hq/seen/"+strings.Split(m.Topic(), "/")[4], 1, true, seen)
	}))
}
