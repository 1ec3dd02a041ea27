package fleet

import (
	"context"
	"fmt"
	"strings"
)

// Announce publishes a retained message for programs that are not Nightfill's, such as Home Assistant. An
// empty payload clears it. It returns when the broker has the message. Topics of Nightfill itself are
// refused: stores and headquarters write those by their own rules.
func (f *Fleet) Announce(ctx context.Context, topic string, payload []byte) error {
	if topic == "" || strings.HasPrefix(topic, "nightfill/") || strings.HasPrefix(topic, "$") || strings.ContainsAny(topic, "+#\x00") {
		return fmt.Errorf("cannot announce under %.80q: it is no topic for others", topic)
	}
	l := f.current()
	if l == nil {
		return fmt.Errorf("cannot announce %s: %w", topic, errNoBroker)
	}
	if err := l.await(ctx, l.publish(topic, payload, true), answerLimit); err != nil {
		return fmt.Errorf("cannot announce %s: %w", topic, err)
	}
	return nil
}
