package uplink

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

func TestParseHint(t *testing.T) {
	for _, c := range []struct {
		text string
		want hint
		err  string
	}{
		{`{"verb":"refresh"}`, hint{Verb: "refresh"}, ""},
		{`{"verb":"resend","from":2,"to":9,"more":{}}`, hint{Verb: "resend", From: 2, To: 9}, ""},
		{`{"verb":"resend","from":9,"to":2}`, hint{}, "cannot resend from 9 to 2: the end is before the beginning"},
		{`{"verb":"` + strings.Repeat("x", 100) + `"}`, hint{}, `cannot follow hint "` + strings.Repeat("x", 40) + `": only refresh and resend are known`},
		{`{}`, hint{}, `cannot follow hint "": only refresh and resend are known`},
		{`refresh`, hint{}, "cannot read hint: invalid character 'r' looking for beginning of value"},
		{`{"verb":"refresh"}{}`, hint{}, "cannot read hint: invalid character '{' after top-level value"},
	} {
		got, err := parseHint([]byte(c.text))
		if got != c.want || text(err) != c.err {
			t.Errorf("%.60s: %+v, %v\nwant %+v, %s", c.text, got, err, c.want, c.err)
		}
	}
}

func TestHeadquartersStateIsReadInBothSpellings(t *testing.T) {
	for text, want := range map[string]bool{
		`{"online":true,"timestamp":1}`: true, `{"online":1}`: true, `{"online":false}`: false, `{"online":0}`: false,
		`{"online":"yes"}`: false, `{}`: false, `x`: false, ``: false,
	} {
		s := quiet()
		s.receive(message{topic: hq + "state", payload: []byte(text), size: len(text), retained: true})
		if s.up.seen.online != want {
			t.Errorf("%s: online is %v, want %v", text, !want, want)
		}
	}
}

// quiet is a session that received events up to 10 and has no link: nothing that
// comes from above may need one.
func quiet() *session {
	j := newMemory()
	j.grow(12)
	u := &Uplink{
		opt:  Options{Org: "acme", Store: "0142", Journal: j, Hint: func(string) {}},
		root: root, org: hq, stream: j.Stream(), log: slog.New(slog.DiscardHandler),
		box: outbox{acked: 10, sent: 11}, board: newBoard(), saved: map[string]uint64{},
	}
	return newSession(u, nil, false)
}

// TestIgnoredMessagesDoNotFillTheLog sends more than anybody reads.
func TestIgnoredMessagesDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := quiet()
		var log strings.Builder
		s.log = slog.New(slog.NewTextHandler(&log, nil))
		for range 1000 {
			s.receive(message{topic: root + "hint", payload: []byte("x"), size: 1})
		}
		if n := strings.Count(log.String(), "was ignored"); n != 10 {
			t.Errorf("%d of 1000 messages are in the log, want 10", n)
		}
		pass(10 * time.Second)
		s.receive(message{topic: hq + "seen/0142", payload: []byte(`{"stream":"01JD3Q"}`), size: 19})
		if want := `error="it names no seq" not_logged_before=990`; !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s but %s", want, log.String()[max(0, log.Len()-300):])
		}
	})
}

func TestAdvice(t *testing.T) {
	u := &Uplink{opt: Options{ClientID: "nightfill-acme-0142"}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{packets.ErrorRefusedNotAuthorised, "; look at mqtt.username and mqtt.password_file in the store file, and at whom the broker lets in"},
		{packets.ErrorRefusedIDRejected, "; let the broker take the client id nightfill-acme-0142"},
		{fmt.Errorf("%w : %w", packets.ErrorNetworkError, io.EOF), "; see in the log of the broker what it wants: TLS (mqtts:// in mqtt.url), or a certificate of the store (mqtt.cert)"},
		{fmt.Errorf("%w : %w", packets.ErrorNetworkError, os.ErrDeadlineExceeded), ""},
		{packets.ErrorRefusedServerUnavailable, ""},
	} {
		if got := u.advice(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// Whatever comes from above, it can repeat, look or move a cursor within what the
// journal holds, and nothing more.
func FuzzReceive(f *testing.F) {
	for _, topic := range []string{root + "hint", root + "state", root + "d/x", root + "alert/", root + "evt", hq + "state", hq + "seen/0142", hq + "seen/9", ""} {
		for _, payload := range []string{``, `{}`, `null`, `[]`, `{"verb":"refresh"}`, `{"verb":"resend","from":1,"to":18446744073709551615}`,
			`{"stream":"01JD3Q","seq":10}`, `{"stream":"01JD3Q","seq":13}`, `{"stream":"01JD3Q","seq":1e400}`, `{"online":true}`, `{"state":"lost"}`, "\xff\x00"} {
			f.Add(topic, []byte(payload), false)
			f.Add(topic, []byte(payload), true)
		}
	}
	f.Fuzz(func(t *testing.T, topic string, payload []byte, retained bool) {
		s := quiet()
		m := message{topic: topic, payload: payload, size: len(payload), retained: retained}
		if m.size > maxDown {
			m.payload = nil
		}
		for range 3 {
			s.receive(m)
		}
		if s.up.seen.lacking(time.Now(), s.up.box.acked); s.up.seen.stored > 12 || s.up.box.acked > 12 || s.up.box.sent > 12 {
			t.Fatalf("%q on %s moved a cursor beyond the journal: %+v, %+v", payload, topic, s.up.seen, s.up.box)
		}
		for _, r := range s.up.box.repeat {
			if r.from < 1 || r.to > s.up.box.acked || r.from > r.to {
				t.Fatalf("%q on %s asks for %v", payload, topic, r)
			}
		}
		if len(s.up.box.repeat) > 0 && (retained || topic != root+"hint") {
			t.Fatalf("%q on %s made the store repeat", payload, topic)
		}
	})
}
