package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
)

const root = "nightfill/v1/acme/s/"

// said is a message that a store sent just now.
func said(store, leaf, payload string) Arrival {
	return Arrival{Topic: root + store + "/" + leaf, Payload: []byte(payload), At: time.Date(2026, 11, 22, 3, 20, 0, 0, time.UTC)}
}

func TestForeignEventsAreStoredAndShown(t *testing.T) {
	payload := `{"specversion":"1.0","id":"01JD3Q/9183","source":"/org/acme/store/0423","type":"nightfill.device.rolled_back.v1","subject":"pos-03",
 "time":"2026-11-22T03:19:40.121Z","datacontenttype":"application/json","stream":"01JD3Q","seq":9183,"historical":true,"unheard":[1],
 "data":{"patch":"2026.11.1","from":"verifying","to":"rolled_back","reason":"CARD-3","actor":"nightfilld","run":"2026-11-21","attempt":"two"}}`
	m, err := Read(root, said("0423", "evt", payload))
	if err != nil {
		t.Fatal(err)
	}
	e := m.Event
	if m.Store != "0423" || e.Stream != "01JD3Q" || e.Seq != 9183 || e.Kind != string(run.PatchSettled) || e.Device != "pos-03" || e.Patch != "2026.11.1" || e.Night != "2026-11-21" || e.At.UnixMilli() != 1795317580121 {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(string(e.Data), `"attempt":"two"`) {
		t.Errorf("the data is not as the store wrote it: %s", e.Data)
	}
	b := board.NewBoard("acme")
	for _, f := range m.Facts {
		b.Apply(m.Store, f, m.Received)
	}
	j := b.Stores["0423"].Devices["pos-03"].Find("2026.11.1")
	if j.State != site.RolledBack || j.Code != "CARD-3" || j.RolledBack != board.At(e.At) {
		t.Errorf("%+v", j)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		leaf, payload, want string
	}{
		{"evt", `{`, "unexpected end of JSON input"},
		{"evt", `{"seq":1}`, "it has no stream and seq"},
		{"evt", `{"stream":"A"}`, "it has no stream and seq"},
		{"evt", `{"stream":"A","seq":-1}`, "json: cannot unmarshal number -1 into Go struct field envelope.seq of type uint64"},
		{"evt", `{"stream":"A","seq":274877906944}`, "its number 274877906944 is larger than an event's can be"},
		{"state", `[]`, "json: cannot unmarshal array into Go value of type wire.stateTold"},
		{"state", `{"online":1}`, "it names no state"},
		{"night", `{"rev":1}`, "it names no night"},
		{"ready", `{"verdict":7,"rev":1}`, "it is not what ready should be"},
		{"info", `{"rev":274877906944}`, "its rev 274877906944 is larger than any event's number"},
		{"num", `{"ready":1}`, ErrOther.Error()},
		{"d/", `{}`, ErrOther.Error()},
		{"night", ``, ErrOther.Error()},
		{"hint", `{}`, ErrOther.Error()},
		{"", `{}`, ErrOther.Error()},
		{"d/till-1", `{"device":"till-1","unheard":{}}`, ""},
		{"info", `{"stream":7}`, "it is not what info should be"},
		{"state", `{"state":"online","bd":"x","v":7}`, ""},
		{"evt", `{"stream":"A","seq":1,"data":7}`, ""},
		{"evt", `{"stream":"A","seq":1}`, ""},
	} {
		_, err := Read(root, said("1", c.leaf, c.payload))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.leaf, c.payload, got, c.want)
		}
	}
	if _, err := Read(root, Arrival{Topic: "nightfill/v1/other/s/1/evt", Payload: []byte(`{"stream":"A","seq":1}`)}); err != ErrOther {
		t.Errorf("another organisation: %v", err)
	}
	retained := said("1", "evt", `{"stream":"A","seq":1}`)
	retained.Retained = true
	if _, err := Read(root, retained); err != ErrOther {
		t.Errorf("a retained event: %v", err)
	}
}

// TestAReasonMayBeBare reads what ux.md 3.3 shows: the reason of a device is a code, in an event and in a snapshot.
func TestAReasonMayBeBare(t *testing.T) {
	for payload, want := range map[string]*site.Reason{
		`{"schema":"device/1","state":"rolled_back","reason":"CARD-3","installed_version":"1","update_percentage":null,"attempt":2}`: {Code: "CARD-3", Text: "CARD-3"},
		`{"state":"rolled_back","reason":{"code":"install_failed","text":"It broke."},"installed_version":"1"}`:                      {Code: "install_failed", Text: "It broke."},
		`{"state":"rolled_back","reason":null,"installed_version":"1"}`:                                                              nil,
		`{"state":"rolled_back","reason":"","installed_version":"1"}`:                                                                nil,
	} {
		m, err := Read(root, said("1", "d/pos-03", payload))
		if err != nil {
			t.Errorf("%s: %v", payload, err)
			continue
		}
		b := board.NewBoard("acme")
		if !b.Apply("1", m.Facts[0], m.Received) {
			t.Errorf("%s: the board does not take it", payload)
		}
		if now := b.Stores["1"].Devices["pos-03"].Now; now.State != site.RolledBack || now.InstalledVersion != "1" || !reflect.DeepEqual(now.Reason, want) {
			t.Errorf("%s: %+v, reason %+v", payload, now, now.Reason)
		}
	}
	if _, err := Read(root, said("1", "d/pos-03", `{"state":7,"reason":"CARD-3"}`)); err == nil || err.Error() != "it is not what device should be" {
		t.Errorf("a state that is a number: %v", err)
	}
}

// TestScan compares the quick reading of envelopes with that of encoding/json.
func TestScan(t *testing.T) {
	const told = `{"specversion":"1.0","id":"A/7","source":"/org/acme/store/0142","type":"nightfill.verdict_changed.v1","time":"2026-11-22T03:19:40.121Z",` +
		`"datacontenttype":"application/json","stream":"A","seq":7,"prevhash":"06","hash":"07","data":{"kind":"verdict_changed","text":"a \"b\" c"}}`
	quick := 0
	for _, text := range []string{
		told, `{"stream":"A","seq":1}`, ` { "stream" : "A" , "seq" : 18 , "data" : { "a" : [ "}" , "\"]" ] } } `,
		`{"data":"x\\","seq":3}`, `{"data":null,"hash":"h","prevhash":"p","more":[[],{}],"x":-1.5e3,"y":true}`, `{"data":[1,2],"time":"2026-11-22T03:19:40.121Z"}`,
		`{}`, `{"type":"Ü"}`, `{"type":"\u0041"}`, `{"seq":1.5}`, `{"seq":"1"}`, `{"seq":1`, `{"seq":1}x`, `{"seq":1,}`, `[]`, ``, `{"a"}`, `{"stream":7}`, `{"data":}`, `{"data":{}`,
		`{"seq":1 "stream":"A"}`, `{"data":"x`, `{"time":"yesterday"}`, "{\"type\":\"a\x01\"}", "{\"type\":\"\xff\"}", `{"seq":1]`, `{"data":1}`, `{"data":1,"seq":2}`,
	} {
		var got, want envelope
		err := json.Unmarshal([]byte(text), &want)
		if !scan([]byte(text), &got) {
			continue
		}
		quick++
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, want %+v, %v", text, got, want, err)
		}
	}
	if quick < 9 {
		t.Errorf("only %d were read quickly", quick)
	}
}
