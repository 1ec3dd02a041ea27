package uplink

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// willFor is how long the last will of a lost connection may still come: a broker waits one and a half keep-alives for it.
	willFor = 2 * keepAlive
	// aliveFor is how long whoever says "online" under an earlier id may be silent before that is an old word of this box.
	aliveFor = stateEvery + time.Minute
	// clearings is how often a topic is cleared in one connection before the broker is taken not to let the store do so.
	clearings = 3
)

// leaving is what is known of the topics under an earlier id of the store, while they are being cleared.
type leaving struct {
	id    string // with its organisation, like acme/0142
	root  string // topic prefix, with a slash at its end
	until time.Time

	found   map[string]bool // topics below root that hold something
	stream  string          // of the info there
	named   bool            // there is an info
	online  bool            // its state says so
	alive   bool            // somebody spoke there just now
	waited  bool            // nobody did for aliveFor
	cleared int             // how often
}

// leave begins to clear the topics under an earlier id.
func leave(id string) *leaving {
	org, store, _ := strings.Cut(id, "/")
	return &leaving{id: id, root: "nightfill/v1/" + org + "/s/" + store + "/"}
}

// topics are all that a store keeps something on.
func (v *leaving) topics() []string {
	out := []string{"state", "info", "ready", "night", "num", "d/+", "alert/+"}
	for i := range out {
		out[i] = v.root + out[i]
	}
	return out
}

// listen forgets what was found, and waits for what is still there.
func (v *leaving) listen(until time.Time) {
	v.until, v.found = until, map[string]bool{}
	v.stream, v.named, v.online, v.alive = "", false, false, false
}

// hear takes in a message under the earlier id.
func (v *leaving) hear(below string, m message) {
	if m.size == 0 {
		delete(v.found, below)
		return
	}
	v.found[below] = true
	lost := false
	switch below {
	case "info":
		v.named, v.stream = true, m.stream
	case "state":
		var told struct {
			State  string `json:"state"`
			Online any    `json:"online"`
		}
		_ = json.Unmarshal(m.payload, &told) // what is no state is none of a box that lives
		v.online, lost = told.Online == 1.0, told.State == "lost"
	}
	v.alive = v.alive || !m.retained && !lost
}

// verdict is what to do once it was listened for long enough.
type verdict int

const (
	gone      verdict = iota // nothing of this store is there
	another                  // another journal is at home there
	copied                   // another box is, with this store's journal
	nobody                   // nothing says whose it is
	wait                     // it may yet be another box: listen for longer
	stubborn                 // the broker keeps what was cleared
	clearable                // it is this store's
)

// judge decides from what was found. Only what this store's own journal put there may be cleared, and not while a
// box lives with it.
func (v *leaving) judge(stream string) verdict {
	remains := len(v.found) == 1 && v.found["state"] && !v.online && !v.alive // the last will comes after all else was cleared
	switch {
	case len(v.found) == 0:
		return gone
	case v.named && v.stream == "":
		return nobody
	case v.named && v.stream != stream:
		return another
	case v.alive:
		return copied
	case !v.named && !remains:
		return nobody
	case v.online && !v.waited:
		return wait
	case v.cleared == clearings:
		return stubborn
	}
	return clearable
}

// startLeaving listens to the next earlier id of the store, if there is one.
func (s *session) startLeaving(ctx context.Context) error {
	for s.leaving == nil && len(s.left) > 0 {
		v := leave(s.left[0])
		s.left = s.left[1:]
		refused, err := s.link.subscribe(ctx, s.up.opt.AckLimit, v.topics()...)
		if err != nil {
			return err
		}
		if len(refused) > 0 {
			s.log.Warn("the broker does not let the store look at what it posted under its old id: it stays there until the broker allows these topics, or somebody clears them", "old_id", v.id, "topics", refused)
			continue
		}
		v.listen(time.Now().Add(learnFor))
		s.leaving = v
	}
	return nil
}

// goOnLeaving does what is due about the earlier ids of the store.
func (s *session) goOnLeaving(ctx context.Context) error {
	v := s.leaving
	if v == nil || time.Now().Before(v.until) {
		return s.startLeaving(ctx)
	}
	switch v.judge(s.up.stream) {
	case wait:
		v.until, v.waited = time.Now().Add(aliveFor), true
		return nil
	case clearable:
		return s.clear(ctx, v)
	case gone:
		s.log.Info("nothing hangs under the old id of the store any more", "old_id", v.id, "cleared", v.cleared > 0)
		s.writeLeft(v)
	case another:
		s.log.Info("another box reports under the old id of the store: what hangs there is left alone", "old_id", v.id, "stream", v.stream)
		s.writeLeft(v)
	case copied:
		s.log.Error("a box reports under the old id of the store with a copy of this box's journal: stop one of them; nothing was cleared", "old_id", v.id, "stream", v.stream)
	case nobody:
		s.log.Warn("nothing tells whose it is what hangs under the old id of the store: somebody has to look and clear it", "old_id", v.id, "topics", slices.Sorted(maps.Keys(v.found)))
	case stubborn:
		s.log.Warn("the broker keeps what hangs under the old id of the store: let the store write there, or have it cleared", "old_id", v.id, "topics", slices.Sorted(maps.Keys(v.found)))
	}
	s.leaving = nil
	if err := s.link.await(ctx, s.link.client.Unsubscribe(v.topics()...), s.up.opt.AckLimit); err != nil {
		return fmt.Errorf("cannot unsubscribe: %v", err)
	}
	return s.startLeaving(ctx)
}

// writeLeft has it written down that an earlier id is done with. If that fails it is done once more at the next connection.
func (s *session) writeLeft(v *leaving) {
	if err := s.up.opt.Cleared(v.id); err != nil {
		s.log.Error("cannot write down that the old id of the store is cleared", "old_id", v.id, "error", err)
	}
}

// clear takes down what hangs under an earlier id: what tells whose it is last, so that a restart in between goes on with it. Then
// it asks the broker again what it has.
func (s *session) clear(ctx context.Context, v *leaving) error {
	var posts []post
	for _, topic := range slices.Sorted(maps.Keys(v.found)) {
		if topic != "state" && topic != "info" {
			posts = append(posts, post{topic: topic})
		}
	}
	for _, some := range [][]post{posts, {{topic: "state"}}, {{topic: "info"}}} {
		if err := s.hang(ctx, v.root, some, func(post) {}); err != nil {
			return err
		}
	}
	if err := s.link.await(ctx, s.link.client.Unsubscribe(v.topics()...), s.up.opt.AckLimit); err != nil {
		return fmt.Errorf("cannot unsubscribe: %v", err)
	}
	v.cleared++
	v.listen(time.Now().Add(willFor))
	_, err := s.link.subscribe(ctx, s.up.opt.AckLimit, v.topics()...)
	return err
}

// streamOf is the stream that an info names, "" if it names none.
func streamOf(info []byte) string {
	var told struct {
		Stream string `json:"stream"`
	}
	if json.Unmarshal(info, &told) != nil || len(told.Stream) > 64 {
		return ""
	}
	return told.Stream
}
