package uplink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// shortener is a value that can be told in fewer words. What is too large for a broker would otherwise stay
// unsaid, and the word before it would stay on the board.
type shortener interface{ Short() any }

// errTooLong is why a message is not posted as it is.
var errTooLong = fmt.Errorf("more than the %d that brokers take", maxPayload)

// post is one retained message. An empty payload clears the topic at the broker.
type post struct {
	topic   string // below the store's root
	payload []byte
	body    []byte // the payload without its rev: what a change is judged by
}

// board knows what hangs on the retained topics of the store.
type board struct {
	shown map[string][]byte // topic -> body, acknowledged on this connection
	hung  map[string]bool   // d/ and alert/ topics that may hold something at the broker, from this run or an earlier one
}

// newBoard returns a board on which nothing is known to hang.
func newBoard() *board {
	return &board{shown: map[string][]byte{}, hung: map[string]bool{}}
}

// forget makes every snapshot due again. What may hang at the broker stays known.
func (b *board) forget() { clear(b.shown) }

// found notes that the broker holds something under one of the store's own topics.
// It reports whether the board did not know that.
func (b *board) found(topic string) bool {
	if !strings.HasPrefix(topic, "d/") && !strings.HasPrefix(topic, "alert/") || b.hung[topic] {
		return false
	}
	b.hung[topic] = true
	return true
}

// confirm notes that the broker acknowledged a post.
func (b *board) confirm(p post) {
	if len(p.payload) == 0 {
		delete(b.shown, p.topic)
		delete(b.hung, p.topic)
		return
	}
	b.shown[p.topic] = p.body
}

// due returns what must be posted so that the broker shows the snapshot, in the
// order of contract.md, and what of the snapshot cannot be posted.
func (b *board) due(s Snapshot) ([]post, error) {
	var posts []post
	var problems []error
	add := func(topic string, value any, flat bool) {
		p, err := render(topic, value, s.Rev, flat)
		if long, can := value.(shortener); can && errors.Is(err, errTooLong) {
			p, err = render(topic, long.Short(), s.Rev, flat)
		}
		if err != nil {
			problems = append(problems, err)
		}
		if p.payload == nil || bytes.Equal(b.shown[topic], p.body) {
			return
		}
		posts = append(posts, p)
	}
	add("info", s.Info, false)
	add("ready", s.Ready, false)
	add("night", s.Night, false)
	add("num", s.Num, true)
	wanted := map[string]bool{}
	for _, family := range []struct {
		prefix string
		values map[string]any
	}{{"d/", s.Devices}, {"alert/", s.Alerts}} {
		for _, name := range slices.Sorted(maps.Keys(family.values)) {
			if !level(name) {
				problems = append(problems, fmt.Errorf("cannot post %s%q: it must not be empty nor contain / + #", family.prefix, name))
				continue
			}
			topic := family.prefix + name
			wanted[topic] = true
			add(topic, family.values[name], false)
		}
	}
	for _, p := range posts {
		b.found(p.topic) // from now on it may hang there, acknowledged or not
	}
	for _, topic := range slices.Sorted(maps.Keys(b.hung)) {
		if !wanted[topic] {
			posts = append(posts, post{topic: topic})
		}
	}
	return posts, errors.Join(problems...)
}

// render makes the message of one topic. A value that is nil gives an empty post
// and no error.
func render(topic string, value any, rev uint64, flat bool) (post, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return post{}, fmt.Errorf("cannot write %s as JSON: %v", topic, err)
	}
	if string(raw) == "null" {
		return post{}, nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		if flat {
			return post{}, fmt.Errorf("cannot post %s: it must be an object of numbers", topic)
		}
		return sized(post{topic: topic, payload: raw, body: raw})
	}
	var odd error
	if flat {
		raw, odd = numbers(topic, raw, fields)
	}
	payload := raw
	if _, has := fields["rev"]; !has {
		payload = withRev(raw, rev, len(fields) > 0)
	}
	delete(fields, "rev")
	body, err := json.Marshal(fields)
	if err != nil {
		return post{}, fmt.Errorf("cannot write %s as JSON: %v", topic, err)
	}
	p, err := sized(post{topic: topic, payload: payload, body: body})
	return p, errors.Join(odd, err)
}

// numbers drops every field that is not a number, from fields too: a gauge must
// never meet a text.
func numbers(topic string, raw []byte, fields map[string]json.RawMessage) ([]byte, error) {
	var odd []string
	for name, value := range fields {
		if c := value[0]; c != '-' && (c < '0' || c > '9') {
			odd = append(odd, name)
			delete(fields, name)
		}
	}
	if odd == nil {
		return raw, nil
	}
	slices.Sort(odd)
	kept, err := json.Marshal(fields)
	return kept, errors.Join(err, fmt.Errorf("cannot post %s in %s: only numbers belong there", strings.Join(odd, ", "), topic))
}

// withRev returns the JSON object raw with a rev at its end.
func withRev(raw []byte, rev uint64, comma bool) []byte {
	out := append([]byte{}, raw[:len(raw)-1]...)
	if comma {
		out = append(out, ',')
	}
	out = append(out, `"rev":`...)
	out = strconv.AppendUint(out, rev, 10)
	return append(out, '}')
}

// sized refuses a message that a broker might refuse by closing the connection.
func sized(p post) (post, error) {
	if len(p.payload) > maxPayload {
		return post{}, fmt.Errorf("cannot post %s: %d bytes are %w", p.topic, len(p.payload), errTooLong)
	}
	return p, nil
}
